package train

import (
	"context"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
	"foresee/loss"
	"foresee/nn"
)

// usualStage prepares the stage behind a memory model's stage 2: what errors of the
// memory, which no longer learns, are usual. Clips are drawn evenly, all of them shown.
func (t *trainer) usualStage(ctx context.Context) (*stage, error) {
	cfg := t.cfg.Train.Usual
	c, targets, err := t.memoryClips(ctx)
	if err != nil {
		return nil, err
	}
	s := &stage{name: "usual", opt: cfg, frames: cfg.Batch * t.cfg.Model.Context(), scopes: []string{jepa.ScopeUsual}, until: 1}
	for _, h := range t.cfg.Model.Predictor.Horizons {
		s.names = append(s.names, fmt.Sprintf("explained_%d", h), fmt.Sprintf("ratio_%d", h))
	}
	s.feed = func(_ context.Context, step int) ([]*tensors.Tensor, error) {
		rng := nn.Rand(t.cfg.Seed, fmt.Sprintf("usual/%d", step))
		clips := make([]int, cfg.Batch)
		for i := range clips {
			clips[i] = rng.IntN(len(t.starts))
		}
		return t.feedMemory(c, targets, clips), nil
	}
	s.build = t.buildUsual
	return s, nil
}

// buildUsual is the graph of the stage: the deviance of the memory's errors e from the usual ones u, mean over the
// valid positions of the batch, summed over horizons.
//
// Scalars: each horizon's share of the variance of e that u explains, and the mean of r, 1 where u is right on average.
func (t *trainer) buildUsual(root *model.Scope, in []*Node) (*Node, []*Node, []*Node) {
	net := jepa.Network{Config: t.cfg.Model}
	z, y, valid := memoryInputs(in)
	length := z.Shape().Dimensions[1]
	errs := net.MemoryErrors(net.Guesses(root, z, nil), y)
	total := ScalarZero(z.Graph(), z.DType())
	var scalars []*Node
	for k, u := range net.UsualErrors(root, z, net.BriefGuesses(root, z), y) {
		ahead := t.cfg.Model.Predictor.Horizons[k]
		counts := Slice(valid, AxisRange(), AxisRange(ahead, length))
		e := errs[k]
		r, deviance := loss.GammaDeviance(e, u, jepa.UsualFloor)
		total = Add(total, average(deviance, counts))
		left, all := average(Square(Sub(e, u)), counts), average(Square(Sub(e, average(e, counts))), counts)
		scalars = append(scalars, OneMinus(Div(left, AddScalar(all, 1e-12))), average(r, counts))
	}
	return total, scalars, nil
}
