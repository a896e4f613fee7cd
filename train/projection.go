package train

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/data"
	"foresee/jepa"
	"foresee/probe"
)

// projectionFrames is the number of frames on which projections are measured.
const projectionFrames = 8192

// measureProjections sets the fixed projections of a memory model, where the store does not hold them yet, by pairs of frames.
func (t *trainer) measureProjections(ctx context.Context) error {
	missing := slices.DeleteFunc(t.cfg.Model.Projections(), func(p jepa.Projection) bool {
		_, basis := p.Paths()
		return t.model.Store().GetVariable("/"+basis) != nil
	})
	if len(missing) == 0 {
		return nil
	}
	frames := t.plan().Pairs(t.opts.Data, projectionFrames/2, t.training)
	for _, frame := range frames {
		t.opts.Data.Expect(frame % t.opts.Data.Steps())
	}
	for _, p := range missing {
		parts, err := t.measure(ctx, p, frames)
		if err != nil {
			return fmt.Errorf("train: projection: %w", err)
		}
		mean, basis := p.Paths()
		width := len(parts.Mean)
		err = jepa.FillStore(t.model.Store(), map[string]jepa.Tensor{
			mean: {Shape: []int{width}, Data: parts.Mean}, basis: {Shape: []int{width, len(parts.Basis) / width}, Data: parts.Basis},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// measure returns the mean and the basis of a projection, by frames of t.frame.
func (t *trainer) measure(ctx context.Context, p jepa.Projection, frames []int) (parts probe.Principal, err error) {
	var x []float32
	net := jepa.Network{Config: t.cfg.Model}
	rows := func(root *model.Scope, pixels *Node) *Node { return net.Unprojected(root, p, pixels) }
	err = t.mapFrames(ctx, t.sample(frames), rows, func(_ int, part []float32) { x = append(x, part...) })
	if err != nil {
		return parts, err
	}
	k, width := t.cfg.Model.Projected(p), len(x)/len(frames)
	switch {
	case p == jepa.ProjectTexture:
		parts.Mean, parts.Basis = jepa.MeasureTexture(x, width)
		return parts, nil
	case k > width:
		return parts, fmt.Errorf("a latent of %d numbers from a grid of %d: want at most so many", k, width)
	}
	if parts, err = probe.MeasurePrincipal(t.opts.Backend, x, len(frames), width, k); err != nil {
		return parts, err
	}
	if p == jepa.ProjectPixels || t.cfg.Model.Encoder.Texture { // a mean variance of 1
		for i := range parts.Basis {
			parts.Basis[i] *= float32(math.Sqrt(float64(k) / parts.Variance))
		}
	}
	return parts, nil
}

// sample gives the pixels of frames of t.frame, in their order.
func (t *trainer) sample(frames []int) iter.Seq[data.Stretch] {
	return func(yield func(data.Stretch) bool) {
		for part := range slices.Chunk(frames, 256) {
			s := data.Stretch{N: len(part)}
			for _, frame := range part {
				s.Pixels = append(s.Pixels, t.frame(frame)...)
			}
			if !yield(s) {
				return
			}
		}
	}
}

// mapFrames gives the rows of f(frames) to use, stretch by stretch, each with its First.
func (t *trainer) mapFrames(ctx context.Context, frames iter.Seq[data.Stretch], f func(root *model.Scope, pixels *Node) *Node, use func(first int, rows []float32)) error {
	exec := model.MustNewExec(t.opts.Backend, t.model.Store(), f)
	defer exec.Finalize()
	h, w, c := t.opts.Data.FrameShape()
	for s := range frames {
		if err := ctx.Err(); err != nil {
			return err
		}
		in := tensors.FromFlatDataAndDimensions(s.Pixels, s.N, h, w, c)
		out, err := exec.Call1(in)
		in.MustFinalizeAll()
		if err != nil {
			return fmt.Errorf("train: frames: %w", err)
		}
		err = tensors.ConstFlatData(out, func(rows []float32) { use(s.First, rows) })
		out.MustFinalizeAll()
		if err != nil {
			return fmt.Errorf("train: frames: %w", err)
		}
	}
	return nil
}
