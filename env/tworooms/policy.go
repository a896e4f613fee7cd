package tworooms

import (
	"math"
	"math/rand/v2"

	"foresee/env"
)

// Agent acts in episodes, one after the other. Evaluate calls it from one goroutine.
type Agent interface {
	// Begin prepares for an episode that has just started. What the agent does in it may depend on nothing but the
	// world and r, a generator of this episode's own, so that results do not depend on the order of episodes. A learnt
	// agent takes only Spec, Observation and GoalPixels from w; the floors below and the oracle look at positions.
	Begin(w *World, r *rand.Rand) error
	// Act returns the action for the latest observation, 2 values in px. The slice may be reused by the next call.
	Act(o env.Observation) ([]float32, error)
}

// DefaultSpeed is the px a step at which Greedy and Oracle move.
const DefaultSpeed = 1.8

// policy is an agent that is told everything.
type policy struct {
	next   func(w *World, r *rand.Rand) func() Point
	world  *World
	act    func() Point
	action [2]float32
}

func (p *policy) Begin(w *World, r *rand.Rand) error {
	p.world, p.act = w, p.next(w, r)
	return nil
}

func (p *policy) Act(env.Observation) ([]float32, error) {
	a := p.act()
	p.action = [2]float32{float32(a.X), float32(a.Y)}
	return p.action[:], nil
}

// Zero returns the agent that never moves: success 0 %.
func Zero() Agent {
	return &policy{next: func(*World, *rand.Rand) func() Point {
		return func() Point { return Point{} }
	}}
}

// Uniform returns the agent whose actions are uniform in the box of ±2.45: below 1 % at the end; 2 % come within 4.5 px.
func Uniform() Agent {
	return &policy{next: func(_ *World, r *rand.Rand) func() Point {
		return func() Point {
			return Point{uniform(r, -MaxAction, MaxAction), uniform(r, -MaxAction, MaxAction)}
		}
	}}
}

// DataWalk returns the agent that walks as the free training trajectories do: below 1 %; 6 % come within 4.5 px.
func DataWalk() Agent {
	return &policy{next: func(_ *World, r *rand.Rand) func() Point {
		steps := stepWalk{r: r, heading: uniform(r, 0, 2*math.Pi)}
		return steps.next
	}}
}

// Greedy returns the agent that goes straight at the goal, 1.8 px a step, and bounces off what is between: 42.5 %
// on random layouts, 42 % on 32/18. A planner that does no better has not learnt the wall.
func Greedy() Agent {
	return &policy{next: func(w *World, _ *rand.Rand) func() Point {
		return func() Point { return towards(w.dot, w.goal, DefaultSpeed) }
	}}
}

// Oracle returns the agent that knows the door, 1.8 px a step: from the other room first to 2 px before the door,
// once level with it (within 2 px) through to 3 px behind it, then to the goal: 100 %, within 4.5 px after 24.5 steps
// on average.
func Oracle() Agent {
	return &policy{next: func(w *World, _ *rand.Rand) func() Point {
		return func() Point { return towards(w.dot, waypoint(w.layout, w.dot, w.goal), DefaultSpeed) }
	}}
}

// waypoint returns where the oracle goes next.
func waypoint(l Layout, p, goal Point) Point {
	wall, door := float64(l.WallX), float64(l.DoorY)
	side := 1.0 // the goal's side of the wall
	if goal.X < wall {
		side = -1
	}
	switch beyond := side * (p.X - wall); {
	case beyond > wallHalf:
		return goal
	case math.Abs(p.Y-door) > 2:
		return Point{wall - 3*side, door}
	}
	return Point{wall + 4*side, door}
}

// towards returns the step of at most speed px from p to target.
func towards(p, target Point, speed float64) Point {
	d := target.Sub(p)
	if n := math.Hypot(d.X, d.Y); n > speed {
		return d.Scale(speed / n)
	}
	return d
}
