// Package plantest is the conformance suite of plan.Solver: a new solver is one call of Run.
package plantest

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"foresee/plan"
)

// Make returns the solver under test for a model and bounds. It must reach a quadratic minimum of
// two to ten coordinates within 0.1 from a distance of 1.
type Make func(d plan.Dynamics, b plan.Bounds) (plan.Solver, error)

// Integrator is a model whose latent is the sum of its start and the actions, [x, y]; the state
// carries one more float that must not change. Bad makes latents NaN: 0 none, 1 those of candidate 0
// of every problem, 2 all, 3 those with y > 0.3.
type Integrator struct {
	Bad   int
	Calls int
}

// Dims implements plan.Dynamics.
func (*Integrator) Dims() plan.Dims { return plan.Dims{S: 3, D: 2, A: 2} }

// Rollout implements plan.Dynamics.
func (m *Integrator) Rollout(_ context.Context, s plan.Shape, states, actions, latents []float32) error {
	m.Calls++
	nan := float32(math.NaN())
	for b := range s.B {
		for n := range s.N {
			x, y := states[b*3], states[b*3+1]
			for l := range s.L {
				i := ((b*s.N+n)*s.L + l) * 2
				x, y = x+actions[i], y+actions[i+1]
				latents[i], latents[i+1] = x, y
				if m.Bad == 2 || m.Bad == 1 && n == 0 || m.Bad == 3 && y > 0.3 {
					latents[i] = nan
				}
			}
		}
	}
	return nil
}

// target is the cost (x−1)² + (y+0.5)² of the last latent, plus a little of every action.
type target struct{}

func (target) AddCost(im *plan.Imagined, weight float64, costs []float64) {
	s := im.Shape
	for b := range s.B {
		for n := range s.N {
			z := im.Latent(b, n, s.L-1)
			dx, dy := float64(z[0])-1, float64(z[1])+0.5
			c := dx*dx + dy*dy
			for l := range s.L {
				a := im.Action(b, n, l)
				c += 1e-3 * float64(a[0]*a[0]+a[1]*a[1])
			}
			costs[b*s.N+n] += weight * c
		}
	}
}

func problem(b, l int, seed uint64) plan.Problem {
	p := plan.Problem{States: make([]float32, b*3), L: l, Objective: target{}}
	for i := range b {
		p.States[i*3] = 0.3 * float32(i)
		p.Seeds = append(p.Seeds, seed+uint64(i))
	}
	return p
}

