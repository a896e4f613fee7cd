package train

import (
	"context"
	"fmt"
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
	"foresee/train/internal/views"
)

// memoryStage prepares stage 2 of a memory model: clips of cached latents, every
// Stride-th frame from every possible first one, learnt whole by a transformer.
func (t *trainer) memoryStage(ctx context.Context) (*stage, error) {
	cfg := t.cfg.Train.Latents
	c, targets, err := t.memoryClips(ctx)
	if err != nil {
		return nil, err
	}
	t.sampled(t.starts)
	s := &stage{name: "latents", opt: cfg.Optimizer, frames: cfg.Batch * t.cfg.Model.Context(), scopes: []string{jepa.ScopePredictor}, until: 1}
	if t.cfg.Train.Usual.Steps > 0 {
		s.until = 0.9 // the rest is the stage usual's
	}
	for _, h := range t.cfg.Model.Predictor.Horizons {
		s.names = append(s.names, fmt.Sprintf("ahead_%d", h))
	}
	s.names = append(s.names, "copy_ratio")
	s.feed = func(_ context.Context, step int) ([]*tensors.Tensor, error) {
		rng := t.latentRand(step)
		return append(t.feedMemory(c, targets, t.drawn(step, rng)), t.feedHidden(rng)), nil
	}
	s.build = t.buildMemory
	s.seen = t.noteErrors
	return s, nil
}

// memoryClips returns the cached latents and targets of a memory model, and sets where clips of them start.
func (t *trainer) memoryClips(ctx context.Context) (c, targets *cache, err error) {
	if err := t.measureProjections(ctx); err != nil {
		return nil, nil, err
	}
	if c, err = t.latents(ctx); err != nil {
		return nil, nil, err
	}
	targets = c
	if t.cfg.Model.Predictor.Target == jepa.TargetPixels {
		if targets, err = t.pixelTargets(ctx, c); err != nil {
			return nil, nil, err
		}
	}
	t.starts = views.Starts(c.first, c.length, t.cfg.Model.Context(), t.cfg.Model.Predictor.Stride/t.every(), t.training)
	if len(t.starts) == 0 {
		return nil, nil, fmt.Errorf("train: no episode is long enough for two latents %d frames apart", t.cfg.Model.Predictor.Stride)
	}
	return c, targets, nil
}

// feedMemory gathers the clips of a step: latents [B, T, D], targets [B, T, D]
// where they are not the latents, and which positions lie in the episode [B, T].
func (t *trainer) feedMemory(c, targets *cache, clips []int) []*tensors.Tensor {
	m := t.cfg.Model
	b, length, d, stride := len(clips), m.Context(), m.Latent(), m.Predictor.Stride/t.every()
	z, y, valid := make([]float32, b*length*d), []float32(nil), make([]float32, b*length)
	if targets != c {
		y = make([]float32, b*length*d)
	}
	for i, clip := range clips {
		start := t.starts[clip]
		e := c.episode[start]
		end := c.first[e] + c.length[e]
		for j := range length {
			at := start + j*stride
			if at >= end {
				break
			}
			valid[i*length+j] = 1
			copy(z[(i*length+j)*d:], c.row(at)[:d])
			if y != nil {
				copy(y[(i*length+j)*d:], targets.row(at)[:d])
			}
		}
	}
	in := []*tensors.Tensor{jepa.Input(t.devices, t.opts.Backend, z, b, length, d)}
	if y != nil {
		in = append(in, jepa.Input(t.devices, t.opts.Backend, y, b, length, d))
	}
	return append(in, jepa.Input(t.devices, t.opts.Backend, valid, b, length))
}

// feedHidden draws which latents of its clips a step does not show, [B, T]: none
// of the first shown ones.
func (t *trainer) feedHidden(rng *rand.Rand) *tensors.Tensor {
	b, length := t.cfg.Train.Latents.Batch, t.cfg.Model.Context()
	hidden := make([]float32, b*length)
	for i := t.cfg.Train.Latents.shown(); i < b; i++ {
		views.HideSpan(rng, hidden[i*length:(i+1)*length])
	}
	return jepa.Input(t.devices, t.opts.Backend, hidden, b, length)
}

