package plan

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// ICEMConfig configures the improved cross-entropy method. The zero value is stable-worldmodel's.
type ICEMConfig struct {
	Samples    int     `json:"samples"`    // 0 means 300
	Iterations int     `json:"iterations"` // 0 means 30
	Elites     int     `json:"elites"`     // 0 means 30
	Std        float32 `json:"std"`        // in action units; 0 means 1
	Beta       float32 `json:"beta"`       // noise power falls as f^-Beta; 0 means 2, negative is white
	Momentum   float32 `json:"momentum"`   // share of the old mean and std that stays; 0 means 0.1, negative none
	Keep       int     `json:"keep"`       // best candidates carried to the next iteration; 0 means 5, negative none
	ReturnMean bool    `json:"mean"`       // answer with the mean instead of the best candidate seen
}

func (c ICEMConfig) withDefaults() ICEMConfig {
	c.Samples, c.Iterations, c.Elites = or(c.Samples, 300), or(c.Iterations, 30), or(c.Elites, 30)
	c.Std, c.Beta, c.Momentum = or(c.Std, 1), or(c.Beta, 2), or(c.Momentum, 0.1)
	if c.Keep == 0 {
		c.Keep = min(5, c.Samples-1)
	}
	c.Beta, c.Momentum, c.Keep = max(c.Beta, 0), max(c.Momentum, 0), max(c.Keep, 0)
	return c
}

// Validate reports all faults.
func (c ICEMConfig) Validate() error {
	c = c.withDefaults()
	err := errors.Join(checkCounts("iCEM", c.Samples, c.Iterations, c.Elites), checkPositive("iCEM std", c.Std))
	if !(c.Momentum < 1) {
		err = errors.Join(err, fmt.Errorf("plan: iCEM momentum %g, want < 1", c.Momentum))
	}
	if c.Keep >= c.Samples {
		err = errors.Join(err, fmt.Errorf("plan: iCEM keeps %d of %d samples", c.Keep, c.Samples))
	}
	if !(c.Beta <= 8) {
		err = errors.Join(err, fmt.Errorf("plan: iCEM beta %g, want <= 8", c.Beta))
	}
	return err
}

// ICEM is the improved cross-entropy method: noise that is correlated in time, a mean and a spread
// that change slowly, and elites that survive; candidate 0 is the mean.
//
//	a = μ + σ·ε, ε with spectrum f^(−β/2) over the horizon; μ, σ ← α·old + (1−α)·(mean, std of elites)
//
// The cheapest cost never rises from one iteration to the next if Keep > 0. The noise is scaled to
// unit variance in expectation, as the colorednoise package does; stable-worldmodel divides each
// sequence by its own std, which has no meaning at horizon 1.
//
// Source: Pinneri et al., "Sample-efficient Cross-Entropy Method for Real-time Planning", CoRL 2020,
// section 3; figures of stable-worldmodel's solver (jepa.md 3.3). Differs: the number of samples
// does not decay.
type ICEM struct {
	cfg    ICEMConfig
	s      *search
	kernel []float32 // [L] circular filter of the noise
	white  []float32 // [L]
	kept   []float32 // [B, Keep, L, A]
	nkept  []int     // [B]
}

// NewICEM returns an iCEM solver or the configuration's faults.
func NewICEM(d Dynamics, bounds Bounds, cfg ICEMConfig) (*ICEM, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s, err := newSearch(d, bounds, cfg.Samples)
	if err != nil {
		return nil, err
	}
	return &ICEM{cfg: cfg, s: s}, nil
}

// Solve implements Solver.
func (c *ICEM) Solve(ctx context.Context, p Problem, r *Result) error {
	s, span := c.s, p.L*c.s.dims.A
	s.begin(&p, r, c.cfg.Std)
	if len(c.kernel) != s.l {
		c.kernel = colouredKernel(s.l, float64(c.cfg.Beta))
		c.white = make([]float32, s.l)
	}
	c.kept, c.nkept = grow(c.kept, s.b*c.cfg.Keep*span), grow(c.nkept, s.b)
	clear(c.nkept)
	for it := range c.cfg.Iterations {
		for b := range s.b {
			s.seed(&p, b, it)
			c.draw(b)
		}
		if err := c.step(ctx, &p, r); err != nil {
			return fmt.Errorf("plan: iCEM iteration %d: %w", it, err)
		}
	}
	if c.cfg.ReturnMean {
		for b := range s.b {
			s.answer(b, r)
		}
	}
	return nil
}

// step evaluates, leaves the best candidate so far in the result and moves mean and spread.
func (c *ICEM) step(ctx context.Context, p *Problem, r *Result) error {
	s, span, alpha := c.s, c.s.span(), float64(c.cfg.Momentum)
	if err := s.evaluate(ctx, p, r); err != nil {
		return err
	}
	for b := range s.b {
		elites, mean, std := s.rank(b, c.cfg.Elites), s.meanOf(b), s.stdOf(b)
		if first := elites[0]; s.costs[b*s.n+first] <= r.Costs[b] {
			copy(r.Actions[b*span:][:span], s.candidate(b, first))
		}
		for i := range mean {
			m, sd := s.fit(b, i, elites, nil)
			mean[i] = float32(alpha*float64(mean[i]) + (1-alpha)*m)
			std[i] = float32(alpha*float64(std[i]) + (1-alpha)*sd)
		}
		c.nkept[b] = min(c.cfg.Keep, len(elites))
		for k := range c.nkept[b] {
			copy(c.kept[(b*c.cfg.Keep+k)*span:][:span], s.candidate(b, elites[k]))
		}
	}
	return nil
}

// draw fills problem b's candidates: the mean, the kept ones, then coloured noise.
func (c *ICEM) draw(b int) {
	s, span, a := c.s, c.s.span(), c.s.dims.A
	copy(s.candidate(b, 0), s.meanOf(b))
	s.clip(s.candidate(b, 0))
	from := 1
	for k := range c.nkept[b] {
		copy(s.candidate(b, from), c.kept[(b*c.cfg.Keep+k)*span:][:span])
		from++
	}
	mean, std := s.meanOf(b), s.stdOf(b)
	for n := from; n < s.n; n++ {
		seq := s.candidate(b, n)
		for d := range a {
			for t := range c.white {
				c.white[t] = float32(s.rng.NormFloat64())
			}
			for t := range s.l {
				i := t*a + d
				seq[i] = mean[i] + std[i]*circular(c.kernel, c.white, t)
			}
		}
		s.clip(seq)
	}
}

func circular(kernel, x []float32, t int) float32 {
	var sum float32
	for k, v := range kernel[:t+1] {
		sum += v * x[t-k]
	}
	for k, v := range kernel[t+1:] {
		sum += v * x[len(x)-1-k]
	}
	return sum
}

// colouredKernel returns the circular filter whose frequency response is f^(-beta/2) at the
// frequencies f = 1..l/2 of a sequence of l, the constant part scaled as f = 1, with unit sum of
// squares, so that filtered white noise has unit variance.
func colouredKernel(l int, beta float64) []float32 {
	h := make([]float64, l)
	var sq float64
	for t := range h {
		h[t] = 1
		for f := 1; f <= l/2; f++ {
			gain := math.Pow(float64(f), -beta/2)
			both := 2.0
			if 2*f == l {
				both = 1
			}
			h[t] += both * gain * math.Cos(2*math.Pi*float64(f*t%l)/float64(l))
		}
		sq += h[t] * h[t]
	}
	k := make([]float32, l)
	for t := range k {
		k[t] = float32(h[t] / math.Sqrt(sq))
	}
	return k
}
