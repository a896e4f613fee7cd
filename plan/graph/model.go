package graph

import (
	"context"
	"math"

	"foresee/plan"
)

// Model is what the planner knows of a world model: its dynamics and its displacement head.
// It must be safe for concurrent use when several sessions or planners share it.
type Model interface {
	plan.Dynamics
	// Displacement writes to actions [n, A] the sum of effective actions that leads from each of the
	// latents from [n, D] to the latent of the same row in to [n, D].
	Displacement(ctx context.Context, n int, from, to, actions []float32) error
}

const smallRows = 8 // rows of the smallest call: all a committed decision needs

// caller makes model calls in few shapes and counts them. It belongs to one goroutine.
type caller struct {
	model Model
	dims  plan.Dims
	rungs []int // numbers of rows, ascending
	steps []int // numbers of steps, ascending
	spent Spent

	from, to, move           []float32 // [rows, D], [rows, D], [rows, A]
	states, actions, latents []float32 // [rows, S], [rows, L, A], [rows, L, D]
}

// Spent counts model work: rows are displacements asked for, steps those of imagined walks; padding
// is counted too. NonFinite counts edges whose residual was not finite.
type Spent struct{ Steps, Rows, NonFinite int }

func (s *Spent) add(o Spent) { s.Steps += o.Steps; s.Rows += o.Rows; s.NonFinite += o.NonFinite }

func newCaller(m Model, cfg Config) *caller {
	c := &caller{model: m, dims: m.Dims(), rungs: []int{smallRows}}
	for _, n := range []int{cfg.Candidates, cfg.Near, cfg.Chunk} {
		if n > c.rungs[len(c.rungs)-1] {
			c.rungs = append(c.rungs, n)
		}
	}
	longest := cfg.maxSteps()
	for k := 1; k <= 3; k++ {
		if l := (k*longest + 2) / 3; len(c.steps) == 0 || l > c.steps[len(c.steps)-1] {
			c.steps = append(c.steps, l)
		}
	}
	rows := c.rungs[len(c.rungs)-1]
	d := c.dims
	c.from, c.to, c.move = make([]float32, rows*d.D), make([]float32, rows*d.D), make([]float32, rows*d.A)
	c.states = make([]float32, rows*d.S)
	c.actions, c.latents = make([]float32, rows*longest*d.A), make([]float32, rows*longest*d.D)
	return c
}

// chunk is the largest number of rows of one call.
func (c *caller) chunk() int { return c.rungs[len(c.rungs)-1] }

// rung is the least allowed number that is at least n.
func rung(allowed []int, n int) int {
	for _, v := range allowed {
		if v >= n {
			return v
		}
	}
	return allowed[len(allowed)-1]
}

// pair sets row i of the next displace call.
func (c *caller) pair(i int, from, to []float32) {
	copy(c.from[i*c.dims.D:][:c.dims.D], from)
	copy(c.to[i*c.dims.D:][:c.dims.D], to)
}

// displace asks for the first n rows set by pair; moved(i) is the answer.
func (c *caller) displace(ctx context.Context, n int) error {
	if n == 0 {
		return nil
	}
	rows, d := rung(c.rungs, n), c.dims
	for i := n; i < rows; i++ {
		c.pair(i, c.from[:d.D], c.to[:d.D])
	}
	c.spent.Rows += rows
	return c.model.Displacement(ctx, rows, c.from[:rows*d.D], c.to[:rows*d.D], c.move[:rows*d.A])
}

func (c *caller) moved(i int) []float32 { return c.move[i*c.dims.A:][:c.dims.A] }

// walk is an imagined straight walk: from a latent, by a displacement, in so many steps.
type walk struct {
	from, by, to []float32
	steps        int
}

// residuals imagines up to chunk walks under the carried code and writes how far from its target
// each ends, by G; a residual that is not finite is counted and left as it is.
func (c *caller) residuals(ctx context.Context, carried []float32, walks []walk, cfg Config, out []float64) error {
	n, d, l := len(walks), c.dims, 0
	if n == 0 {
		return nil
	}
	for _, w := range walks {
		l = max(l, w.steps)
	}
	rows := rung(c.rungs, n)
	l = rung(c.steps, l)
	for i := range rows {
		w := walks[min(i, n-1)]
		copy(c.states[i*d.S:][:d.D], w.from)
		copy(c.states[i*d.S+d.D:][:d.S-d.D], carried)
		a := c.actions[i*l*d.A:][:l*d.A]
		scale := float32(min(1/float64(w.steps), cfg.Speed/norm(w.by)))
		for k := range a {
			a[k] = 0
			if k/d.A < w.steps {
				a[k] = w.by[k%d.A] * scale
			}
		}
	}
	c.spent.Steps += rows * l
	if err := c.model.Rollout(ctx, plan.Shape{B: rows, N: 1, L: l}, c.states[:rows*d.S], c.actions[:rows*l*d.A], c.latents[:rows*l*d.D]); err != nil {
		return err
	}
	for i, w := range walks {
		c.pair(i, c.latents[(i*l+w.steps-1)*d.D:][:d.D], w.to)
	}
	if err := c.displace(ctx, n); err != nil {
		return err
	}
	for i := range walks {
		out[i] = norm(c.moved(i))
		if math.IsNaN(out[i]) || math.IsInf(out[i], 0) {
			c.spent.NonFinite++
		}
	}
	return nil
}

func norm(v []float32) float64 { return math.Sqrt(dot(v, v)) }

func dot(a, b []float32) (sum float64) {
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}
