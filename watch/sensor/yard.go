package sensor

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// yard turns a statistic into decades of rarity, so that several can be compared:
// 1 is what one normal reading in ten reaches, 2 one in a hundred if the tail is
// exponential.
//
//	1 + (s - At)/(Per·ln 10)
type yard struct {
	At  float64 `json:"at"`  // 0.9 quantile of normal readings
	Per float64 `json:"per"` // mean excess over it
}

// newYard measures normal statistics; it sorts them.
func newYard(s []float64) yard {
	if len(s) == 0 {
		return yard{0, 1}
	}
	slices.Sort(s)
	y := yard{At: s[len(s)*9/10]}
	n := 0
	for _, v := range s {
		if v > y.At {
			y.Per += v - y.At
			n++
		}
	}
	y.Per = max(y.Per/float64(max(1, n)), 1e-9)
	return y
}

func (y yard) decades(s float64) float64 { return 1 + (s-y.At)/(y.Per*math.Ln10) }

// rowsOf copies a matrix into rows, which JSON stores.
func rowsOf(m *mat.Dense) [][]float64 {
	r, c := m.Dims()
	out := make([][]float64, r)
	for i := range out {
		out[i] = make([]float64, c)
		copy(out[i], m.RawRowView(i))
	}
	return out
}

// shaped reports whether rows are r of c finite numbers each.
func shaped(rows [][]float64, r, c int) bool {
	if len(rows) != r {
		return false
	}
	for _, row := range rows {
		if len(row) != c {
			return false
		}
		for _, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return false
			}
		}
	}
	return true
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// eigen returns eigenvalues and vectors (as rows) of a covariance, largest first;
// false if they cannot be found.
func eigen(cov *mat.SymDense) (values []float64, vectors [][]float64, ok bool) {
	var e mat.EigenSym
	if !e.Factorize(cov, true) {
		return nil, nil, false
	}
	var v mat.Dense
	e.VectorsTo(&v)
	values = e.Values(nil)
	slices.Reverse(values)
	d := len(values)
	for i := range d {
		vectors = append(vectors, mat.Col(nil, d-1-i, &v))
	}
	return values, vectors, true
}
