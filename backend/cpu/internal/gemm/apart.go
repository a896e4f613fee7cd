package gemm

import "unsafe"

// apartFloats bounds the floats of C that a part adds to, block of k by block of k: half of a second-level cache.
const apartFloats = 1 << 18

// apartJob computes one product in parts that each pack what they need of both operands, block of k by block of k and
// right before use. Packing B as a whole would write it to memory and read it back, which few rows of C do not repay.
type apartJob struct {
	w     *work
	batch int
	d     cut
}

// packsApart reports whether product does so if B is not packed: C has few rows, or few elements and an A whose rows
// of one k lie side by side, as in the gradient of a dense layer's weights.
func (w *work) packsApart() bool {
	a := &w.args
	return a.K > 0 && (a.M <= blockRows || a.TransA && a.M*a.N <= 2*apartFloats)
}

// apart runs product i on all threads.
func (w *work) apart(i int) {
	j := &w.apartness
	*j = apartJob{w, i, w.cutApart(ceilDiv(w.args.M, w.kernel.mr), ceilDiv(w.args.N, w.kernel.nr))}
	w.pool.Do(j.d.rows*j.d.panels, j)
}

// cutApart divides rt row tiles and cp panels such that the last thread is done soonest: parts beside each other pack
// the same rows of A, those below each other the same panels of B.
func (w *work) cutApart(rt, cp int) cut {
	const tile, row, panel = 8, 3, 5 // the times of a tile of C, of packing a tile of A and a panel of B
	kn, threads := w.kernel, len(w.threads)
	size := kn.mr * kn.nr
	work := rt * cp * size * w.args.K / partWork
	most := max(1, min(4*threads, work), ceilDiv(rt*cp*size, apartFloats/2))
	if threads == 1 {
		most = ceilDiv(rt*cp*size, apartFloats/2)
	}
	best, least := cut{rt, cp}, 0
	for r := 1; r <= min(rt, most); r++ {
		for p := 1; p <= min(cp, ceilDiv(most, r)); p++ {
			high, wide := ceilDiv(rt, r), ceilDiv(cp, p)
			time := ceilDiv(r*p, threads) * (tile*high*wide + row*high + panel*wide)
			if high*wide*size <= apartFloats && (least == 0 || time < least) {
				best, least = cut{r, p}, time
			}
		}
	}
	return best
}

func (j *apartJob) Part(worker, i int) {
	a, kn := &j.w.args, j.w.kernel
	r, p := i/j.d.panels, i%j.d.panels
	rt, cp := ceilDiv(a.M, kn.mr), ceilDiv(a.N, kn.nr)
	s := span{
		r0: r * rt / j.d.rows * kn.mr, r1: min((r+1)*rt/j.d.rows*kn.mr, a.M),
		p0: p * cp / j.d.panels, p1: (p + 1) * cp / j.d.panels,
	}
	j.span(&j.w.threads[worker], s)
}

// span computes a rectangle of C over all of k on one thread.
func (j *apartJob) span(th *thread, s span) {
	a, kn := &j.w.args, j.w.kernel
	groups := ceilDiv(s.r1-s.r0, blockRows)
	high := ceilDiv(ceilDiv(s.r1-s.r0, kn.mr), groups) * kn.mr
	kept := 1 // panels of B: the next rows use them again
	if groups > 1 {
		kept = s.p1 - s.p0
	}
	th.b = grow(th.b, kept*kBlock*kn.nr+slack)
	for k0 := 0; k0 < a.K; k0 += kBlock {
		b := apartBlock{apartJob: j, th: th, whole: s, k0: k0, k1: min(k0+kBlock, a.K)}
		for b.r0 = s.r0; b.r0 < s.r1; b.r0 = b.r1 {
			b.r1 = min(b.r0+high, s.r1)
			b.compute()
		}
	}
}

