package sensor

import (
	"math"
	"time"
)

// Novelty expects that the last readings look like some earlier ones.
//
//	score = distance of u(t) to its K-th nearest among the remembered u(s), s <= t - Gap
//
// u holds, of each channel, the last Lags readings and the means of the octaves
// before them, standardised by slowly fading moments. What was strange is
// remembered too: the second time it is not new. The scorer remembers the last
// Memory windows.
type Novelty struct {
	Lags    int     // readings taken one by one; 0 means 4
	Octaves int     // stretches of Lags, 2·Lags, 4·Lags, ... readings before them, as means; 0 means 4
	K       int     // 0 means 3
	Memory  int     // windows; 0 means 4000
	Gap     int     // readings; 0 means 64
	Phase   float64 // weight of the time of day, as a point on a circle of this radius in u; 0 means it does not count

	view   view
	ring   []float64 // [n, D]
	d      int
	next   int
	recent [][]float64 // younger than Gap, not yet in memory
}

// Observe implements Scorer.
func (n *Novelty) Observe(at time.Time, x []float64) (float64, bool) {
	n.defaults()
	n.view.lags, n.view.octaves = n.Lags, n.Octaves
	u, ok := n.view.observe(x)
	if !ok {
		return 0, false
	}
	if n.Phase > 0 {
		for _, c := range clock(at)[:2] {
			u = append(u, n.Phase*c)
		}
	}
	n.d = len(u)
	stored := len(n.ring) / n.d
	known := stored >= max(50, n.K)
	score := 0.0
	if known {
		score = n.nearest(u)
	}
	n.recent = append(n.recent, u)
	if len(n.recent) > n.Gap {
		old := n.recent[0]
		n.recent = n.recent[1:]
		if stored < n.Memory {
			n.ring = append(n.ring, old...)
		} else {
			copy(n.ring[n.next*n.d:], old)
			n.next = (n.next + 1) % n.Memory
		}
	}
	return score, known
}

func (n *Novelty) defaults() {
	if n.Lags == 0 {
		n.Lags = 4
	}
	if n.Octaves == 0 {
		n.Octaves = 4
	}
	if n.K == 0 {
		n.K = 3
	}
	if n.Memory == 0 {
		n.Memory = 4000
	}
	if n.Gap == 0 {
		n.Gap = 64
	}
}

// nearest returns the distance to the K-th nearest remembered window.
func (n *Novelty) nearest(u []float64) float64 {
	best := make([]float64, n.K) // ascending squares
	for i := range best {
		best[i] = math.Inf(1)
	}
	for at := 0; at < len(n.ring); at += n.d {
		sum, worst := 0.0, best[n.K-1]
		for j, v := range n.ring[at : at+n.d] {
			gap := v - u[j]
			sum += gap * gap
			if sum >= worst {
				break
			}
		}
		if sum >= worst {
			continue
		}
		i := n.K - 1
		for ; i > 0 && best[i-1] > sum; i-- {
			best[i] = best[i-1]
		}
		best[i] = sum
	}
	return math.Sqrt(best[n.K-1])
}

// view turns a stream into standardised windows: the last readings one by one,
// those before as means over stretches that double.
type view struct {
	lags, octaves int
	moments       []moments
	history       []float64 // [T, C], the newest last, at most twice what is needed
	seen          int
}

func (v *view) span() int { return v.lags << v.octaves }

// observe takes a reading and returns the window [C·(lags+octaves)] that ends
// with it, the newest reading first; false while there are too few.
func (v *view) observe(x []float64) ([]float64, bool) {
	c := len(x)
	if v.moments == nil {
		v.moments = make([]moments, c)
	}
	for i, r := range x {
		v.moments[i].add(r, slow)
		v.history = append(v.history, r)
	}
	v.seen++
	need := v.span() * c
	if len(v.history) > 4*need {
		v.history = append(v.history[:0], v.history[len(v.history)-need:]...)
	}
	if v.seen < v.span() {
		return nil, false
	}
	u := make([]float64, 0, c*(v.lags+v.octaves))
	end := len(v.history)
	for i := range c {
		for l := range v.lags {
			u = append(u, v.moments[i].standard(v.history[end-(l+1)*c+i]))
		}
		from, size := v.lags, v.lags
		for range v.octaves {
			sum := 0.0
			for l := from; l < from+size; l++ {
				sum += v.history[end-(l+1)*c+i]
			}
			u = append(u, v.moments[i].standard(sum/float64(size)))
			from, size = from+size, 2*size
		}
	}
	return u, true
}
