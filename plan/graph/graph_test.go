package graph_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"foresee/plan"
	"foresee/plan/graph"

	"github.com/google/go-cmp/cmp"
)

func open(t testing.TB, m graph.Model, marks int, cfg graph.Config) *graph.Planner {
	t.Helper()
	p, err := graph.New(context.Background(), m, landmarks(t, marks), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func at(x, y, wall, door float64) []float32 {
	return []float32{float32(x / scale), float32(y / scale), float32(wall), float32(door)}
}

// drive lets a session act n times in the model's own world and returns where it got to.
func drive(t testing.TB, s *graph.Session, w room, x, y float64, goal []float32, n int) (float64, float64, []graph.Info) {
	t.Helper()
	var infos []graph.Info
	for range n {
		a, info, err := s.Decide(context.Background(), at(x, y, w.wall, w.door), goal)
		if err != nil {
			t.Fatal(err)
		}
		infos = append(infos, info)
		x, y = w.move(x, y, float64(a[0]), float64(a[1]))
	}
	return x, y, infos
}

func TestSessionBuildsOnceAndSpendsLittleAfter(t *testing.T) {
	m := newPerfect(0, 0)
	p := open(t, m, 150, graph.Fast())
	w := room{32, 18}
	before := m.steps.Load()
	x, y, infos := drive(t, p.Session(), w, 10, 50, at(55, 50, 32, 18), 60)
	if d := math.Hypot(x-55, y-50); d > 0.1 {
		t.Errorf("ends %.2f px from the goal, want <= 0.1", d)
	}
	var total graph.Spent
	for i, info := range infos {
		if info.Built != (i == 0) {
			t.Errorf("decision %d: built = %v", i, info.Built)
		}
		if i > 0 && (info.Spent.Steps > 32*9 || info.Spent.Rows > 8+64+32+64) {
			t.Errorf("decision %d spends %+v", i, info.Spent)
		}
		total.Steps += info.Spent.Steps
		total.Rows += info.Spent.Rows
	}
	if got := int(m.steps.Load() - before); got != total.Steps {
		t.Errorf("infos count %d world-model steps, the model %d", total.Steps, got)
	}
	if infos[0].Spent.Steps > 5000 || infos[0].Spent.Steps < 1000 {
		t.Errorf("the first decision takes %d world-model steps, want 1000 to 5000", infos[0].Spent.Steps)
	}
	if infos[0].BuildTime <= 0 || infos[1].BuildTime != 0 {
		t.Errorf("build times %v, %v", infos[0].BuildTime, infos[1].BuildTime)
	}
	if last := infos[59]; last.Target != -1 || last.Value != 0 || last.Distance > 0.1 {
		t.Errorf("last decision %+v", last)
	}
}

func TestNewLayoutAndNewGoal(t *testing.T) {
	p := open(t, newPerfect(0, 0), 150, graph.Config{})
	s := p.Session()
	x, y, _ := drive(t, s, room{32, 18}, 10, 50, at(55, 50, 32, 18), 80)
	x, y, infos := drive(t, s, room{32, 18}, x, y, at(10, 10, 32, 18), 80) // back, same graph
	if d := math.Hypot(x-10, y-10); infos[0].Built || d > 0.1 {
		t.Errorf("new goal: built %v, ends %.2f from it", infos[0].Built, d)
	}
	x, y, infos = drive(t, s, room{24, 50}, x, y, at(55, 10, 0, 0), 110) // the goal's code does not matter
	if d := math.Hypot(x-55, y-10); !infos[0].Built || infos[1].Built || d > 0.1 {
		t.Errorf("new layout: built %v then %v, ends %.2f from the goal", infos[0].Built, infos[1].Built, d)
	}
	small := open(t, newPerfect(0, 0), 150, graph.Config{Rebuild: -1}).Session()
	drive(t, small, room{32, 18}, 10, 50, at(55, 50, 32, 18), 1)
	if _, _, infos = drive(t, small, room{24, 50}, 10, 50, at(55, 50, 24, 50), 1); infos[0].Built {
		t.Error("a session that never rebuilds did")
	}
}

// record is everything a session answers in an episode.
func record(t testing.TB, p *graph.Planner, seed uint64) [][2]float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	w := room{float64(20 + r.IntN(25)), float64(10 + r.IntN(45))}
	x, y := 8+8*r.Float64(), 8+48*r.Float64()
	goal := at(48+8*r.Float64(), 8+48*r.Float64(), w.wall, w.door)
	s := p.Session()
	var out [][2]float32
	for range 60 {
		a, _, err := s.Decide(context.Background(), at(x, y, w.wall, w.door), goal)
		if err != nil {
			t.Error(err)
			return nil
		}
		out = append(out, [2]float32{a[0], a[1]})
		x, y = w.move(x, y, float64(a[0]), float64(a[1]))
	}
	return out
}

func TestConcurrentSessionsActAsAlone(t *testing.T) {
	p := open(t, newPerfect(0.1, 0.1), 100, graph.Config{})
	const n = 6
	var alone, together [n][][2]float32
	for i := range n {
		alone[i] = record(t, p, uint64(i))
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { together[i] = record(t, p, uint64(i)) })
	}
	wg.Wait()
	if d := cmp.Diff(alone, together); d != "" {
		t.Errorf("sessions together differ from alone:\n%s", d)
	}
	if len(alone[0]) != 60 || slices.Equal(alone[0], alone[1]) {
		t.Error("the episodes show nothing")
	}
}

