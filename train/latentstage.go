package train

import (
	"context"
	"fmt"
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
	"foresee/nn"
	"foresee/train/internal/replay"
)

// pastStarts lists the newest context frames of all clips that have their context
// and a rollout within an episode.
func pastStarts(c *cache, context, rollout int, keep func(episode int) bool) []int {
	var starts []int
	for e := range c.first {
		for i := context - 1; keep(e) && i+rollout < c.length[e]; i++ {
			starts = append(starts, c.first[e]+i)
		}
	}
	return starts
}

// sampled makes the sampler of stage 2, of clips that begin, or have their newest
// context frame, at these global steps.
func (t *trainer) sampled(starts []int) {
	cfg := t.cfg.Train.Latents
	t.starts, t.sampler = starts, replay.New(len(starts), cfg.Hard, cfg.Power)
	t.sampler.Restore(t.savedErrors, t.savedDrawn)
}

// latentStage prepares stage 2.
func (t *trainer) latentStage(ctx context.Context) (*stage, error) {
	cfg := t.cfg.Train.Latents
	c, err := t.latents(ctx)
	if err != nil {
		return nil, err
	}
	starts := pastStarts(c, t.cfg.Model.Context(), cfg.Rollout, t.training)
	if len(starts) == 0 {
		return nil, fmt.Errorf("train: no episode is long enough for %d frames", t.cfg.Model.Context()+cfg.Rollout)
	}
	t.sampled(starts)
	s := &stage{name: "latents", opt: cfg.Optimizer, frames: cfg.Batch, scopes: []string{jepa.ScopePredictor}, names: []string{"one_step", "copy_ratio"}}
	s.feed = func(_ context.Context, step int) ([]*tensors.Tensor, error) {
		rng := t.latentRand(step)
		return t.feedLatents(c, t.drawn(step, rng), rng), nil
	}
	s.build = t.buildLatents
	s.seen = t.noteErrors
	return s, nil
}

// latentRand returns the generator of a step of stage 2.
func (t *trainer) latentRand(step int) *rand.Rand {
	return nn.Rand(t.cfg.Seed, fmt.Sprintf("latents/%d", step))
}

// drawn returns the clips of a step of stage 2.
func (t *trainer) drawn(step int, rng *rand.Rand) []int {
	cfg := t.cfg.Train.Latents
	if step > 0 && step%cfg.Refresh == 0 {
		t.sampler.Refresh()
	}
	return t.sampler.Draw(rng, cfg.Batch)
}

// noteErrors keeps the error of each clip of a step for the sampler.
func (t *trainer) noteErrors(_ int, _ []float32, extras []*tensors.Tensor) error {
	return tensors.ConstFlatData(extras[0], t.sampler.Note)
}

// feedLatents gathers the clips of a step: context z [B, D·Tc] (newest first),
// targets [B, R, D], actions [B, R, A] and static codes [B, W] of a random frame
// of the clip's episode.
func (t *trainer) feedLatents(c *cache, clips []int, rng *rand.Rand) []*tensors.Tensor {
	m, r := t.cfg.Model, t.cfg.Train.Latents.Rollout
	b, d, tc := len(clips), m.Latent(), m.Context()
	z, target := make([]float32, b*d*tc), make([]float32, b*r*d)
	act, static := make([]float32, b*r*m.ActionDim), make([]float32, b*m.Encoder.Static)
	for i, clip := range clips {
		at := t.starts[clip]
		for k := range tc {
			copy(z[(i*tc+k)*d:], c.row(at - k)[:d])
		}
		for k := range r {
			copy(target[(i*r+k)*d:], c.row(at + k + 1)[:d])
			copy(act[(i*r+k)*m.ActionDim:], c.action(at+k))
		}
		e := c.episode[at]
		other := c.first[e] + int(nn.Uniform(rng)*float64(c.length[e]))
		copy(static[i*m.Encoder.Static:], c.row(other)[d:])
	}
	in := []*tensors.Tensor{jepa.Input(t.devices, t.opts.Backend, z, b, d*tc), jepa.Input(t.devices, t.opts.Backend, target, b, r, d)}
	if m.ActionDim > 0 {
		in = append(in, jepa.Input(t.devices, t.opts.Backend, act, b, r, m.ActionDim))
	}
	if m.Encoder.Static > 0 {
		in = append(in, jepa.Input(t.devices, t.opts.Backend, static, b, m.Encoder.Static))
	}
	return in
}

// buildLatents is the graph of stage 2: the squared error of a rollout, summed
// over its steps and dimensions, mean over the batch. Scalars: the error of the
// first step, and its ratio to that of repeating the newest latent. Extra
// output: the error of each clip [B].
func (t *trainer) buildLatents(root *model.Scope, in []*Node) (*Node, []*Node, []*Node) {
	m := t.cfg.Model
	net := jepa.Network{Config: m}
	z, targets, rest := in[0], in[1], in[2:]
	var actions, bias *Node
	if m.ActionDim > 0 {
		actions, rest = rest[0], rest[1:]
	}
	if m.Encoder.Static > 0 {
		bias = net.StaticBias(root, net.Predictor(), rest[0])
	}
	newest := Slice(z, AxisRange(), AxisRange(0, m.Latent()))
	var each, first *Node
	for k := range t.cfg.Train.Latents.Rollout {
		var a *Node
		if actions != nil {
			a = at(actions, k)
		}
		next := net.Predict(root, net.Predictor(), z, a, bias)
		z = net.Shift(z, next)
		e := ReduceSum(Square(Sub(next, at(targets, k))), 1)
		if k == 0 {
			each, first = e, e
		} else {
			each = Add(each, e)
		}
	}
	one := ReduceAllMean(first)
	still := ReduceAllMean(ReduceSum(Square(Sub(newest, at(targets, 0))), 1))
	return ReduceAllMean(each), []*Node{one, Div(one, AddScalar(still, 1e-12))}, []*Node{each}
}
