// Package ops holds the portable kernels of the cpu backend: every operation on every element
// type, written once with generics over raw row-major memory. They are what runs where no
// tuned kernel applies, and the twin that tuned kernels are tested against.
//
// Kernels do not check shapes: the graph builder did. Pointers address at least the elements
// that the stated sizes imply. No kernel keeps a pointer.
package ops

import (
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// Kernel computes dst[i] = f(a[i], b[i], c[i]) for i in [0, n). Unused operands are nil. dst may
// be the same memory as an operand of equal element size, but not overlap it otherwise.
type Kernel func(dst, a, b, c unsafe.Pointer, n int)

// Of views n elements at p. p may be nil when n is 0.
func Of[T any](p unsafe.Pointer, n int) []T {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(p), n)
}

type signed interface {
	int8 | int16 | int32 | int64
}

type unsigned interface {
	uint8 | uint16 | uint32 | uint64
}

type integer interface{ signed | unsigned }

type float interface{ float32 | float64 }

type number interface{ integer | float }

// byNumber picks the instantiation for a numeric element type, or nil.
func byNumber[F any](d dtypes.DType, pick numberTable[F]) (f F) {
	switch d {
	case dtypes.Int8:
		return pick.i8
	case dtypes.Int16:
		return pick.i16
	case dtypes.Int32:
		return pick.i32
	case dtypes.Int64:
		return pick.i64
	case dtypes.Uint8:
		return pick.u8
	case dtypes.Uint16:
		return pick.u16
	case dtypes.Uint32:
		return pick.u32
	case dtypes.Uint64:
		return pick.u64
	case dtypes.Float32:
		return pick.f32
	case dtypes.Float64:
		return pick.f64
	}
	return f
}

type numberTable[F any] struct{ i8, i16, i32, i64, u8, u16, u32, u64, f32, f64 F }