// apartBlock is some rows of a rectangle of C and one block of k.
type apartBlock struct {
	*apartJob
	th     *thread
	whole  span // the rectangle
	r0, r1 int
	k0, k1 int

	strips int     // of A that are still to be asked for
	strip  uintptr // the next of them
}

// compute adds the block's share to C.
func (b *apartBlock) compute() {
	w, a, kn, t := b.w, &b.w.args, b.w.kernel, &b.th.tile
	s, ks := span{b.r0, b.r1, b.whole.p0, b.whole.p1}, [2]int{b.k0, b.k1}
	left := w.packedRows(b.th, &chunk{batch: b.batch}, s, ks)
	w.begin(t, ks, b.k1 == a.K)
	t.as, t.atile, t.bs = 4*kn.mr, 4*kn.mr*t.k, 4*kn.nr
	b.nextRows()
	for p := s.p0; p < s.p1; p++ {
		cols := min(kn.nr, a.N-p*kn.nr)
		panel := b.th.b
		if b.whole.r1-b.whole.r0 > b.r1-b.r0 {
			panel = panel[(p-s.p0)*kn.nr*t.k:]
		}
		if b.r0 == b.whole.r0 {
			src := b.source(p, b.k0)
			kn.packPanels(panel, &src, region{0, t.k, 0, 1, cols}, 1)
		}
		t.b, t.bias = &panel[0], nil
		if b.k1 == a.K && a.Bias != nil {
			t.bias = &a.Bias[p*kn.nr]
		}
		b.column(left, p, cols)
	}
}

// source returns B from panel p, row k on.
func (b *apartBlock) source(p, k int) source {
	return b.w.sourceOf(chunk{batch: b.batch, n0: p * b.w.kernel.nr, k0: k})
}

// aheadTiles is the number of whole tiles during which a kernel asks for kBlock rows of two cache lines.
const aheadTiles = 4

// column computes the block's rows of panel p, and meanwhile asks for what is packed next: first B, then A.
func (b *apartBlock) column(left []float32, p, cols int) {
	a, kn, t := &b.w.args, b.w.kernel, &b.th.tile
	c := b.batch*a.StrideC + b.r0*a.LDC + p*kn.nr
	b.nextPanel(p)
	for r := b.r0; r < b.r1; {
		rows := min(b.r1-r, aheadTiles*kn.mr)
		if rows > kn.mr {
			rows -= rows % kn.mr
		}
		b.w.column(t, left[(r-b.r0)*t.k:], c+(r-b.r0)*a.LDC, rows, cols)
		r += rows
		t.step = 0
		if b.strips > 0 {
			t.ahead, t.step = b.strip, 4*a.LDA
			b.strips--
			b.strip += 2 * line
		}
	}
}

// nextPanel lets the kernel ask for the panel of B that is packed after panel p.
func (b *apartBlock) nextPanel(p int) {
	a, t := &b.w.args, &b.th.tile
	next, k := p+1, b.k0
	if next == b.whole.p1 {
		next, k = b.whole.p0, b.k1
	}
	t.ahead, t.step = uintptr(unsafe.Pointer(t.b)), 0
	if a.TransB || k == a.K || k == b.k0 && b.r0 != b.whole.r0 || k > b.k0 && b.r1 < b.whole.r1 {
		return
	}
	t.ahead, t.step = uintptr(unsafe.Pointer(&b.source(next, k).b[0])), 4*a.LDB
}

// nextRows finds the rows of A that are packed after those of the block.
func (b *apartBlock) nextRows() {
	a := &b.w.args
	r, k := b.r1, b.k0
	if r == b.whole.r1 {
		r, k = b.whole.r0, b.k1
	}
	b.strips = 0
	if !a.TransA || k == a.K {
		return
	}
	rows := min(b.r1-b.r0, b.whole.r1-r)
	from := uintptr(unsafe.Pointer(&a.A[b.batch*a.StrideA+k*a.LDA+r]))
	b.strip = from &^ (line - 1)
	b.strips = ceilDiv(int(from-b.strip)+4*rows, 2*line)
}
