package eval

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
	"foresee/nn"
	"foresee/report"
)

// tiny is a model of 33-px Two Rooms frames with random weights and 12 landmarks.
func tiny(t *testing.T, change func(*jepa.Config)) *jepa.Model {
	t.Helper()
	cfg := jepa.Config{
		Version: jepa.FormatVersion, Frame: jepa.FrameConfig{Height: 33, Width: 33, Channels: 2}, ActionDim: 2, Input: jepa.InputUnit,
		Encoder: jepa.EncoderConfig{
			Kind: jepa.EncoderConv, Channels: []int{4, 4}, Kernels: []int{5, 3}, Strides: []int{4, 2},
			Latent: 4, SoftmaxMaps: 2, SoftmaxScale: 5, Static: 3, StaticHidden: 8,
		},
		Predictor:    jepa.PredictorConfig{Kind: jepa.PredictorMLP, Hidden: []int{8, 8}, Gate: true},
		Displacement: jepa.DisplacementConfig{Hidden: []int{8}},
	}
	if change != nil {
		change(&cfg)
	}
	b, err := jepa.OpenBackend("")
	if err != nil {
		t.Fatal(err)
	}
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), 3)
	m, err := jepa.New(b, cfg, store)
	if err != nil {
		t.Fatal(err)
	}
	create(t, m)
	r := rand.New(rand.NewPCG(5, 5))
	landmarks := make([]float32, 12*cfg.Latent())
	for i := range landmarks {
		landmarks[i] = float32(r.NormFloat64())
	}
	m.SetLandmarks(landmarks)
	return m
}

// find returns the row of that name.
func find(t *testing.T, rows []report.Row, name string) report.Row {
	t.Helper()
	d := report.Document{Rows: rows}
	r, ok := d.Find(name)
	if !ok {
		t.Fatalf("there is no row %s", name)
	}
	return r
}

// create makes m's variables: only the graphs of a model that has them may run at once.
func create(t *testing.T, m *jepa.Model) {
	t.Helper()
	cfg := m.Config()
	floats := func(n int) []float32 { return make([]float32, n) }
	if err := m.Encode(t.Context(), 1, make([]uint8, cfg.Pixels()), floats(cfg.Latent()+cfg.Encoder.Static)); err != nil {
		t.Fatal(err)
	}
	if err := m.Rollout(t.Context(), jepa.Shape{B: 1, N: 1, L: 1}, floats(cfg.State()), floats(cfg.ActionDim), floats(cfg.Latent())); err != nil {
		t.Fatal(err)
	}
	if len(cfg.Displacement.Hidden) == 0 {
		return
	}
	if err := m.Displacement(t.Context(), 1, floats(cfg.Latent()), floats(cfg.Latent()), floats(cfg.ActionDim)); err != nil {
		t.Fatal(err)
	}
}
