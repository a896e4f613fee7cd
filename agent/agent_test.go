package agent

import (
	"context"
	"errors"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"foresee/env"
	"foresee/jepa"
	"foresee/plan"
)

// actors are the ways of planning over one tiny model.
func actors(t *testing.T) (*jepa.Model, map[string]*Actor) {
	t.Helper()
	m := withLandmarks(tiny(t, nil), 12)
	landmark, err := NewLandmark(t.Context(), m, LandmarkConfig{})
	if err != nil {
		t.Fatal(err)
	}
	cem, err := NewCEM(m, CEMConfig{Search: plan.CEMConfig{Samples: 16, Iterations: 3, Elites: 4}, Horizon: 6, Replan: 2, MaxNorm: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m, map[string]*Actor{"landmark": landmark, "cem": cem}
}

// TestPackageImportsNoWorld is the promise of the package comment: what cannot be imported cannot be peeked at.
func TestPackageImportsNoWorld(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		read++
		for _, i := range parsed.Imports {
			if strings.HasPrefix(i.Path.Value, `"foresee/env/`) {
				t.Errorf("%s imports %s", f.Name(), i.Path.Value)
			}
		}
	}
	if read < 5 {
		t.Errorf("read %d files, want at least 5", read)
	}
}

func TestSameEpisodeSameActions(t *testing.T) {
	m, all := actors(t)
	for name, a := range all {
		first, err := a.NewAgent()
		if err != nil {
			t.Fatal(err)
		}
		want := live(t, m, first, 7, 9)
		other := live(t, m, first, 8, 9)
		if slices.Equal(want, other) {
			t.Errorf("%s: two episodes, the same actions", name)
		}
		if again := live(t, m, first, 7, 9); !slices.Equal(again, want) {
			t.Errorf("%s: the episode again: actions %v, want %v", name, again, want)
		}
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				g, err := a.NewAgent()
				if err != nil {
					t.Error(err)
					return
				}
				if got := live(t, m, g, 7, 9); !slices.Equal(got, want) {
					t.Errorf("%s: beside others: actions %v, want %v", name, got, want)
				}
			})
		}
		group.Wait()
	}
}

func TestDecisionsAreRecorded(t *testing.T) {
	m, all := actors(t)
	for name, a := range all {
		if err := a.WarmUp(t.Context(), spec(m, 9)); err != nil {
			t.Fatal(err)
		}
		g, err := a.NewAgent()
		if err != nil {
			t.Fatal(err)
		}
		live(t, m, g, 1, 5)
		live(t, m, g, 2, 4)
		d := g.Decisions()
		if len(d) != 9 {
			t.Fatalf("%s: %d decisions, want 9", name, len(d))
		}
		for i, v := range d {
			if v.First != (i == 0 || i == 5) {
				t.Errorf("%s: decision %d: first is %v", name, i, v.First)
			}
			if v.Time <= 0 {
				t.Errorf("%s: decision %d took %v", name, i, v.Time)
			}
		}
		if d[0].ModelSteps <= 0 || 2*d[5].ModelSteps < d[0].ModelSteps { // a new episode is planned from nothing
			t.Errorf("%s: first decisions of %d and %d model steps, want about the same", name, d[0].ModelSteps, d[5].ModelSteps)
		}
	}
}

func TestCEMSpendsWhatItSaysAndKeepsTheNorm(t *testing.T) {
	m, all := actors(t)
	g, err := all["cem"].NewAgent()
	if err != nil {
		t.Fatal(err)
	}
	actions := live(t, m, g, 3, 9)
	for i := 0; i < len(actions); i += 2 {
		if n := math.Hypot(float64(actions[i]), float64(actions[i+1])); n > 1+1e-5 {
			t.Errorf("action %d has norm %g, want at most 1", i/2, n)
		}
	}
	// 16 samples x 3 iterations x horizon 6, every second step, cut at the end of the 9 steps
	want := []int{288, 0, 288, 0, 240, 0, 144, 0, 48}
	for i, d := range g.Decisions() {
		if d.ModelSteps != want[i] {
			t.Errorf("decision %d: %d model steps, want %d", i, d.ModelSteps, want[i])
		}
	}
}

