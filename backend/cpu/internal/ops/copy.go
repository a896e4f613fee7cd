package ops

import (
	"slices"
	"unsafe"

	"github.com/gomlx/compute"
)

// Move copies a box of elements between two strided arrangements.
type Move struct {
	Size     int   // bytes of an element: 1, 2, 4 or 8
	Dims     []int // of the box
	Dst, Src []int // strides in elements; a source stride may be 0 or negative
	DstAt    int   // offset of the first element
	SrcAt    int
}

// Simplify drops axes of size 1, joins axes that are contiguous on both sides, and so makes the
// last axis as long as possible.
func (m Move) Simplify() Move {
	out := Move{Size: m.Size, DstAt: m.DstAt, SrcAt: m.SrcAt}
	for i, d := range m.Dims {
		if d == 1 {
			continue
		}
		if k := len(out.Dims) - 1; k >= 0 && out.Dst[k] == m.Dst[i]*d && out.Src[k] == m.Src[i]*d {
			out.Dims[k] *= d
			out.Dst[k], out.Src[k] = m.Dst[i], m.Src[i]
			continue
		}
		out.Dims = append(out.Dims, d)
		out.Dst = append(out.Dst, m.Dst[i])
		out.Src = append(out.Src, m.Src[i])
	}
	return out
}

// Strides returns the row-major strides of dims in elements.
func Strides(dims []int) []int {
	s := make([]int, len(dims))
	n := 1
	for i := len(dims) - 1; i >= 0; i-- {
		s[i] = n
		n *= dims[i]
	}
	return s
}

// Run copies the part of the box whose first index is in [lo, hi). A box of no axes is one
// element, copied when lo is 0. Dims has at most 16 axes.
func (m *Move) Run(dst, src unsafe.Pointer, lo, hi int) {
	switch m.Size {
	case 1:
		move[uint8](m, dst, src, lo, hi)
	case 2:
		move[uint16](m, dst, src, lo, hi)
	case 4:
		move[uint32](m, dst, src, lo, hi)
	case 8:
		move[uint64](m, dst, src, lo, hi)
	}
}

func move[T any](m *Move, dst, src unsafe.Pointer, lo, hi int) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	dst = unsafe.Add(dst, m.DstAt*size)
	src = unsafe.Add(src, m.SrcAt*size)
	if len(m.Dims) == 0 {
		if lo == 0 {
			*(*T)(dst) = *(*T)(src)
		}
		return
	}
	for _, d := range m.Dims {
		if d == 0 {
			return
		}
	}
	dst = unsafe.Add(dst, lo*m.Dst[0]*size)
	src = unsafe.Add(src, lo*m.Src[0]*size)
	moveAxes[T](m, 0, hi-lo, dst, src)
}

func moveAxes[T any](m *Move, axis, count int, dst, src unsafe.Pointer) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	if axis == len(m.Dims)-1 {
		moveRow[T](dst, src, count, m.Dst[axis], m.Src[axis])
		return
	}
	if axis == len(m.Dims)-2 && m.Dst[axis+1] == 1 && m.Src[axis] == 1 {
		movePlane[T](m, axis, count, dst, src)
		return
	}
	// Addresses are always inside the memory: a stray one could alarm the garbage collector.
	for i := range count {
		moveAxes[T](m, axis+1, m.Dims[axis+1],
			unsafe.Add(dst, i*m.Dst[axis]*size), unsafe.Add(src, i*m.Src[axis]*size))
	}
}

func moveRow[T any](dst, src unsafe.Pointer, n, ds, ss int) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	switch {
	case ds == 1 && ss == 1:
		copy(unsafe.Slice((*T)(dst), n), unsafe.Slice((*T)(src), n))
	case ds == 1 && ss == 0:
		v := *(*T)(src)
		z := unsafe.Slice((*T)(dst), n)
		for i := range z {
			z[i] = v
		}
	default:
		for i := range n {
			*(*T)(unsafe.Add(dst, i*ds*size)) = *(*T)(unsafe.Add(src, i*ss*size))
		}
	}
}

// movePlane transposes the last two axes in tiles, so that both sides are touched by whole
// cache lines.
func movePlane[T any](m *Move, axis, rows int, dst, src unsafe.Pointer) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	const tile = 16
	cols, ds, ss := m.Dims[axis+1], m.Dst[axis], m.Src[axis+1]
	for r0 := 0; r0 < rows; r0 += tile {
		r1 := min(r0+tile, rows)
		for c0 := 0; c0 < cols; c0 += tile {
			n := min(tile, cols-c0)
			for r := r0; r < r1; r++ {
				z := unsafe.Slice((*T)(unsafe.Add(dst, (r*ds+c0)*size)), n)
				from := unsafe.Add(src, (r+c0*ss)*size)
				for i := range z {
					z[i] = *(*T)(unsafe.Add(from, i*ss*size))
				}
			}
		}
	}
}

// Fill sets n elements of size bytes at dst to the one at value.
func Fill(dst, value unsafe.Pointer, n, size int) {
	if n == 0 {
		return
	}
	switch size {
	case 1:
		moveRow[uint8](dst, value, n, 1, 0)
	case 2:
		moveRow[uint16](dst, value, n, 1, 0)
	case 4:
		moveRow[uint32](dst, value, n, 1, 0)
	case 8:
		moveRow[uint64](dst, value, n, 1, 0)
	}
}

// PadMove returns the copy of elements of so many bytes into a padded output; negative padding cuts, interior padding
// leaves room between neighbours.
func PadMove(size int, in, out []int, axes []compute.PadAxis) Move {
	m := Move{Size: size, Dims: slices.Clone(in), Dst: Strides(out), Src: Strides(in)}
	for i, p := range axes {
		step := p.Interior + 1
		first, last := 0, in[i]-1 // of the elements that stay
		if p.Start < 0 {
			first = (-p.Start + step - 1) / step
		}
		for last >= first && p.Start+last*step >= out[i] {
			last--
		}
		m.SrcAt += first * m.Src[i]
		m.DstAt += (p.Start + first*step) * m.Dst[i]
		m.Dims[i] = max(0, last-first+1)
		m.Dst[i] *= step
	}
	return m
}

// Transposes says whether the last two axes are a transposition of 4-byte elements.
func (m *Move) Transposes() bool {
	r, c := len(m.Dims)-2, len(m.Dims)-1
	return m.Size == 4 && r >= 0 && m.Dst[c] == 1 && m.Src[r] == 1 && m.Src[c] > 1 && min(m.Dims[r], m.Dims[c]) >= 4 && m.Dst[r] >= m.Dims[c]
}
