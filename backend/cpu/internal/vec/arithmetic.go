package vec

import "math"

// Add sets dst = a + b.
func Add(dst, a, b []float32) {
	if run2(ops.add, dst, a, b) {
		return
	}
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

// Sub sets dst = a - b.
func Sub(dst, a, b []float32) {
	if run2(ops.sub, dst, a, b) {
		return
	}
	for i := range dst {
		dst[i] = a[i] - b[i]
	}
}

// Mul sets dst = a * b.
func Mul(dst, a, b []float32) {
	if run2(ops.mul, dst, a, b) {
		return
	}
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

// Div sets dst = a / b.
func Div(dst, a, b []float32) {
	if run2(ops.div, dst, a, b) {
		return
	}
	for i := range dst {
		dst[i] = a[i] / b[i]
	}
}

// Max sets dst to the larger of a and b, NaN if either is.
func Max(dst, a, b []float32) {
	if run2(ops.max, dst, a, b) {
		return
	}
	for i := range dst {
		dst[i] = larger(a[i], b[i])
	}
}

// Min sets dst to the smaller of a and b, NaN if either is.
func Min(dst, a, b []float32) {
	if run2(ops.min, dst, a, b) {
		return
	}
	for i := range dst {
		dst[i] = smaller(a[i], b[i])
	}
}

func larger(a, b float32) float32 {
	if a != a || a > b {
		return a
	}
	return b
}

func smaller(a, b float32) float32 {
	if a != a || a < b {
		return a
	}
	return b
}

// AddScalar sets dst = a + s.
func AddScalar(dst, a []float32, s float32) {
	if run1s(ops.addScalar, dst, a, s) {
		return
	}
	for i := range dst {
		dst[i] = a[i] + s
	}
}

// SubScalar sets dst = a - s.
func SubScalar(dst, a []float32, s float32) { AddScalar(dst, a, -s) }

// MulScalar sets dst = a * s.
func MulScalar(dst, a []float32, s float32) {
	if run1s(ops.mulScalar, dst, a, s) {
		return
	}
	for i := range dst {
		dst[i] = a[i] * s
	}
}

// DivScalar sets dst = a / s.
func DivScalar(dst, a []float32, s float32) {
	if run1s(ops.divScalar, dst, a, s) {
		return
	}
	for i := range dst {
		dst[i] = a[i] / s
	}
}

// MaxScalar sets dst to the larger of a and s, NaN if either is.
func MaxScalar(dst, a []float32, s float32) {
	if run1s(ops.maxScalar, dst, a, s) {
		return
	}
	for i := range dst {
		dst[i] = larger(a[i], s)
	}
}

// MinScalar sets dst to the smaller of a and s, NaN if either is.
func MinScalar(dst, a []float32, s float32) {
	if run1s(ops.minScalar, dst, a, s) {
		return
	}
	for i := range dst {
		dst[i] = smaller(a[i], s)
	}
}

// ScalarSub sets dst = s - a.
func ScalarSub(dst []float32, s float32, a []float32) {
	if run1s(ops.scalarSub, dst, a, s) {
		return
	}
	for i := range dst {
		dst[i] = s - a[i]
	}
}

// ScalarDiv sets dst = s / a.
func ScalarDiv(dst []float32, s float32, a []float32) {
	if run1s(ops.scalarDiv, dst, a, s) {
		return
	}
	for i := range dst {
		dst[i] = s / a[i]
	}
}

// fma is a*b + c, rounded once. The product is exact in float64; the sum is rounded to odd
// there, which keeps the second rounding from going wrong at ties.
func fma(a, b, c float32) float32 {
	p, q := float64(a)*float64(b), float64(c)
	s := p + q
	v := s - p
	lost := (p - (s - v)) + (q - v)
	if bits := math.Float64bits(s); (lost > 0 || lost < 0) && bits&1 == 0 {
		if (lost > 0) == (s > 0) {
			s = math.Float64frombits(bits + 1)
		} else {
			s = math.Float64frombits(bits - 1)
		}
	}
	return float32(s)
}

// MulAdd sets dst = a * b + c, rounded once.
func MulAdd(dst, a, b, c []float32) {
	n := len(dst)
	if n == 0 {
		return
	}
	a, b, c = a[:n], b[:n], c[:n]
	if ops.mulAdd != nil {
		ops.mulAdd(&dst[0], &a[0], &b[0], &c[0], n)
		return
	}
	for i := range dst {
		dst[i] = fma(a[i], b[i], c[i])
	}
}

// Axpy adds s * a to dst, rounded once.
func Axpy(dst, a []float32, s float32) {
	if run1s(ops.axpy, dst, a, s) {
		return
	}
	for i := range dst {
		dst[i] = fma(s, a[i], dst[i])
	}
}

// Affine sets dst = a * s + t, rounded once.
func Affine(dst, a []float32, s, t float32) {
	n := len(dst)
	if n == 0 {
		return
	}
	a = a[:n]
	if ops.affine != nil {
		ops.affine(&dst[0], &a[0], s, t, n)
		return
	}
	for i := range dst {
		dst[i] = fma(a[i], s, t)
	}
}

// Fill sets every element of dst to s.
func Fill(dst []float32, s float32) {
	if ops.fill != nil && len(dst) > 0 {
		ops.fill(&dst[0], s, len(dst))
		return
	}
	for i := range dst {
		dst[i] = s
	}
}
