package agent

import (
	"context"
	"fmt"

	"foresee/jepa"
	"foresee/plan"
	"foresee/plan/cost"
)

// CEMConfig describes planning by the cross-entropy method with a receding
// horizon. The zero value is EB-JEPA's published search: 200 samples, 20
// iterations, 20 elites, horizon 90, replanned after every step.
type CEMConfig struct {
	Search plan.CEMConfig
	// Horizon is the planned steps, 0 means 90; Replan how many of them are executed, 0 means 1.
	Horizon, Replan int
	// WarmStart starts a search from the rest of the last plan; the published one starts from 0.
	WarmStart bool
	// MaxNorm limits the Euclidean norm of an action; 0 means no limit.
	MaxNorm float32
	// Objective returns what to minimise on the way to latent goal [D]; nil means the published
	// sum over steps of the mean squared latent distance, cost.Goal.
	Objective func(goal []float32) plan.Objective
}

// NewCEM returns an actor that searches for actions of least latent cost: the
// published way, kept as a baseline. Its model and its config's faults are errors.
//
// Source: EB-JEPA examples/ac_video_jepa (jepa reference 3.1).
func NewCEM(m *jepa.Model, cfg CEMConfig) (*Actor, error) {
	dyn, err := NewDynamics(m)
	if err != nil {
		return nil, err
	}
	if cfg.Horizon == 0 {
		cfg.Horizon = 90
	}
	if cfg.Replan == 0 {
		cfg.Replan = 1
	}
	name := "latent L2, CEM"
	if cfg.Objective != nil {
		name = "CEM"
	} else {
		cfg.Objective = func(goal []float32) plan.Objective { return cost.Goal{Latents: goal, When: cost.Cumulative} }
	}
	s := cfg.Search
	if s.Samples == 0 {
		s.Samples = 200
	}
	if s.Iterations == 0 {
		s.Iterations = 20
	}
	a := &Actor{
		model: m,
		name:  fmt.Sprintf("%s %d samples x %d iterations, horizon %d, replans every %d", name, s.Samples, s.Iterations, cfg.Horizon, cfg.Replan),
		make:  func() (mind, error) { return newSearching(dyn, cfg) },
	}
	if _, err := a.make(); err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	return a, nil
}

// searching is a mind that plans by CEM.
type searching struct {
	cfg       CEMConfig
	dyn       *Dynamics
	solver    plan.Solver
	mpc       *plan.MPC
	objective plan.Objective
	spent     int
}

func newSearching(dyn *Dynamics, cfg CEMConfig) (*searching, error) {
	solver, err := plan.NewCEM(dyn, plan.Bounds{MaxNorm: cfg.MaxNorm}, cfg.Search)
	if err != nil {
		return nil, err
	}
	s := &searching{cfg: cfg, dyn: dyn, solver: solver}
	return s, s.restart(0)
}

// restart makes a controller for an episode of so many steps, because a
// plan.MPC keeps its budget.
func (s *searching) restart(steps int) (err error) {
	s.mpc, err = plan.NewMPC(s.solver, s.dyn.Dims(), plan.MPCConfig{
		Horizon: s.cfg.Horizon, Replan: s.cfg.Replan, WarmStart: s.cfg.WarmStart, Budget: steps,
	})
	return err
}

func (s *searching) begin(goal []float32, steps int, seed uint64) {
	if err := s.restart(steps); err != nil {
		panic(err) // the config was good before; only the budget differs, and it is not negative
	}
	s.mpc.Reset(seed)
	s.objective, s.spent = s.cfg.Objective(goal), 0
}

func (s *searching) decide(ctx context.Context, state, action []float32) (int, error) {
	if _, err := s.mpc.Act(ctx, state, s.objective, action); err != nil {
		return 0, err
	}
	total, _ := s.mpc.Spent()
	steps := total - s.spent
	s.spent = total
	return steps, nil
}
