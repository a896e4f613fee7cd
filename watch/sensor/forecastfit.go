package sensor

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// fitForecast fits axes and predictor to the first 7 tenths of the readings and
// measures errors on the rest, which the predictor has not seen.
func fitForecast(cfg ModelConfig, ticks []tick, channels []string) (*forecast, error) {
	from := len(ticks) * 7 / 10
	fit, rest := ticks[:from], ticks[from:]
	w := &forecast{}
	if err := w.fitAxes(cfg, fit, channels); err != nil {
		return nil, err
	}
	if err := w.fitWeights(cfg, fit, channels); err != nil {
		return nil, err
	}
	return w, w.measure(cfg, fit, rest, channels)
}

// windows calls f after every tick whose context and target are whole.
func (s *forecasting) windows(ticks []tick, f func(i int)) {
	s.restart()
	for i, k := range ticks {
		if k.breaks {
			s.restart()
		}
		if s.push(k.x, k.held) {
			f(i)
		}
	}
}

func (w *forecast) fitAxes(cfg ModelConfig, ticks []tick, channels []string) error {
	s := newForecasting(cfg, channels)
	d := len(s.y)
	cov, n, stride := mat.NewSymDense(d, nil), 0, max(1, len(ticks)/cfg.Rows)
	bankStride := max(1, len(ticks)/bankSize)
	s.windows(ticks, func(i int) {
		if i%stride == 0 {
			cov.SymRankOne(cov, 1, mat.NewVecDense(d, s.y))
			n++
		}
		if i%bankStride == 0 && len(w.Bank) < bankSize {
			w.Bank, w.BankAt = append(w.Bank, append([]float64{}, s.y...)), append(w.BankAt, ticks[i].at)
		}
	})
	if n < 2*d {
		return fmt.Errorf("%d whole windows of %d numbers, want at least twice as many", n, d)
	}
	w.Usual = usualDistance(w.Bank)
	cov.ScaleSym(1/float64(n), cov)
	values, vectors, ok := eigen(cov)
	if !ok {
		return errors.New("the covariance of targets has no eigenvectors")
	}
	for i, v := range values {
		if v < 1e-7*values[0] {
			break
		}
		for j := range vectors[i] {
			vectors[i][j] /= math.Sqrt(v)
		}
		w.Axes = append(w.Axes, vectors[i])
	}
	return nil
}

// fitWeights solves the ridge regression of latents on features for four λ on
// the first four fifths, keeps the one that is best on the last, and solves it on all.
func (w *forecast) fitWeights(cfg ModelConfig, ticks []tick, channels []string) error {
	cut := len(ticks) * 4 / 5
	latent := func(s *forecasting, z []float64) {
		for j, a := range w.Axes {
			z[j] = dot(a, s.y)
		}
	}
	s := newForecasting(cfg, channels)
	first, last := s.normal(cfg, ticks[:cut], len(w.Axes), latent), s.normal(cfg, ticks[cut:], len(w.Axes), latent)
	if first.n < 100 || last.n < 20 {
		return fmt.Errorf("%d and %d whole windows to fit the predictor and to choose λ, want at least 100 and 20", first.n, last.n)
	}
	var err error
	w.Weights, w.Lambda, err = regress(first, last)
	return err
}

// regress solves first for four λ, keeps the one that is best on last, and solves
// both together: weights [D, F].
func regress(first, last *equations) (weights [][]float64, lambda float64, err error) {
	best := math.Inf(1)
	for _, l := range []float64{1e-5, 1e-3, 1e-1, 10} {
		w, err := first.solve(l)
		if err != nil {
			continue
		}
		if loss := last.loss(w); loss < best {
			best, lambda = loss, l
		}
	}
	if math.IsInf(best, 1) {
		return nil, 0, errors.New("the predictor's equations cannot be solved")
	}
	first.add(last)
	w, err := first.solve(lambda)
	if err != nil {
		return nil, 0, err
	}
	return rowsOf(mat.DenseCopyOf(w.T())), lambda, nil
}

// equations are the sums that least squares needs.
type equations struct {
	n  int
	pp *mat.SymDense // Σ φφᵀ [F, F]
	pz *mat.Dense    // Σ φzᵀ [F, D]
	zz float64       // Σ |z|²
}

// normal sums over windows, at most cfg.Rows of them; target fills z [D].
func (s *forecasting) normal(cfg ModelConfig, ticks []tick, d int, target func(s *forecasting, z []float64)) *equations {
	f := len(s.phi)
	e := &equations{pp: mat.NewSymDense(f, nil), pz: mat.NewDense(f, d, nil)}
	const chunk = 512
	phis, zs, k := mat.NewDense(chunk, f, nil), mat.NewDense(chunk, d, nil), 0
	flush := func() {
		p, z := phis.Slice(0, k, 0, f).(*mat.Dense), zs.Slice(0, k, 0, d).(*mat.Dense)
		var pp mat.SymDense
		pp.SymOuterK(1, p.T())
		e.pp.AddSym(e.pp, &pp)
		var pz mat.Dense
		pz.Mul(p.T(), z)
		e.pz.Add(e.pz, &pz)
		e.n, k = e.n+k, 0
	}
	stride := max(1, len(ticks)/cfg.Rows)
	s.windows(ticks, func(i int) {
		if i%stride != 0 {
			return
		}
		phis.SetRow(k, s.phi)
		z := zs.RawRowView(k)
		target(s, z)
		e.zz += dot(z, z)
		if k++; k == chunk {
			flush()
		}
	})
	if k > 0 {
		flush()
	}
	return e
}

