package ops

import (
	"math"
	"unsafe"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
)

// Convert returns the kernel that converts elements of type from to type to, or nil. A float
// becomes an integer by dropping its fraction; out of range it saturates, and NaN is 0.
// Integers wrap. Anything but 0 is true.
func Convert(from, to dtypes.DType) Kernel {
	switch from {
	case dtypes.Bool:
		return convertFrom(to, func(x bool) float32 {
			if x {
				return 1
			}
			return 0
		})
	case dtypes.Float16:
		return convertFrom(to, float16.Float16.Float32)
	case dtypes.BFloat16:
		return convertFrom(to, bfloat16.BFloat16.Float32)
	}
	pick := byNumber(from, numberTable[func(dtypes.DType) Kernel]{
		convertNumber[int8], convertNumber[int16], convertNumber[int32], convertNumber[int64],
		convertNumber[uint8], convertNumber[uint16], convertNumber[uint32], convertNumber[uint64],
		convertNumber[float32], convertNumber[float64]})
	if pick == nil {
		return nil
	}
	return pick(to)
}

func convertNumber[F number](to dtypes.DType) Kernel {
	return convertFrom(to, func(x F) F { return x })
}

func convertFrom[F any, N number](to dtypes.DType, value func(F) N) Kernel {
	switch to {
	case dtypes.Bool:
		return each(func(x F) bool { return value(x) != 0 })
	case dtypes.Float16:
		return each(func(x F) float16.Float16 { return half(float32(value(x))) })
	case dtypes.BFloat16:
		return each(func(x F) bfloat16.BFloat16 { return brain(float32(value(x))) })
	case dtypes.Float32:
		return each(func(x F) float32 { return float32(value(x)) })
	case dtypes.Float64:
		return each(func(x F) float64 { return float64(value(x)) })
	case dtypes.Int8:
		return toInt[F, N, int8](value)
	case dtypes.Int16:
		return toInt[F, N, int16](value)
	case dtypes.Int32:
		return toInt[F, N, int32](value)
	case dtypes.Int64:
		return toInt[F, N, int64](value)
	case dtypes.Uint8:
		return toInt[F, N, uint8](value)
	case dtypes.Uint16:
		return toInt[F, N, uint16](value)
	case dtypes.Uint32:
		return toInt[F, N, uint32](value)
	case dtypes.Uint64:
		return toInt[F, N, uint64](value)
	}
	return nil
}

// half rounds to the nearest float16, halves to even, denormals included. (float16.FromFloat32 of
// compute v0.1.2 turns small denormals into 0.)
func half(x float32) float16.Float16 {
	b := math.Float32bits(x)
	sign := uint16(b >> 16 & 0x8000)
	switch a := math.Float32frombits(b &^ (1 << 31)); {
	case x != x:
		return float16.FromBits(sign | 0x7e00)
	case a >= 65520:
		return float16.FromBits(sign | 0x7c00)
	case a < 0x1p-14: // steps of 2^-24: adding 0.5 makes them the last bit of the mantissa
		return float16.FromBits(sign | uint16(math.Float32bits(a+0.5)-math.Float32bits(0.5)))
	default:
		m := math.Float32bits(a)
		m += 0xfff + m>>13&1
		return float16.FromBits(sign | uint16(m>>13-112<<10))
	}
}

// brain rounds to the nearest bfloat16, halves to even; NaN stays NaN whatever its payload.
func brain(x float32) bfloat16.BFloat16 {
	if x != x {
		return bfloat16.FromBits(uint16(math.Float32bits(x)>>16) | 0x0040)
	}
	return bfloat16.FromFloat32(x)
}

func toInt[F any, N number, T integer](value func(F) N) Kernel {
	half := 0.5
	if N(half) == 0 { // N is an integer type
		return each(func(x F) T { return T(value(x)) })
	}
	return each(func(x F) T { return saturate[T](float64(value(x))) })
}

func saturate[T integer](x float64) T {
	width := int(unsafe.Sizeof(T(0))) * 8
	lo, hi := 0.0, math.Ldexp(1, width)
	if ^T(0) < 0 {
		lo, hi = -math.Ldexp(1, width-1), math.Ldexp(1, width-1)
	}
	switch {
	case x != x:
		return 0
	case x < lo:
		x = lo
	case x >= hi: // the largest value is all bits but the sign
		if lo == 0 {
			return ^T(0)
		}
		return ^(T(1) << (width - 1))
	}
	if lo == 0 && x >= math.MaxInt64 {
		return T(uint64(x))
	}
	return T(int64(x))
}

// Select returns the kernel dst = a ? b : c, with a bool and elements of size bytes.
func Select(size int) Kernel {
	switch size {
	case 1:
		return choose[uint8]
	case 2:
		return choose[uint16]
	case 4:
		return choose[uint32]
	case 8:
		return choose[uint64]
	}
	return nil
}

func choose[T any](dst, a, b, c unsafe.Pointer, n int) {
	z, p, x, y := Of[T](dst, n), Of[bool](a, n), Of[T](b, n), Of[T](c, n)
	for i := range z {
		v := y[i]
		if p[i] {
			v = x[i]
		}
		z[i] = v
	}
}
