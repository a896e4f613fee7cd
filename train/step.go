package train

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
	"foresee/nn"
)

// stage is one run of gradient steps: a graph, where its inputs come from, and
// what to do with its extra outputs.
type stage struct {
	name   string
	opt    Optimizer
	frames int // frames, or cached latents, that one step sees
	scopes []string
	split  bool    // clip the first scope and the rest apart
	until  float64 // share of Settings.Minutes by which it ends; 0 = they do not bound it
	ahead  int     // place in the rate's schedule that the clock asks for, where it is ahead of the step
	// build returns the loss, further scalars to log (their names in names) and
	// extra outputs, from the inputs that feed delivers.
	build func(root *model.Scope, inputs []*Node) (objective *Node, scalars, extras []*Node)
	names []string
	// feed returns the inputs of a step: the clips along axis clipAxis, 0 or 1, but
	// for the last whole of them, which are for all clips. The stage finalizes them.
	feed            func(ctx context.Context, step int) ([]*tensors.Tensor, error)
	whole, clipAxis int
	// seen is given the extra outputs of a step before they are finalized; nil = none.
	seen func(step int, scalars []float32, extras []*tensors.Tensor) error
	// close ends what feed keeps running; nil = nothing.
	close func()

	exec    *model.Exec
	devices *jepa.Devices
}

// compile makes the executable: inputs are the learning rate and the step
// (counted from 1), then those of feed; on says which devices share the steps.
// Its first output holds all scalars: loss, the named ones, then the gradient
// norms.
func (s *stage) compile(backend compute.Backend, store *model.Store, on *jepa.Devices) {
	s.devices = on
	s.exec = on.Place(model.MustNewExec(backend, store, func(root *model.Scope, inputs []*Node) []*Node {
		objective, scalars, extras := s.build(root, inputs[2:])
		cfg := nn.AdamWConfig{Beta2: s.opt.Beta2, WeightDecay: s.opt.Decay}
		norms := nn.AdamW(objective, inputs[0], inputs[1], s.groups(root), cfg)
		all := append([]*Node{objective}, append(scalars, norms...)...)
		flat := make([]*Node, len(all))
		for i, x := range all {
			flat[i] = Reshape(ConvertDType(x, dtypes.Float32), 1)
		}
		return append([]*Node{Concatenate(flat, 0)}, extras...)
	}))
}

// end frees the executable, where there is one, and what feed keeps running.
func (s *stage) end() {
	if s.exec != nil {
		s.exec.Finalize()
	}
	if s.close != nil {
		s.close()
	}
}

func (s *stage) groups(root *model.Scope) []nn.Group {
	all := make([]*model.Scope, len(s.scopes))
	for i, name := range s.scopes {
		all[i] = root.At("%s", name)
	}
	if s.split && len(all) > 1 {
		return []nn.Group{
			{Name: s.scopes[0], Scopes: all[:1], Clip: s.opt.Clip},
			{Name: "others", Scopes: all[1:], Clip: s.opt.Clip},
		}
	}
	return []nn.Group{{Name: "all", Scopes: all, Clip: s.opt.Clip}}
}

// NonFiniteError says that a step produced a number that is not finite.
type NonFiniteError struct {
	Stage string
	Step  int    // counted from 0
	What  string // name of the scalar
	Value float64
}

// Error names the step and the scalar.
func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("%s is %g at step %d of stage %s; the last checkpoint is good, a lower rate may help", e.What, e.Value, e.Step, e.Stage)
}

// rate returns the learning rate of a step, counted from 0.
func (s *stage) rate(step int) float32 {
	schedule := nn.Schedule{Peak: s.opt.Rate, Floor: s.opt.Floor, Warmup: min(s.opt.WarmUp, s.opt.Steps/2), Total: s.opt.Steps}
	rate := float32(schedule.At(step))
	if step == 0 && schedule.Warmup > 0 {
		rate = float32(schedule.At(1)) / 2
	}
	return rate
}

// run does one step and returns its scalars: loss, names, gradient norms.
func (s *stage) run(ctx context.Context, step int) ([]float32, error) {
	inputs, err := s.feed(ctx, step)
	if err != nil {
		return nil, err
	}
	args := append([]*tensors.Tensor{tensors.FromScalar(s.rate(max(step, s.ahead))), tensors.FromScalar(float32(step + 1))}, inputs...)
	outputs, err := s.devices.Call(s.exec, args, jepa.Layout{First: 2, Whole: s.whole, Axis: s.clipAxis})
	for _, t := range args {
		t.MustFinalizeAll()
	}
	if err != nil {
		return nil, fmt.Errorf("stage %s, step %d: %w", s.name, step, err)
	}
	defer func() {
		for _, t := range outputs {
			t.MustFinalizeAll()
		}
	}()
	scalars, err := tensors.CopyFlatData[float32](outputs[0])
	if err != nil {
		return nil, err
	}
	for i, v := range scalars {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, &NonFiniteError{Stage: s.name, Step: step, What: s.scalarName(i), Value: float64(v)}
		}
	}
	if s.seen != nil {
		return scalars, s.seen(step, scalars, outputs[1:])
	}
	return scalars, nil
}

func (s *stage) scalarName(i int) string {
	switch {
	case i == 0:
		return "loss"
	case i <= len(s.names):
		return s.names[i-1]
	case i == len(s.names)+1:
		return "grad_norm"
	}
	return fmt.Sprintf("grad_norm_%d", i-len(s.names)-1)
}
