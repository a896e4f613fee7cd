package jepa

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// textureReach is how many pixels off a frame is compared with itself.
const textureReach = 2

// textureLags lists the ways (dy, dx) that a frame is compared with itself: all up to textureReach, of two opposite
// ones, which say the same, one.
func textureLags() (lags [][2]int) {
	for dy := range textureReach + 1 {
		for dx := -textureReach; dx <= textureReach; dx++ {
			if dy > 0 || dx >= 0 {
				lags = append(lags, [2]int{dy, dx})
			}
		}
	}
	return lags
}

// textureWidth returns how many numbers a texture has, before its projection and after.
func (c Config) textureWidth() int { return c.Frame.Channels * len(textureLags()) }

// texture returns the textures [N, C·lags] of raw frames pixels [N, H, W, C] uint8, as Unprojected says; pairs that leave
// the frame are left out. A thing of another shape has other edges and so another g, at
// any place, where the cells of a grid change as much when it moves by a pixel. But for the frame's margin g(0, 0) - g(dy, dx) is
// the autocorrelation, of which small differences would be lost in the rounding of float32.
//
// Source: the autocorrelation of Portilla and Simoncelli, "A parametric texture model", IJCV 40 (2000), section 2.2,
// of the frame itself.
func (n Network) texture(pixels *Node) *Node {
	dims := pixels.Shape().Dimensions
	h, w, channels := dims[1], dims[2], dims[3]
	x := TransposeAllDims(n.centred(pixels), 0, 3, 1, 2)
	var all []*Node
	for _, lag := range textureLags() {
		dy, dx := lag[0], lag[1]
		sum := ReduceSum(Square(x), 2, 3)
		if dy > 0 || dx != 0 {
			here := Slice(x, AxisRange(), AxisRange(), AxisRange(0, h-dy), AxisRange(max(0, -dx), w-max(0, dx)))
			there := Slice(x, AxisRange(), AxisRange(), AxisRange(dy, h), AxisRange(max(0, dx), w-max(0, -dx)))
			sum = MulScalar(ReduceSum(Square(Sub(here, there)), 2, 3), 0.5)
		}
		all = append(all, InsertAxes(sum, -1))
	}
	return MulScalar(Reshape(Concatenate(all, -1), dims[0], channels*len(all)), 1/float64(h*w))
}

// TextureVariance is the mean variance of a texture's numbers in a latent, where the grid's have one of 1.
const TextureVariance = 1.0

// textureRidge keeps what varies little from being blown up, in units of the mean variance of a number.
const textureRidge = 1e-4 * 13 // differences vary little beside the 13th that is a strength

// MeasureTexture returns the mean [P] and the basis [P, P] of ProjectTexture, given textures x [m, P] of pairs of frames,
// each of one clip, one row behind the other: it makes the changes within clips uncorrelated and equally strong. What differs
// between clips and stays within one, as a shape does, so counts for much.
//
//	basis = s·E·diag(1/sqrt(λ + ridge))·Eᵀ,   E, λ of the mean of d·dᵀ over pairs, d their difference
//
// s makes the mean variance of all rows TextureVariance. It panics if x has no pair or is not finite.
//
// Source: whitening of the within-class scatter, a clip being a class; Fukunaga, "Introduction to Statistical Pattern
// Recognition" (1990), chapter 10.
func MeasureTexture(x []float32, p int) (mean, basis []float32) {
	rows, changes := mat.NewDense(len(x)/p, p, nil), mat.NewDense(len(x)/p/2, p, nil)
	rows.Apply(func(i, j int, _ float64) float64 { return float64(x[i*p+j]) }, rows)
	changes.Apply(func(i, j int, _ float64) float64 { return rows.At(2*i+1, j) - rows.At(2*i, j) }, changes)
	var all, within mat.SymDense
	stat.CovarianceMatrix(&all, rows, nil)
	within.SymOuterK(1/float64(len(x)/p/2), changes.T())
	for j := range p {
		mean = append(mean, float32(stat.Mean(mat.Col(nil, j, rows), nil)))
	}
	white := whiten(&within, max(1e-12, textureRidge*mat.Trace(&within)/float64(p)))
	var spread mat.Dense
	spread.Product(white.T(), &all, white)
	white.Scale(math.Sqrt(TextureVariance*float64(p)/max(1e-12, mat.Trace(&spread))), white)
	for _, v := range white.RawMatrix().Data {
		basis = append(basis, float32(v))
	}
	return mean, basis
}
