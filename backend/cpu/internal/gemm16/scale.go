package gemm16

import "math"

const (
	// most is the norm that a scaled row may have: two of them, each longer by the rounding of up to chunk values, multiply
	// to less than 2^31.
	most = 46300
	// least and greatest bound the scales that float32 finds: beyond them squares may have left its range.
	least, greatest = 1e-18, 1e13
)

// scaleOf returns the scale of values with such a sum of squares and greatest magnitude, and its inverse; both are NaN if
// they must be found again by exact. The greatest magnitude is a multiple of the scale: ones and zeros stay what they are.
func scaleOf(squares, high float32) (scale, inverse float32) {
	scale = max(float32(math.Sqrt(float64(squares)))/most, high/math.MaxInt16)
	switch {
	case scale >= least && scale <= greatest:
		steps := float32(int32(high / scale))
		return high / steps, steps / high
	case high == 0 && squares == 0:
		return 0, 0
	}
	return float32(math.NaN()), float32(math.NaN())
}

// exact sets q to as many values of src, ld apart, divided by the scale that it returns, by way of float64.
func exact(q []int16, src []float32, ld int) float32 {
	squares, high := 0.0, 0.0
	for i := range q {
		x := float64(src[i*ld])
		squares += x * x
		high = max(high, math.Abs(x))
	}
	scale := max(math.Sqrt(squares)/most, high/math.MaxInt16)
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
