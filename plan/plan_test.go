package plan

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestColouredKernelIsTheFrequencyFilter(t *testing.T) {
	// Twin: white noise to the frequency domain by a naive DFT, scaled by f^(-beta/2), and back.
	rapid.Check(t, func(t *rapid.T) {
		l := rapid.IntRange(1, 41).Draw(t, "l")
		beta := rapid.Float64Range(0, 4).Draw(t, "beta")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		x := make([]float32, l)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		want, power := make([]float64, l), 0.0
		for f := range l {
			var re, im float64
			for t := range l {
				s, c := math.Sincos(2 * math.Pi * float64(f*t) / float64(l))
				re, im = re+c*float64(x[t]), im-s*float64(x[t])
			}
			g := math.Pow(float64(max(1, min(f, l-f))), -beta/2)
			power += g * g / float64(l)
			for t := range l {
				s, c := math.Sincos(2 * math.Pi * float64(f*t) / float64(l))
				want[t] += g * (re*c - im*s) / float64(l)
			}
		}
		k := colouredKernel(l, beta)
		for i := range want {
			got := float64(circular(k, x, i))
			if d := math.Abs(got - want[i]/math.Sqrt(power)); d > 1e-5 {
				t.Fatalf("l %d beta %g: sample %d = %g, want %g", l, beta, i, got, want[i]/math.Sqrt(power))
			}
		}
	})
}

func TestBoundsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float32Range(-100, 100)
		b := Bounds{Low: []float32{-rapid.Float32Range(0, 3).Draw(t, "l"), -1}, High: []float32{rapid.Float32Range(0, 3).Draw(t, "h"), 2},
			MaxNorm: rapid.Float32Range(0.01, 4).Draw(t, "norm")}
		a := []float32{f.Draw(t, "x"), f.Draw(t, "y")}
		b.Clip(a)
		once := slices.Clone(a)
		if n := math.Hypot(float64(a[0]), float64(a[1])); n > float64(b.MaxNorm)*(1+1e-6) || a[0] < b.Low[0] || a[0] > b.High[0] || a[1] < -1 || a[1] > 2 {
			t.Fatalf("clipped to %v of norm %g, bounds %+v", a, n, b)
		}
		b.Clip(a)
		if math.Abs(float64(a[0]-once[0])) > 1e-5 || math.Abs(float64(a[1]-once[1])) > 1e-5 {
			t.Fatalf("clipped again: %v, once %v", a, once)
		}
	})
	a := []float32{3, 4}
	Bounds{MaxNorm: 2.45}.Clip(a) // jepa.md 3.1: a · min(|a|, 2.45)/(|a| + 1e-6)
	if want := float32(3 * 2.45 / (5 + 1e-6)); math.Abs(float64(a[0]-want)) > 1e-6 {
		t.Errorf("clip of (3, 4) = %v, want x = %g", a, want)
	}
}

func TestConfigFaultsComeTogether(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want []string
	}{
		"CEM":    {CEMConfig{Samples: 5, Iterations: -1, Elites: 9, Std: -1}.Validate(), []string{"-1 iterations", "9 elites of 5", "std of -1"}},
		"ICEM":   {ICEMConfig{Momentum: 1, Keep: 400, Beta: 9}.Validate(), []string{"momentum 1", "keeps 400", "beta 9"}},
		"MPPI":   {MPPIConfig{Temperature: math.NaN(), Elites: 301}.Validate(), []string{"temperature NaN", "301 elites"}},
		"MPC":    {MPCConfig{Batch: -1, Replan: 31}.Validate(), []string{"-1 systems", "31 of 30"}},
		"bounds": {Bounds{Low: []float32{1, 2}, High: []float32{0, 3}, MaxNorm: 1}.Validate(2), []string{"[1, 0] of action 0 is empty", "[2, 3] of action 1 leaves out 0"}},
	} {
		if c.err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(c.err.Error(), w) {
				t.Errorf("%s: error lacks %q: %v", name, w, c.err)
			}
		}
	}
	for name, err := range map[string]error{"CEM": CEMConfig{}.Validate(), "ICEM": ICEMConfig{}.Validate(), "MPPI": MPPIConfig{}.Validate(),
		"EB-JEPA": EBJEPAMPPI().Validate(), "PLDM": PLDMMPPI().Validate(), "MPC": MPCConfig{}.Validate()} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// line is a model of one coordinate that moves by its action.
type line struct{}

func (line) Dims() Dims { return Dims{1, 1, 1} }
func (line) Rollout(_ context.Context, s Shape, states, actions, latents []float32) error {
	for b := range s.B {
		for n := range s.N {
			x := states[b]
			for l := range s.L {
				i := (b*s.N+n)*s.L + l
				x += actions[i]
				latents[i] = x
			}
		}
	}
	return nil
}

