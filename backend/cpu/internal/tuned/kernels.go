// Package tuned holds the kernels of package vec in the form of package ops's: what fused loops
// and reductions call. What has no tuned kernel runs on the portable one. Like package ops it
// checks no shapes and keeps no pointers.
package tuned

import (
	"math"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/ops"
	"foresee/backend/cpu/internal/vec"
)

func f32(p unsafe.Pointer, n int) []float32 { return unsafe.Slice((*float32)(p), n) }

// Unary returns the kernel of a unary operation on elements of type d, or nil.
func Unary(op compute.OpType, d dtypes.DType) ops.Kernel {
	if d == dtypes.Float32 {
		if f := vecUnary[op]; f != nil {
			return func(dst, a, _, _ unsafe.Pointer, n int) { f(f32(dst, n), f32(a, n)) }
		}
	}
	return ops.Unary(op, d)
}

var vecUnary = map[compute.OpType]func(dst, a []float32){
	compute.OpTypeAbs: vec.Abs, compute.OpTypeNeg: vec.Neg, compute.OpTypeSqrt: vec.Sqrt,
	compute.OpTypeRsqrt: vec.Rsqrt, compute.OpTypeFloor: vec.Floor, compute.OpTypeCeil: vec.Ceil,
	compute.OpTypeRound: vec.Round, compute.OpTypeExp: vec.Exp, compute.OpTypeLog: vec.Log,
	compute.OpTypeLog1p: vec.Log1p, compute.OpTypeTanh: vec.Tanh, compute.OpTypeLogistic: vec.Sigmoid,
	compute.OpTypeErf: vec.Erf, compute.OpTypeSin: vec.Sin, compute.OpTypeCos: vec.Cos,
	compute.OpTypeSign: sign,
}

func sign(dst, a []float32) {
	for i, x := range a {
		s := x // ±0 and NaN stay
		if x > 0 {
			s = 1
		}
		if x < 0 {
			s = -1
		}
		dst[i] = s
	}
}

// GELU returns the kernel of the exact GELU of float32, or of its derivative.
func GELU(slope bool) ops.Kernel {
	f := vec.GELU
	if slope {
		f = vec.GELUSlope
	}
	return func(dst, a, _, _ unsafe.Pointer, n int) { f(f32(dst, n), f32(a, n)) }
}

// Binary returns the kernel of a binary operation on elements of type d, or nil.
func Binary(op compute.OpType, d dtypes.DType) ops.Kernel {
	if d == dtypes.Float32 {
		if f := vecBinary[op]; f != nil {
			return func(dst, a, b, _ unsafe.Pointer, n int) { f(f32(dst, n), f32(a, n), f32(b, n)) }
		}
		if f := vecCompare[op]; f != nil {
			return func(dst, a, b, _ unsafe.Pointer, n int) {
				f(unsafe.Slice((*bool)(dst), n), f32(a, n), f32(b, n))
			}
		}
	}
	return ops.Binary(op, d)
}

var vecBinary = map[compute.OpType]func(dst, a, b []float32){
	compute.OpTypeAdd: vec.Add, compute.OpTypeSub: vec.Sub, compute.OpTypeMul: vec.Mul,
	compute.OpTypeDiv: vec.Div, compute.OpTypeMax: vec.Max, compute.OpTypeMin: vec.Min,
}

var vecCompare = map[compute.OpType]func(dst []bool, a, b []float32){
	compute.OpTypeEqual: vec.Equal, compute.OpTypeNotEqual: vec.NotEqual,
	compute.OpTypeLessThan: vec.Less, compute.OpTypeLessOrEqual: vec.LessEqual,
	compute.OpTypeGreaterThan: vec.Greater, compute.OpTypeGreaterOrEqual: vec.GreaterEqual,
}

// Scalar is Binary with one operand, the right one or the left one, a single
// float32; nil if there is none. The vector is operand a and the scalar operand b.
func Scalar(op compute.OpType, left bool) ops.Kernel {
	pair, ok := vecScalar[op]
	if !ok {
		return nil
	}
	f := pair[0]
	if left {
		f = pair[1]
	}
	return func(dst, a, b, _ unsafe.Pointer, n int) { f(f32(dst, n), f32(a, n), *(*float32)(b)) }
}

var vecScalar = map[compute.OpType][2]func(dst, a []float32, s float32){
	compute.OpTypeAdd: {vec.AddScalar, vec.AddScalar},
	compute.OpTypeMul: {vec.MulScalar, vec.MulScalar},
	compute.OpTypeMax: {vec.MaxScalar, vec.MaxScalar},
	compute.OpTypeMin: {vec.MinScalar, vec.MinScalar},
	compute.OpTypeSub: {vec.SubScalar, func(dst, a []float32, s float32) { vec.ScalarSub(dst, s, a) }},
	compute.OpTypeDiv: {vec.DivScalar, func(dst, a []float32, s float32) { vec.ScalarDiv(dst, s, a) }},
}

