package agent

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/ml/model"

	"foresee/env"
	"foresee/jepa"
	"foresee/nn"
)

// tiny is a model of 33-px Two Rooms frames with random weights.
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
	return m
}

// withLandmarks gives m n random landmarks.
func withLandmarks(m *jepa.Model, n int) *jepa.Model {
	m.SetLandmarks(randoms(rand.New(rand.NewPCG(5, 5)), n*m.Config().Latent()))
	return m
}

func randoms(r *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64())
	}
	return out
}

// frame is a random picture for m.
func frame(m *jepa.Model, seed uint64) []uint8 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]uint8, m.Config().Pixels())
	for i := range out {
		out[i] = uint8(r.Uint64())
	}
	return out
}

func spec(m *jepa.Model, steps int) env.Spec {
	f := m.Config().Frame
	return env.Spec{Name: "test", Height: f.Height, Width: f.Width, Channels: f.Channels, MaxSteps: steps,
		Action: env.Box{Low: []float32{-2, -2}, High: []float32{2, 2}}}
}

// live lets an agent see n random frames of the episode that seed names and returns its actions.
func live(t *testing.T, m *jepa.Model, g *Agent, seed uint64, n int) []float32 {
	t.Helper()
	if err := g.Begin(Task{Spec: spec(m, n), Goal: frame(m, seed*1000)}, rand.New(rand.NewPCG(seed, 2))); err != nil {
		t.Fatal(err)
	}
	var actions []float32
	for i := range n {
		a, err := g.Act(t.Context(), env.Observation{Pixels: frame(m, seed*1000+uint64(i)+1)})
		if err != nil {
			t.Fatal(err)
		}
		actions = append(actions, a...)
	}
	return actions
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
