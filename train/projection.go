package train

import (
	"context"
	"fmt"
	"iter"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/data"
	"foresee/jepa"
	"foresee/nn"
	"foresee/probe"
)

// projectionFrames is the number of frames on which projections are measured.
const projectionFrames = 8192

// measureProjections sets the fixed projections of a memory model, where the
// store does not hold them yet: grid to latent, and pixels to target.
func (t *trainer) measureProjections(ctx context.Context) error {
	net := jepa.Network{Config: t.cfg.Model}
	if err := t.measureProjection(ctx, false, func(root *model.Scope, pixels *Node) *Node { return nn.Flatten(net.Cells(root, pixels)) }); err != nil {
		return err
	}
	if t.cfg.Model.Predictor.Target != jepa.TargetPixels {
		return nil
	}
	return t.measureProjection(ctx, true, func(_ *model.Scope, pixels *Node) *Node { return nn.Flatten(net.Frames(pixels)) })
}

func (t *trainer) measureProjection(ctx context.Context, pixels bool, rows func(root *model.Scope, pixels *Node) *Node) error {
	meanPath, basisPath := jepa.ProjectionPaths(pixels)
	if t.model.Store().GetVariable("/"+basisPath) != nil {
		return nil
	}
	x, m, p, err := t.sampleRows(ctx, rows)
	if err != nil {
		return err
	}
	k := t.cfg.Model.Latent()
	if k > p {
		return fmt.Errorf("train: a latent of %d numbers from a grid of %d: want at most so many", k, p)
	}
	parts, err := probe.MeasurePrincipal(t.opts.Backend, x, m, p, k)
	if err != nil {
		return fmt.Errorf("train: projection: %w", err)
	}
	if pixels { // targets of mean variance 1, as latents
		scale := float32(math.Sqrt(float64(k) / parts.Variance))
		for i := range parts.Basis {
			parts.Basis[i] *= scale
		}
	}
	return jepa.FillStore(t.model.Store(), map[string]jepa.Tensor{
		meanPath: {Shape: []int{p}, Data: parts.Mean}, basisPath: {Shape: []int{p, k}, Data: parts.Basis},
	})
}

// sampleRows returns rows(frame) for frames spread evenly over the training
// episodes: x [m, p].
func (t *trainer) sampleRows(ctx context.Context, rows func(root *model.Scope, pixels *Node) *Node) (x []float32, m, p int, err error) {
	d := t.opts.Data
	var steps []int
	for view := range t.views() {
		for e := range d.Episodes() {
			if first, length := d.Episode(e); t.training(e) {
				for s := first; s < first+length; s++ {
					steps = append(steps, view*d.Steps()+s)
				}
			}
		}
	}
	m = min(projectionFrames, len(steps))
	const chunk = 256
	sample := func(yield func(data.Stretch) bool) {
		for lo := 0; lo < m; lo += chunk {
			s := data.Stretch{First: lo, N: min(chunk, m-lo)}
			for i := range s.N {
				s.Pixels = append(s.Pixels, t.frame(steps[(lo+i)*len(steps)/m])...)
			}
			if !yield(s) {
				return
			}
		}
	}
	err = t.mapFrames(ctx, sample, rows, func(_ int, part []float32) { x = append(x, part...) })
	return x, m, len(x) / m, err
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
