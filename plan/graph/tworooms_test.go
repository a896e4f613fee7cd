package graph_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"foresee/env"
	"foresee/env/tworooms"
	"foresee/plan/graph"
)

// landmarks are chosen out of random places, walls included, as a recording of all layouts has them.
func landmarks(t testing.TB, n int) []float32 {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	z := make([]float32, 0, 8000)
	for range 4000 {
		z = append(z, float32((4.05+55.9*r.Float64())/scale), float32((4.05+55.9*r.Float64())/scale))
	}
	l, err := graph.Landmarks(z, 2, n, 7)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// sight is how far off an encoder is, in px: the dot in every frame, wall and door once an episode.
type sight struct{ dot, wall, door float64 }

// agent drives a session with the state that a perfect encoder, or one so far off, would give.
type agent struct {
	p       *graph.Planner
	see     sight
	code    [2]float64 // error of the carried code in this episode
	world   *tworooms.World
	session *graph.Session
	r       *rand.Rand
	goal    []float32
	t       *tally
	step    int
}

type tally struct {
	mu                          sync.Mutex
	first, later                []time.Duration
	firstSteps, steps, failures int
	decisions                   int
}

func (a *agent) Begin(w *tworooms.World, r *rand.Rand) error {
	a.world, a.session, a.r, a.step = w, a.p.Session(), r, 0
	a.code = [2]float64{a.see.wall * r.NormFloat64(), a.see.door * r.NormFloat64()}
	a.goal = a.state(w.Goal())
	return nil
}

func (a *agent) state(p tworooms.Point) []float32 {
	l := a.world.Layout()
	return []float32{float32((p.X + a.see.dot*a.r.NormFloat64()) / scale), float32((p.Y + a.see.dot*a.r.NormFloat64()) / scale),
		float32(float64(l.WallX) + a.code[0]), float32(float64(l.DoorY) + a.code[1])}
}

func (a *agent) Act(env.Observation) ([]float32, error) {
	start := time.Now()
	action, info, err := a.session.Decide(context.Background(), a.state(a.world.Position()), a.goal)
	took := time.Since(start)
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	if a.step == 0 {
		a.t.first = append(a.t.first, took)
		a.t.firstSteps += info.Spent.Steps
	} else {
		a.t.later = append(a.t.later, took)
		a.t.steps += info.Spent.Steps
	}
	if info.Failed {
		a.t.failures++
	}
	a.t.decisions++
	a.step++
	return action, err
}

func run(t testing.TB, m *perfect, see sight, marks, episodes int, cfg graph.Config) (tworooms.Result, *tally, *graph.Planner) {
	t.Helper()
	p, err := graph.New(context.Background(), m, landmarks(t, marks), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ta := &tally{}
	r, err := tworooms.Evaluate(context.Background(), tworooms.Evaluation{Episodes: episodes, Seed: 5, Episode: tworooms.EpisodeConfig{Size: 33}},
		func() (tworooms.Agent, error) { return &agent{p: p, see: see, t: ta}, nil })
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ta.first)
	slices.Sort(ta.later)
	return r, ta, p
}

func (ta *tally) log(t testing.TB, name string, r tworooms.Result, p *graph.Planner) {
	mean, _ := r.MeanReached()
	q := func(d []time.Duration, f float64) time.Duration {
		return d[int(f*float64(len(d)-1))].Round(time.Microsecond)
	}
	n := len(r.Outcomes)
	t.Logf("%-28s final %d/%d ever %d reached in %.1f edges %d first p50 %v (%d steps) later p50 %v p99 %v %.1f steps failures/ep %.2f",
		name, r.Final(), n, r.Ever(), mean, p.Edges(), q(ta.first, .5), ta.firstSteps/n, q(ta.later, .5), q(ta.later, .99),
		float64(ta.steps)/float64(len(ta.later)), float64(ta.failures)/float64(n))
}