// Select returns the kernel of Where for elements of type d.
func Select(d dtypes.DType) ops.Kernel {
	if d == dtypes.Float32 {
		return func(dst, a, b, c unsafe.Pointer, n int) {
			vec.Select(f32(dst, n), unsafe.Slice((*bool)(a), n), f32(b, n), f32(c, n))
		}
	}
	return ops.Select(d.Size())
}

// Convert returns the kernel that converts elements, or nil.
func Convert(from, to dtypes.DType) ops.Kernel {
	if from == dtypes.Uint8 && to == dtypes.Float32 {
		return func(dst, a, _, _ unsafe.Pointer, n int) {
			vec.FromBytes(f32(dst, n), unsafe.Slice((*uint8)(a), n), 1, 0)
		}
	}
	if from == dtypes.Int32 && to == dtypes.Float32 {
		return func(dst, a, _, _ unsafe.Pointer, n int) { vec.FromInts(f32(dst, n), ops.Of[int32](a, n)) }
	}
	if from == dtypes.Float32 && to == dtypes.Int8 {
		return func(dst, a, _, _ unsafe.Pointer, n int) { vec.ToSigned(ops.Of[int8](dst, n), f32(a, n)) }
	}
	if from == dtypes.BFloat16 && to == dtypes.Float32 {
		return func(dst, a, _, _ unsafe.Pointer, n int) {
			vec.FromHalves(f32(dst, n), ops.Of[uint16](a, n))
		}
	}
	return ops.Convert(from, to)
}

// Reduce returns the kernel of a Reduce* operation on elements of type d, or nil: tuned are
// sums and extremes of float32, and extremes of bytes. ops.ReduceStages cuts long sums in runs.
func Reduce(op compute.OpType, d dtypes.DType) ops.ReduceKernel {
	if d == dtypes.Float32 {
		switch op {
		case compute.OpTypeReduceSum:
			return sumKernel
		case compute.OpTypeReduceMax:
			return extremeKernel(vec.MaxOf, vec.Max, float32(math.Inf(-1)))
		case compute.OpTypeReduceMin:
			return extremeKernel(vec.MinOf, vec.Min, float32(math.Inf(1)))
		}
	}
	if d == dtypes.Uint8 {
		switch op {
		case compute.OpTypeReduceMax:
			return extremeKernel(nil, vec.MaxBytes, uint8(0))
		case compute.OpTypeReduceMin:
			return extremeKernel(nil, vec.MinBytes, uint8(255))
		}
	}
	return ops.Reduce(op, d)
}

func sumKernel(out, x unsafe.Pointer, outer, n, inner, lo, hi int) {
	z, v := f32(out, outer*inner), f32(x, outer*n*inner)
	for o := range outer {
		if inner == 1 {
			z[o] = vec.Sum(v[o*n:][:n])
			continue
		}
		acc := z[o*inner+lo : o*inner+hi]
		clear(acc)
		if n > 0 && len(acc) > 0 {
			vec.AddRows(acc, v[o*n*inner+lo:(o+1)*n*inner], n, inner)
		}
	}
}

// extremeWidth is the number of elements that an extreme over a middle axis keeps.
const extremeWidth = 512

// extremeKernel reduces rows of one element by row, if that is not nil, others by pairs: as many rows as fit in
// extremeWidth are reduced side by side, and then among themselves.
func extremeKernel[T float32 | uint8](row func([]T) T, pairs func(dst, a, b []T), none T) ops.ReduceKernel {
	return func(out, x unsafe.Pointer, outer, n, inner, lo, hi int) {
		z, v := ops.Of[T](out, outer*inner), ops.Of[T](x, outer*n*inner)
		var side [extremeWidth]T
		for o := range outer {
			acc, rows := z[o*inner+lo:o*inner+hi], v[o*n*inner:(o+1)*n*inner]
			switch {
			case inner == 1 && row != nil:
				z[o] = row(rows)
			case n == 0:
				for i := range acc {
					acc[i] = none
				}
			case 4*inner <= extremeWidth && len(acc) == inner && n >= 4:
				wide := min(extremeWidth/inner, n) * inner
				extremeRows(pairs, side[:wide], rows)
				for wide > inner {
					half := wide / inner / 2 * inner
					pairs(side[:half], side[:half], side[wide-half:wide])
					wide -= half
				}
				copy(acc, side[:inner])
			default:
				copy(acc, rows[lo:])
				for k := 1; k < n; k++ {
					pairs(acc, acc, rows[k*inner+lo:])
				}
			}
		}
	}
}

// extremeRows reduces rows as wide as acc, the last one perhaps shorter, to acc.
func extremeRows[T any](pairs func(dst, a, b []T), acc, rows []T) {
	copy(acc, rows)
	for rows = rows[len(acc):]; len(rows) > 0; {
		m := min(len(acc), len(rows))
		pairs(acc[:m], acc[:m], rows[:m])
		rows = rows[m:]
	}
}
