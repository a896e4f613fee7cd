package graph

import (
	"errors"
	"fmt"
	"math"
)

// Config configures a Planner. Lengths are in action units, costs in steps; zero means the default.
// A negative LookAhead, FailureCost or Rebuild switches that part off.
type Config struct {
	Radius     float64 `json:"radius"`      // longest edge between landmarks; 7
	GoalRadius float64 `json:"goal_radius"` // longest edge to the goal; 10
	Speed      float64 `json:"speed"`       // longest action; 1.2

	EdgeCost float64 `json:"edge_cost"` // of any edge, beside its length / Speed; 0.3
	Slack    float64 `json:"slack"`     // residual that costs nothing; 0.4
	Penalty  float64 `json:"penalty"`   // for each unit of residual beyond Slack; 100
	OneWay   bool    `json:"one_way"`   // imagine edges in one direction and take it for both
	Prune    float64 `json:"prune"`     // drop edges that a detour over one landmark lengthens by less than this share; 0 drops none

	Arrive    float64 `json:"arrive"`     // distance at which a landmark counts as reached; 0.8
	GoalNear  float64 `json:"goal_near"`  // distance at which nothing but the goal counts; 0.5
	LookAhead int     `json:"look_ahead"` // landmarks of the path that may be skipped to; 3
	Patience  int     `json:"patience"`   // steps beyond distance / Speed until a target is given up; 4
	NoCommit  bool    `json:"no_commit"`  // choose a target at every step, for comparison

	FailureProgress float64 `json:"failure_progress"` // share of an action below which it failed; 0.4
	FailureAction   float64 `json:"failure_action"`   // shorter actions are not judged; 0.5
	FailureRadius   float64 `json:"failure_radius"`   // of the segments a failure makes costly; 2.5
	FailureCost     float64 `json:"failure_cost"`     // added to them; 40

	Rebuild    float64 `json:"rebuild"`    // RMS change of the carried code that makes a new graph; 1
	Near       int     `json:"near"`       // landmarks considered around a latent; 64
	Candidates int     `json:"candidates"` // rows of a decision's rollout; 32
	Chunk      int     `json:"chunk"`      // rows of a rollout when a graph is built; 256
}

// Fast is the configuration for first decisions within tens of milliseconds: edges tried in one
// direction at a higher speed with more slack, longer ones so that 150 landmarks do, and without those
// that a short detour replaces.
func Fast() Config { return Config{Radius: 8, Speed: 1.6, Slack: 0.6, OneWay: true, Prune: 0.2} }

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		v   *float64
		def float64
	}{
		{&c.Radius, 7}, {&c.GoalRadius, 10}, {&c.Speed, 1.2}, {&c.EdgeCost, 0.3}, {&c.Slack, 0.4}, {&c.Penalty, 100},
		{&c.Arrive, 0.8}, {&c.GoalNear, 0.5}, {&c.FailureProgress, 0.4}, {&c.FailureAction, 0.5},
		{&c.FailureRadius, 2.5}, {&c.FailureCost, 40}, {&c.Rebuild, 1},
	} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	for _, d := range []struct {
		v   *int
		def int
	}{{&c.LookAhead, 3}, {&c.Patience, 4}, {&c.Near, 64}, {&c.Candidates, 32}, {&c.Chunk, 256}} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	c.LookAhead = min(max(c.LookAhead, 0), smallRows-3)
	c.FailureCost = max(c.FailureCost, 0)
	return c
}

// Validate reports all faults.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	for name, v := range map[string]float64{"radius": c.Radius, "goal_radius": c.GoalRadius, "speed": c.Speed,
		"edge_cost": c.EdgeCost, "slack": c.Slack, "penalty": c.Penalty, "arrive": c.Arrive, "goal_near": c.GoalNear,
		"failure_progress": c.FailureProgress, "failure_action": c.FailureAction, "failure_radius": c.FailureRadius} {
		if !(v > 0) || math.IsInf(v, 0) {
			errs = append(errs, fmt.Errorf("graph: %s is %g, want > 0", name, v))
		}
	}
	if !(c.Prune >= 0) || math.IsNaN(c.FailureCost) || math.IsNaN(c.Rebuild) {
		errs = append(errs, fmt.Errorf("graph: prune %g, failure_cost %g, rebuild %g", c.Prune, c.FailureCost, c.Rebuild))
	}
	if c.Near < 1 || c.Candidates < 2 || c.Chunk < 1 || c.Patience < 0 {
		errs = append(errs, fmt.Errorf("graph: near %d, candidates %d, chunk %d, patience %d", c.Near, c.Candidates, c.Chunk, c.Patience))
	}
	if c.maxSteps() > 64 {
		errs = append(errs, fmt.Errorf("graph: an edge of %d steps, want <= 64: radius and goal_radius are too large for speed", c.maxSteps()))
	}
	return errors.Join(errs...)
}

// maxSteps is the number of steps of the longest edge, 9 by default.
func (c Config) maxSteps() int { return int(math.Ceil(max(c.Radius, c.GoalRadius)/c.Speed - 1e-9)) }
