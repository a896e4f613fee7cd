package cost_test

import (
	"math"
	"testing"

	"foresee/plan"
	"foresee/plan/cost"

	"pgregory.net/rapid"
)

func costs(o plan.Objective, im *plan.Imagined) []float64 {
	c := make([]float64, im.Shape.B*im.Shape.N)
	o.AddCost(im, 1, c)
	return c
}

func TestGoldenByHand(t *testing.T) {
	// One candidate, two steps: latents (1, 2), (3, 2), actions 2, -1; goals (3, 0) and (1, 2).
	im := &plan.Imagined{Shape: plan.Shape{B: 1, N: 1, L: 2}, Dims: plan.Dims{S: 2, D: 2, A: 1},
		Latents: []float32{1, 2, 3, 2}, Actions: []float32{2, -1}}
	g := []float32{3, 0}
	for _, c := range []struct {
		name string
		o    plan.Objective
		want float64
	}{
		{"cumulative", cost.Goal{Latents: g}, 4 + 2},
		{"last", cost.Goal{Latents: g, When: cost.Last}, 2},
		{"mean", cost.Goal{Latents: g, When: cost.Mean}, 3},
		{"set", cost.GoalSet{Latents: []float32{3, 0, 1, 2}, K: 2}, 0 + 2},
		{"action", cost.Action{}, 2.5},
		{"sum", cost.Sum{{2, cost.Goal{Latents: g, When: cost.Last}}, {0.1, cost.Action{}}}, 4.25},
		{"empty", cost.Sum{}, 0},
		{"func", cost.Func(func(b int, z, a []float32) float64 { return float64(z[0] * a[0]) }), 2 - 3},
	} {
		if got := costs(c.o, im)[0]; math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s cost = %g, want %g", c.name, got, c.want)
		}
	}
}

func TestPermutingCandidatesPermutesCosts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := plan.Shape{B: rapid.IntRange(1, 3).Draw(t, "B"), N: rapid.IntRange(1, 5).Draw(t, "N"), L: rapid.IntRange(1, 4).Draw(t, "L")}
		d := plan.Dims{S: 3, D: 3, A: 2}
		floats := func(n int, name string) []float32 {
			return rapid.SliceOfN(rapid.Float32Range(-3, 3), n, n).Draw(t, name)
		}
		im := &plan.Imagined{Shape: s, Dims: d, Latents: floats(s.B*s.N*s.L*d.D, "z"), Actions: floats(s.B*s.N*s.L*d.A, "a")}
		o := cost.Sum{{1, cost.GoalSet{Latents: floats(s.B*2*d.D, "g"), K: 2}}, {0.5, cost.Action{}}}
		c := costs(o, im)
		back := &plan.Imagined{Shape: s, Dims: d}
		for b := range s.B {
			for n := s.N - 1; n >= 0; n-- {
				for l := range s.L {
					back.Latents = append(back.Latents, im.Latent(b, n, l)...)
					back.Actions = append(back.Actions, im.Action(b, n, l)...)
				}
			}
		}
		r := costs(o, back)
		for b := range s.B {
			for n := range s.N {
				if c[b*s.N+n] != r[b*s.N+s.N-1-n] {
					t.Fatalf("cost of [%d, %d] is %g, reversed %g", b, n, c[b*s.N+n], r[b*s.N+s.N-1-n])
				}
			}
		}
	})
}

func TestNaNStays(t *testing.T) {
	im := &plan.Imagined{Shape: plan.Shape{B: 1, N: 1, L: 1}, Dims: plan.Dims{S: 1, D: 1, A: 1},
		Latents: []float32{float32(math.NaN())}, Actions: []float32{0}}
	if c := costs(cost.GoalSet{Latents: []float32{0, 1}, K: 2}, im)[0]; !math.IsNaN(c) {
		t.Errorf("cost of a NaN latent = %g", c)
	}
}

func TestWrongGoalPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	costs(cost.Goal{Latents: []float32{1}}, &plan.Imagined{Shape: plan.Shape{B: 2, N: 1, L: 1}, Dims: plan.Dims{S: 1, D: 1, A: 1}})
}