type far struct{}

func (far) AddCost(im *Imagined, weight float64, costs []float64) {
	for i := range costs {
		d := float64(im.Latents[(i+1)*im.Shape.L-1]) - 3
		costs[i] += weight * d * d
	}
}

func TestICEMNeverForgetsTheBest(t *testing.T) {
	// The answer's cost is the cheapest cost seen, and more iterations never make it worse.
	for _, keep := range []int{0, -1} {
		neverForgets(t, keep)
	}
}

func neverForgets(t *testing.T, keep int) {
	last := math.Inf(1)
	for it := 1; it <= 6; it++ {
		s, err := NewICEM(line{}, Bounds{}, ICEMConfig{Samples: 20, Iterations: it, Elites: 5, Keep: keep})
		if err != nil {
			t.Fatal(err)
		}
		var r Result
		if err := s.Solve(context.Background(), Problem{States: []float32{0}, Seeds: []uint64{1}, L: 6, Objective: far{}}, &r); err != nil {
			t.Fatal(err)
		}
		x := float32(0)
		for _, a := range r.Actions {
			x += a
		}
		if c := float64(x-3) * float64(x-3); math.Abs(c-r.Costs[0]) > 1e-5 {
			t.Errorf("%d iterations: the answer costs %g, Costs says %g", it, c, r.Costs[0])
		}
		if r.Costs[0] > last {
			t.Errorf("%d iterations: cost %g rose from %g", it, r.Costs[0], last)
		}
		last = r.Costs[0]
	}
}

// counting is a solver whose plan for every system is 1, 2, 3, ... and that records what it is asked.
type counting struct {
	horizons []int
	means    [][]float32
	seeds    [][]uint64
}

func (c *counting) Solve(_ context.Context, p Problem, r *Result) error {
	c.horizons = append(c.horizons, p.L)
	c.means = append(c.means, slices.Clone(p.Mean))
	c.seeds = append(c.seeds, slices.Clone(p.Seeds))
	r.Actions = grow(r.Actions, len(p.Seeds)*p.L)
	for i := range r.Actions {
		r.Actions[i] = float32(1 + i%p.L)
	}
	r.Steps = 10
	return nil
}

func TestMPC(t *testing.T) {
	c := &counting{}
	m, err := NewMPC(c, Dims{1, 1, 1}, MPCConfig{Batch: 2, Horizon: 4, Replan: 3, WarmStart: true, Budget: 8})
	if err != nil {
		t.Fatal(err)
	}
	var got []float32
	var planned []bool
	for range 8 {
		a := make([]float32, 2)
		p, err := m.Act(context.Background(), []float32{0, 0}, far{}, a)
		if err != nil {
			t.Fatal(err)
		}
		if a[0] != a[1] {
			t.Fatalf("systems act %v", a)
		}
		got, planned = append(got, a[0]), append(planned, p)
	}
	if want := []float32{1, 2, 3, 1, 2, 3, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("actions = %v, want %v", got, want)
	}
	if want := []bool{true, false, false, true, false, false, true, false}; !slices.Equal(planned, want) {
		t.Errorf("planned = %v, want %v", planned, want)
	}
	if want := []int{4, 4, 2}; !slices.Equal(c.horizons, want) {
		t.Errorf("horizons = %v, want %v", c.horizons, want)
	}
	if c.means[0] != nil || !slices.Equal(c.means[1], []float32{4, 0, 0, 0, 4, 0, 0, 0}) {
		t.Errorf("warm starts = %v", c.means)
	}
	if c.seeds[0][0] == c.seeds[0][1] || c.seeds[0][0] == c.seeds[1][0] {
		t.Errorf("seeds repeat: %v", c.seeds)
	}
	if steps, _ := m.Spent(); steps != 30 {
		t.Errorf("spent %d steps, want 30", steps)
	}
	if _, err := m.Act(context.Background(), []float32{0, 0}, far{}, make([]float32, 2)); err == nil {
		t.Error("a decision beyond the budget gives no error")
	}
	m.Reset(0)
	if _, err := m.Act(context.Background(), []float32{0, 0}, far{}, make([]float32, 2)); err != nil {
		t.Fatal(err)
	}
	if last := len(c.seeds) - 1; c.means[last] != nil || !slices.Equal(c.seeds[last], c.seeds[0]) {
		t.Errorf("after Reset the first plan starts from %v with seeds %v", c.means[last], c.seeds[last])
	}
}
