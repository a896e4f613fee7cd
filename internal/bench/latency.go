package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"foresee/env/tworooms"
	"foresee/jepa"
	"foresee/report"
)

// shortRuns is how many times more runs are made of what takes microseconds.
const shortRuns = 100

// Latency measures what a live decision waits for: one latent step of one state
// through an MLP 258-512-512-256, with weights in float32 and in bfloat16, and through
// the preset tworooms' predictor, and the EB-JEPA encoder on 1 and on 64 frames of 65
// pixels. Copying in and out counts.
//
// Rows: bench/latency/step/us, bench/latency/step-bf16/us, bench/latency/tworooms-step/us,
// bench/latency/encoder-1/us and bench/latency/encoder-64/us. With a peer
// bench/peer/step/..., bench/peer/step-bf16/..., bench/peer/encoder-1/... and
// bench/peer/encoder-64/....
func Latency(ctx context.Context, cfg Config) (rows []report.Row, err error) {
	e, err := cfg.open()
	if err != nil {
		return nil, err
	}
	defer e.close()
	mlp := jepa.Config{
		Version: jepa.FormatVersion, Frame: jepa.FrameConfig{Height: 1, Width: 1, Channels: 1}, ActionDim: 2, Input: jepa.InputUnit,
		Encoder:   jepa.EncoderConfig{Kind: jepa.EncoderIMPALA, Channels: []int{1}, Latent: 256},
		Predictor: jepa.PredictorConfig{Kind: jepa.PredictorMLP, Hidden: []int{512, 512}},
	}
	rooms := mlp
	rooms.Encoder = jepa.EncoderConfig{Kind: jepa.EncoderConv, Channels: []int{1}, Kernels: []int{1}, Strides: []int{1}, Latent: 16, Static: 64, StaticHidden: 1}
	rooms.Predictor = jepa.PredictorConfig{Kind: jepa.PredictorMLP, Hidden: []int{256, 256, 256}, Gate: true}
	step := modelWork{name: "step", peer: "step", note: "MLP 258-512-512-256, one state"}
	r, err := step.stepLatency(ctx, cfg, e, mlp)
	if err != nil {
		return nil, fmt.Errorf("bench: latency of a step: %w", err)
	}
	rows = append(rows, r...)
	half := modelWork{name: "step-bf16", peer: "step", note: "the same, weights in bfloat16; the peer's in float32", half: true}
	if r, err = half.stepLatency(ctx, cfg, e, mlp); err != nil {
		return nil, fmt.Errorf("bench: latency of a step with weights in bfloat16: %w", err)
	}
	rows = append(rows, r...)
	step = modelWork{name: "tworooms-step", note: "predictor of the preset tworooms, one state"}
	if r, err = step.stepLatency(ctx, cfg, e, rooms); err != nil {
		return nil, fmt.Errorf("bench: latency of a step: %w", err)
	}
	rows = append(rows, r...)
	for _, n := range []int{1, 64} {
		r, err := encoderLatency(ctx, cfg, e, n)
		if err != nil {
			return nil, fmt.Errorf("bench: latency of the encoder: %w", err)
		}
		rows = append(rows, r...)
	}
	return rows, nil
}

// stepLatency measures one latent step of one state through the predictor of c.
func (w modelWork) stepLatency(ctx context.Context, cfg Config, e engine, c jepa.Config) ([]report.Row, error) {
	m, err := e.model(c, cfg.Seed)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(cfg.Seed, 1))
	state, action, latent := normals(rng, c.State()), normals(rng, 2), make([]float32, c.Latent())
	w.model = m
	w.run = func() error {
		return m.Rollout(ctx, jepa.Shape{B: 1, N: 1, L: 1}, state, action, latent)
	}
	if w.half {
		if err := w.run(); err != nil { // makes the weights
			return nil, err
		}
		if err := m.RoundWeights(16); err != nil {
			return nil, err
		}
	}
	w.tensors = map[string]jepa.Tensor{
		"state": {Shape: []int{1, len(state)}, Data: state}, "actions": {Shape: []int{1, 1, 2}, Data: action},
		"expected": {Shape: []int{1, len(latent)}, Data: latent},
	}
	return w.latency(ctx, cfg, e, shortRuns)
}

// encoderLatency measures the EB-JEPA encoder on n frames.
func encoderLatency(ctx context.Context, cfg Config, e engine, n int) ([]report.Row, error) {
	c := gruModel(512, tworooms.Size)
	m, err := e.model(c, cfg.Seed)
	if err != nil {
		return nil, err
	}
	frames := tworooms.Walks(tworooms.WalkConfig{Frames: 91}, cfg.Seed, 0).Render(tworooms.Size)[:n*c.Pixels()]
	codes := make([]float32, n*c.Latent())
	pixels := make([]float32, len(frames))
	for i, v := range frames {
		pixels[i] = float32(v)
	}
	w := modelWork{
		name: fmt.Sprintf("encoder-%d", n), note: fmt.Sprintf("IMPALA 16/32/32, 65 pixels, 512 latents, %d frames at once", n),
		peer: "encoder", model: m, run: func() error { return m.Encode(ctx, n, frames, codes) },
	}
	w.tensors = map[string]jepa.Tensor{
		"pixels":   {Shape: []int{n, c.Frame.Height, c.Frame.Width, c.Frame.Channels}, Data: pixels},
		"expected": {Shape: []int{n, c.Latent()}, Data: codes},
	}
	return w.latency(ctx, cfg, e, max(1, 10/n))
}

// latency times the work, times as often as cfg says, against its peer.
func (w modelWork) latency(ctx context.Context, cfg Config, e engine, times int) (rows []report.Row, err error) {
	p, err := w.start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	ours, theirs, err := paired(ctx, cfg.Runs*times, blockRuns*times, w.run, p)
	if err != nil {
		return nil, err
	}
	rows = append(rows, ours.micros("bench/latency/"+w.name+"/us", w.note))
	rows = append(rows, peerRows(w.name, ours, theirs, p)...)
	return rows, cfg.explain(ctx, e, "latency/"+w.name, w.run)
}

// micros returns the row of the median duration in microseconds.
func (s sample) micros(name, note string) report.Row {
	mid, lo, hi := s.median()
	us := float64(time.Second / time.Microsecond)
	lo, hi = lo*us, hi*us
	return report.Row{Name: name, Value: mid * us, Unit: "us", N: len(s), Lo: &lo, Hi: &hi, Note: note}
}