// Run checks a solver: quadratic minimum, horizon 1, bounds, same seed, batch as its parts, warm
// memory, NaN costs, no finite cost, cancelled context, model errors, wrong shapes.
func Run(t *testing.T, make Make) {
	t.Helper()
	open := func(t *testing.T, m plan.Dynamics, b plan.Bounds) plan.Solver {
		t.Helper()
		s, err := make(m, b)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	solve := func(t *testing.T, m plan.Dynamics, b plan.Bounds, p plan.Problem) plan.Result {
		t.Helper()
		var r plan.Result
		if err := open(t, m, b).Solve(context.Background(), p, &r); err != nil {
			t.Fatal(err)
		}
		if got, want := len(r.Actions), len(p.Seeds)*p.L*2; got != want {
			t.Fatalf("result has %d floats of actions, want %d", got, want)
		}
		return r
	}
	t.Run("quadratic", func(t *testing.T) { quadratic(t, solve) })
	t.Run("bounds", func(t *testing.T) { bounds(t, solve) })
	t.Run("seed", func(t *testing.T) { seeds(t, solve) })
	t.Run("warm", func(t *testing.T) { warm(t, open) })
	t.Run("failure", func(t *testing.T) { failures(t, open, solve) })
}

type solveFunc func(*testing.T, plan.Dynamics, plan.Bounds, plan.Problem) plan.Result
type openFunc func(*testing.T, plan.Dynamics, plan.Bounds) plan.Solver

func quadratic(t *testing.T, solve solveFunc) {
	reach(t, solve, 0)
	reach(t, solve, 3) // half of the candidates cost NaN, none of them near the minimum
}

func reach(t *testing.T, solve solveFunc, badness int) {
	for _, l := range []int{1, 2, 5} {
		m := &Integrator{Bad: badness}
		r := solve(t, m, plan.Bounds{}, problem(2, l, 7))
		for b := range 2 {
			x, y := 0.3*float64(b), 0.0
			for k := range l {
				x += float64(r.Actions[(b*l+k)*2])
				y += float64(r.Actions[(b*l+k)*2+1])
			}
			if d := math.Hypot(x-1, y+0.5); !(d < 0.1) {
				t.Errorf("horizon %d, problem %d: plan ends at (%.3f, %.3f), %.3f from the minimum, want < 0.1", l, b, x, y, d)
			}
			if !(r.Costs[b] < 0.1) {
				t.Errorf("horizon %d, problem %d: cheapest cost %g, want < 0.1", l, b, r.Costs[b])
			}
		}
		if (r.NonFinite > 0) != (badness > 0) {
			t.Errorf("horizon %d: %d non-finite costs of model %d", l, r.NonFinite, badness)
		}
		if m.Calls == 0 || r.Steps < 2*l*m.Calls {
			t.Errorf("horizon %d: %d world-model steps in %d rollouts", l, r.Steps, m.Calls)
		}
	}
}

func bounds(t *testing.T, solve solveFunc) {
	box := plan.Bounds{Low: []float32{-0.1, -0.2}, High: []float32{0.15, 0.05}}
	norm := plan.Bounds{MaxNorm: 0.2}
	both := plan.Bounds{Low: box.Low, High: box.High, MaxNorm: 0.12}
	for name, b := range map[string]plan.Bounds{"box": box, "norm": norm, "both": both} {
		watch := &bounded{t: t, name: name, b: b}
		r := solve(t, watch, b, problem(1, 3, 1))
		watch.check("answer", r.Actions)
		if watch.seen < 100 {
			t.Errorf("%s: saw %d actions, want >= 100", name, watch.seen)
		}
	}
}

// bounded checks every action the model is asked about.
type bounded struct {
	Integrator
	t    *testing.T
	name string
	b    plan.Bounds
	seen int
}

func (m *bounded) Rollout(ctx context.Context, s plan.Shape, states, actions, latents []float32) error {
	m.check("candidate", actions)
	return m.Integrator.Rollout(ctx, s, states, actions, latents)
}

func (m *bounded) check(what string, actions []float32) {
	for i := 0; i < len(actions); i += 2 {
		a := actions[i : i+2]
		m.seen++
		if n := math.Hypot(float64(a[0]), float64(a[1])); m.b.MaxNorm > 0 && n > float64(m.b.MaxNorm)*(1+1e-6) {
			m.t.Fatalf("%s: %s of norm %g, want <= %g", m.name, what, n, m.b.MaxNorm)
		}
		for k := range m.b.Low {
			if a[k] < m.b.Low[k] || a[k] > m.b.High[k] {
				m.t.Fatalf("%s: %s %v outside the box %v %v", m.name, what, a, m.b.Low, m.b.High)
			}
		}
	}
}

func seeds(t *testing.T, solve solveFunc) {
	all := solve(t, &Integrator{}, plan.Bounds{}, problem(3, 4, 11))
	again := solve(t, &Integrator{}, plan.Bounds{}, problem(3, 4, 11))
	if !slices.Equal(all.Actions, again.Actions) {
		t.Error("the same seed gave another plan")
	}
	other := solve(t, &Integrator{}, plan.Bounds{}, problem(3, 4, 99))
	if slices.Equal(all.Actions, other.Actions) {
		t.Error("another seed gave the same plan")
	}
	p := problem(3, 4, 11)
	for b := range 3 {
		one := solve(t, &Integrator{}, plan.Bounds{}, plan.Problem{States: p.States[b*3:][:3], Seeds: p.Seeds[b:][:1], L: 4, Objective: target{}})
		if !slices.Equal(one.Actions, all.Actions[b*8:][:8]) {
			t.Errorf("problem %d alone has another plan than in a batch", b)
		}
	}
}

func warm(t *testing.T, open openFunc) {
	s := open(t, &Integrator{}, plan.Bounds{MaxNorm: 2})
	p := problem(2, 4, 3)
	var r plan.Result
	allocs := testing.AllocsPerRun(3, func() {
		if err := s.Solve(context.Background(), p, &r); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("a warm Solve allocates %g times, want 0", allocs)
	}
	first := slices.Clone(r.Actions)
	small := problem(1, 2, 5)
	if err := s.Solve(context.Background(), small, &r); err != nil {
		t.Fatal(err)
	}
	if err := s.Solve(context.Background(), p, &r); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first, r.Actions) {
		t.Error("a solver that solved another problem between gives another plan")
	}
}

func failures(t *testing.T, open openFunc, solve solveFunc) {
	m := &Integrator{Bad: 1}
	r := solve(t, m, plan.Bounds{}, problem(2, 2, 1))
	if r.NonFinite != 2*m.Calls {
		t.Errorf("one NaN candidate of each of 2 problems in %d rollouts: NonFinite = %d, want %d", m.Calls, r.NonFinite, 2*m.Calls)
	}
	for i, a := range r.Actions {
		if math.IsNaN(float64(a)) {
			t.Fatalf("action %d of the plan is NaN", i)
		}
	}
	err := open(t, &Integrator{Bad: 2}, plan.Bounds{}).Solve(context.Background(), problem(1, 2, 1), &r)
	if !errors.Is(err, plan.ErrNoFinitePlan) {
		t.Errorf("a NaN model gives error %v, want ErrNoFinitePlan", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := &Integrator{}
	if err := open(t, c, plan.Bounds{}).Solve(ctx, problem(1, 2, 1), &r); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context gives error %v", err)
	}
	if c.Calls != 0 {
		t.Errorf("a cancelled context still made %d rollouts", c.Calls)
	}
	if err := open(t, broken{}, plan.Bounds{}).Solve(context.Background(), problem(1, 2, 1), &r); !errors.Is(err, errBroken) {
		t.Errorf("a model's error comes back as %v", err)
	}
	wrong := problem(1, 2, 1)
	wrong.States = wrong.States[:2]
	defer func() {
		if recover() == nil {
			t.Error("a state of the wrong size does not panic")
		}
	}()
	_ = open(t, &Integrator{}, plan.Bounds{}).Solve(context.Background(), wrong, &r)
}

var errBroken = errors.New("broken model")

type broken struct{ *Integrator }

func (broken) Dims() plan.Dims { return plan.Dims{S: 3, D: 2, A: 2} }
func (broken) Rollout(context.Context, plan.Shape, []float32, []float32, []float32) error {
	return errBroken
}
