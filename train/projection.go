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

// measureProjections sets the fixed projections of a memory model, where the store does not hold them yet.
func (t *trainer) measureProjections(ctx context.Context) error {
	net, frames := jepa.Network{Config: t.cfg.Model}, t.plan().Pairs(t.opts.Data, projectionFrames/2, t.training)
	for _, frame := range frames {
		t.opts.Data.Expect(frame % t.opts.Data.Steps())
	}
	for _, p := range t.cfg.Model.Projections() {
		mean, basis := p.Paths()
		if t.model.Store().GetVariable("/"+basis) != nil {
			continue
		}
		x, m, width, err := t.sampleRows(ctx, frames, func(root *model.Scope, pixels *Node) *Node { return net.Unprojected(root, p, pixels) })
		if err != nil {
			return err
		}
		to := t.cfg.Model.Projected(p)
		parts, err := t.measure(p, x, m, width)
		if err != nil {
			return fmt.Errorf("train: projection: %w", err)
		}
		err = jepa.FillStore(t.model.Store(), map[string]jepa.Tensor{
			mean: {Shape: []int{width}, Data: parts.Mean}, basis: {Shape: []int{width, to}, Data: parts.Basis},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// measure returns the mean and the basis of a projection of the m rows of x [m, width].
func (t *trainer) measure(p jepa.Projection, x []float32, m, width int) (parts probe.Principal, err error) {
	if p == jepa.ProjectTexture {
		parts.Mean, parts.Basis = jepa.MeasureTexture(x, width)
		return parts, nil
	}
	k := t.cfg.Model.Projected(p)
	if k > width {
		return parts, fmt.Errorf("a latent of %d numbers from a grid of %d: want at most so many", k, width)
	}
	if parts, err = probe.MeasurePrincipal(t.opts.Backend, x, m, width, k); err != nil {
		return parts, err
	}
	if p == jepa.ProjectPixels || t.cfg.Model.Encoder.Texture { // a mean variance of 1
		for i := range parts.Basis {
			parts.Basis[i] *= float32(math.Sqrt(float64(k) / parts.Variance))
		}
	}
	return parts, nil
}

// sampleRows returns rows(frame) for frames of t.frame: x [m, p].
func (t *trainer) sampleRows(ctx context.Context, frames []int, rows func(root *model.Scope, pixels *Node) *Node) (x []float32, m, p int, err error) {
	const chunk = 256
	sample := func(yield func(data.Stretch) bool) {
		for part := range slices.Chunk(frames, chunk) {
			s := data.Stretch{N: len(part)}
			for _, frame := range part {
				s.Pixels = append(s.Pixels, t.frame(frame)...)
			}
			if !yield(s) {
				return
			}
		}
	}
	err = t.mapFrames(ctx, sample, rows, func(_ int, part []float32) { x = append(x, part...) })
	return x, len(frames), len(x) / len(frames), err
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
