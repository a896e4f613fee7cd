package ops

import (
	"slices"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// Slabs are the equally shaped boxes that Gather reads and Scatter writes in one tensor
// (the operand), each paired with a box of the other tensor (dense). Box number i begins in
// the operand at the sum of Index[i, j]·Stride[j], and in the other tensor at Other[i].
type Slabs struct {
	Count int   // boxes
	Other []int // offset of each box in the other tensor
	// Index is an integer tensor; box i takes element IndexAt[i] + j·IndexStep for axis j.
	IndexAt   []int
	IndexStep int
	Limit     []int // per indexed axis: the last start that keeps the box inside
	Stride    []int // per indexed axis: elements of the operand
	Box       Move  // of one box: Dst is the operand for Scatter and the other tensor for Gather
}

// SlabAxes says how the axes of operand, index and the other tensor correspond.
type SlabAxes struct {
	Vector  int   // axis of the index tensor that holds one start per axis of Starts
	Starts  []int // operand axes that have a start
	Operand []int // operand axes that a box spans in the other tensor,
	Other   []int // and which axes of it those are
	Sizes   []int // of a box, per operand axis
}

// NewSlabs pairs boxes of an operand whose elements have so many bytes with those of another tensor, by an index tensor: all
// three by their dimensions.
func NewSlabs(operand, index, other []int, bytes int, axes SlabAxes) *Slabs {
	opStrides, otherStrides := Strides(operand), Strides(other)
	s := &Slabs{Box: Move{Size: bytes}}
	for _, axis := range axes.Starts {
		s.Limit = append(s.Limit, operand[axis]-axes.Sizes[axis])
		s.Stride = append(s.Stride, opStrides[axis])
	}
	for i, axis := range axes.Operand {
		s.Box.Dims = append(s.Box.Dims, axes.Sizes[axis])
		s.Box.Src = append(s.Box.Src, opStrides[axis]) // operand
		s.Box.Dst = append(s.Box.Dst, otherStrides[axes.Other[i]])
	}
	indexDims, indexStrides := slices.Clone(index), Strides(index)
	s.IndexStep = 1
	if axes.Vector < len(indexDims) {
		s.IndexStep = indexStrides[axes.Vector]
		indexDims = slices.Delete(indexDims, axes.Vector, axes.Vector+1)
		indexStrides = slices.Delete(indexStrides, axes.Vector, axes.Vector+1)
	}
	batch := OtherAxes(len(other), axes.Other)
	s.Count = Product(indexDims)
	for i := range s.Count {
		from, to := 0, 0
		for k, rest := len(indexDims)-1, i; k >= 0; k-- {
			p := rest % indexDims[k]
			rest /= indexDims[k]
			from += p * indexStrides[k]
			to += p * otherStrides[batch[k]]
		}
		s.IndexAt, s.Other = append(s.IndexAt, from), append(s.Other, to)
	}
	return s
}

// Starts fills at with the operand offset of each box. Out of range starts are clamped if clamp
// is set, and otherwise mark the box with -1.
func (s *Slabs) Starts(at []int, index []int64, clamp bool) {
	for i := range at {
		off := 0
		for j, limit := range s.Limit {
			p := index[s.IndexAt[i]+j*s.IndexStep]
			if p < 0 || p > int64(limit) {
				if !clamp {
					off = -1
					break
				}
				p = max(0, min(p, int64(limit)))
			}
			off += int(p) * s.Stride[j]
		}
		at[i] = off
	}
}

// ScatterKernel combines the elements of a box: dst[i] = f(dst[i], src[i]).
type ScatterKernel func(m *Move, dst, src unsafe.Pointer)

// Scatter returns the kernel of ScatterSum, ScatterMax or ScatterMin, or nil.
func Scatter(op compute.OpType, d dtypes.DType) ScatterKernel {
	pick := byNumber(d, numberTable[func(compute.OpType) ScatterKernel]{
		scatter[int8], scatter[int16], scatter[int32], scatter[int64],
		scatter[uint8], scatter[uint16], scatter[uint32], scatter[uint64],
		scatter[float32], scatter[float64]})
	if pick == nil {
		return nil
	}
	return pick(op)
}

func scatter[T number](op compute.OpType) ScatterKernel {
	var f func(x, y T) T
	switch op {
	case compute.OpTypeScatterSum:
		f = func(x, y T) T { return x + y }
	case compute.OpTypeScatterMax:
		f = Max[T]
	case compute.OpTypeScatterMin:
		f = Min[T]
	default:
		return nil
	}
	return func(m *Move, dst, src unsafe.Pointer) {
		width := int(unsafe.Sizeof(T(0)))
		m.visit(func(d, s int) {
			z := (*T)(unsafe.Add(dst, d*width))
			*z = f(*z, *(*T)(unsafe.Add(src, s*width)))
		})
	}
}

// visit calls f with the offsets of every pair of elements, in row-major order.
func (m *Move) visit(f func(dst, src int)) {
	n := Product(m.Dims)
	for e := range n {
		d, s := m.DstAt, m.SrcAt
		for i, rest := len(m.Dims)-1, e; i >= 0; i-- {
			p := rest % m.Dims[i]
			rest /= m.Dims[i]
			d += p * m.Dst[i]
			s += p * m.Src[i]
		}
		f(d, s)
	}
}

// Iota writes 0, 1, ... along the middle axis of out [outer, n, inner].
func Iota(d dtypes.DType) func(out unsafe.Pointer, outer, n, inner int) {
	return byNumber(d, numberTable[func(out unsafe.Pointer, outer, n, inner int)]{
		iota[int8], iota[int16], iota[int32], iota[int64],
		iota[uint8], iota[uint16], iota[uint32], iota[uint64],
		iota[float32], iota[float64]})
}

func iota[T number](out unsafe.Pointer, outer, n, inner int) {
	z := Of[T](out, outer*n*inner)
	for o := range outer {
		for k := range n {
			row := z[(o*n+k)*inner:][:inner]
			for i := range row {
				row[i] = T(k)
			}
		}
	}
}
