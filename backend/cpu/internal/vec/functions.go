package vec

import "math"

// Exp sets dst = e to the a.
func Exp(dst, a []float32) {
	if !run1(ops.exp, dst, a) {
		each(dst, a, wrap(math.Exp))
	}
}

// Log sets dst to the natural logarithm of a: -Inf at 0, NaN below.
func Log(dst, a []float32) {
	if !run1(ops.log, dst, a) {
		each(dst, a, wrap(math.Log))
	}
}

// Log1p sets dst to the natural logarithm of 1 + a: -Inf at -1, NaN below.
func Log1p(dst, a []float32) {
	if !run1(ops.log1p, dst, a) {
		each(dst, a, wrap(math.Log1p))
	}
}

// Tanh sets dst to the hyperbolic tangent of a.
func Tanh(dst, a []float32) {
	if !run1(ops.tanh, dst, a) {
		each(dst, a, wrap(math.Tanh))
	}
}

// Sigmoid sets dst = 1 / (1 + exp(-a)).
func Sigmoid(dst, a []float32) {
	if !run1(ops.sigmoid, dst, a) {
		each(dst, a, wrap(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }))
	}
}

// Erf sets dst to the error function of a.
func Erf(dst, a []float32) {
	if !run1(ops.erf, dst, a) {
		each(dst, a, wrap(math.Erf))
	}
}

// GELU sets dst to a Φ(a), Φ the normal distribution: the exact form; 0 at -Inf.
func GELU(dst, a []float32) {
	if !run1(ops.gelu, dst, a) {
		each(dst, a, wrap(func(x float64) float64 {
			if math.IsInf(x, -1) {
				return 0
			}
			return x / 2 * math.Erfc(-x/math.Sqrt2)
		}))
	}
}

// GELUSlope sets dst to the derivative of GELU, Φ(a) + a φ(a), φ the normal density.
func GELUSlope(dst, a []float32) {
	if !run1(ops.geluSlope, dst, a) {
		each(dst, a, wrap(func(x float64) float64 {
			slope := math.Erfc(-x/math.Sqrt2) / 2
			if !math.IsInf(x, 0) {
				slope += x * math.Exp(-x*x/2) / math.Sqrt(2*math.Pi)
			}
			return slope
		}))
	}
}

// Sin sets dst to the sine of a.
func Sin(dst, a []float32) { circular(ops.sin, math.Sin, dst, a) }

// Cos sets dst to the cosine of a.
func Cos(dst, a []float32) { circular(ops.cos, math.Cos, dst, a) }

// far is the magnitude above which the kernels of Sin and Cos are wrong.
const far = 30000

// block bounds the copy that an in-place call of circular needs.
const block = 512

func circular(kernel fnFar, exact func(float64) float64, dst, a []float32) {
	a = a[:len(dst)]
	var keep [block]float32
	for len(dst) > 0 {
		n := min(len(dst), block)
		src := keep[:copy(keep[:n], a)]
		if kernel == nil {
			each(dst[:n], src, wrap(exact))
		} else if kernel(&dst[0], &a[0], n) != 0 {
			for i, x := range src {
				if x > far || x < -far {
					dst[i] = float32(exact(float64(x)))
				}
			}
		}
		dst, a = dst[n:], a[n:]
	}
}
