// Package rounding holds how packages gemm16 and conv16 make 16-bit integers of float32 numbers: q = round(x / scale), with
// one scale for all numbers that a sum runs over, on each of its two sides.
package rounding

import (
	"math"
	"unsafe"
)

const (
	// Most is the Euclidean norm that numbers of one scale may have after division by it: those of two sides, each longer by
	// the rounding of some thousand numbers, multiply to less than 2^31, which by Cauchy and Schwarz no sum of products leaves.
	Most = 46300
	// least and greatest bound the scales that float32 finds: beyond them squares may have left its range.
	least, greatest = 1e-18, 1e13
)

// Fine reports whether a scale was found well from sums of squares in float32.
func Fine(scale float32) bool { return scale >= least && scale <= greatest }

// Scale returns the scale of numbers with such a sum of squares and greatest magnitude, and its inverse: the least with which
// none leaves 16 bits and their norm stays within Most, but so that the greatest magnitude is a multiple of it. Both are 0 if
// all numbers are, and if ok is false: then float32 cannot tell, or some number is not finite.
func Scale(squares, high float32) (scale, inverse float32, ok bool) {
	norm := max(float32(math.Sqrt(float64(squares)))/Most, high/math.MaxInt16)
	if !Fine(norm) {
		return 0, 0, squares == 0 && high == 0
	}
	steps := float32(int32(high / norm))
	return high / steps, steps / high, true
}

// Norms returns the sum of squares and the greatest magnitude of numbers, NaN if one is.
func Norms(row []float32) (squares, high float32) {
	for _, x := range row {
		squares += float32(x * x)
		high = max(high, float32(math.Abs(float64(x))))
	}
	return squares, high
}

// Quant rounds x·inverse, halves to even; NaN gives 0.
func Quant(x, inverse float32) int16 {
	v := x * inverse
	if v != v {
		return 0
	}
	return int16(math.RoundToEven(float64(v)))
}

// Integers returns the memory of floats as pairs of integers.
func Integers(s []float32) []int16 {
	return unsafe.Slice((*int16)(unsafe.Pointer(unsafe.SliceData(s))), 2*len(s))
}
