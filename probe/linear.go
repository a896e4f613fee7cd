package probe

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// LinearConfig describes a linear probe.
type LinearConfig struct {
	Split Split
	Ridge float64 // λ on standardised features; 0 means the best of 1e-8, 1e-6, 1e-4, 1e-2 and 1 on the validation groups
}

// Affine is a fitted linear readout, y = x·Weight + Bias.
type Affine struct {
	In, Out int
	Weight  []float64 // [In, Out]
	Bias    []float64 // [Out]
}

// Apply writes to out [n, Out] what is read off the features x [n, In]. It
// panics when a slice has another length.
func (a Affine) Apply(n int, x []float32, out []float64) {
	if len(x) != n*a.In || len(out) != n*a.Out {
		panic(fmt.Sprintf("probe: Apply to %d features and %d results, want %d rows of %d and %d", len(x), len(out), n, a.In, a.Out))
	}
	for r := range n {
		row := out[r*a.Out : (r+1)*a.Out]
		copy(row, a.Bias)
		for i, v := range x[r*a.In : (r+1)*a.In] {
			for j := range row {
				row[j] += float64(v) * a.Weight[i*a.Out+j]
			}
		}
	}
}

// Linear fits a ridge regression from features [n, D] to targets [n, K] and
// grades it on groups held back.
//
//	B = argmin (1/n) Σ |y - x·B|² + λ|B|²,   x standardised, y centred, on the fitting rows
//
// groups [n] names the episode of each row. The readout returned is fitted on
// all rows but the test's and takes features as they are. It panics on shapes
// that do not fit; values that are not finite and too few groups are errors.
func Linear(features, targets Table, groups []int, cfg LinearConfig) (Result, Affine, error) {
	if err := checkProblem(features, targets, groups); err != nil {
		return Result{}, Affine{}, fmt.Errorf("probe: linear: %w", err)
	}
	if !(cfg.Ridge >= 0) || math.IsInf(cfg.Ridge, 1) {
		return Result{}, Affine{}, fmt.Errorf("probe: linear: ridge is %g, want a finite number of at least 0", cfg.Ridge)
	}
	p, err := cfg.Split.draw(groups)
	if err != nil {
		return Result{}, Affine{}, fmt.Errorf("probe: linear: %w", err)
	}
	ridge := cfg.Ridge
	if ridge == 0 {
		if ridge, err = chooseRidge(features, targets, p); err != nil {
			return Result{}, Affine{}, fmt.Errorf("probe: linear: %w", err)
		}
	}
	train := append(append([]int{}, p.fit...), p.validation...)
	fit, err := newNormal(features, targets, train).solve(ridge)
	if err != nil {
		return Result{}, Affine{}, fmt.Errorf("probe: linear: %w", err)
	}
	res := grade(predict(fit, features, p.test), targets, groups, p.test, measure(targets, train).mean)
	res.Detail = fmt.Sprintf("linear, ridge %g", ridge)
	return res, fit, nil
}

func chooseRidge(features, targets Table, p parts) (float64, error) {
	normal := newNormal(features, targets, p.fit)
	best, least := 0.0, math.Inf(1)
	for _, ridge := range []float64{1e-8, 1e-6, 1e-4, 1e-2, 1} {
		fit, err := normal.solve(ridge)
		if err != nil {
			continue // too little ridge for dependent features; a larger one follows
		}
		if e := squared(predict(fit, features, p.validation), targets, p.validation); e < least {
			best, least = ridge, e
		}
	}
	if best == 0 {
		return 0, fmt.Errorf("no ridge gives a solution")
	}
	return best, nil
}

// normal holds the normal equations of one set of rows.
type normal struct {
	x, y scale
	xx   *mat.SymDense // [D, D], (1/n) Σ x'x
	xy   *mat.Dense    // [D, K], (1/n) Σ x'y, y centred
}

func newNormal(features, targets Table, rows []int) normal {
	n := float64(len(rows))
	s := normal{x: measure(features, rows), y: measure(targets, rows)}
	for i := range s.y.std {
		s.y.std[i] = 1
	}
	x := mat.NewDense(len(rows), features.Width, s.x.standardised(features, rows))
	y := mat.NewDense(len(rows), targets.Width, s.y.standardised(targets, rows))
	s.xx = mat.NewSymDense(features.Width, nil)
	s.xx.SymOuterK(1/n, x.T())
	s.xy = new(mat.Dense)
	s.xy.Mul(x.T(), y)
	s.xy.Scale(1/n, s.xy)
	return s
}

// solve returns the readout for raw features.
func (s normal) solve(ridge float64) (Affine, error) {
	d, k := s.xy.Dims()
	a := mat.NewSymDense(d, nil)
	a.CopySym(s.xx)
	for i := range d {
		a.SetSym(i, i, a.At(i, i)+ridge)
	}
	var chol mat.Cholesky
	if !chol.Factorize(a) {
		return Affine{}, fmt.Errorf("features are linearly dependent: ridge %g is too small", ridge)
	}
	var b mat.Dense
	if err := chol.SolveTo(&b, s.xy); err != nil {
		if _, poor := err.(mat.Condition); !poor { // poorly conditioned: the validation rows judge it
			return Affine{}, err
		}
	}
	out := Affine{In: d, Out: k, Weight: make([]float64, d*k), Bias: append([]float64{}, s.y.mean...)}
	for i := range d {
		for j := range k {
			w := b.At(i, j) / s.x.std[i]
			out.Weight[i*k+j] = w
			out.Bias[j] -= w * s.x.mean[i]
		}
	}
	return out, nil
}

func predict(a Affine, features Table, rows []int) []float64 {
	out := make([]float64, len(rows)*a.Out)
	for i, r := range rows {
		a.Apply(1, features.Row(r), out[i*a.Out:(i+1)*a.Out])
	}
	return out
}

// squared returns the sum of squared errors over rows and targets.
func squared(predicted []float64, targets Table, rows []int) float64 {
	sum := 0.0
	for i, r := range rows {
		for j, v := range targets.Row(r) {
			e := predicted[i*targets.Width+j] - float64(v)
			sum += e * e
		}
	}
	return sum
}
