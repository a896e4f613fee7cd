package agent

import (
	"context"
	"fmt"
	"sync"

	"foresee/jepa"
	"foresee/plan"
)

// maxRows is the largest batch that goes to the engine at once.
const maxRows = 4096

// exactSteps is the longest rollout that is compiled at its own length; longer
// ones are rounded up to a multiple of it.
const exactSteps = 16

// Dynamics lets planners use a jepa.Model: it is a plan.Dynamics with the
// displacement head. Batches are padded to powers of two up to 4096, larger ones
// cut, and rollouts longer than 16 steps rounded up to a multiple of 16, so that
// few graphs are compiled whatever a planner asks for. Padding never changes a
// result. It may be used by several goroutines at once.
type Dynamics struct {
	model *jepa.Model
	pool  sync.Pool // of *padded
}

// padded is the memory of one padded call.
type padded struct{ states, actions, latents []float32 }

// NewDynamics returns the dynamics of model m. A model that takes no actions is
// an error: there is nothing to plan with.
func NewDynamics(m *jepa.Model) (*Dynamics, error) {
	if m.Config().ActionDim == 0 {
		return nil, fmt.Errorf("agent: the model takes no actions, it can watch but not plan")
	}
	return &Dynamics{model: m, pool: sync.Pool{New: func() any { return new(padded) }}}, nil
}

// Dims implements plan.Dynamics.
func (d *Dynamics) Dims() plan.Dims {
	cfg := d.model.Config()
	return plan.Dims{S: cfg.State(), D: cfg.Latent(), A: cfg.ActionDim}
}

// Rollout implements plan.Dynamics. It panics when a slice has another length.
func (d *Dynamics) Rollout(ctx context.Context, shape plan.Shape, states, actions, latents []float32) error {
	dims, rows := d.Dims(), shape.B*shape.N*shape.L
	mustLen("Rollout states", len(states), shape.B*dims.S)
	mustLen("Rollout actions", len(actions), rows*dims.A)
	mustLen("Rollout latents", len(latents), rows*dims.D)
	if rows == 0 {
		return ctx.Err()
	}
	full := plan.Shape{N: padSize(shape.N), L: padSteps(shape.L)}
	full.B = padSize(min(shape.B, maxRows/full.N))
	if full == shape {
		return d.model.Rollout(ctx, jepa.Shape(shape), states, actions, latents)
	}
	p := d.pool.Get().(*padded)
	defer d.pool.Put(p)
	p.size(full, dims)
	for b := 0; b < shape.B; b += full.B {
		for n := 0; n < shape.N; n += full.N {
			t := tile{shape: shape, full: full, dims: dims, b: b, n: n}
			t.fill(p, states, actions)
			if err := d.model.Rollout(ctx, jepa.Shape(full), p.states, p.actions, p.latents); err != nil {
				return err
			}
			t.take(p, latents)
		}
	}
	return nil
}

// Displacement writes to actions [n, A] the sum of effective actions that leads
// from latents from to latents to, both [n, D]. It panics when a slice has
// another length or the model has no displacement head.
func (d *Dynamics) Displacement(ctx context.Context, n int, from, to, actions []float32) error {
	dims := d.Dims()
	mustLen("Displacement from", len(from), n*dims.D)
	mustLen("Displacement to", len(to), n*dims.D)
	mustLen("Displacement actions", len(actions), n*dims.A)
	for lo := 0; lo < n; {
		count := min(maxRows, n-lo)
		size := padSize(count)
		f, t, a := from[lo*dims.D:(lo+count)*dims.D], to[lo*dims.D:(lo+count)*dims.D], actions[lo*dims.A:(lo+count)*dims.A]
		if err := d.displace(ctx, size, f, t, a); err != nil {
			return err
		}
		lo += count
	}
	return ctx.Err()
}

// displace is Displacement of at most size rows, padded to size.
func (d *Dynamics) displace(ctx context.Context, size int, from, to, actions []float32) error {
	dims := d.Dims()
	if len(from) == size*dims.D {
		return d.model.Displacement(ctx, size, from, to, actions)
	}
	p := d.pool.Get().(*padded)
	defer d.pool.Put(p)
	p.states, p.latents, p.actions = resize(p.states, size*dims.D), resize(p.latents, size*dims.D), resize(p.actions, size*dims.A)
	clear(p.states[copy(p.states, from):])
	clear(p.latents[copy(p.latents, to):])
	if err := d.model.Displacement(ctx, size, p.states, p.latents, p.actions); err != nil {
		return err
	}
	copy(actions, p.actions)
	return nil
}

// tile is the part of a rollout that one padded call computes: states from b on
// and candidates from n on.
type tile struct {
	shape, full plan.Shape
	dims        plan.Dims
	b, n        int
}

// fill copies the tile's states and actions; the rest becomes 0.
func (t tile) fill(p *padded, states, actions []float32) {
	clear(p.states)
	clear(p.actions)
	copy(p.states, states[t.b*t.dims.S:min(t.shape.B, t.b+t.full.B)*t.dims.S])
	t.each(t.dims.A, func(whole, part int) {
		copy(p.actions[part:part+t.shape.L*t.dims.A], actions[whole:])
	})
}

// take copies the tile's latents out.
func (t tile) take(p *padded, latents []float32) {
	t.each(t.dims.D, func(whole, part int) {
		copy(latents[whole:whole+t.shape.L*t.dims.D], p.latents[part:])
	})
}

// each calls f for every candidate of the tile with where its first step stands
// in the whole array and in the padded one, at width floats a step.
func (t tile) each(width int, f func(whole, part int)) {
	for b := range min(t.full.B, t.shape.B-t.b) {
		for n := range min(t.full.N, t.shape.N-t.n) {
			f(((t.b+b)*t.shape.N+t.n+n)*t.shape.L*width, (b*t.full.N+n)*t.full.L*width)
		}
	}
}

func (p *padded) size(s plan.Shape, d plan.Dims) {
	rows := s.B * s.N * s.L
	p.states, p.actions, p.latents = resize(p.states, s.B*d.S), resize(p.actions, rows*d.A), resize(p.latents, rows*d.D)
}

// padSize is the smallest power of two >= n, at most maxRows.
func padSize(n int) int {
	size := 1
	for size < n && size < maxRows {
		size *= 2
	}
	return size
}

// padSteps is the compiled length of a rollout of l steps.
func padSteps(l int) int {
	if l <= exactSteps {
		return l
	}
	return (l + exactSteps - 1) / exactSteps * exactSteps
}

func resize(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

func mustLen(what string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("agent: %s has length %d, want %d", what, got, want))
	}
}
