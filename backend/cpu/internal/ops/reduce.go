package ops

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// ReduceKernel reduces the middle axis of x [outer, n, inner] into out [outer, inner], for
// the inner positions in [lo, hi). Sums of floats are taken in runs of sumRun elements, added
// up in order, so they do not depend on how the work is split.
type ReduceKernel func(out, x unsafe.Pointer, outer, n, inner, lo, hi int)

const sumRun = 512

// Reduce returns the kernel of a Reduce* operation on elements of type d, or nil. Of nothing,
// the sum is 0, the product 1, the maximum the lowest value, and so on.
func Reduce(op compute.OpType, d dtypes.DType) ReduceKernel {
	if d == dtypes.Bool {
		switch op {
		case compute.OpTypeReduceLogicalAnd, compute.OpTypeReduceBitwiseAnd, compute.OpTypeReduceMin, compute.OpTypeReduceProduct:
			return fold(true, func(x, y bool) bool { return x && y })
		case compute.OpTypeReduceLogicalOr, compute.OpTypeReduceBitwiseOr, compute.OpTypeReduceMax, compute.OpTypeReduceSum:
			return fold(false, func(x, y bool) bool { return x || y })
		case compute.OpTypeReduceLogicalXor, compute.OpTypeReduceBitwiseXor:
			return fold(false, func(x, y bool) bool { return x != y })
		}
		return nil
	}
	pick := byNumber(d, numberTable[func(compute.OpType, dtypes.DType) ReduceKernel]{
		intReduce[int8], intReduce[int16], intReduce[int32], intReduce[int64],
		intReduce[uint8], intReduce[uint16], intReduce[uint32], intReduce[uint64],
		numberReduce[float32], numberReduce[float64]})
	if pick == nil {
		return nil
	}
	return pick(op, d)
}

func intReduce[T integer](op compute.OpType, d dtypes.DType) ReduceKernel {
	switch op {
	case compute.OpTypeReduceBitwiseAnd:
		return fold(^T(0), func(x, y T) T { return x & y })
	case compute.OpTypeReduceBitwiseOr:
		return fold(T(0), func(x, y T) T { return x | y })
	case compute.OpTypeReduceBitwiseXor:
		return fold(T(0), func(x, y T) T { return x ^ y })
	}
	return numberReduce[T](op, d)
}

func numberReduce[T number](op compute.OpType, d dtypes.DType) ReduceKernel {
	switch op {
	case compute.OpTypeReduceSum:
		return sum[T]
	case compute.OpTypeReduceProduct:
		return fold(T(1), func(x, y T) T { return x * y })
	case compute.OpTypeReduceMax:
		return fold(d.LowestValue().(T), Max[T])
	case compute.OpTypeReduceMin:
		return fold(d.HighestValue().(T), Min[T])
	}
	return nil
}

func fold[T any](start T, f func(x, y T) T) ReduceKernel {
	return func(out, x unsafe.Pointer, outer, n, inner, lo, hi int) {
		z, v := Of[T](out, outer*inner), Of[T](x, outer*n*inner)
		for o := range outer {
			acc := z[o*inner+lo : o*inner+hi]
			for i := range acc {
				acc[i] = start
			}
			for k := range n {
				row := v[(o*n+k)*inner+lo:][:len(acc)]
				for i, x := range row {
					acc[i] = f(acc[i], x)
				}
			}
		}
	}
}

func sum[T number](out, x unsafe.Pointer, outer, n, inner, lo, hi int) {
	z, v := Of[T](out, outer*inner), Of[T](x, outer*n*inner)
	if inner == 1 {
		for o := range outer {
			z[o] = sumRow(v[o*n:][:n])
		}
		return
	}
	var part [64]T
	for o := range outer {
		for i0 := lo; i0 < hi; i0 += len(part) {
			acc := z[o*inner+i0 : o*inner+min(i0+len(part), hi)]
			clear(acc)
			for k0 := 0; k0 < n; k0 += sumRun {
				p := part[:len(acc)]
				clear(p)
				for k := k0; k < min(k0+sumRun, n); k++ {
					row := v[(o*n+k)*inner+i0:][:len(p)]
					for i, x := range row {
						p[i] += x
					}
				}
				for i, x := range p {
					acc[i] += x
				}
			}
		}
	}
}

func sumRow[T number](x []T) T {
	var total T
	for len(x) > 0 {
		run := x[:min(sumRun, len(x))]
		x = x[len(run):]
		var a, b, c, d T
		for len(run) >= 4 {
			a += run[0]
			b += run[1]
			c += run[2]
			d += run[3]
			run = run[4:]
		}
		for _, v := range run {
			a += v
		}
		total += (a + b) + (c + d)
	}
	return total
}

// ArgMinMax writes to out [outer, inner], of type to, the index along the middle axis of
// x [outer, n, inner], of type d, where the smallest or largest value is: the first of equals,
// and the first NaN if there is one.
func ArgMinMax(d, to dtypes.DType, isMin bool) func(out, x unsafe.Pointer, outer, n, inner int) {
	store := Convert(dtypes.Int64, to)
	pick := byNumber(d, numberTable[func(bool, Kernel) func(out, x unsafe.Pointer, outer, n, inner int)]{
		argMinMax[int8], argMinMax[int16], argMinMax[int32], argMinMax[int64],
		argMinMax[uint8], argMinMax[uint16], argMinMax[uint32], argMinMax[uint64],
		argMinMax[float32], argMinMax[float64]})
	if pick == nil || store == nil {
		return nil
	}
	return pick(isMin, store)
}

func argMinMax[T number](isMin bool, store Kernel) func(out, x unsafe.Pointer, outer, n, inner int) {
	return func(out, x unsafe.Pointer, outer, n, inner int) {
		v := Of[T](x, outer*n*inner)
		index := make([]int64, outer*inner)
		for o := range outer {
			for i := range inner {
				best, at := v[o*n*inner+i], 0
				for k := 1; k < n; k++ {
					x := v[(o*n+k)*inner+i]
					if best == best && (x != x || isMin && x < best || !isMin && x > best) {
						best, at = x, k
					}
				}
				index[o*inner+i] = int64(at)
			}
		}
		if len(index) > 0 {
			store(out, unsafe.Pointer(&index[0]), nil, nil, len(index))
		}
	}
}
