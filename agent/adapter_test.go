package agent

import (
	"math"
	"math/rand/v2"
	"testing"

	"foresee/jepa"
	"foresee/plan"
)

// near fails the test unless both slices agree to 1e-5.
func near(t *testing.T, what any, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%v: %d floats, want %d", what, len(got), len(want))
	}
	for i := range want {
		if !(math.Abs(float64(got[i]-want[i])) <= 1e-5) {
			t.Fatalf("%v: float %d of %d is %g, want %g", what, i, len(want), got[i], want[i])
		}
	}
}

// TestRolloutIsThatOfEachRow compares padded and cut batches with one row at a time.
func TestRolloutIsThatOfEachRow(t *testing.T) {
	m := tiny(t, nil)
	d, err := NewDynamics(m)
	if err != nil {
		t.Fatal(err)
	}
	dims, r := d.Dims(), rand.New(rand.NewPCG(1, 1))
	if dims != (plan.Dims{S: 7, D: 4, A: 2}) {
		t.Fatalf("dims are %+v", dims)
	}
	for _, s := range []plan.Shape{{B: 0, N: 3, L: 2}, {B: 1, N: 1, L: 1}, {B: 1, N: 5, L: 3}, {B: 3, N: 1, L: 2}, {B: 2, N: 3, L: 5}, {B: 4, N: 8, L: 2}, {B: 3, N: 2, L: 17}, {B: 4099, N: 1, L: 1}, {B: 2, N: 4097, L: 1}} {
		states, actions := randoms(r, s.B*dims.S), randoms(r, s.B*s.N*s.L*dims.A)
		got := randoms(r, s.B*s.N*s.L*dims.D)
		for range 2 { // the second time in used memory
			if err := d.Rollout(t.Context(), s, states, actions, got); err != nil {
				t.Fatal(err)
			}
		}
		rows := s.B * s.N
		step := max(1, rows/7)
		for i := rows - 1; i >= 0; i -= step { // the last row is in the last tile
			want := make([]float32, s.L*dims.D)
			b := i / s.N
			if err := m.Rollout(t.Context(), jepa.Shape{B: 1, N: 1, L: s.L}, states[b*dims.S:(b+1)*dims.S], actions[i*s.L*dims.A:(i+1)*s.L*dims.A], want); err != nil {
				t.Fatal(err)
			}
			near(t, s, got[i*s.L*dims.D:(i+1)*s.L*dims.D], want)
		}
	}
}

func TestDisplacementIsThatOfEachRow(t *testing.T) {
	m := tiny(t, nil)
	d, err := NewDynamics(m)
	if err != nil {
		t.Fatal(err)
	}
	dims, r := d.Dims(), rand.New(rand.NewPCG(2, 1))
	for _, n := range []int{0, 1, 3, 8, 33, 4096, 4099} {
		from, to, got := randoms(r, n*dims.D), randoms(r, n*dims.D), randoms(r, n*dims.A)
		if err := d.Displacement(t.Context(), n, from, to, got); err != nil {
			t.Fatal(err)
		}
		for i := n - 1; i >= 0; i -= max(1, n/7) {
			want := make([]float32, dims.A)
			if err := m.Displacement(t.Context(), 1, from[i*dims.D:(i+1)*dims.D], to[i*dims.D:(i+1)*dims.D], want); err != nil {
				t.Fatal(err)
			}
			near(t, n, got[i*dims.A:(i+1)*dims.A], want)
		}
	}
}

func TestSizesAreFew(t *testing.T) {
	sizes, steps := map[int]bool{}, map[int]bool{}
	for n := 1; n <= 5000; n++ {
		if p := padSize(n); p > maxRows || p < min(n, maxRows) {
			t.Errorf("padSize(%d) = %d", n, p)
		}
		sizes[padSize(n)] = true
	}
	for l := 1; l <= 96; l++ {
		if padSteps(l) < l {
			t.Errorf("padSteps(%d) = %d", l, padSteps(l))
		}
		steps[padSteps(l)] = true
	}
	if len(sizes) != 13 || len(steps) != 21 {
		t.Errorf("%d batch sizes, %d rollout lengths, want 13 and 21", len(sizes), len(steps))
	}
}

func TestWrongLengthsPanic(t *testing.T) {
	d, err := NewDynamics(tiny(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a rollout of states that are too short does not panic")
		}
	}()
	_ = d.Rollout(t.Context(), plan.Shape{B: 1, N: 1, L: 1}, make([]float32, 6), make([]float32, 2), make([]float32, 4))
}

func TestNoActionsNoPlan(t *testing.T) {
	m := tiny(t, func(c *jepa.Config) { c.ActionDim, c.Displacement.Hidden = 0, nil })
	if _, err := NewDynamics(m); err == nil {
		t.Error("dynamics of a model without actions")
	}
}
