package gemm8

import (
	"unsafe"

	"foresee/backend/cpu/internal/pool"
)

const (
	// blockBytes bounds the rows of A that a thread lays out at once: an eighth of a second-level cache.
	blockBytes = 256 << 10
	// partWork is the least work, in multiply-adds, worth handing to another thread.
	partWork = 128 << 10
	// mostWork is that above which a part is cut again where there are threads: while one thread does a part that takes
	// longer than the pool's workers spin, a worker that came late parks, and comes late the next time.
	mostWork = 16 << 20
)

// work is the state of one call: what the parts of its jobs read, and memory kept for the next. As a pool.Job it is the
// product.
type work struct {
	kernel  *kernel
	pool    *pool.Pool
	args    Args
	packed  []byte
	cut     cut
	threads []thread
	packing packJob
}

// thread is the memory of one worker.
type thread struct {
	tile    tile
	lines   lines
	strip   strip
	scratch [maxTile]int32
	a       []byte
	r0, r1  int   // the rows of A that are laid out in this product
	first   *byte // the first of them: in a, or in A itself; nil if K is 0
	_       [64]byte
}

// cut is a division of rows and panels into parts.
type cut struct{ rows, panels int }

// cutFor divides the product for the threads. Parts side by side come first: then each thread reads a share of B alone,
// and finds it in its own cache the next time.
func (w *work) cutFor() cut {
	a, kn, threads := &w.args, w.kernel, len(w.threads)
	panels := ceilDiv(a.N, kn.nr)
	c := cut{rows: ceilDiv(a.M, max(kn.mr, blockBytes/kn.rowBytes(a.K))), panels: 1}
	work := a.M * a.N * max(a.K, 1)
	want := min(threads, work/partWork)
	if threads > 1 {
		want = max(want, roundUp(work/mostWork, threads))
	}
	c.panels = max(1, min(ceilDiv(want, c.rows), panels))
	c.rows = max(c.rows, min(ceilDiv(want, c.panels), ceilDiv(a.M, kn.mr)))
	return c
}

func (w *work) compute() {
	w.cut = w.cutFor()
	for i := range w.threads {
		w.threads[i].r1 = 0
	}
	w.pool.Do(w.cut.rows*w.cut.panels, w)
}

// Part computes a rectangle of C.
func (w *work) Part(worker, i int) {
	a, kn, th := &w.args, w.kernel, &w.threads[worker]
	r, p := i/w.cut.panels, i%w.cut.panels
	panels := ceilDiv(a.N, kn.nr)
	w.rows(th, r*a.M/w.cut.rows, (r+1)*a.M/w.cut.rows)
	for q := p * panels / w.cut.panels; q < (p+1)*panels/w.cut.panels; q++ {
		w.panel(th, q)
	}
}

// rows makes th hold rows r0 to r1 of A as the kernel reads them.
func (w *work) rows(th *thread, r0, r1 int) {
	a, kn, t := &w.args, w.kernel, &th.tile
	if th.r0 == r0 && th.r1 == r1 {
		return
	}
	th.r0, th.r1 = r0, r1
	t.groups, t.scratch = ceilDiv(a.K, kn.depth), &th.scratch
	if th.first, t.as = nil, 0; a.K == 0 {
		return
	}
	t.as, th.first = a.LDA, (*byte)(unsafe.Pointer(&a.A[r0*a.LDA]))
	if kn.lay == nil {
		return
	}
	step := kn.rowBytes(a.K)
	if size := step * (r1 - r0); len(th.a) < size {
		th.a = make([]byte, size)
	}
	th.lines = lines{dst: &th.a[0], src: th.first, rows: r1 - r0, dstStep: step, srcStep: a.LDA}
	kn.lay(&th.lines, a.K)
	th.first, t.as = &th.a[0], step
}

// panel computes the columns of panel p of the rows that th holds, in tiles of as equal heights as can be.
func (w *work) panel(th *thread, p int) {
	a, kn, t := &w.args, w.kernel, &th.tile
	if size := kn.panelBytes(a.K); size > 0 {
		t.b = &w.packed[p*size]
	}
	n := p * kn.nr
	cols := min(kn.nr, a.N-n)
	rows := th.r1 - th.r0
	tiles := ceilDiv(rows, kn.mr)
	height, higher := rows/tiles, rows%tiles
	if higher > 0 {
		w.place(th, 0, n)
		t.tiles = higher
		kn.run(t, height+1, cols)
	}
	w.place(th, higher*(height+1), n)
	t.tiles = tiles - higher
	kn.run(t, height, cols)
}

// place points the tile of th at its row r of A, and the same row and column n of the result and the scales.
func (w *work) place(th *thread, r, n int) {
	a, t := &w.args, &th.tile
	t.a = (*byte)(unsafe.Add(unsafe.Pointer(th.first), r*t.as))
	r += th.r0
	t.cs, t.rows, t.columns, t.bias = 4*a.LDC, nil, nil, nil
	if a.Floats == nil {
		t.c = unsafe.Pointer(&a.C[r*a.LDC+n])
		return
	}
	t.c, t.rows, t.columns = unsafe.Pointer(&a.Floats[r*a.LDC+n]), &a.Rows[r], &a.Columns[n]
	if a.Bias != nil {
		t.bias = &a.Bias[n]
	}
}
