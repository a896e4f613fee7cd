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
// It panics if cov is not symmetric or not finite.
//
// Source: Bell and Sejnowski, "The independent components of natural scenes are
// edge filters", Vision Research 37 (1997); the ridge of surprise-and-physics
// reference 3.8.
func Whitening(cov []float64, channels int) []float64 { return whiten(cov, channels, mixRidge) }

// whiten is Whitening of n numbers with that ridge.
func whiten(cov []float64, n int, ridge float64) []float64 {
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(n, cov), true) {
		panic(fmt.Sprintf("jepa: the covariance %v has no eigenvectors", cov))
	}
	values := eigen.Values(nil)
	var e, scaled, out mat.Dense
	eigen.VectorsTo(&e)
	scaled.Apply(func(_, k int, v float64) float64 { return v / math.Sqrt(max(0, values[k])+ridge) }, &e)
	out.Mul(&scaled, e.T())
	white := make([]float64, 0, n*n)
	for j := range n {
		white = append(white, mat.Row(nil, j, &out)...)
	}
	return white
}
