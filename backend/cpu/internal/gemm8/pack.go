package gemm8

import (
	"encoding/binary"
	"fmt"
)

// Matrix is a B [K, N] before it is packed, or if Transposed its transpose [N, K]. LD is the values from one stored row to
// the next; 0 means without gaps.
type Matrix struct {
	K, N       int
	Data       []int8
	LD         int
	Transposed bool
}

// PackedSize returns the bytes of a packed B [k, n].
//
//	for each panel of nr columns: with VNNI [nr] int32, -128 times the column's sum; [k/depth, nr, depth], 0 where B has nothing
func (e *Engine) PackedSize(k, n int) int {
	return ceilDiv(n, e.kernel.nr) * e.kernel.panelBytes(k)
}

// Pack lays b out in dst for products of engines of the same level; neither is kept. dst must have PackedSize(K, N) bytes,
// aligned to a cache line for speed. It panics as Product does.
func (e *Engine) Pack(dst []byte, b Matrix) {
	if b.K < 0 || b.N < 0 {
		panic(fmt.Sprintf("gemm8: negative size of B [%d, %d]", b.K, b.N))
	}
	rows, cols := b.K, b.N
	if b.Transposed {
		rows, cols = cols, rows
	}
	checkMatrix("B", len(b.Data), rows, cols, &b.LD)
	if want := e.PackedSize(b.K, b.N); len(dst) < want {
		panic(fmt.Sprintf("gemm8: room for %d bytes of packed B, want %d for [%d, %d]", len(dst), want, b.K, b.N))
	}
	w := e.take()
	defer e.give(w)
	panels := ceilDiv(b.N, e.kernel.nr)
	parts := min(panels, 4*len(w.threads), max(1, b.K*b.N/packWork))
	w.packing = packJob{kernel: e.kernel, dst: dst, b: b, panels: panels, parts: parts}
	w.pool.Do(parts, &w.packing)
}

// packWork is the least number of values worth handing to another thread.
const packWork = 16 << 10

type packJob struct {
	kernel        *kernel
	dst           []byte
	b             Matrix
	panels, parts int
}

func (j *packJob) Part(_, i int) {
	size := j.kernel.panelBytes(j.b.K)
	for p := i * j.panels / j.parts; p < (i+1)*j.panels/j.parts; p++ {
		j.panel(j.dst[p*size:][:size], p*j.kernel.nr)
	}
}

// panel packs the columns from n on.
func (j *packJob) panel(dst []byte, n int) {
	kn, b := j.kernel, &j.b
	clear(dst)
	values := dst[kn.headBytes():]
	var sums [maxColumns]int32
	row, group := kn.nr*kn.depth, kn.depth
	cols := min(kn.nr, b.N-n)
	switch {
	case b.K == 0:
	case b.Transposed:
		for c := range cols {
			from, to := b.Data[(n+c)*b.LD:][:b.K], c*group
			for ; len(from) > 0; to += row {
				some := from[:min(group, len(from))]
				for k, v := range some {
					values[to+k] = byte(v)
					sums[c] += int32(v)
				}
				from = from[len(some):]
			}
		}
	default:
		for k := range b.K {
			to := values[k/group*row+k%group:]
			for c, v := range b.Data[k*b.LD+n:][:cols] {
				to[c*group] = byte(v)
				sums[c] += int32(v)
			}
		}
	}
	if kn.flipped {
		for c, s := range sums[:kn.nr] {
			binary.LittleEndian.PutUint32(dst[4*c:], uint32(-128*s))
		}
	}
}
