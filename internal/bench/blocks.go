package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"

	"foresee/jepa"
	"foresee/nn/stack"
	"foresee/report"
)

// blockWork is a stack of transformer blocks to train.
type blockWork struct {
	name, note string
	cfg        stack.Config
}

func blockWorks() []blockWork {
	return []blockWork{
		{"vit", "one block of ViT-tiny's width, 32 x 64 tokens, 3 heads", stack.ViT()},
		{"predictor", "three causal blocks of width 256, 128 x 16 tokens, 4 heads", stack.Predictor()},
	}
}

// Blocks measures training steps of pre-norm transformer blocks with a norm and a dense layer behind them,
// the mean squared error to given targets and AdamW.
//
// Rows below bench/blocks/<name>: seconds, alloc_bytes, and with cfg.Rate sgemm_share, the products'
// operations (nn/stack, Config.FLOP) over the time over the rate. With a peer bench/peer/blocks-<name>/... and
// with JAX bench/peer/jax-blocks-<name>/...; the losses of three steps must agree first. On a processor that is
// faster so, all of them again as <name>-int16, large products by way of 16-bit integers, the peer as before, and
// bench/blocks/<name>-int16/apart, how far the loss after 30 steps on as many batches is from that in float32.
func Blocks(ctx context.Context, cfg Config) (rows []report.Row, err error) {
	short, hasShort := cfg.inInt16()
	for _, w := range blockWorks() {
		r, err := w.measure(ctx, cfg)
		if err == nil && hasShort {
			var more []report.Row
			more, err = w.both(ctx, cfg, short)
			r = append(r, more...)
		}
		if err != nil {
			return nil, fmt.Errorf("bench: blocks %s: %w", w.name, err)
		}
		rows = append(rows, r...)
	}
	return rows, nil
}

func (w blockWork) measure(ctx context.Context, cfg Config) (rows []report.Row, err error) {
	e, err := cfg.open()
	if err != nil {
		return nil, err
	}
	defer e.close()
	t, err := stack.New(e.options.Backend, w.cfg, cfg.Seed)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	rng := rand.New(rand.NewPCG(cfg.Seed, uint64(w.cfg.Width)))
	n := w.cfg.Batch * w.cfg.Tokens * w.cfg.Width
	x, target := normals(rng, n), normals(rng, n)
	step := func() error {
		_, err := t.Step(x, target)
		return err
	}
	if err := step(); err != nil {
		return nil, err
	}
	var all map[string]jepa.Tensor
	if cfg.Peer.Python != "" {
		if all, err = w.export(t, x, target); err != nil {
			return nil, err
		}
	}
	job := peerWork{kind: "blocks", row: "blocks-" + w.name, run: step, tensors: all}
	ours, rows, err := job.measure(ctx, cfg)
	if err != nil {
		return nil, err
	}
	bytes, err := allocated(minRuns, step)
	if err != nil {
		return nil, err
	}
	prefix := "bench/blocks/" + w.name + "/"
	own := []report.Row{ours.seconds(prefix+"seconds", w.note)}
	own = append(own, cfg.Rate.share(prefix+"sgemm_share", w.cfg.FLOP()/1e9, ours)...)
	own = append(own, report.Row{Name: prefix + "alloc_bytes", Value: bytes, Unit: "B", N: minRuns, Note: "by Go in a warm step, inputs and handles included"})
	return append(own, rows...), cfg.explain(ctx, e, "blocks/"+w.name, step)
}

// export makes three more steps and returns what a peer needs to make the same.
func (w blockWork) export(t *stack.Trainer, x, target []float32) (map[string]jepa.Tensor, error) {
	const steps = 3
	store, made := t.Store()
	all, err := jepa.ReadStore(store, nil)
	if err != nil {
		return nil, err
	}
	all = maps.Clone(all)
	losses := make([]float32, steps)
	for k := range losses {
		if losses[k], err = t.Step(x, target); err != nil {
			return nil, err
		}
	}
	c := w.cfg
	causal := float32(0)
	if c.Causal {
		causal = 1
	}
	shape := []int{c.Batch, c.Tokens, c.Width}
	all["x"], all["target"] = jepa.Tensor{Shape: shape, Data: x}, jepa.Tensor{Shape: shape, Data: target}
	all["sizes"] = jepa.Tensor{Shape: []int{6}, Data: []float32{float32(c.Blocks), float32(c.Heads), causal, float32(made), float32(c.LearningRate), float32(c.Decay)}}
	all["expected"] = jepa.Tensor{Shape: []int{steps}, Data: losses}
	return all, nil
}

// peerWork is work that peers do too.
type peerWork struct {
	kind, row string // of the peers' programs, and of the rows below bench/peer
	run       func() error
	tensors   map[string]jepa.Tensor // what the peers start from; nil = no peer
}

// measure times the work beside each peer, in turn. The sample is that beside the first.
func (w peerWork) measure(ctx context.Context, cfg Config) (ours sample, rows []report.Row, err error) {
	if w.tensors == nil || cfg.Peer.Python == "" {
		ours, _, err = paired(ctx, cfg.Runs, blockRuns, w.run, nil)
		return ours, nil, err
	}
	beside := func(peer PeerConfig, row string) (sample, error) {
		p, err := startPeer(ctx, peer, w.kind, w.tensors)
		if err != nil {
			return nil, err
		}
		mine, theirs, err := paired(ctx, cfg.Runs, blockRuns, w.run, p)
		if err == nil {
			rows = append(rows, peerRows(row, mine, theirs, p)...)
		}
		return mine, errors.Join(err, p.close())
	}
	if ours, err = beside(cfg.Peer, w.row); err != nil || !cfg.Peer.JAX {
		return ours, rows, err
	}
	jax := cfg.Peer
	jax.program = "jax_peer.py"
	_, err = beside(jax, "jax-"+w.row)
	return ours, rows, err
}
