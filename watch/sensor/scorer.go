package sensor

import (
	"math"
	"time"
)

// Scorer scores the readings of one stream.
type Scorer interface {
	// Observe returns how strange x [C], read at that time, is given the readings
	// before it, and then learns from it. Higher is stranger; the scale is the
	// scorer's own. known is false, and the score means nothing, until enough was
	// seen. x is finite, and only valid during the call.
	Observe(at time.Time, x []float64) (score float64, known bool)
}

// Persistence expects every channel to stay as it is.
//
//	score = max_c |x_c(t) - x_c(t-1)| / s_c,   s_c = running mean of |x_c(t) - x_c(t-1)|
//
// The zero value is ready.
type Persistence struct {
	last, scale []float64
	seen        float64
}

// Observe implements Scorer.
func (p *Persistence) Observe(_ time.Time, x []float64) (float64, bool) {
	if p.last == nil {
		p.last, p.scale = append([]float64{}, x...), make([]float64, len(x))
		return 0, false
	}
	score := 0.0
	p.seen++
	rate := max(1/p.seen, 1.0/1000)
	for c, v := range x {
		gap := math.Abs(v - p.last[c])
		if p.scale[c] > 0 {
			score = max(score, gap/p.scale[c])
		}
		p.scale[c] += rate * (gap - p.scale[c])
		p.last[c] = v
	}
	return score, p.seen > 10
}

// EWMA expects every channel near its fading mean.
//
//	score = max_c |x_c - m_c| / s_c,   m, s² fading mean and variance with the given half-life
type EWMA struct {
	HalfLife float64 // readings; 0 means 50
	moments  []moments
	seen     int
}

// Observe implements Scorer.
func (e *EWMA) Observe(_ time.Time, x []float64) (float64, bool) {
	half := e.HalfLife
	if half == 0 {
		half = 50
	}
	if e.moments == nil {
		e.moments = make([]moments, len(x))
	}
	score := 0.0
	for c, v := range x {
		score = max(score, math.Abs(e.moments[c].standard(v)))
		e.moments[c].add(v, math.Exp2(-1/half))
	}
	e.seen++
	return score, e.seen > 10
}

// moments are a fading mean and variance.
type moments struct{ weight, mean, square float64 }

func (m *moments) add(v, decay float64) {
	m.weight = m.weight*decay + 1
	gap := v - m.mean
	m.mean += gap / m.weight
	m.square = m.square*decay + gap*(v-m.mean)
}

// standard returns v in standard deviations from the mean; 0 before the second
// value. A channel that never moved counts any move as one of 1e6 deviations at most.
func (m *moments) standard(v float64) float64 {
	if m.weight <= 1 {
		return 0
	}
	gap := v - m.mean
	std := math.Sqrt(m.square / m.weight)
	if floor := math.Abs(gap) * 1e-6; std < floor {
		std = floor
	}
	if gap == 0 {
		return 0
	}
	return gap / std
}

// Gaussian expects every channel within its last readings, all weighed alike.
//
//	score = max_c |x_c - mean_c| / std_c over the last Window readings
type Gaussian struct {
	Window  int // readings; 0 means 1000
	ring    [][]float64
	next    int
	sum, sq []float64
	shift   []float64 // first reading, so that sums keep their digits
}

// Observe implements Scorer.
func (g *Gaussian) Observe(_ time.Time, x []float64) (float64, bool) {
	if g.Window == 0 {
		g.Window = 1000
	}
	if g.shift == nil {
		g.shift, g.sum, g.sq = append([]float64{}, x...), make([]float64, len(x)), make([]float64, len(x))
	}
	n, score := float64(len(g.ring)), 0.0
	for c := range x {
		if n < 2 {
			break
		}
		v := x[c] - g.shift[c]
		mean := g.sum[c] / n
		std := max(math.Sqrt(max(0, g.sq[c]/n-mean*mean)), 1e-6*math.Abs(v-mean))
		if v != mean {
			score = max(score, math.Abs(v-mean)/std)
		}
	}
	fresh := make([]float64, len(x))
	for c := range x {
		v := x[c] - g.shift[c]
		fresh[c] = v
		g.sum[c] += v
		g.sq[c] += v * v
	}
	if len(g.ring) < g.Window {
		g.ring = append(g.ring, fresh)
	} else {
		for c, v := range g.ring[g.next] {
			g.sum[c] -= v
			g.sq[c] -= v * v
		}
		g.ring[g.next] = fresh
		g.next = (g.next + 1) % g.Window
	}
	return score, n > 10
}