// shown is how many clips of a batch, from its first on, hide nothing: at least one.
func (s LatentStage) shown() int { return max(1, s.Batch-int(s.Hide*float64(s.Batch)+0.5)) }

// briefed is how many clips of a batch, from its first on, Brief learns from: at least one, and none that hides
// anything. It is sooner at its end than the memory, so it need not see all.
func (s LatentStage) briefed() int {
	if s.Brief == 0 {
		return s.shown()
	}
	return min(s.shown(), max(1, int(s.Brief*float64(s.Batch)+0.5)))
}

// buildMemory is the graph of the stage: for each horizon the error,
// mean over the valid positions of the batch, summed over horizons; under
// an Excess also Brief's against Remember's guesses, of clips of which all is
// shown: it learns what the memory expects on average of those who have seen no
// more than two latents.
// Scalars: each horizon's, and the first one's ratio to repeating the newest
// target. Extra output: the error of each clip [B].
func (t *trainer) buildMemory(root *model.Scope, in []*Node) (*Node, []*Node, []*Node) {
	net := jepa.Network{Config: t.cfg.Model}
	in, hidden := in[:len(in)-1], in[len(in)-1]
	z, y, valid := memoryInputs(in)
	length := z.Shape().Dimensions[1]
	var total, each *Node
	var scalars []*Node
	guesses := net.Guesses(root, z, hidden)
	for k, e := range net.MemoryErrors(guesses, y) {
		ahead := t.cfg.Model.Predictor.Horizons[k]
		counts := Slice(valid, AxisRange(), AxisRange(ahead, length))
		mean := average(e, counts)
		own := Div(ReduceSum(Mul(e, counts), 1), AddScalar(ReduceSum(counts, 1), 1e-6))
		scalars = append(scalars, mean)
		if total == nil {
			total, each = mean, own
		} else {
			total, each = Add(total, mean), Add(each, own)
		}
	}
	if t.cfg.Model.Predictor.Excess > 0 {
		shown := AxisRange(0, t.cfg.Train.Latents.briefed())
		for k, g := range net.BriefGuesses(root, Slice(z, shown)) {
			gap := ReduceMean(Square(Sub(g.Mean(), StopGradient(Slice(guesses[k].Mean(), shown)))), -1)
			total = Add(total, average(gap, Slice(valid, shown, AxisRange(0, length-t.cfg.Model.Predictor.Horizons[k]))))
		}
	}
	first := t.cfg.Model.Predictor.Horizons[0]
	counts := Slice(valid, AxisRange(), AxisRange(first, length))
	moved := Sub(Slice(y, AxisRange(), AxisRange(first, length)), Slice(y, AxisRange(), AxisRange(0, length-first)))
	still := average(ReduceMean(Square(moved), -1), counts)
	scalars = append(scalars, Div(scalars[0], AddScalar(still, 1e-12)))
	return total, scalars, []*Node{each}
}

// memoryInputs takes apart what feedMemory gathers.
func memoryInputs(in []*Node) (z, y, valid *Node) {
	if len(in) == 3 {
		return in[0], in[1], in[2]
	}
	return in[0], in[0], in[1]
}

// average is the mean of e over the positions that count, 0 if none does.
func average(e, counts *Node) *Node {
	return Div(ReduceAllSum(Mul(e, counts)), MaxScalar(ReduceAllSum(counts), 1))
}

// pixelTargets encodes the cached frames as the targets of TargetPixels: a cache whose
// rows are those of c.
func (t *trainer) pixelTargets(ctx context.Context, c *cache) (*cache, error) {
	y := *c
	y.width = t.cfg.Model.Latent()
	y.codes = make([]float32, len(c.episode)*y.width)
	target := func(root *model.Scope, pixels *Node) *Node {
		return jepa.Network{Config: t.cfg.Model}.Project(root, jepa.ProjectPixels, pixels)
	}
	err := t.mapFrames(ctx, t.stretches(c), target, func(first int, rows []float32) {
		copy(y.codes[first*y.width:], rows)
	})
	return &y, err
}
