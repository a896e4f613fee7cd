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
