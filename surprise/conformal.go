package surprise

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrTooFew is wrapped by every error about a sample too small for its use.
var ErrTooFew = errors.New("too few normal scores")

// Conformal turns a score into a p-value by its rank among normal scores.
//
//	p(s) = (1 + #{i: s_i >= s}) / (n + 1)
//
// If the normal scores and s are exchangeable, P(p <= a) <= a for every a. A
// stream's neighbouring scores are not: calibrate on block maxima, see Blocks.
// Many readers may share one; Add wants to be alone.
//
// Source: Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World",
// 2005, section 2.2.
type Conformal struct {
	sorted []float64 // ascending
	recent []float64 // ring of the last scores in the order they came; empty if none is ever dropped
	next   int
}

// NewConformal returns the p-values of a sample of normal scores, which it
// copies. At least one is needed; one that is NaN or infinite is an error that
// wraps ErrNotFinite.
func NewConformal(normal []float64) (*Conformal, error) {
	if err := checkSample(normal, 1); err != nil {
		return nil, fmt.Errorf("surprise: conformal: %w", err)
	}
	c := &Conformal{sorted: slices.Clone(normal), recent: slices.Clone(normal)}
	slices.Sort(c.sorted)
	return c, nil
}

// checkSample wants at least so many scores, all finite.
func checkSample(scores []float64, least int) error {
	if len(scores) < least {
		return fmt.Errorf("%w: %d, want at least %d", ErrTooFew, len(scores), least)
	}
	for i, s := range scores {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return fmt.Errorf("normal score %d: %w: %g", i, ErrNotFinite, s)
		}
	}
	return nil
}

// N returns the number of normal scores.
func (c *Conformal) N() int { return len(c.sorted) }

// P returns the p-value of a score, never below Resolution; that of NaN is NaN.
func (c *Conformal) P(score float64) float64 {
	if math.IsNaN(score) {
		return math.NaN()
	}
	below, _ := slices.BinarySearch(c.sorted, score)
	return float64(1+len(c.sorted)-below) / float64(len(c.sorted)+1)
}

// Resolution returns 1/(n+1): a smaller p-value is not calibrated by this
// sample, it can only be extrapolated.
func (c *Conformal) Resolution() float64 { return 1 / float64(len(c.sorted)+1) }

// Calibrated reports whether the sample is large enough for alarms at level p.
func (c *Conformal) Calibrated(p float64) bool { return p >= c.Resolution() }

// Sorted returns the normal scores in ascending order, to be read only and not
// after the next Slide.
func (c *Conformal) Sorted() []float64 { return c.sorted }

// Slide adds a normal score in place of the oldest, if there are keep of them
// already. A score that is not finite is an error and is not added.
func (c *Conformal) Slide(score float64, keep int) error {
	if math.IsNaN(score) || math.IsInf(score, 0) {
		return fmt.Errorf("surprise: conformal: %w: %g", ErrNotFinite, score)
	}
	if len(c.sorted) < keep {
		c.recent = append(c.recent, score)
	} else {
		at, _ := slices.BinarySearch(c.sorted, c.recent[c.next])
		c.sorted = slices.Delete(c.sorted, at, at+1)
		c.recent[c.next] = score
		c.next = (c.next + 1) % len(c.recent)
	}
	at, _ := slices.BinarySearch(c.sorted, score)
	c.sorted = slices.Insert(c.sorted, at, score)
	return nil
}
