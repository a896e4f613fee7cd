package sensor

import (
	"math"
	"time"

	"gonum.org/v1/gonum/mat"
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
	Lags    int // readings taken one by one; 0 means 4
	Octaves int // stretches of Lags, 2·Lags, 4·Lags, ... readings before them, as means; 0 means 4
	K       int // 0 means 3
	Memory  int // windows; 0 means 4000
	Gap     int // readings; 0 means 64
	Phase   float64
	Squash  bool
	Local   bool
	Raw     bool
	Whiten  int // 1 diagonal, 2 full
	white   *mat.Dense
	pending [][]float64
	typical moments

	view   view
	ring   []float64 // [n, D]
	d      int
	next   int
	seen   int
	recent [][]float64 // younger than Gap, not yet in memory
}

// Observe implements Scorer.
func (n *Novelty) Observe(at time.Time, x []float64) (float64, bool) {
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
	n.view.lags, n.view.octaves, n.view.squash, n.view.raw = n.Lags, n.Octaves, n.Squash, n.Raw
	u, ok := n.view.observe(x)
	if !ok {
		return 0, false
	}
	if n.Phase > 0 {
		for _, c := range clock(at)[:2] {
			u = append(u, n.Phase*c)
		}
	}
	if n.Whiten > 0 {
		if n.white == nil {
			n.pending = append(n.pending, u)
			if len(n.pending) >= 300 {
				n.settle()
			}
			return 0, false
		}
		v := mat.NewVecDense(len(u), nil)
		v.MulVec(n.white, mat.NewVecDense(len(u), u))
		u = v.RawVector().Data
	}
	n.d = len(u)
	stored := len(n.ring) / n.d
	known := stored >= max(50, n.K)
	score := 0.0
	if known {
		score = n.nearest(u)
		if n.Local {
			n.typical.add(math.Log(score+1e-9), math.Exp2(-1.0/100))
			score = math.Log(score+1e-9) - n.typical.mean
		}
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

func (n *Novelty) settle() {
	d := len(n.pending[0])
	mean := make([]float64, d)
	for _, u := range n.pending {
		for i, v := range u {
			mean[i] += v / float64(len(n.pending))
		}
	}
	cov := mat.NewSymDense(d, nil)
	for _, u := range n.pending {
		g := mat.NewVecDense(d, nil)
		for i, v := range u {
			g.SetVec(i, v-mean[i])
		}
		cov.SymRankOne(cov, 1/float64(len(n.pending)), g)
	}
	n.white = mat.NewDense(d, d, nil)
	if n.Whiten == 1 {
		for i := range d {
			n.white.Set(i, i, 1/math.Sqrt(max(cov.At(i, i), 1e-6)))
		}
		return
	}
	var e mat.EigenSym
	e.Factorize(cov, true)
	var v mat.Dense
	e.VectorsTo(&v)
	val := e.Values(nil)
	for i := range d {
		for j := range d {
			n.white.Set(i, j, v.At(j, i)/math.Sqrt(max(val[i], 0.01*val[d-1], 1e-9)))
		}
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
	squash, raw   bool
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
		if !v.raw || v.seen == 0 {
			v.moments[i].add(r, slow)
			if v.raw {
				v.moments[i].add(r+1, slow)
			}
		}
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
	if v.squash {
		for i := range u {
			u[i] = math.Asinh(2 * u[i])
		}
	}
	return u, true
}
