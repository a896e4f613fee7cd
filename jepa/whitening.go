package jepa

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// mixRidge keeps a channel that never varies from being blown up, in units of
// squared pixel/255.
const mixRidge = 2.5e-4

// Whitening returns a PixelMix [C, C] for channels of covariance cov [C, C] in
// units of pixel/255: the symmetric matrix that makes them uncorrelated, each with
// variance 1 (ZCA).
//
//	mix = E·diag(1/sqrt(λ + ridge))·Eᵀ,   E, λ of cov
//
// Its upper triangle counts. It panics if cov is not finite.
//
// Source: Bell and Sejnowski, "The independent components of natural scenes are
// edge filters", Vision Research 37 (1997); the ridge of surprise-and-physics
// reference 3.8.
func Whitening(cov []float64, channels int) []float64 {
	return whiten(mat.NewSymDense(channels, cov), mixRidge).RawMatrix().Data
}

// whiten is Whitening of so many numbers with that ridge.
func whiten(cov *mat.SymDense, ridge float64) *mat.Dense {
	var eigen mat.EigenSym
	if sum := mat.Sum(cov); math.IsNaN(sum) || math.IsInf(sum, 0) || !eigen.Factorize(cov, true) {
		panic(fmt.Sprintf("jepa: the covariance %v has no eigenvectors", mat.Formatted(cov)))
	}
	values := eigen.Values(nil)
	var e, scaled, out mat.Dense
	eigen.VectorsTo(&e)
	scaled.Apply(func(_, k int, v float64) float64 { return v / math.Sqrt(max(0, values[k])+ridge) }, &e)
	out.Mul(&scaled, e.T())
	return &out
}
