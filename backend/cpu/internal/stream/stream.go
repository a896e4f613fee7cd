// Package stream copies what is longer than the cache, and not read again soon, past it on all threads.
package stream

import (
	"unsafe"

	"foresee/backend/cpu/internal/pool"
	"foresee/backend/cpu/internal/vec"
)

const (
	long     = 1 << 22 // bytes: less is copied by the caller, through the cache
	partSize = 1 << 16 // bytes of a part of a matrix
	line     = 64      // bytes of a cache line
)

// Copy sets dst to src, which must be as long and not overlap it, on the threads of p if it is long.
func Copy(p *pool.Pool, dst, src []byte) {
	if len(dst) < long {
		copy(dst, src)
		return
	}
	part := (len(dst)/p.Threads() + line) / line * line
	p.Run((len(dst)+part-1)/part, func(i int) {
		to, from := dst[i*part:min(len(dst), (i+1)*part)], src[i*part:]
		n := len(to) / 4
		vec.Rows{Rows: 1, Cols: n}.Stream(unsafe.Slice((*float32)(unsafe.Pointer(&to[0])), n), unsafe.Slice((*float32)(unsafe.Pointer(&from[0])), n))
		copy(to[4*n:], from[4*n:])
	})
}

// Matrix sets the rows of dst to those of src, see vec.Rows, on the threads of p.
func Matrix(p *pool.Pool, r vec.Rows, dst, src []float32) {
	part := max(1, partSize/(4*max(1, r.Cols)))
	p.Run((r.Rows+part-1)/part, func(i int) {
		one, at := r, i*part
		one.Rows = min(part, r.Rows-at)
		one.Stream(dst[at*r.DstStep:], src[at*r.SrcStep:])
	})
}
