package ops

import (
	"math"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// Binary returns the kernel of a two-operand operation on elements of type d, comparisons
// (bool out) included, or nil if there is none. Integer division by zero gives -1 (all bits
// set), a remainder by zero the dividend; shifts by the width or more shift everything out.
// Max and Min of a NaN are NaN.
func Binary(op compute.OpType, d dtypes.DType) Kernel {
	if d == dtypes.Bool {
		return boolBinary(op)
	}
	pick := byNumber(d, numberTable[func(compute.OpType) Kernel]{
		intBinary[int8], intBinary[int16], intBinary[int32], intBinary[int64],
		intBinary[uint8], intBinary[uint16], intBinary[uint32], intBinary[uint64],
		floatBinary[float32], floatBinary[float64]})
	if pick == nil {
		return nil
	}
	return pick(op)
}

func zip[A, R any](f func(x, y A) R) Kernel {
	return func(dst, a, b, _ unsafe.Pointer, n int) {
		z, x, y := Of[R](dst, n), Of[A](a, n), Of[A](b, n)
		for i := range z {
			z[i] = f(x[i], y[i])
		}
	}
}

func numberBinary[T number](op compute.OpType) Kernel {
	switch op {
	case compute.OpTypeAdd:
		return func(dst, a, b, _ unsafe.Pointer, n int) {
			z, x, y := Of[T](dst, n), Of[T](a, n), Of[T](b, n)
			for i := range z {
				z[i] = x[i] + y[i]
			}
		}
	case compute.OpTypeSub:
		return func(dst, a, b, _ unsafe.Pointer, n int) {
			z, x, y := Of[T](dst, n), Of[T](a, n), Of[T](b, n)
			for i := range z {
				z[i] = x[i] - y[i]
			}
		}
	case compute.OpTypeMul:
		return func(dst, a, b, _ unsafe.Pointer, n int) {
			z, x, y := Of[T](dst, n), Of[T](a, n), Of[T](b, n)
			for i := range z {
				z[i] = x[i] * y[i]
			}
		}
	case compute.OpTypeMax:
		return zip(Max[T])
	case compute.OpTypeMin:
		return zip(Min[T])
	}
	return comparison[T](op)
}

func comparison[T number](op compute.OpType) Kernel {
	switch op {
	case compute.OpTypeEqual:
		return zip(func(x, y T) bool { return x == y })
	case compute.OpTypeNotEqual:
		return zip(func(x, y T) bool { return x != y })
	case compute.OpTypeLessThan:
		return zip(func(x, y T) bool { return x < y })
	case compute.OpTypeLessOrEqual:
		return zip(func(x, y T) bool { return x <= y })
	case compute.OpTypeGreaterThan:
		return zip(func(x, y T) bool { return x > y })
	case compute.OpTypeGreaterOrEqual:
		return zip(func(x, y T) bool { return x >= y })
	}
	return nil
}

// Max returns the larger operand, NaN if either is.
func Max[T number](x, y T) T {
	if x > y || x != x {
		return x
	}
	return y
}

// Min returns the smaller operand, NaN if either is.
func Min[T number](x, y T) T {
	if x < y || x != x {
		return x
	}
	return y
}

func floatBinary[T float](op compute.OpType) Kernel {
	switch op {
	case compute.OpTypeDiv:
		return func(dst, a, b, _ unsafe.Pointer, n int) {
			z, x, y := Of[T](dst, n), Of[T](a, n), Of[T](b, n)
			for i := range z {
				z[i] = x[i] / y[i]
			}
		}
	case compute.OpTypeRem:
		return zip(func(x, y T) T { return T(math.Mod(float64(x), float64(y))) })
	case compute.OpTypePow:
		return zip(func(x, y T) T { return T(math.Pow(float64(x), float64(y))) })
	case compute.OpTypeAtan2:
		return zip(func(x, y T) T { return T(math.Atan2(float64(x), float64(y))) })
	case compute.OpTypeEqualTotalOrder:
		return zip(func(x, y T) bool { return totalKey(x) == totalKey(y) })
	case compute.OpTypeNotEqualTotalOrder:
		return zip(func(x, y T) bool { return totalKey(x) != totalKey(y) })
	case compute.OpTypeLessThanTotalOrder:
		return zip(func(x, y T) bool { return totalKey(x) < totalKey(y) })
	case compute.OpTypeLessOrEqualTotalOrder:
		return zip(func(x, y T) bool { return totalKey(x) <= totalKey(y) })
	case compute.OpTypeGreaterThanTotalOrder:
		return zip(func(x, y T) bool { return totalKey(x) > totalKey(y) })
	case compute.OpTypeGreaterOrEqualTotalOrder:
		return zip(func(x, y T) bool { return totalKey(x) >= totalKey(y) })
	}
	return numberBinary[T](op)
}

// totalKey orders floats as -NaN < -Inf < negative < -0 < +0 < positive < +Inf < +NaN.
func totalKey[T float](x T) int64 {
	var b int64
	if unsafe.Sizeof(x) == 4 {
		b = int64(int32(math.Float32bits(float32(x))))
		if b < 0 {
			b = math.MinInt32 - b - 1
		}
		return b
	}
	b = int64(math.Float64bits(float64(x)))
	if b < 0 {
		b = math.MinInt64 - b - 1
	}
	return b
}

var plainOrder = map[compute.OpType]compute.OpType{
	compute.OpTypeEqualTotalOrder:          compute.OpTypeEqual,
	compute.OpTypeNotEqualTotalOrder:       compute.OpTypeNotEqual,
	compute.OpTypeLessThanTotalOrder:       compute.OpTypeLessThan,
	compute.OpTypeLessOrEqualTotalOrder:    compute.OpTypeLessOrEqual,
	compute.OpTypeGreaterThanTotalOrder:    compute.OpTypeGreaterThan,
	compute.OpTypeGreaterOrEqualTotalOrder: compute.OpTypeGreaterOrEqual,
}

func intBinary[T integer](op compute.OpType) Kernel {
	if plain, ok := plainOrder[op]; ok {
		op = plain
	}
	switch op {
	case compute.OpTypeDiv:
		return zip(func(x, y T) T {
			if y == 0 {
				return ^T(0)
			}
			return x / y
		})
	case compute.OpTypeRem:
		return zip(func(x, y T) T {
			if y == 0 {
				return x
			}
			return x % y
		})
	case compute.OpTypePow:
		return zip(intPow[T])
	case compute.OpTypeBitwiseAnd:
		return zip(func(x, y T) T { return x & y })
	case compute.OpTypeBitwiseOr:
		return zip(func(x, y T) T { return x | y })
	case compute.OpTypeBitwiseXor:
		return zip(func(x, y T) T { return x ^ y })
	case compute.OpTypeShiftLeft:
		return zip(func(x, y T) T { return x << uint64(y) })
	case compute.OpTypeShiftRightArithmetic:
		return zip(shiftArithmetic[T])
	case compute.OpTypeShiftRightLogical:
		return zip(shiftLogical[T])
	}
	return numberBinary[T](op)
}

// intPow is x to the power y; a negative y gives 0 unless x is 1 or -1.
func intPow[T integer](x, y T) T {
	if y < 0 {
		switch {
		case x == 1:
			return 1
		case x == ^T(0):
			if y&1 == 0 {
				return 1
			}
			return x
		}
		return 0
	}
	r := T(1)
	for ; y > 0; y >>= 1 {
		if y&1 != 0 {
			r *= x
		}
		x *= x
	}
	return r
}

func shiftArithmetic[T integer](x, y T) T {
	width := uint64(unsafe.Sizeof(x)) * 8
	n := min(uint64(y), width)
	switch width { // an unsigned type too is shifted as if it had a sign
	case 8:
		return T(int8(x) >> n)
	case 16:
		return T(int16(x) >> n)
	case 32:
		return T(int32(x) >> n)
	}
	return T(int64(x) >> n)
}

func shiftLogical[T integer](x, y T) T {
	switch unsafe.Sizeof(x) {
	case 1:
		return T(uint8(x) >> uint64(y))
	case 2:
		return T(uint16(x) >> uint64(y))
	case 4:
		return T(uint32(x) >> uint64(y))
	}
	return T(uint64(x) >> uint64(y))
}

func boolBinary(op compute.OpType) Kernel {
	switch op {
	case compute.OpTypeLogicalAnd, compute.OpTypeBitwiseAnd, compute.OpTypeMin, compute.OpTypeMul:
		return zip(func(x, y bool) bool { return x && y })
	case compute.OpTypeLogicalOr, compute.OpTypeBitwiseOr, compute.OpTypeMax, compute.OpTypeAdd:
		return zip(func(x, y bool) bool { return x || y })
	case compute.OpTypeLogicalXor, compute.OpTypeBitwiseXor, compute.OpTypeNotEqual:
		return zip(func(x, y bool) bool { return x != y })
	case compute.OpTypeEqual:
		return zip(func(x, y bool) bool { return x == y })
	}
	return nil
}
