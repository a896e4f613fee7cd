package plan

import (
	"context"
	"errors"
	"fmt"
)

// MPCConfig configures model-predictive control of B systems side by side.
type MPCConfig struct {
	Batch     int    `json:"batch"`      // B; 0 means 1
	Horizon   int    `json:"horizon"`    // L, planned steps; 0 means 30
	Replan    int    `json:"replan"`     // actions executed of each plan; 0 means 1, at most Horizon
	WarmStart bool   `json:"warm_start"` // start from the rest of the last plan, zeros appended
	Budget    int    `json:"budget"`     // steps until the end, beyond which nothing is planned; 0 means no end
	Seed      uint64 `json:"seed"`
}

func (c MPCConfig) withDefaults() MPCConfig {
	c.Batch, c.Horizon, c.Replan = or(c.Batch, 1), or(c.Horizon, 30), or(c.Replan, 1)
	return c
}

// Validate reports all faults.
func (c MPCConfig) Validate() error {
	c = c.withDefaults()
	var errs []error
	if c.Batch < 1 || c.Horizon < 1 || c.Budget < 0 {
		errs = append(errs, fmt.Errorf("plan: MPC of %d systems, horizon %d, budget %d", c.Batch, c.Horizon, c.Budget))
	}
	if c.Replan < 1 || c.Replan > c.Horizon {
		errs = append(errs, fmt.Errorf("plan: MPC executes %d of %d planned steps", c.Replan, c.Horizon))
	}
	return errors.Join(errs...)
}

// MPC executes the first actions of a plan, then plans again from where it has come to.
//
// It is the state between decisions: the plan, how far it is executed, the seeds. System b's draws
// depend on (Seed, b, decision) alone. Not for concurrent use.
type MPC struct {
	cfg    MPCConfig
	solver Solver
	dims   Dims

	step  int // decisions since Reset
	used  int // actions of the plan that are executed
	l     int // horizon of the plan; 0 is no plan
	plan  Result
	mean  []float32
	seeds []uint64
	total Result // sums of NonFinite and Steps since Reset
}

// NewMPC returns a controller over a solver for systems of the given sizes, or the configuration's
// faults. It uses the solver alone.
func NewMPC(solver Solver, dims Dims, cfg MPCConfig) (*MPC, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	return &MPC{cfg: cfg, solver: solver, dims: dims, seeds: make([]uint64, cfg.Batch)}, nil
}

// Reset forgets the plan and starts a new episode of all systems, with a new seed.
func (m *MPC) Reset(seed uint64) {
	m.cfg.Seed, m.step, m.used, m.l = seed, 0, 0, 0
	m.total.NonFinite, m.total.Steps = 0, 0
}

// Act writes the next action of each system to actions [B, A], planning from states [B, S] when the
// last plan is used up. It reports whether it planned; then the solver's errors may come back, and
// the next call plans again. At most Budget decisions can be asked for between resets.
func (m *MPC) Act(ctx context.Context, states []float32, o Objective, actions []float32) (planned bool, err error) {
	b, a := m.cfg.Batch, m.dims.A
	if len(states) != b*m.dims.S || len(actions) != b*a {
		panic(fmt.Sprintf("plan: MPC of %d systems with dims %+v given %d floats of states, %d of actions",
			b, m.dims, len(states), len(actions)))
	}
	left := m.cfg.Horizon
	if m.cfg.Budget > 0 {
		left = m.cfg.Budget - m.step
		if left < 1 {
			return false, fmt.Errorf("plan: MPC asked for more than its budget of %d decisions", m.cfg.Budget)
		}
	}
	if planned = m.l == 0 || m.used >= min(m.cfg.Replan, m.l); planned {
		if err := m.replan(ctx, states, o, min(m.cfg.Horizon, left)); err != nil {
			return true, err
		}
	}
	for i := range b {
		copy(actions[i*a:][:a], m.plan.Actions[(i*m.l+m.used)*a:])
	}
	m.used++
	m.step++
	return planned, nil
}

func (m *MPC) replan(ctx context.Context, states []float32, o Objective, l int) error {
	b, a := m.cfg.Batch, m.dims.A
	p := Problem{States: states, Seeds: m.seeds, L: l, Objective: o}
	for i := range m.seeds {
		m.seeds[i] = mix(mix(mix(m.cfg.Seed)+uint64(i)) + uint64(m.step))
	}
	if m.cfg.WarmStart && m.l > 0 {
		m.mean = grow(m.mean, b*l*a)
		clear(m.mean)
		for i := range b {
			rest := m.plan.Actions[(i*m.l+m.used)*a : (i+1)*m.l*a]
			copy(m.mean[i*l*a:][:l*a], rest)
		}
		p.Mean = m.mean
	}
	m.l = 0
	if err := m.solver.Solve(ctx, p, &m.plan); err != nil {
		return err
	}
	m.l, m.used = l, 0
	m.total.NonFinite += m.plan.NonFinite
	m.total.Steps += m.plan.Steps
	return nil
}

// Spent returns the world-model steps and the non-finite candidates of all plans since Reset.
func (m *MPC) Spent() (steps, nonFinite int) { return m.total.Steps, m.total.NonFinite }

// mix is the SplitMix64 finaliser: it spreads nearby numbers over all seeds.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