func TestActionsKeepTheSpeed(t *testing.T) {
	for _, speed := range []float64{0.7, 1.2, 1.8} {
		p := open(t, newPerfect(0.1, 0.1), 150, graph.Config{Speed: speed})
		for _, a := range record(t, p, 3) {
			if n := math.Hypot(float64(a[0]), float64(a[1])); n > speed*(1+1e-6) {
				t.Fatalf("action of norm %g, want <= %g", n, speed)
			}
		}
	}
}

// shapes records which model calls are made.
type shapes struct {
	*perfect
	rollouts map[plan.Shape]int
	rows     map[int]int
}

func (m *shapes) Rollout(ctx context.Context, s plan.Shape, a, b, c []float32) error {
	m.rollouts[s]++
	return m.perfect.Rollout(ctx, s, a, b, c)
}

func (m *shapes) Displacement(ctx context.Context, n int, a, b, c []float32) error {
	m.rows[n]++
	return m.perfect.Displacement(ctx, n, a, b, c)
}

func TestWarmCoversAllShapes(t *testing.T) {
	m := &shapes{newPerfect(0.2, 0.2), map[plan.Shape]int{}, map[int]int{}}
	p := open(t, m, 150, graph.Config{})
	if err := p.Warm(context.Background()); err != nil {
		t.Fatal(err)
	}
	rollouts, rows := len(m.rollouts), len(m.rows)
	if rollouts > 12 || rows > 4 {
		t.Errorf("%d rollout and %d displacement shapes, want at most 12 and 4", rollouts, rows)
	}
	for seed := range uint64(5) {
		record(t, p, seed)
	}
	if len(m.rollouts) != rollouts || len(m.rows) != rows {
		t.Errorf("episodes used shapes that Warm did not: %v %v", m.rollouts, m.rows)
	}
}

// sick is a perfect model that answers NaN to everything, or only to displacements of over 3 px.
type sick struct {
	*perfect
	all bool
}

func (m sick) Displacement(ctx context.Context, n int, from, to, actions []float32) error {
	err := m.perfect.Displacement(ctx, n, from, to, actions)
	for i := 0; i < 2*n; i += 2 {
		if m.all || math.Hypot(float64(actions[i]), float64(actions[i+1])) > 20 {
			actions[i] = float32(math.NaN())
		}
	}
	return err
}

