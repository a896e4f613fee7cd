package plan

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// MPPIConfig configures model-predictive path integral control. The zero value is stable-worldmodel's
// search; EBJEPAMPPI and PLDMMPPI return the other published variants.
type MPPIConfig struct {
	Samples     int     `json:"samples"`     // 0 means 300
	Iterations  int     `json:"iterations"`  // 0 means 30
	Elites      int     `json:"elites"`      // the cheapest take part in the mean; 0 means 30, negative all
	Std         float32 `json:"std"`         // in action units; 0 means 1
	Temperature float64 `json:"temperature"` // in units of cost; 0 means 0.5
	FitStd      bool    `json:"fit_std"`     // the next std is the weighted spread, else Std stays
	NoiseCost   bool    `json:"noise_cost"`  // add Temperature·Σ μ·(a−μ)/Std² to a candidate's cost for its weight
	Draw        bool    `json:"draw"`        // answer with one candidate drawn by weight instead of the mean
}

// EBJEPAMPPI is the MPPI of EB-JEPA: 200 candidates, 20 iterations, 20 elites, std 2 that is fitted,
// weights exp(0.005·(Jmin − J)), that is a temperature of 200, and a drawn elite as the answer. It is
// published without bounds; the paper divides by the temperature that the code multiplies by.
func EBJEPAMPPI() MPPIConfig {
	return MPPIConfig{Samples: 200, Iterations: 20, Elites: 20, Std: 2, Temperature: 200, FitStd: true, Draw: true}
}

// PLDMMPPI is the MPPI of PLDM's released configuration: 2000 candidates, one iteration, all of them
// weighted, std √12, temperature 0.005, noise cost. It wants a norm bound of 2.45 and a warm start.
func PLDMMPPI() MPPIConfig {
	return MPPIConfig{Samples: 2000, Iterations: 1, Elites: -1, Std: 3.4641016, Temperature: 0.005, NoiseCost: true}
}

func (c MPPIConfig) withDefaults() MPPIConfig {
	c.Samples, c.Iterations, c.Elites = or(c.Samples, 300), or(c.Iterations, 30), or(c.Elites, 30)
	c.Std, c.Temperature = or(c.Std, 1), or(c.Temperature, 0.5)
	if c.Elites < 0 {
		c.Elites = c.Samples
	}
	return c
}

// Validate reports all faults.
func (c MPPIConfig) Validate() error {
	c = c.withDefaults()
	err := errors.Join(checkCounts("MPPI", c.Samples, c.Iterations, c.Elites), checkPositive("MPPI std", c.Std))
	if !(c.Temperature > 0) || math.IsInf(c.Temperature, 0) {
		err = errors.Join(err, fmt.Errorf("plan: MPPI temperature %g", c.Temperature))
	}
	return err
}

// MPPI is model-predictive path integral control.
//
//	w ∝ exp(−(J − Jmin)/Temperature) over the elites; μ ← Σ w·a; σ ← sqrt(Σ w·(a−μ)²) if FitStd
//
// Where a fitted σ reaches 0 it stays there.
//
// Source: Williams et al., "Information theoretic MPC for model-based reinforcement learning", ICRA
// 2017, algorithm 2, in the variants of EB-JEPA, PLDM and stable-worldmodel (jepa.md 3.1 to 3.3).
type MPPI struct {
	cfg     MPPIConfig
	s       *search
	weights []float64 // [N]
}

// NewMPPI returns an MPPI solver or the configuration's faults.
func NewMPPI(d Dynamics, bounds Bounds, cfg MPPIConfig) (*MPPI, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s, err := newSearch(d, bounds, cfg.Samples)
	if err != nil {
		return nil, err
	}
	return &MPPI{cfg: cfg, s: s, weights: make([]float64, cfg.Samples)}, nil
}

// Solve implements Solver.
func (m *MPPI) Solve(ctx context.Context, p Problem, r *Result) error {
	s := m.s
	s.begin(&p, r, m.cfg.Std)
	for it := range m.cfg.Iterations {
		for b := range s.b {
			s.seed(&p, b, it)
			s.gaussian(b, 0)
		}
		if err := s.evaluate(ctx, &p, r); err != nil {
			return fmt.Errorf("plan: MPPI iteration %d: %w", it, err)
		}
		last := it == m.cfg.Iterations-1
		for b := range s.b {
			m.update(&p, r, b, last)
		}
	}
	return nil
}

func (m *MPPI) update(p *Problem, r *Result, b int, last bool) {
	s := m.s
	if m.cfg.NoiseCost {
		m.addNoiseCost(b)
	}
	elites := s.rank(b, m.cfg.Elites)
	w, total, best := m.weights[:len(elites)], 0.0, s.costs[b*s.n+elites[0]]
	for k, n := range elites {
		w[k] = math.Exp(-(s.costs[b*s.n+n] - best) / m.cfg.Temperature)
		total += w[k]
	}
	for k := range w {
		w[k] /= total
	}
	mean, std := s.meanOf(b), s.stdOf(b)
	for i := range mean {
		mu, sd := s.fit(b, i, elites, w)
		mean[i] = float32(mu)
		if m.cfg.FitStd {
			std[i] = float32(sd)
		}
	}
	switch {
	case last && m.cfg.Draw:
		s.seed(p, b, -1)
		copy(r.Actions[b*s.span():][:s.span()], s.candidate(b, elites[pick(w, s.rng.Float64())]))
	case last:
		s.answer(b, r)
	}
}

// addNoiseCost adds the control cost λ·Σ μ·ε/σ² to the costs that weigh problem b's candidates.
func (m *MPPI) addNoiseCost(b int) {
	s := m.s
	mean := s.meanOf(b)
	scale := m.cfg.Temperature / (float64(m.cfg.Std) * float64(m.cfg.Std))
	for n := range s.n {
		var dot float64
		for i, a := range s.candidate(b, n) {
			dot += float64(mean[i]) * float64(a-mean[i])
		}
		s.costs[b*s.n+n] += scale * dot
	}
}

// pick returns the index at which the running sum of weights passes u.
func pick(weights []float64, u float64) int {
	var sum float64
	for i, w := range weights {
		if sum += w; u < sum {
			return i
		}
	}
	return len(weights) - 1
}
