package vec

import "unsafe"

// Rows are matrices of Cols floats a row, DstStep and SrcStep floats from one row to the next.
type Rows struct{ Rows, Cols, DstStep, SrcStep int }

// line is the floats of a cache line.
const line = 16

// Stream sets the rows of dst to those of src, past the cache where the processor can and rows of dst are whole cache
// lines: for what is not read again soon, and is longer than the cache. They must not overlap. It panics if a slice is
// too short.
func (r Rows) Stream(dst, src []float32) {
	if r.Rows <= 0 || r.Cols <= 0 {
		return
	}
	dst, src = dst[:(r.Rows-1)*r.DstStep+r.Cols], src[:(r.Rows-1)*r.SrcStep+r.Cols]
	if ops.stream != nil && r.Cols%line == 0 && r.DstStep%line == 0 && uintptr(unsafe.Pointer(&dst[0]))%(4*line) == 0 {
		ops.stream(&dst[0], &src[0], r.Cols, r.Rows, 4*r.DstStep, 4*r.SrcStep)
		return
	}
	for i := range r.Rows {
		copy(dst[i*r.DstStep:][:r.Cols], src[i*r.SrcStep:])
	}
}
