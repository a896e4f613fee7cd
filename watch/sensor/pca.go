package sensor

import (
	"math"
	"time"

	"gonum.org/v1/gonum/mat"
)

// PCA expects windows of readings to lie near the plane of the usual ones.
//
//	T² = Σ_(i<=k) (v_iᵀu)²/λ_i,   Q = |u|² - Σ_(i<=k) (v_iᵀu)²
//	score = T²/k + Q/mean(Q)
//
// u is the window of the last Lags readings of all channels, each channel
// standardised by its fading mean and deviation; λ, v are eigenpairs of the
// fading mean of u·uᵀ, the k largest that hold Share of the variance, taken anew
// every Refit readings.
type PCA struct {
	Lags  int     // readings a window; 0 means 16
	Share float64 // 0 means 0.9
	Refit int     // 0 means 50

	moments []moments
	window  []float64 // [Lags·C], the newest last
	cov     *mat.SymDense
	weight  float64
	seen    int
	values  []float64
	vectors *mat.Dense
	kept    int
	rest    moments
}

// slow is the decay of what is usual: a half-life of 2000 readings.
var slow = math.Exp2(-1.0 / 2000)

// Observe implements Scorer.
func (p *PCA) Observe(_ time.Time, x []float64) (float64, bool) {
	if p.Lags == 0 {
		p.Lags = 16
	}
	if p.Share == 0 {
		p.Share = 0.9
	}
	if p.Refit == 0 {
		p.Refit = 50
	}
	d := p.Lags * len(x)
	if p.moments == nil {
		p.moments, p.cov = make([]moments, len(x)), mat.NewSymDense(d, nil)
	}
	for c, v := range x {
		z := p.moments[c].standard(v)
		p.window = append(p.window, max(-20, min(20, z)))
		p.moments[c].add(v, slow)
	}
	if p.seen++; p.seen <= p.Lags+10 {
		if p.seen == 10 {
			p.window = p.window[:0] // the first were standardised by nearly nothing
		}
		return 0, false
	}
	p.window = p.window[len(p.window)-d:]
	u := mat.NewVecDense(d, p.window)
	score, known := 0.0, p.vectors != nil
	if known {
		score = p.score(u)
	}
	p.weight = p.weight*slow + 1
	p.cov.ScaleSym(1-1/p.weight, p.cov)
	p.cov.SymRankOne(p.cov, 1/p.weight, u)
	if (p.seen-p.Lags)%p.Refit == 0 {
		p.refit()
	}
	return score, known
}

func (p *PCA) score(u *mat.VecDense) float64 {
	t2, rest := 0.0, mat.Dot(u, u)
	for i := range p.kept {
		a := mat.Dot(p.vectors.ColView(i), u)
		t2 += a * a / p.values[i]
		rest -= a * a
	}
	rest = max(0, rest)
	score := t2 / float64(p.kept)
	if p.rest.mean > 0 {
		score += rest / p.rest.mean
	}
	p.rest.add(rest, slow)
	return score
}

// refit takes the eigenpairs, the largest first.
func (p *PCA) refit() {
	var e mat.EigenSym
	if !e.Factorize(p.cov, true) {
		return // the old plane stays
	}
	values := e.Values(nil)
	var vectors mat.Dense
	e.VectorsTo(&vectors)
	d := len(values)
	total := 0.0
	for _, v := range values {
		total += max(0, v)
	}
	if !(total > 0) {
		return
	}
	p.values, p.vectors, p.kept = make([]float64, d), mat.NewDense(d, d, nil), 0
	held := 0.0
	for i := range d {
		p.values[i] = max(values[d-1-i], 1e-9*total)
		p.vectors.SetCol(i, mat.Col(nil, d-1-i, &vectors))
		if held < p.Share*total {
			held += p.values[i]
			p.kept++
		}
	}
}
