package conv16

import (
	"math"

	"foresee/backend/cpu/internal/rounding"
)

// maxSum is the most products of a sum: as many roundings keep the norms of rounding.Most below the root of 2^31.
const maxSum = 4900

// scaleOf returns the scale of values with such a sum of squares and greatest magnitude: 0 if all are 0, NaN if some are not
// finite. The greatest magnitude is a multiple of it, but for rounding.
func scaleOf(squares, high float64) float32 {
	s := max(math.Sqrt(squares)/rounding.Most, high/math.MaxInt16)
	if s == 0 {
		return 0
	}
	if math.IsNaN(s) || math.IsInf(s, 0) {
		return float32(math.NaN())
	}
	s = high / math.Floor(high/s)
	scale := float32(s)
	if scale < math.SmallestNonzeroFloat32*(1<<23) && float64(scale) < s { // a subnormal number, or 0
		scale = math.Nextafter32(scale, 1)
	}
	return scale
}

// inverseOf returns what to multiply with in place of a division by a scale; 0 for 0.
func inverseOf(scale float32) float32 {
	if scale == 0 {
		return 0
	}
	return 1 / scale
}

// evened returns a copy of pixels with so many channels, each divided by a power of two that brings its greatest magnitude
// to [1/2, 1), and those powers. Channels that are not finite are 0, their power is NaN.
func evened(src []float32, channels int) (dst []float32, powers []float64) {
	powers, dst = make([]float64, channels), make([]float32, len(src))
	for i, v := range src {
		high := &powers[i%channels]
		switch x := math.Abs(float64(v)); {
		case math.IsNaN(x) || math.IsInf(x, 0):
			*high = math.NaN()
		case x > *high:
			*high = x
		}
	}
	for c, high := range powers {
		if !math.IsNaN(high) {
			_, e := math.Frexp(high)
			powers[c] = math.Ldexp(1, e)
		}
	}
	for i, v := range src {
		if p := powers[i%channels]; !math.IsNaN(p) {
			dst[i] = float32(float64(v) / p)
		}
	}
	return dst, powers
}
