package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
	"foresee/nn"
)

// sampler draws clips of cached latents: a share in proportion to
// error^power of their last seen error, the others uniformly.
type sampler struct {
	starts []int     // [P] global step of the newest context frame of each clip
	errors []float32 // [P] last seen error, 0 = never seen
	drawn  []float32 // [P] errors when the proportions were last refreshed
	sums   []float64 // [P] running sum of drawn^power
	batch  []int     // clips of the step in work
	hard   float64
	power  float64
}

func newSampler(c *cache, context, rollout int, keep func(episode int) bool, cfg LatentStage) *sampler {
	s := &sampler{hard: cfg.Hard, power: cfg.Power}
	for e := range c.first {
		if !keep(e) {
			continue
		}
		for i := context - 1; i+rollout < c.length[e]; i++ {
			s.starts = append(s.starts, c.first[e]+i)
		}
	}
	s.errors, s.drawn = make([]float32, len(s.starts)), make([]float32, len(s.starts))
	return s
}

// refresh makes the last seen errors the proportions of the draws to come.
// Clips never seen count as the mean of those seen.
func (s *sampler) refresh() {
	copy(s.drawn, s.errors)
	s.accumulate()
}

func (s *sampler) accumulate() {
	sum, seen := 0.0, 0
	for _, e := range s.drawn {
		if e > 0 {
			sum += math.Pow(float64(e), s.power)
			seen++
		}
	}
	mean := 1.0
	if seen > 0 {
		mean = sum / float64(seen)
	}
	s.sums = slices.Grow(s.sums[:0], len(s.drawn))
	total := 0.0
	for _, e := range s.drawn {
		if e > 0 {
			total += math.Pow(float64(e), s.power)
		} else {
			total += mean
		}
		s.sums = append(s.sums, total)
	}
}

// draw chooses the clips of a step.
func (s *sampler) draw(rng *rand.Rand, n int) []int {
	s.batch = slices.Grow(s.batch[:0], n)
	total := s.sums[len(s.sums)-1]
	for range n {
		if nn.Uniform(rng) < s.hard {
			at := sort.SearchFloat64s(s.sums, nn.Uniform(rng)*total)
			s.batch = append(s.batch, min(at, len(s.sums)-1))
		} else {
			s.batch = append(s.batch, int(nn.Uniform(rng)*float64(len(s.starts))))
		}
	}
	return s.batch
}

// latentStage prepares stage 2.
func (t *trainer) latentStage(ctx context.Context) (*stage, error) {
	cfg := t.cfg.Train.Latents
	c, err := t.latents(ctx)
	if err != nil {
		return nil, err
	}
	t.sampler = newSampler(c, t.cfg.Model.Context(), cfg.Rollout, t.training, cfg)
	if len(t.sampler.starts) == 0 {
		return nil, fmt.Errorf("train: no episode is long enough for %d frames", t.cfg.Model.Context()+cfg.Rollout)
	}
	if len(t.savedErrors) == len(t.sampler.errors) {
		copy(t.sampler.errors, t.savedErrors)
		copy(t.sampler.drawn, t.savedDrawn)
	}
	t.sampler.accumulate()
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
		t.sampler.refresh()
	}
	return t.sampler.draw(rng, cfg.Batch)
}

// noteErrors keeps the error of each clip of a step for the sampler.
func (t *trainer) noteErrors(_ int, _ []float32, extras []*tensors.Tensor) error {
	return tensors.ConstFlatData(extras[0], func(each []float32) {
		for i, clip := range t.sampler.batch {
			t.sampler.errors[clip] = each[i]
		}
	})
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
		at := t.sampler.starts[clip]
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
