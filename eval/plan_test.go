package eval

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"foresee/agent"
	"foresee/env/tworooms"
	"foresee/jepa"
	"foresee/plan"
	"foresee/report"
)

func TestPlanRows(t *testing.T) {
	m := tiny(t, nil)
	cfg := PlanConfig{Seed: 1, Episodes: 6, Latency: 2, Baseline: 1}
	var begun atomic.Int64
	cfg.Begun = func() { begun.Add(1) }
	rows, err := Plan(t.Context(), m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if n := int(begun.Load()); n != cfg.LearntEpisodes() {
		t.Errorf("%d episodes of learnt agents began, LearntEpisodes says %d", n, cfg.LearntEpisodes())
	}
	d := report.Document{Rows: rows}
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
	want := map[string]int{
		"success": 6, "success/ever": 6, "floor/random": 6, "floor/greedy": 6, "oracle": 6,
		"heldout/success": 6, "heldout/floor/random": 6, "heldout/floor/greedy": 6, "heldout/oracle": 6,
		"baseline/latent-l2": 1, "latency/p50": 2 * 199, "latency/p99": 2 * 199, "latency/first": 2, "latency/first/p99": 2,
		"steps_per_decision": 6 * 200,
	}
	for name, n := range want {
		r := find(t, rows, "plan/tworooms/"+name)
		if r.N != n {
			t.Errorf("%s: n = %d, want %d", r.Name, r.N, n)
		}
		if r.Lo == nil || r.Hi == nil {
			t.Errorf("%s has no interval", r.Name)
		}
		if !(r.Value >= 0) {
			t.Errorf("%s = %g", r.Name, r.Value)
		}
	}
	find(t, rows, "plan/tworooms/steps_to_goal") // n counts those that came there
	if len(rows) != len(want)+1 {
		t.Errorf("%d rows, want %d", len(rows), len(want)+1)
	}
	for _, name := range []string{"oracle", "heldout/oracle"} {
		r := find(t, rows, "plan/tworooms/"+name)
		lo, hi := report.Wilson(6, 6)
		if r.Value != 1 || *r.Lo != lo || *r.Hi != hi {
			t.Errorf("%s = %g [%g, %g], want 1 [%g, %g]", name, r.Value, *r.Lo, *r.Hi, lo, hi)
		}
	}
	for _, word := range []string{"33-px", "4.5 px", "every step", "200 steps"} {
		if note := find(t, rows, "plan/tworooms/success").Note; !strings.Contains(note, word) {
			t.Errorf("the note of success %q does not say %q", note, word)
		}
	}
}

// exact returns the rows that are a pure function of model and config.
func exact(t *testing.T, m *jepa.Model, cfg PlanConfig) []report.Row {
	t.Helper()
	cfg.Episodes, cfg.Latency, cfg.Baseline = 5, -1, -1
	rows, err := Plan(t.Context(), m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestPlanRepeats(t *testing.T) {
	m := tiny(t, nil)
	want := exact(t, m, PlanConfig{Seed: 1, Workers: 1})
	if diff := cmp.Diff(want, exact(t, m, PlanConfig{Seed: 1, Workers: 3}), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("with 3 workers the rows differ (-1 worker +3):\n%s", diff)
	}
	if cmp.Equal(want, exact(t, m, PlanConfig{Seed: 2}), cmpopts.EquateNaNs()) {
		t.Error("seed 2 gives the rows of seed 1")
	}
}

// TestEpisodeSpaces sees that suites, seeds and development draw from spaces of their own.
func TestEpisodeSpaces(t *testing.T) {
	seen := map[tworooms.Point]string{}
	for _, seed := range []uint64{0, 1, 2} {
		for _, dev := range []bool{false, true} {
			p := &planning{cfg: PlanConfig{Seed: seed, Development: dev}, size: 33}
			for _, purpose := range []string{"success", "heldout", "latency"} {
				e := p.evaluation(purpose, 20, tworooms.LayoutRandom)
				if raw := tworooms.NewEpisode(e.Episode, seed, 0).Start(); raw == tworooms.NewEpisode(e.Episode, e.Seed, 0).Start() {
					t.Errorf("%s, seed %d: the seed is used as it is", purpose, seed)
				}
				for i := range e.Episodes {
					s := tworooms.NewEpisode(e.Episode, e.Seed, i).Start()
					if other, dup := seen[s]; dup {
						t.Errorf("%s and %s share an episode", purpose, other)
					}
					seen[s] = purpose
				}
			}
		}
	}
	if len(seen) != 3*2*3*20 {
		t.Errorf("%d episodes, want %d", len(seen), 3*2*3*20)
	}
}

func TestHeldOutIsHeldOut(t *testing.T) {
	p := &planning{cfg: PlanConfig{Seed: 1, Episodes: 40}, size: 33}
	e := p.heldOutEpisodes()
	for i := range e.Episodes {
		if l := tworooms.NewEpisode(e.Episode, e.Seed, i).Layout(); !l.HeldOut() {
			t.Errorf("episode %d: layout %v is one of training", i, l)
		}
	}
}

// TestFloorsMove compares the floors with the published ones: 42.5 % greedy, about 1 % random, oracle 100 %.
func TestFloorsMove(t *testing.T) {
	p := &planning{cfg: PlanConfig{Seed: 1}, size: 33}
	if err := p.floors(t.Context(), "x/", p.evaluation("success", 200, tworooms.LayoutRandom)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]float64{"x/floor/greedy": {0.32, 0.53}, "x/floor/random": {0, 0.03}, "x/oracle": {1, 1}} {
		if r := find(t, p.rows, name); r.Value < want[0] || r.Value > want[1] {
			t.Errorf("%s = %g, want within %v", name, r.Value, want)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*jepa.Config)
		strip  bool
		words  []string
	}{
		"frame size":   {func(c *jepa.Config) { c.Frame.Height, c.Frame.Width = 48, 48 }, false, []string{"48x48x2", "65x65x2", "33x33x2"}},
		"no actions":   {func(c *jepa.Config) { c.ActionDim, c.Displacement.Hidden = 0, nil }, false, []string{"no actions"}},
		"actions":      {func(c *jepa.Config) { c.ActionDim = 3 }, false, []string{"3 values"}},
		"no head":      {func(c *jepa.Config) { c.Displacement.Hidden = nil }, false, []string{"displacement"}},
		"no landmarks": {nil, true, []string{"landmarks"}},
	} {
		m := tiny(t, c.change)
		if c.strip {
			m.SetLandmarks(nil)
		}
		_, err := Plan(t.Context(), m, PlanConfig{Episodes: 1})
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, w := range c.words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %q, want it to say %q", name, err, w)
			}
		}
	}
}

func TestPlanStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cfg := PlanConfig{Episodes: 50, Begun: cancel}
	if _, err := Plan(ctx, tiny(t, nil), cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want that of the context", err)
	}
}

