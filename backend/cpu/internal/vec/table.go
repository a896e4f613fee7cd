package vec

import "foresee/backend/cpu/internal/isa"

//go:generate go -C ../asmgen run ./neon -kernels vec -out ../vec/neon_arm64.s -stubs ../vec/neon_arm64.go

type (
	fn0      = func(dst *float32, s float32, n int)
	fn1      = func(dst, a *float32, n int)
	fn1s     = func(dst, a *float32, s float32, n int)
	fn1st    = func(dst, a *float32, s, t float32, n int)
	fn2      = func(dst, a, b *float32, n int)
	fn3      = func(dst, a, b, c *float32, n int)
	fnFar    = func(dst, a *float32, n int) uint32
	fold1    = func(a *float32, n int) float32
	fold2    = func(a, b *float32, n int) float32
	fnCmp    = func(dst *bool, a, b *float32, n int)
	fnIf     = func(dst *float32, cond *bool, a, b *float32, n int)
	fnByte   = func(dst *float32, a *uint8, s, t float32, n int)
	fnStream = func(dst, src *float32, cols, rows, dstStep, srcStep int)
	fnInts   = func(dst *float32, a *int32, n int)
	fnSigned = func(dst *int8, a *float32, n int)
	fnRaw    = func(dst, a, b *uint8, n int)
	fnRows   = func(dst, a *float32, rows, cols, stride int)
	fnGate   = func(dst, h, g0, g1, g2, p0, p1, p2 *float32, n int)
)

// table holds the kernels of an instruction set; nil ones are done in plain Go.
type table struct {
	add, sub, mul, div, max, min, reluGrad          fn2
	addScalar, mulScalar, divScalar                 fn1s
	maxScalar, minScalar, scalarSub, scalarDiv      fn1s
	axpy                                            fn1s
	affine                                          fn1st
	fill                                            fn0
	mulAdd                                          fn3
	neg, abs, sqrt, rsqrt, relu, floor, ceil, round fn1
	exp, log, log1p, tanh, sigmoid, erf, gelu       fn1
	geluSlope                                       fn1
	sin, cos                                        fnFar
	sum, sumSquares, maxOf, minOf                   fold1
	dot                                             fold2
	less, lessEqual, equal, notEqual                fnCmp
	choose                                          fnIf
	fromBytes                                       fnByte
	fromInts                                        fnInts
	toSigned                                        fnSigned
	addRows                                         fnRows
	stream                                          fnStream
	gates                                           fnGate
	maxBytes, minBytes                              fnRaw
	// bytesBy is the number that lengths of kernels on bytes must be a multiple of.
	bytesBy int
}

// ops is the table of this machine; only tests change it.
var ops = tableFor(isa.Best())

func tableFor(l isa.Level) table {
	if t := archTable(l); t != nil {
		return *t
	}
	return table{bytesBy: 1}
}

// run1 and the like run a kernel, or report that there is none.

func run1(f fn1, dst, a []float32) bool {
	n := len(dst)
	if n == 0 {
		return true
	}
	a = a[:n]
	if f == nil {
		return false
	}
	f(&dst[0], &a[0], n)
	return true
}

func run1s(f fn1s, dst, a []float32, s float32) bool {
	n := len(dst)
	if n == 0 {
		return true
	}
	a = a[:n]
	if f == nil {
		return false
	}
	f(&dst[0], &a[0], s, n)
	return true
}

func run2(f fn2, dst, a, b []float32) bool {
	n := len(dst)
	if n == 0 {
		return true
	}
	a, b = a[:n], b[:n]
	if f == nil {
		return false
	}
	f(&dst[0], &a[0], &b[0], n)
	return true
}