func (e *equations) add(o *equations) {
	e.n, e.zz = e.n+o.n, e.zz+o.zz
	e.pp.AddSym(e.pp, o.pp)
	e.pz.Add(e.pz, o.pz)
}

// solve returns the weights [F, D] at λ a row.
func (e *equations) solve(lambda float64) (*mat.Dense, error) {
	f, _ := e.pp.Dims()
	a := mat.NewSymDense(f, nil)
	a.CopySym(e.pp)
	for i := 1; i < f; i++ { // the constant is free
		a.SetSym(i, i, a.At(i, i)+lambda*float64(e.n))
	}
	a.SetSym(0, 0, a.At(0, 0)+1e-9*float64(e.n))
	var ch mat.Cholesky
	if !ch.Factorize(a) {
		return nil, fmt.Errorf("the predictor's equations cannot be solved at λ = %g", lambda)
	}
	var w mat.Dense
	if err := ch.SolveTo(&w, e.pz); err != nil {
		var condition mat.Condition
		if !errors.As(err, &condition) {
			return nil, err
		}
	}
	return &w, nil
}

// loss is the mean of |z - Wᵀφ|².
func (e *equations) loss(w *mat.Dense) float64 {
	var pw mat.Dense
	pw.Mul(e.pp, w)
	sum := e.zz
	r, c := w.Dims()
	for i := range r {
		for j := range c {
			sum += w.At(i, j) * (pw.At(i, j) - 2*e.pz.At(i, j))
		}
	}
	return sum / float64(e.n)
}

// measure sets all that normal errors tell: their covariance, what they are
// expected to be (of fit), the deviations of the moves and of their fading means, and the yards.
func (w *forecast) measure(cfg ModelConfig, fit, ticks []tick, channels []string) error {
	s := w.follow(cfg, channels)
	d := len(s.y)
	cov, n := mat.NewSymDense(d, nil), 0
	s.windows(ticks, func(int) {
		s.err()
		cov.SymRankOne(cov, 1, mat.NewVecDense(d, s.e))
		n++
	})
	if n < 2*d {
		return fmt.Errorf("%d whole windows to measure errors of %d numbers, want at least twice as many", n, d)
	}
	cov.ScaleSym(1/float64(n), cov)
	for i := range d {
		cov.SetSym(i, i, cov.At(i, i)*(1+1e-6)+1e-9)
	}
	var ch mat.Cholesky
	if !ch.Factorize(cov) {
		return errors.New("the covariance of errors is singular")
	}
	var l mat.TriDense
	ch.LTo(&l)
	w.Chol = rowsOf(mat.DenseCopyOf(&l))
	if err := w.fitExpected(cfg, fit, channels); err != nil {
		return err
	}
	g := len(s.moves)
	w.Mean, w.Std = make([]float64, g), make([]float64, g)
	s.windows(ticks, func(int) {
		s.residual()
		s.move()
		for i, v := range s.moves {
			w.Mean[i] += v / float64(n)
			w.Std[i] += v * v / float64(n)
		}
	})
	for i := range w.Std {
		w.Std[i] = max(math.Sqrt(max(0, w.Std[i]-w.Mean[i]*w.Mean[i])), 1e-6)
	}
	w.Faded = nil
	for range spans {
		w.Faded = append(w.Faded, make([]float64, g))
	}
	w.measureFaded(w.follow(cfg, channels), ticks)
	return w.measureYards(w.follow(cfg, channels), ticks)
}

func (w *forecast) measureYards(s *forecasting, ticks []tick) error {
	all := make([][]float64, len(s.out))
	slow := len(s.outputs) + 1
	s.windows(ticks, func(int) {
		s.judged()
		for i, v := range s.out {
			if i < slow || s.weight[(i-slow)/2] >= 0.9 {
				all[i] = append(all[i], v)
			}
		}
	})
	w.Yards = nil
	for i, v := range all {
		if i >= slow && float64(len(v)) < leastSpans*spans[(i-slow)/2] { // it never speaks
			w.Yards = append(w.Yards, yard{math.MaxFloat64 / 4, 1})
			continue
		}
		w.Yards = append(w.Yards, newYard(v))
	}
	for _, y := range w.Yards {
		if math.IsNaN(y.At + y.Per) {
			return errors.New("an error is not a number")
		}
	}
	return nil
}
