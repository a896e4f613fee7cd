package sensor

import (
	"math"
	"time"

	"foresee/surprise"
)

// Combine adds up the evidence of several scorers.
//
//	score = mean over the last Span readings of Σ_i -log p_i
//
// with p_i the p-value of scorer i among its own last Keep scores.
type Combine struct {
	Scorers  []Scorer
	Keep     int // 0 means 5000
	Span     int // 0 means 1
	Relative bool
	expect   []moments
	usual    []*usual
	last     []float64
	seen     int
}

// Observe implements Scorer.
func (c *Combine) Observe(at time.Time, x []float64) (float64, bool) {
	if c.usual == nil {
		if c.Keep == 0 {
			c.Keep = 5000
		}
		if c.Span == 0 {
			c.Span = 1
		}
		c.expect = make([]moments, len(c.Scorers))
		for range c.Scorers {
			c.usual = append(c.usual, &usual{keep: c.Keep, blocks: surprise.NewBlocks(1)})
		}
	}
	sum, all := 0.0, true
	for i, s := range c.Scorers {
		score, known := s.Observe(at, x)
		if !known {
			all = false
			continue
		}
		if c.Relative {
			m := &c.expect[i]
			if m.weight > 20 {
				sum += score / max(m.mean, 1e-9)
			}
			m.add(min(score, 10*max(m.mean, 1e-9)+1e9*max(0, 20-m.weight)), slow)
			continue
		}
		if c.usual[i].sample != nil {
			sum -= math.Log(max(1e-12, c.usual[i].p(score)))
		}
		c.usual[i].add(score)
	}
	if !all {
		return 0, false
	}
	c.seen++
	c.last = append(c.last, sum)
	if len(c.last) > c.Span {
		c.last = c.last[1:]
	}
	mean := 0.0
	for _, v := range c.last {
		mean += v / float64(len(c.last))
	}
	return mean, c.seen > 50
}
