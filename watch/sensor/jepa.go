package sensor

import (
	"math"
	"time"

	"gonum.org/v1/gonum/mat"
)

// JEPA predicts the latent of the readings to come from those before.
//
//	target  y(t): the last Horizon readings of each channel, standardised
//	latent  z = Λ^(-1/2)·Vᵀ·y, whitened principal axes of the targets so far, the Dim largest
//	context h: 1, the readings before the target as a view of octaves, time of day
//	ẑ = W·h by recursive least squares;  score = (1/Dim) Σ_d (ẑ_d - z_d)²/v_d
//
// v is the fading mean of the squared error of each latent dimension, so that
// what cannot be predicted is expected to be wrong. Whitening fixes the variance of
// every latent: it cannot collapse. The axes are learnt over the first Settle
// readings and then kept; W and v go on learning.
type JEPA struct {
	Horizon int // readings of the target; 0 means 8
	Dim     int // latent floats; 0 means 4
	Settle  int // 0 means 250
	Lags    int // readings of the context one by one; 0 means 8
	Octaves int // 0 means 3

	context view
	queue   [][]float64 // contexts whose target is not complete
	target  []float64   // [Horizon·C] standardised
	sample  [][]float64
	axes    *mat.Dense // [D, Horizon·C]
	w       *rls
	errs    []moments
	seen    int
}

// Observe implements Scorer.
func (j *JEPA) Observe(at time.Time, x []float64) (float64, bool) {
	j.defaults()
	j.context.lags, j.context.octaves = j.Lags, j.Octaves
	u, ok := j.context.observe(x)
	if !ok {
		return 0, false
	}
	for c, v := range x {
		j.target = append(j.target, j.context.moments[c].standard(v))
	}
	j.queue = append(j.queue, append(append([]float64{1}, u...), clock(at)...))
	if len(j.queue) <= j.Horizon {
		return 0, false
	}
	j.target = j.target[len(j.target)-j.Horizon*len(x):]
	h := j.queue[0]
	j.queue = j.queue[1:]
	j.seen++
	if j.axes == nil {
		j.sample = append(j.sample, append([]float64{}, j.target...))
		if len(j.sample) >= j.Settle {
			j.settle(len(h))
		}
		return 0, false
	}
	d, _ := j.axes.Dims()
	z := mat.NewVecDense(d, nil)
	z.MulVec(j.axes, mat.NewVecDense(len(j.target), j.target))
	score := 0.0
	e := j.w.learn(h, z.RawVector().Data)
	for i, g := range e {
		m := &j.errs[i]
		if m.weight > 20 {
			score += g * g / max(m.mean, 1e-6) / float64(d)
		}
		m.add(min(g*g, 100*max(m.mean, 1e-3)), slow)
	}
	return score, j.seen > j.Settle+20
}

func (j *JEPA) defaults() {
	if j.Horizon == 0 {
		j.Horizon = 8
	}
	if j.Dim == 0 {
		j.Dim = 4
	}
	if j.Settle == 0 {
		j.Settle = 250
	}
	if j.Lags == 0 {
		j.Lags = 8
	}
	if j.Octaves == 0 {
		j.Octaves = 3
	}
}

// settle takes the principal axes of the targets seen and starts the predictor.
func (j *JEPA) settle(width int) {
	n, d := len(j.sample), len(j.sample[0])
	cov := mat.NewSymDense(d, nil)
	for _, y := range j.sample {
		cov.SymRankOne(cov, 1/float64(n), mat.NewVecDense(d, y))
	}
	var e mat.EigenSym
	if !e.Factorize(cov, true) {
		j.sample = j.sample[1:]
		return
	}
	var v mat.Dense
	e.VectorsTo(&v)
	k := min(j.Dim, d)
	values := e.Values(nil)
	j.axes = mat.NewDense(k, d, nil)
	for i := range k {
		col := mat.Col(nil, d-1-i, &v)
		s := 1 / math.Sqrt(max(values[d-1-i], 1e-3*values[d-1], 1e-9))
		for c := range col {
			col[c] *= s
		}
		j.axes.SetRow(i, col)
	}
	j.w = newRLS(width, k)
	j.errs = make([]moments, k)
	j.sample = nil
}

// clock returns the time of day as two harmonics.
func clock(at time.Time) []float64 {
	s := float64(at.Hour()*3600+at.Minute()*60+at.Second()) / 86400 * 2 * math.Pi
	return []float64{math.Sin(s), math.Cos(s), math.Sin(2 * s), math.Cos(2 * s)}
}

// rls is recursive least squares with a slow fading of the past.
type rls struct {
	p *mat.SymDense
	w *mat.Dense // [outputs, inputs]
	k *mat.VecDense
}

func newRLS(inputs, outputs int) *rls {
	p := mat.NewSymDense(inputs, nil)
	for i := range inputs {
		p.SetSym(i, i, 10)
	}
	return &rls{p, mat.NewDense(outputs, inputs, nil), mat.NewVecDense(inputs, nil)}
}

// learn returns the error of the prediction of z from h, made before learning.
func (r *rls) learn(h, z []float64) []float64 {
	const fade = 0.9998
	hv := mat.NewVecDense(len(h), h)
	r.k.MulVec(r.p, hv)
	gain := 1 / (fade + mat.Dot(hv, r.k))
	e := make([]float64, len(z))
	for i := range z {
		row := r.w.RawRowView(i)
		sum := 0.0
		for c, v := range h {
			sum += row[c] * v
		}
		e[i] = z[i] - sum
		for c := range row {
			row[c] += gain * e[i] * r.k.AtVec(c)
		}
	}
	r.p.SymRankOne(r.p, -gain, r.k)
	r.p.ScaleSym(1/fade, r.p)
	for i := range len(h) { // keep the trace bounded where nothing excites
		if r.p.At(i, i) > 1e3 {
			r.p.ScaleSym(1e3/r.p.At(i, i), r.p)
		}
	}
	return e
}
