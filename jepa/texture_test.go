package jepa_test

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
)

// textured is memory with a texture of 39 numbers behind the 6 of the grid.
func textured() jepa.Config {
	cfg := memory()
	cfg.Encoder.Texture, cfg.Encoder.Latent = true, 45
	return cfg
}

// texture is what ProjectTexture is of, of n frames.
func texture(t *testing.T, m *jepa.Model, n int, px []uint8) []float32 {
	t.Helper()
	cfg := m.Config()
	net := jepa.Network{Config: cfg}
	exec := model.MustNewExec(m.Backend(), m.Store(), func(root *model.Scope, px *graph.Node) *graph.Node {
		return net.Unprojected(root, jepa.ProjectTexture, px)
	})
	defer exec.Finalize()
	in := tensors.FromFlatDataAndDimensions(px, n, cfg.Frame.Height, cfg.Frame.Width, cfg.Frame.Channels)
	return tensors.MustCopyFlatData[float32](exec.MustCall(in)[0])
}

// Every number of a texture is a sum over pairs of pixels, in the order of channels, then of lags.
func TestTextureIsASumOverPairs(t *testing.T) {
	cfg := textured()
	cfg.Frame.Height, cfg.Frame.Width = 7, 11
	px, m := frames(cfg, 3), fresh(t, cfg)
	got := texture(t, m, 3, px)
	lags := [][2]int{{0, 0}, {0, 1}, {0, 2}, {1, -2}, {1, -1}, {1, 0}, {1, 1}, {1, 2}, {2, -2}, {2, -1}, {2, 0}, {2, 1}, {2, 2}}
	if len(got) != 3*3*len(lags) {
		t.Fatalf("3 frames have %d numbers, want %d", len(got), 3*3*len(lags))
	}
	for f := range 3 {
		at := func(y, x, c int) float64 { return float64(px[((f*7+y)*11+x)*3+c])/255 - cfg.PixelMean[c] }
		for c := range 3 {
			for i, lag := range lags {
				want := 0.0
				for y := range 7 {
					for x := range 11 {
						if y2, x2 := y+lag[0], x+lag[1]; y2 < 7 && x2 >= 0 && x2 < 11 {
							off := at(y, x, c) - at(y2, x2, c)
							if i == 0 {
								off = math.Sqrt2 * at(y, x, c)
							}
							want += off * off / 2 / 77
						}
					}
				}
				if v := got[(f*3+c)*len(lags)+i]; math.Abs(float64(v)-want) > 1e-5 {
					t.Errorf("frame %d, channel %d, lag %v: %g, want %g", f, c, lag, v, want)
				}
			}
		}
	}
}

// Where a thing is does not change a texture, which shape it has does.
func TestTextureIsOfWhatNotWhere(t *testing.T) {
	cfg := textured()
	cfg.PixelMean = []float64{0, 0, 0} // of a floor of 0
	m := fresh(t, cfg)
	draw := func(y, x int, shape [][2]int) []uint8 {
		px := make([]uint8, cfg.Pixels())
		for _, p := range shape {
			px[((y+p[0])*12+x+p[1])*3+1] = 200
		}
		return px
	}
	square, line := [][2]int{{0, 0}, {0, 1}, {1, 0}, {1, 1}}, [][2]int{{0, 0}, {0, 1}, {0, 2}, {0, 3}}
	here, there, other := texture(t, m, 1, draw(2, 3, square)), texture(t, m, 1, draw(8, 6, square)), texture(t, m, 1, draw(2, 3, line))
	apart := func(a, b []float32) (d float64) {
		for i := range a {
			d = max(d, math.Abs(float64(a[i]-b[i])))
		}
		return d
	}
	if d := apart(here, there); d > 1e-6 {
		t.Errorf("a square moved changes its texture by %g", d)
	}
	if d := apart(here, other); !(d > 1e-3) {
		t.Errorf("a square and a line of as many pixels differ by %g only", d)
	}
}

