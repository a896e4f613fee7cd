package vec

import "math"

// Neg sets dst = -a.
func Neg(dst, a []float32) {
	if !run1(ops.neg, dst, a) {
		each(dst, a, func(x float32) float32 { return -x })
	}
}

// Abs sets dst = |a|.
func Abs(dst, a []float32) {
	if !run1(ops.abs, dst, a) {
		each(dst, a, func(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) })
	}
}

// Sqrt sets dst to the square root of a, correctly rounded.
func Sqrt(dst, a []float32) {
	if !run1(ops.sqrt, dst, a) {
		each(dst, a, func(x float32) float32 { return float32(math.Sqrt(float64(x))) })
	}
}

// Rsqrt sets dst = 1 / sqrt(a), root and quotient rounded: at most 1 unit in the last place off.
func Rsqrt(dst, a []float32) {
	if !run1(ops.rsqrt, dst, a) {
		each(dst, a, func(x float32) float32 { return 1 / float32(math.Sqrt(float64(x))) })
	}
}

// ReLU sets dst = max(a, 0).
func ReLU(dst, a []float32) {
	if !run1(ops.relu, dst, a) {
		each(dst, a, func(x float32) float32 {
			if x < 0 {
				return 0
			}
			return x
		})
	}
}

// ReLUGrad sets dst to g where x > 0, else to 0.
func ReLUGrad(dst, x, g []float32) {
	if run2(ops.reluGrad, dst, x, g) {
		return
	}
	for i := range dst {
		if x[i] > 0 {
			dst[i] = g[i]
		} else {
			dst[i] = 0
		}
	}
}

// Floor sets dst to a rounded down to an integer.
func Floor(dst, a []float32) {
	if !run1(ops.floor, dst, a) {
		each(dst, a, wrap(math.Floor))
	}
}

// Ceil sets dst to a rounded up to an integer.
func Ceil(dst, a []float32) {
	if !run1(ops.ceil, dst, a) {
		each(dst, a, wrap(math.Ceil))
	}
}

// Round sets dst to the integer nearest to a, halves to even.
func Round(dst, a []float32) {
	if !run1(ops.round, dst, a) {
		each(dst, a, wrap(math.RoundToEven))
	}
}

func each(dst, a []float32, f func(float32) float32) {
	for i := range dst {
		dst[i] = f(a[i])
	}
}

func wrap(f func(float64) float64) func(float32) float32 {
	return func(x float32) float32 { return float32(f(float64(x))) }
}
