package vec

import "math"

// Sum returns the sum of a, 0 for none. The order of the additions depends on len(a) alone;
// the same holds for SumSquares and Dot.
func Sum(a []float32) float32 {
	if len(a) == 0 {
		return 0
	}
	if ops.sum != nil {
		return ops.sum(&a[0], len(a))
	}
	var s [4]float32
	for i, x := range a {
		s[i&3] += x
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

// SumSquares returns the sum of the squares of a.
func SumSquares(a []float32) float32 {
	if len(a) == 0 {
		return 0
	}
	if ops.sumSquares != nil {
		return ops.sumSquares(&a[0], len(a))
	}
	return Dot(a, a)
}

// Dot returns the sum of a[i] * b[i] over the length of a.
func Dot(a, b []float32) float32 {
	b = b[:len(a)]
	if len(a) == 0 {
		return 0
	}
	if ops.dot != nil {
		return ops.dot(&a[0], &b[0], len(a))
	}
	var s [4]float32
	for i, x := range a {
		s[i&3] += x * b[i]
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

// MaxOf returns the largest of a, NaN if any is, -Inf for none.
func MaxOf(a []float32) float32 {
	if ops.maxOf != nil && len(a) > 0 {
		return ops.maxOf(&a[0], len(a))
	}
	m := float32(math.Inf(-1))
	for _, x := range a {
		m = larger(m, x)
	}
	return m
}

// MinOf returns the smallest of a, NaN if any is, +Inf for none.
func MinOf(a []float32) float32 {
	if ops.minOf != nil && len(a) > 0 {
		return ops.minOf(&a[0], len(a))
	}
	m := float32(math.Inf(1))
	for _, x := range a {
		m = smaller(m, x)
	}
	return m
}
