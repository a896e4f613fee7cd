package train

import (
	"context"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/data"
	"foresee/jepa"
	"foresee/loss"
	"foresee/nn"
)

// training reports whether the model may learn from an episode, or its mirror image.
func (t *trainer) training(episode int) bool {
	if t.cfg.Train.ExcludeEpisodes == "" {
		return true
	}
	return episode%t.opts.Data.Episodes() < t.opts.Data.Episodes()-max(1, t.opts.Data.Episodes()/10)
}

// pixelStage prepares stage 1.
func (t *trainer) pixelStage(context.Context) (*stage, error) {
	p := t.cfg.Train.Pixels
	loader, err := data.NewLoader(t.opts.Data, data.ClipConfig{
		Batch: p.Batch, Offsets: p.Offsets, Context: p.Context, Seed: t.cfg.Seed, Filter: t.training, Prefetch: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("train: clips: %w", err)
	}
	s := &stage{name: "pixels", opt: p.Optimizer, split: p.SplitClip, frames: p.Batch * loader.Frames(), scopes: t.pixelScopes()}
	h, w, c := t.opts.Data.FrameShape()
	frames, span := loader.Frames(), loader.Span()
	prepared := -1 // the step whose batch the loader prepares
	s.close = func() { loader.Close() }
	s.feed = func(ctx context.Context, step int) ([]*tensors.Tensor, error) {
		if step != prepared {
			loader.Seek(uint64(step))
		}
		prepared = step + 1
		b, err := loader.Next(ctx)
		if err != nil {
			return nil, err
		}
		in := []*tensors.Tensor{jepa.Input(t.devices, t.opts.Backend, b.Pixels, p.Batch, frames, h, w, c)}
		if t.cfg.Model.ActionDim > 0 {
			in = append(in, jepa.Input(t.devices, t.opts.Backend, b.Actions, p.Batch, span, t.cfg.Model.ActionDim))
		}
		if p.Weights.SIGReg > 0 {
			rng := nn.Rand(t.cfg.Seed, fmt.Sprintf("sigreg/%d", step))
			in = append(in, loss.DirectionsTensor(rng, dtypes.Float32, t.cfg.Model.CellWidth(), p.Slices))
		}
		return in, nil
	}
	s.build = func(root *model.Scope, in []*Node) (*Node, []*Node, []*Node) { return t.buildPixels(s, root, in) }
	if p.Weights.SIGReg > 0 {
		s.whole = 1 // the directions
	}
	s.names = t.pixelTerms()
	s.seen = t.watchCollapse(t.cfg.Model.CellWidth(), s.names)
	return s, nil
}

func (t *trainer) pixelScopes() []string {
	scopes := []string{jepa.ScopeEncoder, jepa.Network{Config: t.cfg.Model}.Short().Scope}
	if t.cfg.Train.Pixels.Weights.InverseDynamics > 0 {
		scopes = append(scopes, jepa.ScopeInverse)
	}
	return scopes
}

// pixelTerms lists the names of the loss terms in the order that pixelLoss
// builds them, then the copy-last ratio.
func (t *trainer) pixelTerms() []string {
	w := t.cfg.Train.Pixels.Weights
	names := []string{"pred"}
	add := func(name string, weight float64) {
		if weight > 0 {
			names = append(names, name)
		}
	}
	add("idm", w.InverseDynamics)
	add("std", w.Std)
	add("cov", w.Cov)
	add("sim", w.Sim)
	add("sigreg", w.SIGReg)
	if t.cfg.Model.Encoder.Static > 0 {
		add("static_std", w.StaticStd)
		add("static_cov", w.StaticCov)
		add("static_inv", w.StaticInv)
	}
	return append(names, "copy_ratio")
}

// buildPixels is the graph of stage 1. Its extra outputs are z [B, F, D] and,
// with a static code, w [B, F, W].
func (t *trainer) buildPixels(s *stage, root *model.Scope, in []*Node) (*Node, []*Node, []*Node) {
	pixels := in[0]
	var actions, directions *Node
	rest := in[1:]
	if t.cfg.Model.ActionDim > 0 {
		actions, rest = rest[0], rest[1:]
	}
	if len(rest) > 0 {
		directions = rest[0]
	}
	terms, copyRatio, c := pixelLoss(root, t.cfg, pixels, actions, directions)
	weighted := make([]loss.Term, len(terms))
	scalars := make([]*Node, len(terms), len(terms)+1)
	for i, x := range terms {
		if x.name != s.names[i] {
			panic(fmt.Sprintf("train: loss term %d is %s, the log calls it %s", i, x.name, s.names[i]))
		}
		weighted[i] = loss.Term{Weight: x.weight, Loss: x.value}
		scalars[i] = x.value
	}
	extras := []*Node{c.z}
	if c.w != nil {
		extras = append(extras, c.w)
	}
	return loss.Sum(weighted...), append(scalars, copyRatio), extras
}
