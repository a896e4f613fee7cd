package ops

import (
	"math"
	"math/bits"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// Unary returns the kernel of a one-operand operation on elements of type d, IsFinite and
// IsNaN (bool out) included, or nil if there is none. float32 functions are computed in
// float64 and rounded. Round goes to the nearest, halves to even.
func Unary(op compute.OpType, d dtypes.DType) Kernel {
	if d == dtypes.Bool {
		if op == compute.OpTypeLogicalNot || op == compute.OpTypeBitwiseNot {
			return each(func(x bool) bool { return !x })
		}
		return nil
	}
	pick := byNumber(d, numberTable[func(compute.OpType) Kernel]{
		intUnary[int8], intUnary[int16], intUnary[int32], intUnary[int64],
		intUnary[uint8], intUnary[uint16], intUnary[uint32], intUnary[uint64],
		floatUnary[float32], floatUnary[float64]})
	if pick == nil {
		return nil
	}
	return pick(op)
}

func each[A, R any](f func(x A) R) Kernel {
	return func(dst, a, _, _ unsafe.Pointer, n int) {
		z, x := Of[R](dst, n), Of[A](a, n)
		for i := range z {
			z[i] = f(x[i])
		}
	}
}

func numberUnary[T number](op compute.OpType) Kernel {
	switch op {
	case compute.OpTypeNeg:
		return each(func(x T) T { return -x })
	case compute.OpTypeReal, compute.OpTypeConj:
		return each(func(x T) T { return x })
	case compute.OpTypeImag:
		return each(func(T) T { return 0 })
	}
	return nil
}

func intUnary[T integer](op compute.OpType) Kernel {
	width := int(unsafe.Sizeof(T(0))) * 8
	mask := uint64(math.MaxUint64) >> (64 - width)
	switch op {
	case compute.OpTypeAbs:
		return each(func(x T) T {
			if x < 0 {
				return -x
			}
			return x
		})
	case compute.OpTypeSign:
		return each(func(x T) T {
			switch {
			case x > 0:
				return 1
			case x < 0:
				return ^T(0)
			}
			return 0
		})
	case compute.OpTypeBitwiseNot:
		return each(func(x T) T { return ^x })
	case compute.OpTypeBitCount:
		return each(func(x T) T { return T(bits.OnesCount64(uint64(x) & mask)) })
	case compute.OpTypeClz:
		return each(func(x T) T { return T(bits.LeadingZeros64(uint64(x)&mask) - (64 - width)) })
	case compute.OpTypeIsFinite:
		return each(func(T) bool { return true })
	case compute.OpTypeIsNaN:
		return each(func(T) bool { return false })
	}
	return numberUnary[T](op)
}

var mathFunctions = map[compute.OpType]func(float64) float64{
	compute.OpTypeErf: math.Erf, compute.OpTypeExp: math.Exp, compute.OpTypeExpm1: math.Expm1,
	compute.OpTypeLog: math.Log, compute.OpTypeLog1p: math.Log1p, compute.OpTypeCeil: math.Ceil,
	compute.OpTypeFloor: math.Floor, compute.OpTypeRound: math.RoundToEven,
	compute.OpTypeCos: math.Cos, compute.OpTypeSin: math.Sin, compute.OpTypeTanh: math.Tanh,
	compute.OpTypeRsqrt:    func(x float64) float64 { return 1 / math.Sqrt(x) },
	compute.OpTypeLogistic: logistic,
}

func logistic(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

func floatUnary[T float](op compute.OpType) Kernel {
	switch op {
	case compute.OpTypeSqrt:
		return each(func(x T) T { return T(math.Sqrt(float64(x))) })
	case compute.OpTypeAbs:
		return each(func(x T) T { return T(math.Abs(float64(x))) })
	case compute.OpTypeSign:
		return each(func(x T) T {
			switch {
			case x > 0:
				return 1
			case x < 0:
				return -1
			}
			return x // ±0 and NaN
		})
	case compute.OpTypeIsFinite:
		return each(func(x T) bool { return x-x == 0 })
	case compute.OpTypeIsNaN:
		return each(func(x T) bool { return x != x })
	}
	if f := mathFunctions[op]; f != nil {
		return each(func(x T) T { return T(f(float64(x))) })
	}
	return numberUnary[T](op)
}