func TestNaN(t *testing.T) {
	good := newPerfect(0, 0)
	p := open(t, sick{good, true}, 50, graph.Config{})
	if p.Edges() != 0 {
		t.Errorf("a NaN model gives %d edges", p.Edges())
	}
	_, _, err := p.Session().Decide(context.Background(), at(10, 10, 32, 18), at(20, 10, 32, 18))
	if !errors.Is(err, plan.ErrNoFinitePlan) {
		t.Errorf("a NaN model gives error %v", err)
	}
	if x, y, _ := drive(t, open(t, sick{good, false}, 150, graph.Config{}).Session(), room{32, 18}, 10, 50, at(55, 50, 32, 18), 80); math.Hypot(x-55, y-50) > 0.1 {
		t.Errorf("NaN for far displacements: ends at (%.1f, %.1f), want (55, 50)", x, y)
	}
	s := open(t, good, 50, graph.Config{}).Session()
	bad := at(math.NaN(), 10, 32, 18)
	if _, _, err := s.Decide(context.Background(), bad, at(20, 10, 32, 18)); !errors.Is(err, plan.ErrNoFinitePlan) {
		t.Errorf("a NaN state gives error %v", err)
	}
	if _, _, err := s.Decide(context.Background(), at(10, 10, 32, 18), at(20, 10, 32, 18)); err != nil {
		t.Errorf("after a NaN state: %v", err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	m := newPerfect(0, 0)
	if _, err := graph.New(ctx, m, landmarks(t, 50), graph.Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("New: %v", err)
	}
	p := open(t, m, 50, graph.Config{})
	calls := m.calls.Load()
	if _, _, err := p.Session().Decide(ctx, at(10, 10, 32, 18), at(20, 10, 32, 18)); !errors.Is(err, context.Canceled) {
		t.Errorf("Decide: %v", err)
	}
	if m.calls.Load() != calls {
		t.Error("a cancelled decision called the model")
	}
}

func TestConfigFaults(t *testing.T) {
	err := graph.Config{Radius: -1, Slack: math.NaN(), Patience: -1, Speed: 0.1}.Validate()
	for _, want := range []string{"radius is -1", "slack is NaN", "patience -1", "100 steps"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
	for name, c := range map[string]graph.Config{"zero": {}, "fast": graph.Fast()} {
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLandmarks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	x := make([]float32, 3*2000)
	for i := range x {
		x[i] = r.Float32()
	}
	l, err := graph.Landmarks(x, 3, 60, 5)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := graph.Landmarks(x, 3, 60, 5)
	other, _ := graph.Landmarks(x, 3, 60, 6)
	if !slices.Equal(l, again) || slices.Equal(l, other) {
		t.Error("landmarks do not depend on the seed, or on more than it")
	}
	// They cover: the farthest remembered latent is much nearer than with 60 random ones.
	if got, random := cover(x, l), cover(x, x[:180]); got > 0.8*random {
		t.Errorf("farthest latent is %.3f from a landmark, %.3f from random ones", got, random)
	}
	if _, err := graph.Landmarks(x, 3, 2001, 5); err == nil {
		t.Error("more landmarks than latents: no error")
	}
	x[7] = float32(math.Inf(1))
	if _, err := graph.Landmarks(x, 3, 60, 5); err == nil || !strings.Contains(err.Error(), "latent 2 ") {
		t.Errorf("an infinite latent: %v", err)
	}
	same, err := graph.Landmarks(make([]float32, 12), 3, 4, 1)
	if err != nil || slices.Max(same) != 0 {
		t.Errorf("equal latents: %v, %v", same, err)
	}
}

func cover(x, l []float32) (worst float64) {
	for i := 0; i < len(x); i += 3 {
		best := math.Inf(1)
		for j := 0; j < len(l); j += 3 {
			var sq float64
			for k := range 3 {
				d := float64(x[i+k] - l[j+k])
				sq += d * d
			}
			best = min(best, sq)
		}
		worst = max(worst, best)
	}
	return math.Sqrt(worst)
}

func TestSessionAllocatesNothingWhileCommitted(t *testing.T) {
	p := open(t, newPerfect(0, 0), 150, graph.Config{})
	s := p.Session()
	goal := at(30, 30, 60, 18) // no wall between
	x, y := 10.0, 10.0
	allocs := testing.AllocsPerRun(30, func() {
		a, _, err := s.Decide(context.Background(), at(x, y, 60, 18), goal)
		if err != nil {
			t.Fatal(err)
		}
		x, y = x+0.5*float64(a[0]), y+0.5*float64(a[1])
	})
	if allocs > 2 { // the state of each call is the test's own
		t.Errorf("a decision allocates %g times, want at most 2", allocs)
	}
}

func TestFailureMemoryFindsTheDoorOfAnUnknownWall(t *testing.T) {
	// The model knows no wall at all; the world has one between start and goal.
	world, believed := room{32, 30}, room{1000, 0}
	walk := func(cfg graph.Config) (distance float64, failures int) {
		s := open(t, newPerfect(0, 0), 150, cfg).Session()
		x, y := 20.0, 50.0
		goal := at(45, 50, believed.wall, believed.door)
		for range 200 {
			a, info, err := s.Decide(context.Background(), at(x, y, believed.wall, believed.door), goal)
			if err != nil {
				t.Fatal(err)
			}
			if info.Failed {
				failures++
			}
			x, y = world.move(x, y, float64(a[0]), float64(a[1]))
		}
		return math.Hypot(x-45, y-50), failures
	}
	if d, n := walk(graph.Config{}); d > 0.5 || n < 2 {
		t.Errorf("with failure memory: %.2f px from the goal after %d failures, want <= 0.5 after >= 2", d, n)
	}
	if d, n := walk(graph.Config{FailureCost: -1}); d < 5 || n < 50 {
		t.Errorf("without: %.2f px from the goal after %d failures, want >= 5 after >= 50", d, n)
	}
}
