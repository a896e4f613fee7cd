package vec

import "math"

// Less sets dst = a < b.
func Less(dst []bool, a, b []float32) {
	compare(ops.less, dst, a, b, func(x, y float32) bool { return x < y })
}

// LessEqual sets dst = a <= b.
func LessEqual(dst []bool, a, b []float32) {
	compare(ops.lessEqual, dst, a, b, func(x, y float32) bool { return x <= y })
}

// Greater sets dst = a > b.
func Greater(dst []bool, a, b []float32) { Less(dst, b[:len(dst)], a) }

// GreaterEqual sets dst = a >= b.
func GreaterEqual(dst []bool, a, b []float32) { LessEqual(dst, b[:len(dst)], a) }

// Equal sets dst = a == b, false where either is NaN.
func Equal(dst []bool, a, b []float32) {
	compare(ops.equal, dst, a, b, func(x, y float32) bool { return x == y })
}

// NotEqual sets dst = a != b, true where either is NaN.
func NotEqual(dst []bool, a, b []float32) {
	compare(ops.notEqual, dst, a, b, func(x, y float32) bool { return x != y })
}

// whole returns the part of n that the kernels on bytes do, 0 without kernels.
func whole(have bool, n int) int {
	if !have {
		return 0
	}
	return n / ops.bytesBy * ops.bytesBy
}

func compare(kernel fnCmp, dst []bool, a, b []float32, twin func(x, y float32) bool) {
	n := len(dst)
	a, b = a[:n], b[:n]
	i := whole(kernel != nil, n)
	if i > 0 {
		kernel(&dst[0], &a[0], &b[0], i)
	}
	for ; i < n; i++ {
		dst[i] = twin(a[i], b[i])
	}
}

// Select sets dst to a where cond, else to b.
func Select(dst []float32, cond []bool, a, b []float32) {
	n := len(dst)
	cond, a, b = cond[:n], a[:n], b[:n]
	i := whole(ops.choose != nil, n)
	if i > 0 {
		ops.choose(&dst[0], &cond[0], &a[0], &b[0], i)
	}
	for ; i < n; i++ {
		if cond[i] {
			dst[i] = a[i]
		} else {
			dst[i] = b[i]
		}
	}
}

// FromBytes sets dst = a * scale + offset, rounded once.
func FromBytes(dst []float32, a []uint8, scale, offset float32) {
	n := len(dst)
	a = a[:n]
	i := whole(ops.fromBytes != nil, n)
	if i > 0 {
		ops.fromBytes(&dst[0], &a[0], scale, offset, i)
	}
	for ; i < n; i++ {
		dst[i] = fma(float32(a[i]), scale, offset)
	}
}

// FromInts sets dst = float32(a), rounded to nearest.
func FromInts(dst []float32, a []int32) {
	n := len(dst)
	a = a[:n]
	i := whole(ops.fromInts != nil, n)
	if i > 0 {
		ops.fromInts(&dst[0], &a[0], i)
	}
	for ; i < n; i++ {
		dst[i] = float32(a[i])
	}
}

// ToSigned sets dst to a without its fraction, within [-128, 127]; NaN gives 0.
func ToSigned(dst []int8, a []float32) {
	n := len(dst)
	a = a[:n]
	i := whole(ops.toSigned != nil, n)
	if i > 0 {
		ops.toSigned(&dst[0], &a[0], i)
	}
	for ; i < n; i++ {
		switch x := a[i]; {
		case x != x:
			dst[i] = 0
		default:
			dst[i] = int8(max(-128, min(127, x)))
		}
	}
}

// MaxBytes sets dst to the larger of a and b.
func MaxBytes(dst, a, b []uint8) {
	i := rawBytes(ops.maxBytes, dst, a, b)
	for ; i < len(dst); i++ {
		dst[i] = max(a[i], b[i])
	}
}

// MinBytes sets dst to the smaller of a and b.
func MinBytes(dst, a, b []uint8) {
	i := rawBytes(ops.minBytes, dst, a, b)
	for ; i < len(dst); i++ {
		dst[i] = min(a[i], b[i])
	}
}

// rawBytes runs a kernel on whole vectors of 32 bytes and returns how many bytes it did.
func rawBytes(kernel fnRaw, dst, a, b []uint8) int {
	n := len(dst)
	a, b = a[:n], b[:n]
	if kernel == nil || n < 32 {
		return 0
	}
	n &^= 31
	kernel(&dst[0], &a[0], &b[0], n)
	return n
}

// FromHalves computes dst = float32(src) of as many bfloat16, given as bits, as dst holds; src must have as many.
func FromHalves(dst []float32, src []uint16) {
	for i, v := range src[:len(dst)] {
		dst[i] = math.Float32frombits(uint32(v) << 16)
	}
}
