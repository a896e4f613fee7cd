package surprise

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// CalibrationConfig says how normal scores become p-values. The zero value is
// the documented default of each field.
type CalibrationConfig struct {
	Block    int     `json:"block"`    // scores a block; 0 means twice the correlation time, rounded up
	Quantile float64 `json:"quantile"` // the tail is fitted above this quantile of the block maxima; 0 means 0.9
}

// Calibration gives the p-value of a block's highest score: by rank where the
// sample reaches, by the tail beyond. It is read-only and safe to share.
type Calibration struct {
	Block   int // scores a block
	Blocks  int // blocks in the sample
	sample  *Conformal
	tail    Tail
	hasTail bool

	quantile float64 // above which the tail was fitted
}

// calibrationJSON is what is stored: the sample itself, so that nothing is lost.
type calibrationJSON struct {
	Block    int       `json:"block"`
	Quantile float64   `json:"quantile"`
	Maxima   []float64 `json:"maxima"` // ascending
}

// MarshalJSON writes the block length, the tail's quantile and the sorted block maxima.
func (c *Calibration) MarshalJSON() ([]byte, error) {
	return json.Marshal(calibrationJSON{c.Block, c.quantile, c.sample.Sorted()})
}

// UnmarshalJSON reads what MarshalJSON wrote and fits the tail anew, to the same
// bits. It refuses unknown fields, a block below 1, a quantile outside (0, 1) and
// fewer than 2 maxima.
func (c *Calibration) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var j calibrationJSON
	if err := d.Decode(&j); err != nil {
		return fmt.Errorf("surprise: read a calibration: %w", err)
	}
	if j.Block < 1 || !(j.Quantile > 0 && j.Quantile < 1) {
		return fmt.Errorf("surprise: read a calibration: block %d and quantile %g, want at least 1, and in (0, 1)", j.Block, j.Quantile)
	}
	read, err := fromMaxima(j.Maxima, j.Block, j.Quantile)
	if err != nil {
		return fmt.Errorf("surprise: read a calibration: %w", err)
	}
	*c = *read
	return nil
}

// Calibrate learns from scores of a stream known to be normal, in the order
// they came. Fewer than 2 blocks, and a score that is not finite, are errors.
// With too few blocks for a tail, or with maxima that are all alike, there is no
// tail and P never falls below 1/(Blocks+1).
func Calibrate(normal []float64, cfg CalibrationConfig) (*Calibration, error) {
	if cfg.Block < 0 || !(cfg.Quantile >= 0 && cfg.Quantile < 1) {
		return nil, fmt.Errorf("surprise: calibrate: block %d and quantile %g, want at least 0, and in [0, 1)", cfg.Block, cfg.Quantile)
	}
	if err := checkSample(normal, 2); err != nil {
		return nil, fmt.Errorf("surprise: calibrate: %w", err)
	}
	if cfg.Block == 0 {
		cfg.Block = int(math.Ceil(2 * CorrelationTime(normal)))
	}
	if cfg.Quantile == 0 {
		cfg.Quantile = 0.9
	}
	c, err := fromMaxima(BlockMaxima(normal, cfg.Block), cfg.Block, cfg.Quantile)
	if err != nil {
		return nil, fmt.Errorf("surprise: calibrate: %d scores in blocks of %d: %w", len(normal), cfg.Block, err)
	}
	return c, nil
}

func fromMaxima(maxima []float64, block int, quantile float64) (*Calibration, error) {
	if err := checkSample(maxima, 2); err != nil {
		return nil, err
	}
	sample, err := NewConformal(maxima)
	if err != nil {
		return nil, err
	}
	c := &Calibration{Block: block, Blocks: len(maxima), quantile: quantile, sample: sample}
	if c.tail, err = FitTail(maxima, quantile); err != nil && !errors.Is(err, ErrTooFew) {
		return nil, err
	}
	c.hasTail = err == nil
	return c, nil
}

// P returns the probability that the highest score of a normal block is at
// least s, and whether the sample itself says so: false means extrapolated by
// the tail, or, without a tail, that the true p-value may be smaller.
func (c *Calibration) P(s float64) (p float64, calibrated bool) {
	p = c.sample.P(s)
	if p > c.sample.Resolution() && (!c.hasTail || s <= c.tail.Threshold) {
		return p, true
	}
	if c.hasTail {
		p = c.tail.P(s)
	}
	return p, p >= c.sample.Resolution()
}

// Threshold returns the score that a normal block reaches with probability p,
// and whether the sample is large enough to say so. Without a tail, a p below
// its resolution gives the highest score of the sample and false.
func (c *Calibration) Threshold(p float64) (score float64, calibrated bool) {
	calibrated = c.sample.Calibrated(p)
	if c.hasTail && p <= c.tail.Exceed {
		return c.tail.Level(p), calibrated
	}
	sorted := c.sample.Sorted()
	// P(sorted[i]) = (1+n-i)/(n+1) without ties; the least score with P <= p.
	i := int(math.Ceil(float64(len(sorted)+1)*(1-p) - 1e-9))
	return sorted[min(max(i, 0), len(sorted)-1)], calibrated
}

// Slide adds the highest score of a fresh normal block in place of the oldest,
// so that the sample keeps its size, and fits the tail anew. A score that is not
// finite is an error and changes nothing. It wants to be alone.
func (c *Calibration) Slide(highest float64) error {
	if err := c.sample.Slide(highest, c.Blocks); err != nil {
		return err
	}
	tail, err := FitTail(c.sample.Sorted(), c.quantile)
	if err != nil && !errors.Is(err, ErrTooFew) {
		return err
	}
	c.tail, c.hasTail = tail, err == nil
	return nil
}

// Resolution returns 1/(n+1) for a sample of n blocks: below it a p-value is not
// calibrated, only extrapolated.
func (c *Calibration) Resolution() float64 { return c.sample.Resolution() }

// Maxima returns the block maxima in ascending order, to be read only and not
// after the next Slide.
func (c *Calibration) Maxima() []float64 { return c.sample.Sorted() }
