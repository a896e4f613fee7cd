package gemm

import "unsafe"

// line is the bytes of a cache line.
const line = 64

// span is a rectangle of C: rows [r0, r1), panels [p0, p1) of a chunk.
type span struct{ r0, r1, p0, p1 int }

// span computes a rectangle of C over the chunk's k on one thread.
func (w *work) span(th *thread, c *chunk, s span) {
	if s.r0 >= s.r1 || s.p0 >= s.p1 {
		return
	}
	for k0 := c.k0; ; k0 += kBlock {
		k1 := min(k0+kBlock, c.k1)
		w.block(th, c, s, [2]int{k0, k1})
		if k1 == c.k1 {
			return
		}
	}
}

// block computes a rectangle of C over one block of k.
func (w *work) block(th *thread, c *chunk, s span, ks [2]int) {
	a, kn, t := &w.args, w.kernel, &th.tile
	kc := ks[1] - ks[0]
	last := ks[1] == c.k
	w.begin(t, ks, last)
	direct := s.r1-s.r0 == 1 && w.left == nil
	var left []float32
	if direct {
		t.as, t.atile = 4, 0
		if a.TransA {
			t.as = 4 * a.LDA
		}
	} else {
		left = w.packedRows(th, c, s, ks)
		t.as, t.atile = 4*kn.mr, 4*kn.mr*kc
	}
	for p := s.p0; p < s.p1; p++ {
		n := c.n0 + p*kn.nr
		cols := min(kn.nr, c.n1-n)
		w.panelOfB(t, c, p, ks)
		t.bias = nil
		if last && a.Bias != nil {
			t.bias = &a.Bias[n]
		}
		if direct {
			if w.oneRow(t, c, s, ks, p) {
				p += 3
			}
			continue
		}
		w.column(t, left, c.batch*a.StrideC+s.r0*a.LDC+n-w.corner, s.r1-s.r0, cols)
	}
}

// begin tells the tile of a block of k, which may be the last.
func (w *work) begin(t *tile, ks [2]int, last bool) {
	a := &w.args
	t.k, t.cs, t.mode = ks[1]-ks[0], 4*a.LDC, 0
	if a.Accumulate || ks[0] > 0 {
		t.mode |= modeAccumulate
	}
	if last && a.ReLU {
		t.mode |= modeReLU
	}
}

// column computes rows x cols of C, whose first element has the index c, from the packed rows of A and the tile's B.
func (w *work) column(t *tile, left []float32, c, rows, cols int) {
	kn, to := w.kernel, &w.args
	if t.tiles = rows / kn.mr; t.tiles > 0 {
		t.a, t.c = at(left, 0), &to.C[c]
		kn.run(t, kn.mr, cols)
	}
	if rest := rows % kn.mr; rest > 0 {
		full := rows - rest
		t.a, t.c, t.tiles = at(left, full*t.k), &to.C[c+full*to.LDC], 1
		kn.run(t, rest, cols)
	}
}

// packedRows returns the rows of a span of A, k in ks, as tiles.
func (w *work) packedRows(th *thread, c *chunk, s span, ks [2]int) []float32 {
	a, kn := &w.args, w.kernel
	high, kc := roundUp(s.r1-s.r0, kn.mr), ks[1]-ks[0]
	if w.left != nil { // the span has all rows
		return w.left[ks[0]*high:][:high*kc+slack]
	}
	th.a = grow(th.a, high*kc+slack)
	if kc > 0 {
		kn.packTiles(th.a, a, c.batch*a.StrideA, [2]int{s.r0, s.r1}, ks)
	}
	return th.a
}

// panelOfB points the tile at panel p of B.
func (w *work) panelOfB(t *tile, c *chunk, p int, ks [2]int) {
	a, kn := &w.args, w.kernel
	if c.packed == nil {
		t.b, t.bs = at(a.B, c.batch*a.StrideB+ks[0]*a.LDB+c.n0+p*kn.nr), 4*a.LDB
		t.ahead, t.step = uintptr(unsafe.Pointer(t.b)), 0
		return
	}
	t.b = at(c.packed, (ks[0]-c.packedK)*c.panels*kn.nr+p*kn.nr*(ks[1]-ks[0]))
	t.bs = 4 * kn.nr
	t.ahead, t.step = uintptr(unsafe.Pointer(t.b))+uintptr(t.bs*(ks[1]-ks[0])), line // the next panel
}

// oneRow computes a single row from A in place: panel p, or reports true after it did p to p+3.
func (w *work) oneRow(t *tile, c *chunk, s span, ks [2]int, p int) bool {
	a, kn := &w.args, w.kernel
	off := c.batch*a.StrideA + s.r0*a.LDA + ks[0]
	if a.TransA {
		off = c.batch*a.StrideA + ks[0]*a.LDA + s.r0
	}
	n := c.n0 + p*kn.nr
	t.a, t.c, t.tiles = at(a.A, off), &a.C[c.batch*a.StrideC+s.r0*a.LDC+n-w.corner], 1
	if kn.wide == nil || p+4 > s.p1 || n+4*kn.nr > c.n1 {
		kn.run(t, 1, min(kn.nr, c.n1-n))
		return false
	}
	if t.atile = 4 * kn.nr; c.packed != nil {
		t.atile *= ks[1] - ks[0]
	}
	kn.wide(t)
	return true
}
