package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"foresee/env/tworooms"
	"foresee/jepa"
	"foresee/report"
)

// Candidates and steps of one iteration of EB-JEPA's cross-entropy method.
const (
	rolloutCandidates = 200
	rolloutSteps      = 90
)

// Rollout measures one planner iteration: 200 candidates of 90 steps through a
// GRU whose state is the latent, with 512, 256 and 128 dimensions, all latents
// returned to the caller.
//
// Rows: bench/rollout/200x90x<D>/seconds, and with cfg.Rate .../sgemm_share, the
// matrix products' 2·200·90·3·(D+2)·D operations over the time over the rate.
// With a peer bench/peer/rollout-<D>/...; all latents must agree first.
//
// The same with the state's matrix and what it multiplies in signed bytes is
// 200x90x<D>-int8, beside the peer in float32; .../apart/<k> is how far the k-th
// latents then are from those in float32: |ẑ_int8 - ẑ| / |ẑ| over all candidates.
func Rollout(ctx context.Context, cfg Config) (rows []report.Row, err error) {
	e, err := cfg.open()
	if err != nil {
		return nil, err
	}
	defer e.close()
	for _, d := range []int{512, 256, 128} {
		for _, bits := range []int{32, 8} {
			r, err := rolloutOf(ctx, cfg, e, d, bits)
			if err != nil {
				return nil, fmt.Errorf("bench: rollout of %d dimensions, weights of %d bits: %w", d, bits, err)
			}
			rows = append(rows, r...)
		}
	}
	return rows, nil
}

func rolloutOf(ctx context.Context, cfg Config, e engine, d, bits int) (rows []report.Row, err error) {
	m, err := e.model(gruModel(d, tworooms.Size), cfg.Seed)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(cfg.Seed, uint64(d)))
	state, actions := normals(rng, d), normals(rng, rolloutCandidates*rolloutSteps*2)
	latents := make([]float32, rolloutCandidates*rolloutSteps*d)
	work := func() error {
		return m.Rollout(ctx, jepa.Shape{B: 1, N: rolloutCandidates, L: rolloutSteps}, state, actions, latents)
	}
	name, peer, note := fmt.Sprintf("%dx%dx%d", rolloutCandidates, rolloutSteps, d), fmt.Sprintf("rollout-%d", d), "GRU on latent and action, latents of every step returned"
	w := modelWork{peer: "rollout", model: m, run: work, tensors: map[string]jepa.Tensor{
		"state":    {Shape: []int{1, d}, Data: state},
		"actions":  {Shape: []int{rolloutCandidates, rolloutSteps, 2}, Data: actions},
		"expected": {Shape: []int{rolloutCandidates, rolloutSteps, d}, Data: latents},
	}}
	all, err := w.export(cfg)
	if err != nil {
		return nil, err
	}
	if bits < 32 {
		if all != nil { // what peers make, in float32
			all["expected"] = jepa.Tensor{Shape: all["expected"].Shape, Data: slices.Clone(latents)}
		}
		name, peer, note = name+"-int8", peer+"-int8", "the same in signed bytes; the peer's in float32"
		if rows, err = rounded(m, bits, "bench/rollout/"+name+"/apart/", work, latents); err != nil {
			return nil, err
		}
	}
	job := peerWork{kind: w.peer, row: peer, run: work, tensors: all}
	ours, peers, err := job.measure(ctx, cfg)
	if err != nil {
		return nil, err
	}
	rows = append(rows, ours.seconds("bench/rollout/"+name+"/seconds", note))
	if bits < 32 { // not operations of sgemm
		return append(rows, peers...), cfg.explain(ctx, e, "rollout/"+name, work)
	}
	gflop := 2 * rolloutCandidates * rolloutSteps * 3 * float64(d+2) * float64(d) / 1e9
	rows = append(rows, cfg.Rate.share("bench/rollout/"+name+"/sgemm_share", gflop, ours)...)
	return append(rows, peers...), cfg.explain(ctx, e, "rollout/"+name, work)
}

// rounded rounds the weights of m, of which work sets latents, and returns rows of how far some steps move.
func rounded(m *jepa.Model, bits int, name string, work func() error, latents []float32) (rows []report.Row, err error) {
	if err := work(); err != nil { // makes the weights
		return nil, err
	}
	exact := slices.Clone(latents)
	if err := errors.Join(m.RoundWeights(bits), work()); err != nil {
		return nil, err
	}
	d := len(latents) / (rolloutCandidates * rolloutSteps)
	for _, step := range []int{1, 10} {
		var off, size float64
		for n := range rolloutCandidates {
			at := (n*rolloutSteps + step - 1) * d
			for i, v := range exact[at : at+d] {
				off, size = off+math.Pow(float64(latents[at+i]-v), 2), size+math.Pow(float64(v), 2)
			}
		}
		rows = append(rows, report.Row{Name: fmt.Sprint(name, step), Value: math.Sqrt(off / size), Unit: "1", Note: "of an untrained net"})
	}
	return rows, nil
}

// modelWork is something a model does.
type modelWork struct {
	name, note string // of the row
	peer       string // the kind of work that the peer does
	model      *jepa.Model
	half       bool // weights in bfloat16
	run        func() error
	tensors    map[string]jepa.Tensor // run's inputs, and as "expected" its result after a run
}

// start runs the work once, so that result and weights are there, and starts
// the peer on them; nil without a peer.
func (w modelWork) start(ctx context.Context, cfg Config) (*peer, error) {
	all, err := w.export(cfg)
	if err != nil || all == nil {
		return nil, err
	}
	return startPeer(ctx, cfg.Peer, w.peer, all)
}

// export runs the work once and returns what a peer starts from; nil without a peer.
func (w modelWork) export(cfg Config) (map[string]jepa.Tensor, error) {
	if err := w.run(); err != nil || cfg.Peer.Python == "" || w.peer == "" {
		return nil, err
	}
	all, err := jepa.ReadStore(w.model.Store(), nil)
	if err != nil {
		return nil, err
	}
	for name, t := range w.tensors {
		all[name] = t
	}
	return all, nil
}

// gruModel is the EB-JEPA net with d latent dimensions for frames of size pixels a side.
func gruModel(d, size int) jepa.Config {
	return jepa.Config{
		Version: jepa.FormatVersion, Frame: jepa.FrameConfig{Height: size, Width: size, Channels: tworooms.Channels},
		ActionDim: 2, Input: jepa.InputMinMax,
		Encoder:   jepa.EncoderConfig{Kind: jepa.EncoderIMPALA, Channels: []int{16, 32, 32}, Latent: d, LayerNorm: true},
		Predictor: jepa.PredictorConfig{Kind: jepa.PredictorGRU},
	}
}

func normals(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}
