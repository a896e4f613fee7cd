package gemm

import "unsafe"

// source is B as the caller holds it, from its first element of the columns in work.
type source struct {
	b     []float32
	ld    int
	trans bool
}

// region is the part [k0, k1) x panel j of a packed B whose first row is 0, whose columns
// are n and whose panels are that many.
type region struct{ k0, k1, j, panels, n int }

// packPanel packs one panel of one block of k to its place in dst.
func (kn *kernel) packPanel(dst []float32, s *source, r region) {
	nr, kc := kn.nr, r.k1-r.k0
	if kc == 0 {
		return
	}
	cols := min(nr, r.n-r.j*nr)
	d := dst[r.k0*r.panels*nr+r.j*nr*kc:][:kc*nr+slack]
	if s.trans {
		kn.packRows(d, s.b[r.j*nr*s.ld+r.k0:], nr, s.ld, cols, kc)
		return
	}
	kn.packCols(d, s.b[r.k0*s.ld+r.j*nr:], nr, s.ld, kc, cols)
}

// packTiles packs rows [r0, r1) of op(A), k in [k0, k1), as tiles [kc, mr] one after the other.
func (kn *kernel) packTiles(dst []float32, a *Args, base int, rows, ks [2]int) {
	kc := ks[1] - ks[0]
	for r := rows[0]; r < rows[1]; r += kn.mr {
		n := min(kn.mr, rows[1]-r)
		d := dst[(r-rows[0])*kc:][:kn.mr*kc+slack]
		if a.TransA {
			kn.packCols(d, a.A[base+ks[0]*a.LDA+r:], kn.mr, a.LDA, kc, n)
		} else {
			kn.packRows(d, a.A[base+r*a.LDA+ks[0]:], kn.mr, a.LDA, n, kc)
		}
	}
}

// aligned returns n floats that begin at a cache line.
func aligned(n int) []float32 {
	const line = 64
	s := make([]float32, n+line/4)
	off := int(-uintptr(unsafe.Pointer(unsafe.SliceData(s))) % line / 4)
	return s[off : off+n : off+n]
}

// grow returns s with at least n floats, whose values do not matter.
func grow(s []float32, n int) []float32 {
	if len(s) >= n {
		return s
	}
	return aligned(n + n/8)
}
