package gemm16

import (
	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/rounding"
)

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
	whole   wholeJob
	packed  []float32 // memory of op(B) where Pack was not called, of op(A) for a wholeJob
}

// thread is the memory of one worker.
type thread struct {
	tile          tile
	lines         lines
	strip         strip
	edge          edge
	squares, high [wide]float32
	rowInverse    [tall]float32
	inverse       []float32
	rows          []float32 // of a panel of B that is turned
	a             []float32 // laid out rows of A
	scales        []float32 // of them, or of a strip of B
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
	b := w.block(r0, r1)
	for k := 0; k < a.K; k += chunk {
		b.k0, b.k = k, min(chunk, a.K-k)
		th.a, th.scales = aligned(th.a, b.rows*rowBytes(b.k)/4), aligned(th.scales, b.rows)
		b.left, b.scales = th.a, th.scales
		b.lay(th, 0, b.tiles)
		b.right = w.right[k/chunk*kn.rightFloats(chunk, a.N):]
		b.columns, b.right = b.right, b.right[scaleFloats(a.N):]
		b.multiply(th, 0, a.N)
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
	r0, rows              int
	k0, k                 int
	tiles, height, higher int
	left, scales          []float32 // the rows as they are laid out
	right, columns        []float32 // panels of op(B) and their scales
}

func (w *work) block(r0, r1 int) block {
	b := block{w: w, r0: r0, rows: r1 - r0}
	b.tiles = ceilDiv(b.rows, w.engine.kernel.mr)
	b.height, b.higher = b.rows/b.tiles, b.rows%b.tiles
	return b
}

// lay lays tiles out: row by row, or an op(A) that is stored transposed in tiles.
func (b *block) lay(th *thread, from, to int) {
	a, kn := &b.w.args, b.w.engine.kernel
	r0, r1 := b.firstRow(from), b.firstRow(to)
	if !a.TransA {
		th.lay(kn, b.left[r0*rowBytes(b.k)/4:], source{data: a.A[(b.r0+r0)*a.LDA+b.k0:], ld: a.LDA}, b.k, b.scales[r0:r1])
		return
	}
	s := source{data: a.A[b.k0*a.LDA+b.r0:], ld: a.LDA}
	th.columns(kn, source{data: s.data[r0:], ld: s.ld}, b.k, b.scales[r0:r1])
	for i := from; i < to; i++ {
		r, next := b.firstRow(i), b.firstRow(i+1)
		p := pairs{dst: rounding.Integers(b.left)[2*ceilDiv(b.k, 2)*r:], step: 2 * (next - r), src: s.data[r:], ld: s.ld, k: b.k}
		th.quants(kn, p, b.scales[r:next], th.inverse[r-r0:])
	}
}

// firstRow returns where a tile begins.
func (b *block) firstRow(tile int) int { return tile*b.height + min(tile, b.higher) }

// multiply computes columns n0 to n1, whose panels are b.right.
func (b *block) multiply(th *thread, n0, n1 int) {
	nr := b.w.engine.kernel.nr
	for n := n0; n < n1; n += nr {
		b.run(th, n-n0, min(nr, n1-n), n, tiles{0, b.higher, b.height + 1})
		b.run(th, n-n0, min(nr, n1-n), n, tiles{b.higher * (b.height + 1), b.tiles - b.higher, b.height})
	}
}

// tiles are tiles of one height from row r of a block on.
type tiles struct{ r, count, height int }

// run computes tiles of cols columns from column n of C on, which is column at of b.right.
func (b *block) run(th *thread, at, cols, n int, s tiles) {
	if s.count == 0 {
		return
	}
	a, kn := &b.w.args, b.w.engine.kernel
	groups := ceilDiv(b.k, 2)
	th.tile = tile{a: &rounding.Integers(b.left)[rowBytes(b.k)/2*s.r], b: &rounding.Integers(b.right[at/kn.nr*kn.panelFloats(b.k):])[0],
		c: &a.C[(b.r0+s.r)*a.LDC+n], rows: &b.scales[s.r], columns: &b.columns[at], groups: groups, as: rowBytes(b.k), cs: 4 * a.LDC, tiles: s.count, edge: &th.edge}
	t := &th.tile
	if a.TransA {
		t.a, t.as = &rounding.Integers(b.left)[2*groups*s.r], 4*groups*s.height
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
	kn.run(t, s.height, cols, a.TransA)
}
