package surprise

import (
	"errors"
	"fmt"
	"math"
)

// ErrNotFinite is wrapped by every error about a score that is NaN or infinite.
var ErrNotFinite = errors.New("score is not finite")

// Config says how an Expectation forgets. The zero value is the documented
// default of each field.
type Config struct {
	HalfLife float64 `json:"half_life"` // scores after which the weight of a score has halved; 0 means 200
	WarmUp   int     `json:"warm_up"`   // scores before there is an expectation; 0 means 20
	Limit    float64 `json:"limit"`     // a score counts at most Limit times the expectation; 0 means 10, +Inf is no limit
	Floor    float64 `json:"floor"`     // least expectation, so that a frozen picture does not divide by 0; 0 means 1e-9
}

// Validate reports every fault of c at once, or nil.
func (c Config) Validate() error {
	var errs []error
	if !(c.HalfLife >= 0) || math.IsInf(c.HalfLife, 1) {
		errs = append(errs, fmt.Errorf("half_life is %g, want a finite number of at least 0", c.HalfLife))
	}
	if c.WarmUp < 0 {
		errs = append(errs, fmt.Errorf("warm_up is %d, want at least 0", c.WarmUp))
	}
	if !(c.Limit == 0 || c.Limit >= 1) {
		errs = append(errs, fmt.Errorf("limit is %g, want at least 1, or 0 for the default", c.Limit))
	}
	if !(c.Floor >= 0) || math.IsInf(c.Floor, 1) {
		errs = append(errs, fmt.Errorf("floor is %g, want a finite number of at least 0", c.Floor))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.HalfLife == 0 {
		c.HalfLife = 200
	}
	if c.WarmUp == 0 {
		c.WarmUp = 20
	}
	if c.Limit == 0 {
		c.Limit = 10
	}
	if c.Floor == 0 {
		c.Floor = 1e-9
	}
	return c
}

// Expectation is the running mean and variance of raw scores >= 0, channel by
// channel, in which old scores fade.
//
//	m_t = Σ_i γ^(t-i) x_i / Σ_i γ^(t-i),   x_i = min(s_i, Limit·max(m_(i-1), Floor)),   γ = 2^(-1/HalfLife)
//
// Dividing by the sum of the weights makes the mean right from the first score.
// The limit keeps one alarm from hiding the next; it does not hold during the
// warm-up. One Expectation is for one goroutine at a time.
//
// Source: normalising by the expected error answers the "noisy TV" of Burda et
// al., arXiv 1808.04355, section 5.
type Expectation struct {
	cfg    Config
	decay  float64
	seen   int
	weight float64   // Σ γ^(t-i)
	mean   []float64 // [channels]
	square []float64 // Σ γ^(t-i) (x_i - m)², [channels]
}

// NewExpectation returns an empty expectation of so many channels, 1 for a
// scalar score. It returns the faults of cfg as an error and panics if channels
// is below 1.
func NewExpectation(channels int, cfg Config) (*Expectation, error) {
	if channels < 1 {
		panic(fmt.Sprintf("surprise: NewExpectation of %d channels", channels))
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("surprise: config: %w", err)
	}
	cfg = cfg.withDefaults()
	return &Expectation{
		cfg: cfg, decay: math.Exp2(-1 / cfg.HalfLife),
		mean: make([]float64, channels), square: make([]float64, channels),
	}, nil
}

// Ready reports whether the warm-up is over.
func (e *Expectation) Ready() bool { return e.seen >= e.cfg.WarmUp }

// Seen returns the number of scores observed.
func (e *Expectation) Seen() int { return e.seen }

// Mean returns the expected score of a channel, at least Floor; Floor before
// the first score.
func (e *Expectation) Mean(channel int) float64 { return max(e.mean[channel], e.cfg.Floor) }

// Std returns the standard deviation of a channel's scores around their mean,
// with the same weights, not corrected for the number of scores; 0 before the
// second.
func (e *Expectation) Std(channel int) float64 {
	if e.weight == 0 {
		return 0
	}
	return math.Sqrt(e.square[channel] / e.weight)
}

// Observe writes to relative [channels] each score divided by what was expected
// before it, s_t / max(m_(t-1), Floor), and then learns from the scores
// [channels]. It returns false, and leaves relative alone, while the warm-up
// lasts. A score that is negative, NaN or infinite is an error that wraps
// ErrNotFinite; nothing is learnt then. It panics when a slice has another
// length.
func (e *Expectation) Observe(scores, relative []float64) (bool, error) {
	if len(scores) != len(e.mean) || len(relative) != len(e.mean) {
		panic(fmt.Sprintf("surprise: Observe: %d scores and %d results, want %d", len(scores), len(relative), len(e.mean)))
	}
	for i, s := range scores {
		if err := checkScore(s); err != nil {
			return false, fmt.Errorf("surprise: channel %d, score %d: %w", i, e.seen, err)
		}
	}
	ready := e.Ready()
	if ready {
		for i, s := range scores {
			relative[i] = s / e.Mean(i)
		}
	}
	e.weight = e.weight*e.decay + 1
	for i, s := range scores {
		if ready {
			s = min(s, e.cfg.Limit*e.Mean(i))
		}
		gap := s - e.mean[i]
		e.mean[i] += gap / e.weight
		e.square[i] = e.square[i]*e.decay + gap*(s-e.mean[i])
	}
	e.seen++
	return ready, nil
}

func checkScore(s float64) error {
	if math.IsNaN(s) || math.IsInf(s, 0) {
		return fmt.Errorf("%w: %g", ErrNotFinite, s)
	}
	if s < 0 {
		return fmt.Errorf("score is %g, want at least 0", s)
	}
	return nil
}
