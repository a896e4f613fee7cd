package fusion

import (
	"unsafe"

	"foresee/backend/cpu/internal/ops"
	"foresee/backend/cpu/internal/vec"
)

// Pattern maps a position in the loop to an element of a smaller tensor: the loop is seen as
// dims, and the tensor moves by strides, which are 0 along axes it is repeated on.
type Pattern struct {
	Dims, Strides []int
	At            int // the tensor's first element
}

// maxAxes bounds the axes of a pattern.
const maxAxes = 16

// simplify drops axes of size 1 and joins neighbours.
func (p Pattern) simplify() Pattern {
	m := ops.Move{Dims: p.Dims, Src: p.Strides, Dst: ops.Strides(p.Dims)}.Simplify()
	return Pattern{m.Dims, m.Src, p.At}
}

// Scalar says whether p is a single element.
func (p Pattern) Scalar() bool {
	for _, s := range p.Strides {
		if s != 0 {
			return false
		}
	}
	return true
}

// Direct says whether the tensor lies as the loop runs.
func (p Pattern) Direct() bool { return len(p.Dims) == 1 && p.Strides[0] == 1 }

// Period returns the length after which the tensor repeats as a whole, or 0: it is dense in
// the last axis and constant in all before.
func (p Pattern) Period() int {
	if len(p.Dims) == 2 && p.Strides[0] == 0 && p.Strides[1] == 1 {
		return p.Dims[1]
	}
	return 0
}

// Fill copies elements [lo, lo+n) of the loop from src to dst. A pattern whose period is short
// is laid out once and then doubled.
func (p *Pattern) Fill(dst, src unsafe.Pointer, lo, n, size int) {
	if n == 0 {
		return
	}
	src = elem(src, p.At, size)
	first := n
	if q := p.Period(); q > 0 && n > 2*q {
		first = q
	}
	switch size {
	case 1:
		fillRuns(p, ops.Of[uint8](dst, first), src, lo)
	case 2:
		fillRuns(p, ops.Of[uint16](dst, first), src, lo)
	case 4:
		fillRuns(p, ops.Of[uint32](dst, first), src, lo)
	case 8:
		fillRuns(p, ops.Of[uint64](dst, first), src, lo)
	}
	all := ops.Of[byte](dst, n*size)
	for done := first * size; done < len(all); done *= 2 {
		copy(all[done:], all[:done])
	}
}

// fillRuns copies the elements from lo on, a run along the last axis after the other.
func fillRuns[T uint8 | uint16 | uint32 | uint64](p *Pattern, dst []T, src unsafe.Pointer, lo int) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	last := len(p.Dims) - 1
	inner, step := p.Dims[last], p.Strides[last]
	at := lo % inner
	var index [maxAxes]int
	off := 0
	for i, rest := last-1, lo/inner; i >= 0; i-- {
		index[i] = rest % p.Dims[i]
		off += index[i] * p.Strides[i]
		rest /= p.Dims[i]
	}
	for {
		run := min(len(dst), inner-at)
		copyRun(dst[:run], elem(src, off+at*step, size), step)
		dst = dst[run:]
		if len(dst) == 0 {
			return
		}
		at = 0
		for i := last - 1; i >= 0; i-- {
			off += p.Strides[i]
			if index[i]++; index[i] < p.Dims[i] {
				break
			}
			off -= p.Dims[i] * p.Strides[i]
			index[i] = 0
		}
	}
}

// copyRun reads every element step elements after the one before.
func copyRun[T uint8 | uint16 | uint32 | uint64](dst []T, src unsafe.Pointer, step int) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	switch {
	case step == 0 && size == 4 && len(dst) >= 32:
		vec.Fill(ops.Of[float32](unsafe.Pointer(&dst[0]), len(dst)), *(*float32)(src))
	case step == 0:
		v := *(*T)(src)
		for i := range dst {
			dst[i] = v
		}
	case step == 1 && len(dst) >= 8:
		copy(dst, unsafe.Slice((*T)(src), len(dst)))
	default:
		for i := range dst {
			dst[i] = *(*T)(unsafe.Add(src, i*step*size))
		}
	}
}

// elem returns the address of element i.
func elem(p unsafe.Pointer, i, size int) unsafe.Pointer { return unsafe.Add(p, i*size) }
