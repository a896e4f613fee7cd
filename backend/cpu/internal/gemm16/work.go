package gemm16

import "foresee/backend/cpu/internal/gemm"

const (
	// blockBytes bounds the rows of A that a thread lays out at once: a share of a second-level cache.
	blockBytes = 512 << 10
	// mostWork is that, in multiply-adds, above which a part is cut again where there are threads: while one thread does a
	// part that takes longer than the pool's workers spin, a worker that came late parks, and comes late the next time.
	mostWork = 16 << 20
	// partWork is the least worth handing to another thread.
	partWork = 128 << 10
)

// work is the state of one call: what the parts of its jobs read, and memory kept for the next. As a pool.Job it is the
// product.
type work struct {
	engine  *Engine
	args    gemm.Args
	right   []float32 // the packed op(B)
	cut     int       // parts of rows
	threads []thread
	packing packJob
	packed  []float32 // memory of op(B) where Pack was not called
}

// thread is the memory of one worker.
type thread struct {
	tile          tile
	lines         lines
	strip         strip
	squares, high [wide]float32
	rowInverse    [tall]float32
	inverse       []float32
	rows          []float32 // of a panel of B that is turned
	a             []float32 // laid out rows of A
	scales        []float32 // of them
	_             [64]byte
}

func (th *thread) forget() { th.tile, th.lines, th.strip = tile{}, lines{}, strip{} }

func (w *work) compute() {
	a := &w.args
	if a.M == 0 || a.N == 0 {
		return
	}
	least := ceilDiv(a.M, max(w.engine.kernel.mr, blockBytes/rowBytes(min(a.K, chunk))))
	work, threads := a.M*a.N*max(a.K, 1), len(w.threads)
	want := min(threads, work/partWork)
	if threads > 1 && want > 0 {
		want = max(want, roundUp(work/mostWork, threads), roundUp(least, threads))
	}
	w.cut = max(least, min(want, ceilDiv(a.M, w.engine.kernel.mr)))
	w.engine.pool.Do(w.cut, w)
}

// Part computes rows of C.
func (w *work) Part(worker, i int) {
	a, kn, th := &w.args, w.engine.kernel, &w.threads[worker]
	r0, r1 := i*a.M/w.cut, (i+1)*a.M/w.cut
	if r0 == r1 {
		return
	}
	if a.K == 0 {
		w.nothing(r0, r1)
		return
	}
	b := block{w: w, th: th, r0: r0, rows: r1 - r0}
	b.tiles = ceilDiv(b.rows, kn.mr)
	b.height, b.higher = b.rows/b.tiles, b.rows%b.tiles
	for k := 0; k < a.K; k += chunk {
		b.k0, b.k = k, min(chunk, a.K-k)
		b.lay()
		for p := range ceilDiv(a.N, kn.nr) {
			b.panel(p)
		}
	}
}

// nothing sets rows of a product whose k is 0.
func (w *work) nothing(r0, r1 int) {
	a := &w.args
	for r := r0; r < r1; r++ {
		row := a.C[r*a.LDC:][:a.N]
		clear(row)
		if a.Bias != nil {
			copy(row, a.Bias)
		}
		for j, v := range row {
			if a.ReLU && v < 0 {
				row[j] = 0
			}
		}
	}
}

// block is rows of op(A) and a chunk of k, in tiles of as equal heights as can be: higher of them have a row more.
type block struct {
	w                     *work
	th                    *thread
	r0, rows              int
	k0, k                 int
	tiles, height, higher int
}

// lay lays the block out: row by row, or an op(A) that is stored transposed in tiles.
func (b *block) lay() {
	a, kn, th := &b.w.args, b.w.engine.kernel, b.th
	th.a, th.scales = aligned(th.a, b.rows*rowBytes(b.k)/4), aligned(th.scales, b.rows)
	if !a.TransA {
		th.lay(kn, th.a, source{data: a.A[b.r0*a.LDA+b.k0:], ld: a.LDA}, b.k, th.scales)
		return
	}
	s := source{data: a.A[b.k0*a.LDA+b.r0:], ld: a.LDA}
	th.columns(kn, s, b.k, th.scales)
	for i, r := 0, 0; i < b.tiles; i++ {
		h := b.heightOf(i)
		p := pairs{dst: shorts(th.a)[2*ceilDiv(b.k, 2)*r:], step: 2 * h, src: s.data[r:], ld: s.ld, k: b.k}
		th.quants(kn, p, th.scales[r:r+h], th.inverse[r:])
		r += h
	}
}

func (b *block) heightOf(tile int) int {
	if tile < b.higher {
		return b.height + 1
	}
	return b.height
}

// panel computes the columns of panel p.
func (b *block) panel(p int) {
	b.run(p, 0, b.higher, b.height+1)
	b.run(p, b.higher*(b.height+1), b.tiles-b.higher, b.height)
}

// run computes tiles of h rows from row r of the block on.
func (b *block) run(p, r, tiles, h int) {
	if tiles == 0 {
		return
	}
	a, kn, th := &b.w.args, b.w.engine.kernel, b.th
	n, groups := p*kn.nr, ceilDiv(b.k, 2)
	right := b.w.right[b.k0/chunk*kn.rightFloats(chunk, a.N):]
	th.tile = tile{a: &shorts(th.a)[rowBytes(b.k)/2*r], b: &shorts(right[scaleFloats(a.N)+p*kn.panelFloats(b.k):])[0],
		c: &a.C[(b.r0+r)*a.LDC+n], rows: &th.scales[r], columns: &right[n], groups: groups, as: rowBytes(b.k), cs: 4 * a.LDC, tiles: tiles}
	t := &th.tile
	if a.TransA {
		t.a, t.as = &shorts(th.a)[2*groups*r], 4*groups*h
	}
	if b.k0 > 0 {
		t.add = 1
	}
	if b.k0+b.k == a.K {
		if a.Bias != nil {
			t.bias = &a.Bias[n]
		}
		if a.ReLU {
			t.floor = 1
		}
	}
	kn.run(t, h, min(kn.nr, a.N-n), a.TransA)
}