func TestPlanWithAnotherActor(t *testing.T) {
	m := tiny(t, nil)
	m.SetLandmarks(nil)
	actor, err := agent.NewCEM(m, agent.CEMConfig{Search: plan.CEMConfig{Samples: 8, Iterations: 1, Elites: 2}, Horizon: 2, Replan: 2})
	if err != nil {
		t.Fatal(err)
	}
	r := find(t, exact(t, m, PlanConfig{Actor: actor}), "plan/tworooms/success")
	if !strings.Contains(r.Note, "CEM 8 samples") {
		t.Errorf("note %q does not name the planner", r.Note)
	}
}

func TestQuantile(t *testing.T) {
	values := make([]float64, 1000)
	for i := range values {
		values[len(values)-1-i] = float64(i + 1) // 1000 .. 1
	}
	for _, c := range []struct{ q, value, lo, hi float64 }{{0.5, 500, 470, 531}, {0.99, 990, 984, 997}, {1, 1000, 1000, 1000}} {
		r := quantile("x", "ms", values, c.q, "")
		if r.Value != c.value || *r.Lo != c.lo || *r.Hi != c.hi || r.N != 1000 {
			t.Errorf("quantile %g = %g [%g, %g] of %d, want %g [%g, %g] of 1000", c.q, r.Value, *r.Lo, *r.Hi, r.N, c.value, c.lo, c.hi)
		}
	}
	if r := quantile("x", "ms", []float64{3}, 0.99, ""); r.Value != 3 {
		t.Errorf("quantile of one value = %g, want 3", r.Value)
	}
	if r := quantile("x", "ms", nil, 0.5, ""); !math.IsNaN(r.Value) {
		t.Errorf("quantile of nothing = %g, want NaN", r.Value)
	}
}