func TestCEMDrawsDependOnTheEpisode(t *testing.T) {
	m, all := actors(t)
	g, err := all["cem"].NewAgent()
	if err != nil {
		t.Fatal(err)
	}
	act := func(seed uint64) []float32 {
		if err := g.Begin(Task{Spec: spec(m, 9), Goal: frame(m, 1)}, rand.New(rand.NewPCG(seed, 1))); err != nil {
			t.Fatal(err)
		}
		a, err := g.Act(t.Context(), env.Observation{Pixels: frame(m, 2)})
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(a)
	}
	a, b, c := act(1), act(2), act(1)
	if slices.Equal(a, b) {
		t.Errorf("two seeds, the same action %v", a)
	}
	if !slices.Equal(a, c) {
		t.Errorf("one seed, actions %v and %v", a, c)
	}
}

// TestStateEstimate compares the state with what its parts should be.
func TestStateEstimate(t *testing.T) {
	m := withLandmarks(tiny(t, func(c *jepa.Config) { c.Predictor.Context = 2 }), 4)
	cem, err := NewCEM(m, CEMConfig{Search: plan.CEMConfig{Samples: 4, Iterations: 1, Elites: 2}, Horizon: 1})
	if err != nil {
		t.Fatal(err)
	}
	g, err := cem.NewAgent()
	if err != nil {
		t.Fatal(err)
	}
	frames := [][]uint8{frame(m, 1), frame(m, 2), frame(m, 3), frame(m, 4)} // the goal, then observations
	codes := make([][]float32, len(frames))
	for i, f := range frames {
		codes[i] = make([]float32, 7)
		if err := m.Encode(t.Context(), 1, f, codes[i]); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second episode must know nothing of the first
		if err := g.Begin(Task{Spec: spec(m, 9), Goal: frames[0]}, rand.New(rand.NewPCG(1, 1))); err != nil {
			t.Fatal(err)
		}
		for i, f := range frames[1:] {
			if _, err := g.Act(t.Context(), env.Observation{Pixels: f}); err != nil {
				t.Fatal(err)
			}
			now, before := codes[i+1], codes[max(1, i)]
			want := slices.Concat(now[:4], before[:4], make([]float32, 3))
			for k := range 3 {
				for _, c := range codes[:i+2] {
					want[8+k] += c[4+k] / float32(i+2)
				}
			}
			near(t, i, g.state, want)
		}
	}
}

func TestMistakesAreNamed(t *testing.T) {
	m, all := actors(t)
	check := func(what string, err error, words ...string) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: no error", what)
			return
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %q, want it to say %q", what, err, w)
			}
		}
	}
	_, err := NewLandmark(t.Context(), tiny(t, nil), LandmarkConfig{})
	check("no landmarks", err, "landmarks")
	_, err = NewLandmark(t.Context(), tiny(t, func(c *jepa.Config) { c.Displacement.Hidden = nil }), LandmarkConfig{})
	check("no head", err, "displacement")
	_, err = NewCEM(m, CEMConfig{Horizon: 2, Replan: 3})
	check("CEM config", err, "3 of 2")
	g, err := all["landmark"].NewAgent()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	_, err = g.Act(t.Context(), env.Observation{Pixels: frame(m, 1)})
	check("no episode", err, "Begin")
	s := spec(m, 9)
	s.Height = 65
	check("frame size", g.Begin(Task{Spec: s, Goal: frame(m, 1)}, r), "65x33x2", "33x33x2")
	s = spec(m, 9)
	s.Action.Low = []float32{0}
	check("actions", g.Begin(Task{Spec: s, Goal: frame(m, 1)}, r), "1 values")
	check("goal", g.Begin(Task{Spec: spec(m, 9), Goal: frame(m, 1)[1:]}, r), "2177")
	if err := g.Begin(Task{Spec: spec(m, 9), Goal: frame(m, 1)}, r); err != nil {
		t.Fatal(err)
	}
	_, err = g.Act(t.Context(), env.Observation{Pixels: frame(m, 1)[1:]})
	check("observation", err, "2177")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Act(ctx, env.Observation{Pixels: frame(m, 1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled decision returns %v", err)
	}
}
