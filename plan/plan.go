package plan

import (
	"context"
	"errors"
	"fmt"
)

// ErrNoFinitePlan means that no candidate of a problem had a finite cost.
var ErrNoFinitePlan = errors.New("plan: no candidate has a finite cost")

// Dims are the sizes a world model works with: S floats of a state, D of a latent, A of an action.
// A state starts with its latent, so S >= D; the rest is carried, such as a layout code.
type Dims struct{ S, D, A int }

// Shape is the size of one rollout: B states, N candidates for each, L steps.
type Shape struct{ B, N, L int }

// Dynamics predicts latents under candidate actions. It is all a Solver knows of a world model.
type Dynamics interface {
	// Dims returns the model's sizes; they never change.
	Dims() Dims
	// Rollout writes to latents [B, N, L, D] what the model predicts after each of the actions
	// [B, N, L, A], starting from states [B, S]. It keeps none of the slices.
	Rollout(ctx context.Context, shape Shape, states, actions, latents []float32) error
}

// Imagined is what an Objective scores: the rollout of N candidates for each of B problems.
// The slices belong to the solver and are only read.
type Imagined struct {
	Shape   Shape
	Dims    Dims
	States  []float32 // [B, S]
	Actions []float32 // [B, N, L, A]
	Latents []float32 // [B, N, L, D], after each action
}

// Latent returns the latent of problem b, candidate n after step l, a view of D floats.
func (im *Imagined) Latent(b, n, l int) []float32 {
	i := ((b*im.Shape.N+n)*im.Shape.L + l) * im.Dims.D
	return im.Latents[i : i+im.Dims.D : i+im.Dims.D]
}

// Action returns the action of problem b, candidate n at step l, a view of A floats.
func (im *Imagined) Action(b, n, l int) []float32 {
	i := ((b*im.Shape.N+n)*im.Shape.L + l) * im.Dims.A
	return im.Actions[i : i+im.Dims.A : i+im.Dims.A]
}

// Objective scores imagined futures; lower is better. Adding makes objectives composable.
type Objective interface {
	// AddCost adds weight times its cost of each candidate to costs [B, N].
	AddCost(im *Imagined, weight float64, costs []float64)
}

// Bounds limits an action: by a box, then nothing, or by a norm. Zero means unbounded.
type Bounds struct {
	Low, High []float32 // [A], both or neither
	MaxNorm   float32   // largest Euclidean norm of one action; 0 is no limit
}

// Validate reports all faults of the bounds for actions of size a. With MaxNorm the box must hold
// the origin, or no action could keep both.
func (b Bounds) Validate(a int) error {
	var errs []error
	if len(b.Low) != len(b.High) || (b.Low != nil && len(b.Low) != a) {
		return fmt.Errorf("plan: box of %d and %d bounds for actions of size %d", len(b.Low), len(b.High), a)
	}
	if !(b.MaxNorm >= 0) {
		errs = append(errs, fmt.Errorf("plan: largest norm %g", b.MaxNorm))
	}
	for i := range b.Low {
		if !(b.Low[i] <= b.High[i]) {
			errs = append(errs, fmt.Errorf("plan: box [%g, %g] of action %d is empty", b.Low[i], b.High[i], i))
		}
		if b.MaxNorm > 0 && (b.Low[i] > 0 || b.High[i] < 0) {
			errs = append(errs, fmt.Errorf("plan: box [%g, %g] of action %d leaves out 0, with a norm limit", b.Low[i], b.High[i], i))
		}
	}
	return errors.Join(errs...)
}

// Clip scales the action down to MaxNorm, then clips it to the box, in place.
func (b Bounds) Clip(action []float32) {
	if b.MaxNorm > 0 {
		var sq float64
		for _, v := range action {
			sq += float64(v) * float64(v)
		}
		if limit := float64(b.MaxNorm); sq > limit*limit {
			scale := float32(limit / (sqrt(sq) + 1e-6))
			for i := range action {
				action[i] *= scale
			}
		}
	}
	for i := range b.Low {
		action[i] = min(max(action[i], b.Low[i]), b.High[i])
	}
}

// Problem is what a Solver solves: B searches at once over sequences of L actions.
type Problem struct {
	States    []float32 // [B, S]
	Seeds     []uint64  // [B]; problem b's draws depend on Seeds[b] alone, so a batch is as its parts
	L         int       // horizon, >= 1
	Objective Objective
	Mean      []float32 // [B, L, A], where the search starts; nil is zero
}

// Result is a Solver's answer. Its slices are reused when it is passed again.
type Result struct {
	Actions   []float32 // [B, L, A], within bounds
	Costs     []float64 // [B], the cheapest cost seen for each problem
	NonFinite int       // candidates whose cost was NaN or infinite, over all iterations
	Steps     int       // world-model steps: the sum of B·N·L over iterations
}

// Solver searches for the actions of least cost.
//
// The same configuration, problem and seeds give the same result. Solve returns an error that is
// ErrNoFinitePlan when a problem has only non-finite costs, the context's error when cancelled, and
// whatever Dynamics returns. A Solver keeps scratch memory: use one per goroutine.
type Solver interface {
	Solve(ctx context.Context, p Problem, r *Result) error
}