// A latent is the grid's numbers, as without a texture, and then the texture's.
func TestLatentEndsWithItsTexture(t *testing.T) {
	cfg := textured()
	m, px := fresh(t, cfg), frames(cfg, 2)
	m.SetNormalizer(jepa.Normalizer{})
	got, raw, all := encode(t, m, 2, px), texture(t, m, 2, px), stored(t, m)
	plain := fresh(t, memory())
	plain.SetNormalizer(jepa.Normalizer{})
	encode(t, plain, 2, px)
	if err := jepa.FillStore(plain.Store(), map[string]jepa.Tensor{"encoder/projection/basis": all["encoder/projection/basis"]}); err != nil {
		t.Fatal(err)
	}
	grid, basis := encode(t, plain, 2, px), all["encoder/texture/basis"].Data
	for f := range 2 {
		for j := range 6 {
			if v, want := got[f*45+j], grid[f*6+j]; v != want {
				t.Errorf("frame %d: number %d is %g, without a texture %g", f, j, v, want)
			}
		}
		for j := range 39 {
			want := 0.0
			for i := range 39 {
				want += float64(raw[f*39+i]) * float64(basis[i*39+j])
			}
			if v := got[f*45+6+j]; math.Abs(float64(v)-want) > 1e-5 {
				t.Errorf("frame %d: number %d is %g, want %g", f, 6+j, v, want)
			}
		}
	}
}

// MeasureTexture makes what changes within clips uncorrelated and equally strong, so that what hardly does counts for more;
// one number that never varies and one that repeats another stay finite.
func TestMeasureTexture(t *testing.T) {
	const clips, p = 3000, 5
	z, x := numbers("texture", clips*7), make([]float32, 2*clips*p)
	for i := range clips {
		still := z[i*7]
		for f := range 2 {
			a, b, c := z[i*7+1+f], z[i*7+3+f], still+0.3*z[i*7+5+f]
			copy(x[(2*i+f)*p:], []float32{5 + a, 3*a + 0.5*b, c - 2, 7, 5 + a})
		}
	}
	mean, basis := jepa.MeasureTexture(x, p)
	for i, v := range basis {
		if !(math.Abs(float64(v)) < 30) {
			t.Errorf("what never varies is blown up: basis has %g at %d", v, i)
		}
	}
	out := make([]float64, len(x))
	for i := range 2 * clips {
		for j := range p {
			for k := range p {
				out[i*p+j] += float64(x[i*p+k]-mean[k]) * float64(basis[k*p+j])
			}
		}
	}
	covariance := func(rows int, row func(i, j int) float64) (cov [p][p]float64) {
		for i := range rows {
			for j := range p {
				for k := range p {
					cov[j][k] += row(i, j) * row(i, k) / float64(rows)
				}
			}
		}
		return cov
	}
	all := covariance(2*clips, func(i, j int) float64 { return out[i*p+j] })
	changes := covariance(clips, func(i, j int) float64 { return out[(2*i+1)*p+j] - out[2*i*p+j] })
	total := 0.0
	for j := range p {
		total += all[j][j] / p
	}
	if math.Abs(total-jepa.TextureVariance) > 0.02*jepa.TextureVariance {
		t.Errorf("mean variance is %g, want %g", total, jepa.TextureVariance)
	}
	if v := all[3][3]; v > 1e-9 {
		t.Errorf("what never varies has variance %g", v)
	}
	for j := 1; j < 3; j++ { // numbers 0 and 4 share what is one
		if r := changes[j][j] / changes[2][2]; math.Abs(r-1) > 0.05 {
			t.Errorf("changes of number %d are %g times as strong as those of number 2", j, r)
		}
		for k := range p {
			if r := math.Abs(changes[j][k]) / changes[2][2]; j != k && r > 0.05 {
				t.Errorf("changes of numbers %d and %d are correlated: %g", j, k, r)
			}
		}
	}
	if r := all[2][2] / all[1][1]; r < 10 {
		t.Errorf("what stays within a clip has %g times the variance of what changes, want 12", r)
	}
}

// What is not finite is no texture: it is said, not learnt from.
func TestMeasureTextureRefuses(t *testing.T) {
	for name, x := range map[string][]float32{"no pair": {}, "NaN": {1, 2, float32(math.NaN()), 3}, "infinite": {1, 2, float32(math.Inf(1)), 3}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			jepa.MeasureTexture(x, 2)
		}()
	}
}

func TestTextureConfigIsChecked(t *testing.T) {
	for says, change := range map[string]func(*jepa.Config){
		"encoder latent is 39, want at least 40": func(c *jepa.Config) { c.Encoder.Latent = 39 },
		"frames are 2x12":                        func(c *jepa.Config) { c.Frame.Height = 2 },
		"texture goes with kind cells":           func(c *jepa.Config) { c.Encoder.Kind = jepa.EncoderConv },
	} {
		cfg := textured()
		change(&cfg)
		wantError(t, cfg.Validate(), says)
	}
	if err := textured().Validate(); err != nil {
		t.Error(err)
	}
}
