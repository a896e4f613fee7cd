package graph

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"foresee/plan"
)

// Info says what a decision did.
type Info struct {
	Target    int           // landmark steered for, -1 for the goal
	Distance  float64       // to the goal by G, in action units; not reliable far from it
	Value     float64       // cost to go from the target, in steps; 0 for the goal
	Built     bool          // the decision built a graph
	BuildTime time.Duration // what that took, goal edges included
	Chose     bool          // the decision chose a target anew
	Failed    bool          // the last action did not lead where it should
	Spent     Spent         // model work of this decision
}

// Session is one episode of a Planner: the graph of its layout, the target committed to and the
// failures remembered. Sessions of one planner run concurrently; one session does not.
type Session struct {
	p *Planner
	c *caller

	built     bool
	carried   []float32 // [S-D] that the graph was built for
	costs     []float64 // [edges]
	penalties []float64 // [edges] from failures

	goaled    bool
	goal      []float32 // [D]
	goalCosts []float64 // [M] of the edge to the goal, +Inf without one
	v         values
	failures  []failure

	target int
	left   int // steps until the target is given up

	acted        bool
	last, action []float32 // latent and action of the previous decision

	here           []float32 // [failures, A]
	near, order    []ranked
	walks          []walk
	moves          []float32 // [rows, A] displacements that walks point to
	out, tentative []float64
	targets        []int
}

// Session starts an episode.
func (p *Planner) Session() *Session {
	d := p.dims
	return &Session{p: p, c: newCaller(p.model, p.cfg), target: none,
		carried: make([]float32, d.S-d.D), costs: make([]float64, len(p.edges)), penalties: make([]float64, len(p.edges)),
		goal: make([]float32, d.D), goalCosts: make([]float64, p.Landmarks()),
		last: make([]float32, d.D), action: make([]float32, d.A), out: make([]float64, newCaller(p.model, p.cfg).chunk())}
}

// Decide returns the action [A] for a state [S], on the way to a goal state [S] of which only the
// latent is used. Its norm is at most Speed. The slice is the session's until the next call.
//
// The first call builds the graph of the state's carried code; a later one whose code differs by an
// RMS of more than Rebuild builds it anew, a goal whose latent differs solves anew. Between two calls
// the action returned must have been taken once: Decide compares the states to see whether it led
// where it should.
//
// Errors are the model's, the context's, or plan.ErrNoFinitePlan when the state or all candidates are
// not finite; the session forgets its target then and can be asked again.
func (s *Session) Decide(ctx context.Context, state, goalState []float32) (action []float32, info Info, err error) {
	d := s.p.dims
	if len(state) != d.S || len(goalState) != d.S {
		panic(fmt.Sprintf("graph: state of %d and goal state of %d floats, want %d", len(state), len(goalState), d.S))
	}
	s.c.spent = Spent{}
	err = s.decide(ctx, state, goalState, &info)
	info.Spent = s.c.spent
	if err != nil {
		s.acted, s.target, s.goaled = false, none, false
		return nil, info, fmt.Errorf("graph: decide: %w", err)
	}
	return s.action, info, nil
}

