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

// packPanels packs panels [r.j, r.j+count) of one block of k.
func (kn *kernel) packPanels(dst []float32, s *source, r region, count int) {
	whole := min(r.j+count, r.n/kn.nr) - r.j
	if nr, kc := kn.nr, r.k1-r.k0; kn.strip != nil && !s.trans && whole > 0 {
		kn.strips(dst[r.k0*r.panels*nr+r.j*nr*kc:], s.b[r.k0*s.ld+r.j*nr:], s.ld, shape{nr, whole, kc})
		r.j, count = r.j+whole, count-whole
	}
	for ; count > 0; count-- {
		kn.packPanel(dst, s, r)
		r.j++
	}
}

// shape is that of several whole tiles, width wide and k high.
type shape struct{ width, tiles, k int }

// stripRows is the number of rows that strips reads at the same time.
const stripRows = 8

// strips packs whole tiles that lie side by side in rows ld floats apart.
func (kn *kernel) strips(dst, src []float32, ld int, s shape) {
	rows := stripRows
	if s.tiles == 1 {
		rows = s.k
	}
	for k := 0; k < s.k; k += rows {
		kn.strip(dst[k*s.width:], src[k*ld:], s.width, s.tiles, s.width*s.k, ld, min(rows, s.k-k))
	}
}

// packTiles packs rows [r0, r1) of op(A), k in [k0, k1), as tiles [kc, mr] one after the other.
func (kn *kernel) packTiles(dst []float32, a *Args, base int, rows, ks [2]int) {
	kc := ks[1] - ks[0]
	first := rows[0]
	if whole := (rows[1] - first) / kn.mr; kn.strip != nil && a.TransA && whole > 0 {
		kn.strips(dst, a.A[base+ks[0]*a.LDA+first:], a.LDA, shape{kn.mr, whole, kc})
		first += whole * kn.mr
	}
	for r := first; r < rows[1]; r += kn.mr {
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
