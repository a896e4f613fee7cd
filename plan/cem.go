package plan

import (
	"context"
	"errors"
	"fmt"
)

// CEMConfig configures the cross-entropy method. The zero value is the published EB-JEPA search.
type CEMConfig struct {
	Samples     int     `json:"samples"`      // candidates of an iteration; 0 means 200
	Iterations  int     `json:"iterations"`   // 0 means 20
	Elites      int     `json:"elites"`       // candidates the next mean is made of; 0 means 20
	Std         float32 `json:"std"`          // of the first iteration's noise, in action units; 0 means 1.5
	IncludeMean bool    `json:"include_mean"` // candidate 0 is the mean itself, as in stable-worldmodel
}

func (c CEMConfig) withDefaults() CEMConfig {
	c.Samples, c.Iterations, c.Elites = or(c.Samples, 200), or(c.Iterations, 20), or(c.Elites, 20)
	c.Std = or(c.Std, 1.5)
	return c
}

func or[T int | float32 | float64](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// Validate reports all faults.
func (c CEMConfig) Validate() error {
	c = c.withDefaults()
	return errors.Join(checkCounts("CEM", c.Samples, c.Iterations, c.Elites), checkPositive("CEM std", c.Std))
}

func checkCounts(what string, samples, iterations, elites int) error {
	var errs []error
	if samples < 1 || iterations < 1 {
		errs = append(errs, fmt.Errorf("plan: %s with %d samples and %d iterations", what, samples, iterations))
	}
	if elites < 1 || elites > samples {
		errs = append(errs, fmt.Errorf("plan: %s with %d elites of %d samples", what, elites, samples))
	}
	return errors.Join(errs...)
}

func checkPositive(what string, v float32) error {
	if !(v > 0) || v > 1e30 {
		return fmt.Errorf("plan: %s of %g", what, v)
	}
	return nil
}

// CEM is the cross-entropy method.
//
//	a ~ N(μ, σ²), clipped; μ, σ ← mean, unbiased std of the Elites cheapest; the answer is the last μ
//
// With one elite σ becomes 0. It allocates nothing once it has seen a problem of the same shape.
//
// Source: EB-JEPA examples/ac_video_jepa (defaults; jepa.md 3.1) and stable-worldmodel's CEM solver
// (300 samples, 30 iterations, 30 elites, std 1, IncludeMean, no bounds; jepa.md 3.3).
type CEM struct {
	cfg CEMConfig
	s   *search
}

// NewCEM returns a CEM solver or the configuration's faults.
func NewCEM(d Dynamics, bounds Bounds, cfg CEMConfig) (*CEM, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s, err := newSearch(d, bounds, cfg.Samples)
	if err != nil {
		return nil, err
	}
	return &CEM{cfg, s}, nil
}

// Solve implements Solver.
func (c *CEM) Solve(ctx context.Context, p Problem, r *Result) error {
	s := c.s
	s.begin(&p, r, c.cfg.Std)
	for it := range c.cfg.Iterations {
		for b := range s.b {
			s.seed(&p, b, it)
			from := 0
			if c.cfg.IncludeMean {
				copy(s.candidate(b, 0), s.meanOf(b))
				s.clip(s.candidate(b, 0))
				from = 1
			}
			s.gaussian(b, from)
		}
		if err := s.evaluate(ctx, &p, r); err != nil {
			return fmt.Errorf("plan: CEM iteration %d: %w", it, err)
		}
		for b := range s.b {
			elites, mean, std := s.rank(b, c.cfg.Elites), s.meanOf(b), s.stdOf(b)
			for i := range mean {
				m, sd := s.fit(b, i, elites, nil)
				mean[i], std[i] = float32(m), float32(sd)
			}
		}
	}
	for b := range s.b {
		s.answer(b, r)
	}
	return nil
}
