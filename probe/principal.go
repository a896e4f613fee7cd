package probe

import (
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/mat"

	"foresee/nn"
)

// Subspace iteration makes this many rounds on this many directions more than
// are kept.
const (
	principalRounds = 8
	principalSpare  = 32
)

// Principal is the k strongest directions of P numbers.
type Principal struct {
	Mean     []float32 // [P]
	Basis    []float32 // [P, k], orthonormal columns, the strongest first, each column's largest entry positive
	Variance float64   // along the k directions together
}

// MeasurePrincipal finds the k principal directions of the m rows of x [m, p],
// which it centres in place, with the products on backend. Rows that vary in
// fewer than k directions are an error. It panics unless k is in [1, p] and x
// has m·p numbers. The same rows give the same bits on one backend, and the same
// signs on all: an axis points where its entry of largest magnitude is positive,
// the first of equal ones.
//
// Source: Halko, Martinsson, Tropp, "Finding structure with randomness", SIAM
// Review 53 (2011), algorithm 4.4, with an orthonormal basis in every round.
func MeasurePrincipal(backend compute.Backend, x []float32, m, p, k int) (Principal, error) {
	if k < 1 || k > p || len(x) != m*p {
		panic(fmt.Sprintf("probe: %d principal directions of %d numbers, want 1 to %d of %d", k, len(x), p, m*p))
	}
	out := Principal{Mean: centre(x, m, p)}
	rows := tensors.FromFlatDataAndDimensions(x, m, p)
	defer rows.MustFinalizeAll()
	scores, err := graph.NewExec(backend, func(x, q *graph.Node) *graph.Node { return graph.DotProduct(x, q) })
	if err != nil {
		return out, err
	}
	defer scores.Finalize()
	back, err := graph.NewExec(backend, func(x, y *graph.Node) *graph.Node {
		return graph.DotGeneral(x, []int{0}, nil, y, []int{0}, nil)
	})
	if err != nil {
		return out, err
	}
	defer back.Finalize()
	wide := min(p, k+principalSpare)
	rng := nn.Rand(0, "principal")
	q := mat.NewDense(p, wide, nil)
	q.Apply(func(_, _ int, _ float64) float64 { return nn.Normal(rng) }, q)
	for round := range principalRounds + 1 {
		if q, err = orthonormal(q); err != nil {
			return out, err
		}
		y, err := product(scores, rows, q)
		if err != nil {
			return out, err
		}
		if round == principalRounds {
			out.Basis, out.Variance = rotate(q, y, k)
			break
		}
		if q, err = product(back, rows, y); err != nil {
			return out, err
		}
	}
	return out, nil
}

// product runs exec on rows and v and returns the resulting matrix.
func product(exec *graph.Exec, rows *tensors.Tensor, v *mat.Dense) (*mat.Dense, error) {
	n, wide := v.Dims()
	flat := make([]float32, 0, n*wide)
	for _, x := range v.RawMatrix().Data {
		flat = append(flat, float32(x))
	}
	arg := tensors.FromFlatDataAndDimensions(flat, n, wide)
	defer arg.MustFinalizeAll()
	result, err := exec.Call1(rows, arg)
	if err != nil {
		return nil, err
	}
	defer result.MustFinalizeAll()
	values := make([]float64, 0, result.Shape().Size())
	for _, x := range tensors.MustCopyFlatData[float32](result) {
		values = append(values, float64(x))
	}
	return mat.NewDense(len(values)/wide, wide, values), nil
}

// rotate turns the subspace q [p, wide] with scores y [m, wide] to its principal
// directions and returns the first k as columns [p, k], and their variance.
func rotate(q, y *mat.Dense, k int) (basis []float32, variance float64) {
	var gram mat.SymDense
	gram.SymOuterK(1, y.T())
	var eigen mat.EigenSym
	if !eigen.Factorize(&gram, true) {
		panic("probe: a symmetric matrix without eigenvectors")
	}
	var vectors, out mat.Dense
	eigen.VectorsTo(&vectors)
	out.Mul(q, &vectors)
	p, wide := out.Dims()
	m, _ := y.Dims()
	basis = make([]float32, p*k)
	values := eigen.Values(nil) // ascending
	for j := range k {
		from := wide - 1 - j
		variance += values[from] / float64(m)
		sign, most := 1.0, 0.0
		for i := range p {
			if x := out.At(i, from); math.Abs(x) > most {
				sign, most = math.Copysign(1, x), math.Abs(x)
			}
		}
		for i := range p {
			basis[i*k+j] = float32(sign * out.At(i, from))
		}
	}
	return basis, variance
}

// orthonormal returns an orthonormal basis of the columns of q, by Cholesky
// factors of their Gram matrix, twice for precision.
//
// Source: Fukaya et al., "CholeskyQR2", ScalA 2014.
func orthonormal(q *mat.Dense) (*mat.Dense, error) {
	_, k := q.Dims()
	for range 2 {
		var gram mat.SymDense
		gram.SymOuterK(1, q.T())
		trace := mat.Trace(&gram)
		for i := range k {
			gram.SetSym(i, i, gram.At(i, i)+1e-13*trace/float64(k))
		}
		var factor mat.Cholesky
		if !factor.Factorize(&gram) {
			return nil, errors.New("the frames vary in fewer directions than a latent has numbers: are they all alike?")
		}
		var lower, inverse mat.TriDense
		factor.LTo(&lower)
		if err := inverse.InverseTri(&lower); err != nil {
			return nil, err
		}
		var out mat.Dense
		out.Mul(q, inverse.T())
		q = &out
	}
	return q, nil
}

// centre subtracts the mean of the rows of x [m, p] and returns it.
func centre(x []float32, m, p int) []float32 {
	sum := make([]float64, p)
	for r := range m {
		for i, v := range x[r*p : (r+1)*p] {
			sum[i] += float64(v)
		}
	}
	mean := make([]float32, p)
	for i := range mean {
		mean[i] = float32(sum[i] / float64(m))
	}
	for r := range m {
		row := x[r*p : (r+1)*p]
		for i := range row {
			row[i] -= mean[i]
		}
	}
	return mean
}
