package ops

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// Window slides over all axes of a dense tensor. Every slice has one entry per axis.
type Window struct {
	In, Out                                 []int
	Dims, Stride, InDilation, Dilation, Pad []int
}

// WindowKernel writes to out the reduction of each window over in.
type WindowKernel func(w *Window, out, in unsafe.Pointer)

// ReduceWindow returns the kernel, or nil; of bool, sum and maximum are or,
// product and minimum and. Positions outside the tensor, and between the
// elements of a dilated one, do not count.
func ReduceWindow(op compute.ReduceOpType, d dtypes.DType) WindowKernel {
	if d == dtypes.Bool {
		switch op {
		case compute.ReduceOpSum, compute.ReduceOpMax:
			return windowFold(false, func(x, y bool) bool { return x || y })
		case compute.ReduceOpProduct, compute.ReduceOpMin:
			return windowFold(true, func(x, y bool) bool { return x && y })
		}
		return nil
	}
	pick := byNumber(d, numberTable[func(compute.ReduceOpType, dtypes.DType) WindowKernel]{
		windowReduce[int8], windowReduce[int16], windowReduce[int32], windowReduce[int64],
		windowReduce[uint8], windowReduce[uint16], windowReduce[uint32], windowReduce[uint64],
		windowReduce[float32], windowReduce[float64]})
	if pick == nil {
		return nil
	}
	return pick(op, d)
}

func windowReduce[T number](op compute.ReduceOpType, d dtypes.DType) WindowKernel {
	switch op {
	case compute.ReduceOpSum:
		return windowFold(T(0), func(x, y T) T { return x + y })
	case compute.ReduceOpProduct:
		return windowFold(T(1), func(x, y T) T { return x * y })
	case compute.ReduceOpMax:
		return windowFold(d.LowestValue().(T), Max[T])
	case compute.ReduceOpMin:
		return windowFold(d.HighestValue().(T), Min[T])
	}
	return nil
}

func windowFold[T any](start T, f func(x, y T) T) WindowKernel {
	return func(w *Window, out, in unsafe.Pointer) {
		z, x := Of[T](out, Product(w.Out)), Of[T](in, Product(w.In))
		w.each(func(o int, at []int) {
			acc := start
			for _, i := range at {
				acc = f(acc, x[i])
			}
			z[o] = acc
		})
	}
}

// each calls visit for every window with the offsets of its elements, both in row-major order.
func (w *Window) each(visit func(o int, at []int)) {
	strides := Strides(w.In)
	taps := Product(w.Dims)
	position := make([]int, len(w.Out))
	at := make([]int, 0, taps)
	for o := range Product(w.Out) {
		for i, rest := len(w.Out)-1, o; i >= 0; i-- {
			position[i] = rest % w.Out[i]
			rest /= w.Out[i]
		}
		at = at[:0]
	next:
		for t := range taps {
			x := 0
			for i, rest := len(w.Dims)-1, t; i >= 0; i-- {
				p := position[i]*w.Stride[i] + rest%w.Dims[i]*w.Dilation[i] - w.Pad[i]
				rest /= w.Dims[i]
				if p < 0 || p%w.InDilation[i] != 0 || p/w.InDilation[i] >= w.In[i] {
					continue next
				}
				x += p / w.InDilation[i] * strides[i]
			}
			at = append(at, x)
		}
		visit(o, at)
	}
}

// SelectKernel adds each element of source, shaped like the windows, to the position of out,
// shaped like in, that its window selects. out starts as 0.
type SelectKernel func(w *Window, out, in, source unsafe.Pointer)

// SelectAndScatter returns the kernel that selects the largest (or smallest) element of a
// window, the first in row-major order of equals, and the first NaN if there is one; or nil.
func SelectAndScatter(isMin bool, d dtypes.DType) SelectKernel {
	pick := byNumber(d, numberTable[func(bool) SelectKernel]{
		selectScatter[int8], selectScatter[int16], selectScatter[int32], selectScatter[int64],
		selectScatter[uint8], selectScatter[uint16], selectScatter[uint32], selectScatter[uint64],
		selectScatter[float32], selectScatter[float64]})
	if pick == nil {
		return nil
	}
	return pick(isMin)
}

func selectScatter[T number](isMin bool) SelectKernel {
	return func(w *Window, out, in, source unsafe.Pointer) {
		z, x, v := Of[T](out, Product(w.In)), Of[T](in, Product(w.In)), Of[T](source, Product(w.Out))
		clear(z)
		w.each(func(o int, at []int) {
			if len(at) == 0 {
				return
			}
			best := at[0]
			for _, i := range at[1:] {
				y, b := x[i], x[best]
				if b == b && (y != y || isMin && y < b || !isMin && y > b) {
					best = i
				}
			}
			z[best] += v[o]
		})
	}
}
