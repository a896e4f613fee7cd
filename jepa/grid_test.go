package jepa_test

import (
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
	"foresee/nn"
	"foresee/nn/gradcheck"
)

// changed lists the cells of which any number differs.
func changed(cfg jepa.Config, a, b []float32) []int {
	_, _, width := cfg.Grid()
	var out []int
	for i := range a {
		if a[i] != b[i] && !slices.Contains(out, i/width) {
			out = append(out, i/width)
		}
	}
	return out
}

// TestCellsHaveAPlace changes one pixel, then one cell of a state: only the cells
// that see it change.
func TestCellsHaveAPlace(t *testing.T) {
	cfg := cells()
	cfg.Frame.Height, cfg.Frame.Width = 24, 32
	cfg.Encoder.Latent = 6 * 8 * 3
	cfg.Predictor.Hidden = []int{5}
	if rows, cols, width := cfg.Grid(); rows != 6 || cols != 8 || width != 3 {
		t.Fatalf("a map of %d x %d cells of %d, want 6 x 8 of 3", rows, cols, width)
	}
	m := fresh(t, cfg)
	px := frames(cfg, 1)
	before := encode(t, m, 1, px)
	px[13*32+20] ^= 0xff // a 3x3 kernel at stride 4 sees rows 4i-1 to 4i+1: row 13 and column 20 are seen by cell (3, 5) alone
	if got := changed(cfg, encode(t, m, 1, px), before); !slices.Equal(got, []int{3*8 + 5}) {
		t.Errorf("a pixel changed the cells %v, want cell %d alone", got, 3*8+5)
	}

	state := numbers("state", cfg.State())
	first := rollout(t, m, jepa.Shape{B: 1, N: 1, L: 1}, state, nil)
	state[(2*8+3)*3] += 1 // of the newest latent; two 3x3 layers reach two cells
	var want []int
	for row := range 5 {
		for col := 1; col <= 5; col++ {
			want = append(want, row*8+col)
		}
	}
	if got := changed(cfg, rollout(t, m, jepa.Shape{B: 1, N: 1, L: 1}, state, nil), first); !slices.Equal(got, want) {
		t.Errorf("a cell changed the predictions of cells %v, want %v", got, want)
	}
}

// TestConvPredictorGradients checks the convolutional predictor, gated and not,
// with and without actions, against central differences.
func TestConvPredictorGradients(t *testing.T) {
	for _, c := range []struct {
		gate    bool
		actions int
	}{{true, 0}, {false, 2}} {
		cfg := cells()
		cfg.Predictor.Gate, cfg.ActionDim = c.gate, c.actions
		net := jepa.Network{Config: cfg}
		in := []gradcheck.Tensor{gradcheck.Random(2, 2*cfg.Latent())}
		if c.actions > 0 {
			in = append(in, gradcheck.Random(2, c.actions))
		}
		gradcheck.Check(t, backend(t), func(root *model.Scope, x []*Node) *Node {
			var a *Node
			if c.actions > 0 {
				a = x[1]
			}
			return net.Predict(nn.WithSeed(root, 9), net.Predictor(), x[0], a, nil)
		}, in...)
	}
}

// TestGridFaults sees what does not fit a map of cells named.
func TestGridFaults(t *testing.T) {
	for want, spoil := range map[string]func(*jepa.Config){
		"latent is 26, a grid of frames 11x12 has 3 rows, 3 columns and 3 channels, so 27": func(c *jepa.Config) { c.Encoder.Latent = 26 },
		"encoder grid has no hidden":                        func(c *jepa.Config) { c.Encoder.Hidden = 4 },
		"predictor conv needs the cells of encoder grid":    func(c *jepa.Config) { c.Encoder.Kind = jepa.EncoderConv },
		"short conv needs the cells":                        func(c *jepa.Config) { *c = camera(); c.Short = cells().Predictor },
		"predictor conv has no hidden widths":               func(c *jepa.Config) { c.Predictor.Hidden = nil },
		"encoder grid has 1 channels, 2 kernels, 2 strides": func(c *jepa.Config) { c.Encoder.Channels = []int{3} },
	} {
		cfg := cells()
		spoil(&cfg)
		wantError(t, cfg.Validate(), want)
	}
	if err := cells().Validate(); err != nil {
		t.Error(err)
	}
}