func (s *Session) decide(ctx context.Context, state, goalState []float32, info *Info) error {
	d, cfg := s.p.dims, s.p.cfg
	z, goal := state[:d.D], goalState[:d.D]
	if !finite(state) || !finite(goal) {
		return fmt.Errorf("state or goal is not finite: %w", plan.ErrNoFinitePlan)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.prepare(ctx, state, goal, info); err != nil {
		return err
	}
	to, err := s.look(ctx, z)
	if err != nil {
		return err
	}
	info.Distance = norm(to.goal)
	if info.Failed = s.failed(to.moved); info.Failed {
		s.target = none
		if cfg.FailureCost > 0 {
			if err := s.remember(ctx, z); err != nil {
				return err
			}
		}
	}
	if err := s.retarget(ctx, state, to, info); err != nil {
		return err
	}
	return s.steer(z, to, info)
}

// prepare builds the graph and the goal's values where the layout or the goal is new.
func (s *Session) prepare(ctx context.Context, state, goal []float32, info *Info) error {
	d, cfg := s.p.dims, s.p.cfg
	carried := state[d.D:]
	start := time.Now()
	if !s.built || cfg.Rebuild > 0 && rms(carried, s.carried) > cfg.Rebuild {
		s.built, s.goaled, s.target, s.failures = false, false, none, nil
		copy(s.carried, carried)
		clear(s.penalties)
		if err := s.p.build(ctx, s.c, s.carried, s.costs); err != nil {
			return err
		}
		s.built, info.Built = true, true
	}
	if s.goaled && slices.Equal(goal, s.goal) {
		return nil
	}
	copy(s.goal, goal)
	s.target = none
	if err := s.goalEdges(ctx); err != nil {
		return err
	}
	s.v.solve(s.p, s.costs, s.penalties, s.goalCosts)
	s.goaled = true
	if info.Built {
		info.BuildTime = time.Since(start)
	}
	return nil
}

// goalEdges imagines the walks to the goal from the landmarks within GoalRadius of it.
func (s *Session) goalEdges(ctx context.Context) error {
	p, cfg, a := s.p, s.p.cfg, s.p.dims.A
	for i := range s.goalCosts {
		s.goalCosts[i] = math.Inf(1)
	}
	s.near = p.nearest(s.goal, cfg.Near, s.near)
	for n, r := range s.near {
		s.c.pair(n, p.landmark(r.i), s.goal)
	}
	if err := s.c.displace(ctx, len(s.near)); err != nil {
		return err
	}
	s.moves = append(s.moves[:0], s.c.move[:len(s.near)*a]...)
	s.begin()
	for n, r := range s.near {
		by := s.moves[n*a:][:a]
		if length := norm(by); length < cfg.GoalRadius {
			s.add(r.i, walk{p.landmark(r.i), by, s.goal, p.stepsFor(length)}, length)
		}
	}
	for from := 0; from < len(s.walks); from += cfg.Candidates {
		part := s.walks[from:min(from+cfg.Candidates, len(s.walks))]
		if err := s.c.residuals(ctx, s.carried, part, cfg, s.out); err != nil {
			return err
		}
		for n := range part {
			s.goalCosts[s.targets[from+n]] = p.edgeCost(s.tentative[from+n], s.out[n])
		}
	}
	return s.penaliseGoal(ctx)
}

// penaliseGoal makes remembered failures know a new goal.
func (s *Session) penaliseGoal(ctx context.Context) error {
	a := s.p.dims.A
	for n := range s.failures {
		s.c.pair(n, s.failures[n].at, s.goal)
	}
	if err := s.c.displace(ctx, len(s.failures)); err != nil {
		return err
	}
	for n := range s.failures {
		f := &s.failures[n]
		copy(f.goal, s.c.moved(n))
		for i := range s.goalCosts {
			if f.blocks(f.landmarks[i*a:][:a], f.goal, s.p.cfg.FailureRadius) {
				s.goalCosts[i] += s.p.cfg.FailureCost
			}
		}
	}
	return nil
}

func (s *Session) begin() {
	s.walks, s.targets, s.tentative = s.walks[:0], s.targets[:0], s.tentative[:0]
}

func (s *Session) add(target int, w walk, v float64) {
	s.walks, s.targets, s.tentative = append(s.walks, w), append(s.targets, target), append(s.tentative, v)
}

// view is where things lie from the latent at hand; slices of one displacement call.
type view struct {
	goal, target []float32
	moved        []float32 // from the last latent; nil before the first action
	chain        []int     // what follows the target on the path
	ahead        []float32 // [chain, A]
}

// look asks in one small call for everything a committed decision needs.
func (s *Session) look(ctx context.Context, z []float32) (view, error) {
	c, a := s.c, s.p.dims.A
	s.begin()
	at := s.target
	for range s.p.cfg.LookAhead {
		if at < 0 {
			break
		}
		if at = s.v.next[at]; at != none {
			s.targets = append(s.targets, at)
		}
	}
	c.pair(0, z, s.goal)
	c.pair(1, s.last, z)
	c.pair(2, z, s.latent(s.target))
	for n, t := range s.targets {
		c.pair(3+n, z, s.latent(t))
	}
	n := 3 + len(s.targets)
	if err := c.displace(ctx, n); err != nil {
		return view{}, err
	}
	s.moves = append(s.moves[:0], c.move[:n*a]...)
	v := view{goal: s.moves[:a], target: s.moves[2*a : 3*a], chain: s.targets, ahead: s.moves[3*a:]}
	if s.acted {
		v.moved = s.moves[a : 2*a]
	}
	return v, nil
}

func (s *Session) latent(target int) []float32 {
	if target < 0 {
		return s.goal
	}
	return s.p.landmark(target)
}

// failed reports whether the last action made less than FailureProgress of its way.
func (s *Session) failed(moved []float32) bool {
	length := norm(s.action)
	if moved == nil || length <= s.p.cfg.FailureAction {
		return false
	}
	return dot(moved, s.action)/length < s.p.cfg.FailureProgress*length
}

// retarget keeps the target, moves on along the path, or chooses anew.
func (s *Session) retarget(ctx context.Context, state []float32, to view, info *Info) error {
	cfg := s.p.cfg
	if norm(to.goal) < cfg.GoalNear {
		s.commit(toGoal, norm(to.goal))
		return nil
	}
	if cfg.NoCommit {
		s.target = none
	}
	s.left--
	if s.target >= 0 && norm(to.target) < cfg.Arrive {
		if err := s.advance(ctx, state[:s.p.dims.D], to); err != nil {
			return err
		}
	} else if s.left < 0 {
		s.target = none
	}
	if s.target != none {
		return nil
	}
	info.Chose = true
	return s.choose(ctx, state[:s.p.dims.D], to)
}

func (s *Session) commit(target int, distance float64) {
	s.target = target
	s.left = int(math.Ceil(distance/s.p.cfg.Speed)) + s.p.cfg.Patience
}

// advance commits to the farthest of the landmarks ahead that an imagined straight walk reaches, or
// to the first.
func (s *Session) advance(ctx context.Context, z []float32, to view) error {
	p, a := s.p, s.p.dims.A
	if len(to.chain) == 0 {
		s.target = none
		return nil
	}
	s.walks = s.walks[:0]
	for n, t := range to.chain {
		by := to.ahead[n*a:][:a]
		s.walks = append(s.walks, walk{z, by, s.latent(t), p.stepsFor(norm(by))})
	}
	if len(s.walks) > 1 {
		if err := s.c.residuals(ctx, s.carried, s.walks, p.cfg, s.out); err != nil {
			return err
		}
		if err := s.locate(ctx, z); err != nil {
			return err
		}
	}
	n := len(to.chain) - 1
	for ; n > 0; n-- {
		length := norm(s.walks[n].by)
		if length <= float64(s.walks[n].steps)*p.cfg.Speed*1.0001 && s.out[n] < p.cfg.Slack && s.penalty(to.chain[n]) == 0 {
			break
		}
	}
	s.commit(to.chain[n], norm(s.walks[n].by))
	copy(to.target, s.walks[n].by)
	return nil
}

// choose commits to the landmark or goal of least cost: the walk there, imagined, and its value.
func (s *Session) choose(ctx context.Context, z []float32, to view) error {
	p, cfg, a := s.p, s.p.cfg, s.p.dims.A
	s.near = p.nearest(z, cfg.Near, s.near)
	for n, r := range s.near {
		s.c.pair(n, z, p.landmark(r.i))
	}
	if err := s.c.displace(ctx, len(s.near)); err != nil {
		return err
	}
	goal := clone32(to.goal)
	s.moves = append(s.moves[:0], s.c.move[:len(s.near)*a]...)
	s.order = s.order[:0]
	for n := range s.near { // rank by what each would cost if the way were free
		length := norm(s.moves[n*a:][:a])
		far := max(0, length-cfg.Radius) // those beyond Radius come last, the nearest of them first
		s.order = append(s.order, ranked{n, length/cfg.Speed + s.v.cost[s.near[n].i] + 1e6*far})
	}
	sortRanked(s.order)
	s.begin()
	if length := norm(goal); length < cfg.GoalRadius {
		s.add(toGoal, walk{z, goal, s.goal, p.stepsFor(length)}, length)
	}
	for k, r := range s.order {
		i, by := s.near[r.i].i, s.moves[r.i*a:][:a]
		length := norm(by)
		if len(s.walks) == cfg.Candidates || length >= cfg.Radius && k >= 4 {
			break
		}
		s.add(i, walk{z, by, p.landmark(i), p.stepsFor(length)}, length)
	}
	if err := s.c.residuals(ctx, s.carried, s.walks, cfg, s.out); err != nil {
		return err
	}
	if err := s.locate(ctx, z); err != nil {
		return err
	}
	best, bestCost := -1, math.Inf(1)
	for n, t := range s.targets {
		cost := p.edgeCost(s.tentative[n], s.out[n]) + s.penalty(t)
		if t != toGoal {
			cost += s.v.cost[t]
		}
		if cost < bestCost {
			best, bestCost = n, cost
		}
	}
	if best < 0 {
		return fmt.Errorf("%d candidates: %w", len(s.targets), plan.ErrNoFinitePlan)
	}
	s.commit(s.targets[best], norm(s.walks[best].by))
	copy(to.target, s.walks[best].by)
	return nil
}

// steer writes the action towards the target, at most Speed long.
func (s *Session) steer(z []float32, to view, info *Info) error {
	by := to.target
	info.Target = s.target
	if s.target == toGoal && !info.Chose {
		by = to.goal
	}
	if s.target >= 0 {
		info.Value = s.v.cost[s.target]
	}
	length := norm(by)
	if math.IsNaN(length) || math.IsInf(length, 0) {
		return fmt.Errorf("displacement to the target is not finite: %w", plan.ErrNoFinitePlan)
	}
	scale := float32(1)
	if length > s.p.cfg.Speed {
		scale = float32(s.p.cfg.Speed / length)
	}
	for i, v := range by {
		s.action[i] = v * scale
	}
	copy(s.last, z)
	s.acted = true
	return nil
}

func finite(v []float32) bool {
	for _, x := range v {
		if x-x != 0 {
			return false
		}
	}
	return true
}

func rms(a, b []float32) float64 {
	if len(a) == 0 {
		return 0
	}
	return math.Sqrt(float64(squared(a, b)) / float64(len(a)))
}
