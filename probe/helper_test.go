package probe_test

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/data"
	"foresee/env/tworooms"
	"foresee/jepa"
	"foresee/nn"
	"foresee/probe"
)

func portable(t testing.TB) compute.Backend {
	t.Helper()
	b, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// rooms writes a small dataset of Two Rooms, 33 px, and opens it.
func rooms(t testing.TB, episodes, frames int) *data.Dataset {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "rooms")
	w, err := data.Create(dir, data.Meta{
		Name: "tworooms", Frame: data.Frame{Height: 33, Width: 33, Channels: 2},
		Columns: []data.ColumnMeta{
			{Name: data.ActionColumn, Width: 2},
			{Name: data.StateColumn, Width: 2, Privileged: true},
			{Name: data.LayoutColumn, Width: 2, Privileged: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for e := range episodes {
		walk := tworooms.Walks(tworooms.WalkConfig{Frames: frames}, 1, e)
		r := tworooms.NewRenderer(33, walk.Layout)
		frame := make([]uint8, r.FrameSize())
		for i, p := range walk.Points {
			r.Draw(frame, p)
			action := []float32{0, 0}
			if i < len(walk.Actions) {
				action = []float32{float32(walk.Actions[i].X), float32(walk.Actions[i].Y)}
			}
			err := w.Append(frame, map[string][]float32{
				data.ActionColumn: action,
				data.StateColumn:  {float32(p.X), float32(p.Y)},
				data.LayoutColumn: {float32(walk.Layout.WallX), float32(walk.Layout.DoorY)},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.EndEpisode(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := data.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// untrained returns a small model with seeded weights.
func untrained(t testing.TB, cfg jepa.Config) *jepa.Model {
	t.Helper()
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), 3)
	m, err := jepa.New(portable(t), cfg, store)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// small is the config of a model of Two Rooms at 33 px.
func small(context int) jepa.Config {
	return jepa.Config{
		Version: jepa.FormatVersion, Frame: jepa.FrameConfig{Height: 33, Width: 33, Channels: 2},
		ActionDim: 2, Input: jepa.InputUnit,
		Encoder: jepa.EncoderConfig{
			Kind: jepa.EncoderConv, Channels: []int{8, 8}, Kernels: []int{5, 3}, Strides: []int{2, 2},
			Latent: 8, SoftmaxMaps: 8, SoftmaxScale: 5, Static: 6, StaticHidden: 16,
		},
		Predictor: jepa.PredictorConfig{Kind: jepa.PredictorMLP, Hidden: []int{16}, Context: context},
	}
}

func normals(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

// grouped returns group numbers 0, 0, ..., 1, 1, ...: size rows each.
func grouped(n, size int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i / size
	}
	return out
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Fatalf("%s = %.12g, want %.12g within %g", what, got, want, tol)
	}
}

func table(width int, values ...float32) probe.Table {
	return probe.Table{Values: values, Width: width}
}
