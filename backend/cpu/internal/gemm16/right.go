package gemm16

import (
	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/rounding"
)

// source is a stored matrix X, or if trans its transpose.
type source struct {
	data  []float32
	ld    int
	trans bool
}

// rightOf returns the op(B) of a product.
func rightOf(a *gemm.Args) source { return source{a.B, a.LDB, a.TransB} }

// packWork is the least number of values worth handing to another thread.
const packWork = 32 << 10

// packJob lays out op(B), a part for each chunk and strip of up to wide columns.
type packJob struct {
	w      *work
	dst    []float32
	src    source
	k, n   int
	strips int
}

func (w *work) pack(dst []float32, k, n int, src source) {
	if k <= 0 || n <= 0 {
		return
	}
	j := &w.packing
	*j = packJob{w: w, dst: dst, src: src, k: k, n: n, strips: ceilDiv(n, wide)}
	parts := j.strips * ceilDiv(k, chunk)
	w.do(k*n >= packWork, parts, j)
}

// Part lays out a strip of a chunk.
func (j *packJob) Part(worker, i int) {
	kn, at := j.w.engine.kernel, i/j.strips
	n0, k0 := i%j.strips*wide, at*chunk
	k, n1 := min(chunk, j.k-k0), min(n0+wide, j.n)
	to := j.dst[at*kn.rightFloats(chunk, j.n):]
	j.w.threads[worker].panels(kn, to[n0:n1], to[scaleFloats(j.n)+n0/kn.nr*kn.panelFloats(k):], j.src.from(k0, n0), k)
}

// from is the source without its first k rows and n columns.
func (s source) from(k, n int) source {
	if s.trans {
		k, n = n, k
	}
	return source{s.data[k*s.ld+n:], s.ld, s.trans}
}

// panels lays out up to wide columns, as many as there are scales, of k values.
func (th *thread) panels(kn *kernel, scales, to []float32, src source, k int) {
	size := kn.panelFloats(k)
	if !src.trans {
		th.columns(kn, src, k, scales)
	}
	for n := 0; n < len(scales); n += kn.nr {
		cols, panel := min(kn.nr, len(scales)-n), to[n/kn.nr*size:][:size]
		if cols < kn.nr {
			clear(panel)
		}
		s := src.from(0, n)
		if src.trans {
			th.turned(kn, panel, s, k, scales[n:n+cols])
			continue
		}
		th.quants(kn, pairs{dst: rounding.Integers(panel), step: 2 * kn.nr, src: s.data, ld: s.ld, k: k}, scales[n:n+cols], th.inverse[n:])
	}
}

// columns finds the scales of as many columns of k values, and their inverses.
func (th *thread) columns(kn *kernel, s source, k int, scales []float32) {
	th.inverse = aligned(th.inverse, max(len(scales), wide))
	for c := 0; c < len(scales); c += wide {
		cols := min(wide, len(scales)-c)
		th.strip = strip{src: &s.data[c], groups: k / 2, odd: k % 2, srcStep: 4 * s.ld, squares: &th.squares[0], high: &th.high[0]}
		kn.columnNorms(&th.strip, cols)
		for i := range cols {
			scales[c+i], th.inverse[c+i] = scaleOf(th.squares[i], th.high[i])
		}
	}
}

// pairs is where columns of k values go: pairs of rows, step values apart.
type pairs struct {
	dst  []int16
	step int
	src  []float32
	ld   int
	k    int
}

// quants lays out columns with these scales, and finds the scales that are still NaN.
func (th *thread) quants(kn *kernel, p pairs, scales, inverse []float32) {
	th.strip = strip{dst: &p.dst[0], src: &p.src[0], groups: p.k / 2, odd: p.k % 2, dstStep: 2 * p.step, srcStep: 4 * p.ld, inverse: &inverse[0]}
	kn.columnQuants(&th.strip, len(scales))
	for c, s := range scales {
		if s == s {
			continue
		}
		q := make([]int16, p.k)
		scales[c] = exact(q, p.src[c:], p.ld)
		for i, v := range q {
			p.dst[i/2*p.step+2*c+i%2] = v
		}
	}
}

// turned lays out a panel of columns that are stored as rows.
func (th *thread) turned(kn *kernel, panel []float32, s source, k int, scales []float32) {
	step := rowBytes(k)
	th.rows = aligned(th.rows, kn.nr*step/4)
	th.lay(kn, th.rows, s, k, scales)
	clear(th.rows[len(scales)*step/4 : kn.nr*step/4])
	kn.turn(&rounding.Integers(panel)[0], &rounding.Integers(th.rows)[0], step, ceilDiv(k, 2))
}

// lay lays out as many rows of k values as there are scales, rowBytes apart, and finds the scales.
func (th *thread) lay(kn *kernel, to []float32, s source, k int, scales []float32) {
	step := rowBytes(k)
	q := rounding.Integers(to)
	for r := 0; r < len(scales); r += tall {
		rows := min(tall, len(scales)-r)
		l := &th.lines
		*l = lines{dst: &q[r*step/2], src: &s.data[r*s.ld], dstStep: step, srcStep: 4 * s.ld, squares: &th.squares[0], high: &th.high[0], inverse: &th.rowInverse[0]}
		l.rows = rows
		kn.rowNorms(l, k)
		for i := range rows {
			scales[r+i], th.rowInverse[i] = scaleOf(th.squares[i], th.high[i])
		}
		l.rows = rows
		kn.rowQuants(l, k)
		for i, v := range scales[r : r+rows] {
			if v != v {
				scales[r+i] = exact(q[(r+i)*step/2:][:k], s.data[(r+i)*s.ld:], 1)
			}
		}
	}
}
