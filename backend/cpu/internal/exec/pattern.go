package exec

import (
	"unsafe"

	"foresee/backend/cpu/internal/ops"
	"foresee/backend/cpu/internal/vec"
)

// pattern maps a position in the loop to an element of a smaller tensor: the loop is seen as
// dims, and the tensor moves by strides, which are 0 along axes it is repeated on.
type pattern struct {
	dims, strides []int
	at            int // the tensor's first element
}

// maxAxes bounds the axes of a pattern.
const maxAxes = 16

// simplify drops axes of size 1 and joins neighbours.
func (p pattern) simplify() pattern {
	m := ops.Move{Dims: p.dims, Src: p.strides, Dst: ops.Strides(p.dims)}.Simplify()
	return pattern{m.Dims, m.Src, p.at}
}

func (p pattern) scalar() bool {
	for _, s := range p.strides {
		if s != 0 {
			return false
		}
	}
	return true
}

func (p pattern) direct() bool { return len(p.dims) == 1 && p.strides[0] == 1 }

// period returns the length after which the tensor repeats as a whole, or 0: it is dense in
// the last axis and constant in all before.
func (p pattern) period() int {
	if len(p.dims) == 2 && p.strides[0] == 0 && p.strides[1] == 1 {
		return p.dims[1]
	}
	return 0
}

// fill copies elements [lo, lo+n) of the loop from src to dst. A pattern whose period is short
// is laid out once and then doubled.
func (p *pattern) fill(dst, src unsafe.Pointer, lo, n, size int) {
	if n == 0 {
		return
	}
	src = elem(src, p.at, size)
	first := n
	if q := p.period(); q > 0 && n > 2*q {
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
func fillRuns[T uint8 | uint16 | uint32 | uint64](p *pattern, dst []T, src unsafe.Pointer, lo int) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	last := len(p.dims) - 1
	inner, step := p.dims[last], p.strides[last]
	at := lo % inner
	var index [maxAxes]int
	off := 0
	for i, rest := last-1, lo/inner; i >= 0; i-- {
		index[i] = rest % p.dims[i]
		off += index[i] * p.strides[i]
		rest /= p.dims[i]
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
			off += p.strides[i]
			if index[i]++; index[i] < p.dims[i] {
				break
			}
			off -= p.dims[i] * p.strides[i]
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
