package tuned

import (
	"unsafe"

	"github.com/gomlx/compute"

	"foresee/backend/cpu/internal/ops"
	"foresee/backend/cpu/internal/vec"
)

// Fold returns the kernel that reduces one row of float32 to dst, or nil; of two rows their product.
func Fold(op compute.OpType, product bool) ops.Kernel {
	if product {
		return func(dst, a, b, _ unsafe.Pointer, n int) { *(*float32)(dst) = vec.Dot(f32(a, n), f32(b, n)) }
	}
	var f func([]float32) float32
	switch op {
	case compute.OpTypeReduceSum:
		f = vec.Sum
	case compute.OpTypeReduceMax:
		f = vec.MaxOf
	case compute.OpTypeReduceMin:
		f = vec.MinOf
	default:
		return nil
	}
	return func(dst, a, _, _ unsafe.Pointer, n int) { *(*float32)(dst) = f(f32(a, n)) }
}

// Repeat fills a row with one element.
func Repeat(dst, a, _, _ unsafe.Pointer, n int) { vec.Fill(f32(dst, n), *(*float32)(a)) }
