package gemm8

import (
	"encoding/binary"
	"fmt"
	"unsafe"
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
	w.packing = packJob{kernel: e.kernel, threads: w.threads, dst: dst, b: b, panels: ceilDiv(b.N, e.kernel.nr)}
	w.packing.cut()
	w.pool.Do(w.packing.parts, &w.packing)
}

// The least numbers of values worth handing to another thread.
const (
	stripWork = 64 << 10 // where kernel.strip packs them: about what waking a parked thread takes
	valueWork = 16 << 10 // where they are packed one by one
)

type packJob struct {
	kernel        *kernel
	threads       []thread
	dst           []byte
	b             Matrix
	panels, parts int
}

// cut divides the panels into a part for each thread, as work.cutFor does those of small products, which then find them in
// their caches; and into several for each where a part takes so long that a late thread should join.
func (j *packJob) cut() {
	most, least := len(j.threads), stripWork
	if !j.strips() {
		most, least = 4*most, valueWork
	}
	j.parts = min(j.panels, most, max(1, j.b.K*j.b.N/least))
}

// strips reports whether the kernel packs whole panels.
func (j *packJob) strips() bool { return j.kernel.strip != nil && j.b.K > 0 && !j.b.Transposed }

func (j *packJob) Part(worker, i int) {
	size := j.kernel.panelBytes(j.b.K)
	for p := i * j.panels / j.parts; p < (i+1)*j.panels/j.parts; p++ {
		j.panel(&j.threads[worker].strip, j.dst[p*size:][:size], p*j.kernel.nr)
	}
}

// panel packs the columns from n on.
func (j *packJob) panel(s *strip, dst []byte, n int) {
	kn, b := j.kernel, &j.b
	cols, done := min(kn.nr, b.N-n), 0
	if j.strips() {
		s.dst, s.src, s.step = &dst[0], (*byte)(unsafe.Pointer(&b.Data[n])), b.LD
		done = kn.strip(s, b.K, cols)
	}
	if done < b.K || b.K == 0 {
		j.values(dst, n, cols, done)
	}
}

// values packs the rows from k0 on, which begins a group, of cols columns from n on, one by one. If there are rows
// before k0, the panel must not be flipped.
func (j *packJob) values(dst []byte, n, cols, k0 int) {
	kn, b := j.kernel, &j.b
	row, group := kn.nr*kn.depth, kn.depth
	values := dst[kn.headBytes():]
	clear(values[k0*kn.nr:])
	var sums [maxColumns]int32
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
		for k := k0; k < b.K; k++ {
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
