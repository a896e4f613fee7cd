package gemm16

import (
	"math"

	"foresee/backend/cpu/internal/rounding"
)

// scaleOf returns the scale of values with such a sum of squares and greatest magnitude, and its inverse; both are NaN if they
// must be found again by exact.
func scaleOf(squares, high float32) (scale, inverse float32) {
	scale, inverse, ok := rounding.Scale(squares, high)
	if !ok {
		return float32(math.NaN()), float32(math.NaN())
	}
	return scale, inverse
}

// exact sets q to as many values of src, ld apart, divided by the scale that it returns, by way of float64.
func exact(q []int16, src []float32, ld int) float32 {
	squares, high := 0.0, 0.0
	for i := range q {
		x := float64(src[i*ld])
		squares += x * x
		high = max(high, math.Abs(x))
	}
	scale := max(math.Sqrt(squares)/rounding.Most, high/math.MaxInt16)
	if math.IsNaN(scale) || math.IsInf(scale, 0) {
		clear(q)
		return float32(math.NaN())
	}
	s := float32(scale)
	if float64(s) < scale { // a subnormal number, or 0
		s = math.Nextafter32(s, math.MaxFloat32)
	}
	for i := range q {
		q[i] = int16(math.RoundToEven(float64(src[i*ld]) / float64(s)))
	}
	return s
}
