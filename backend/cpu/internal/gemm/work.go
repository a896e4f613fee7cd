package gemm

import "foresee/backend/cpu/internal/pool"

// work is the state of one call: what the parts of its jobs read, and memory kept for the next.
type work struct {
	kernel  *kernel
	pool    *pool.Pool
	args    Args
	threads []thread
	shared  []float32 // packed B of the chunk in work
	partial []float32 // sums of splitK

	packing   packJob
	computing tileJob
	apartness apartJob
	batching  batchJob
	summing   sumJob
	halving   halfJob

	packed []float32 // B of batch, packed beforehand
	left   []float32 // A of a Part, packed beforehand
	corner int       // the column of C's first element
}

// thread is the memory of one worker.
type thread struct {
	a, b []float32
	tile tile
	_    [64]byte
}

// chunk is a piece of one product: columns [n0, n1) of C, whose sum over k in [k0, k1) is due.
type chunk struct {
	batch          int
	k              int // of the whole product
	n0, n1, k0, k1 int
	packed         []float32 // packed B of just this chunk; nil: B is read in place
	packedK        int       // the k of packed's first row
	panels         int       // panels of packed
}

// cut is a division of the rows and panels of a chunk into parts.
type cut struct{ rows, panels int }

// cutFor divides a chunk of rt row tiles and cp panels for the threads: at least several parts a
// thread, of enough work each. A part of few rows reads all of B for little, one of few panels packs
// A for little: parts have at least 16 row tiles, then 256 columns, if there are that many.
func (w *work) cutFor(rt, cp, k int) cut {
	kn := w.kernel
	c := cut{rows: ceilDiv(rt*kn.mr, blockRows), panels: 1}
	threads := len(w.threads)
	if threads == 1 {
		return c
	}
	total := rt * kn.mr * cp * kn.nr * max(k, 1)
	want := min(4*threads, total/partWork)
	if w.args.M == 1 { // a lone row waits for B: each thread has its columns in its own cache from the last time
		want = min(want, threads)
	}
	wide := max(1, 256/kn.nr)
	for c.rows*c.panels < want {
		switch {
		case rt >= 32*c.rows:
			c.rows *= 2
		case cp >= 2*wide*c.panels:
			c.panels *= 2
		case rt >= 2*c.rows:
			c.rows *= 2
		case cp >= 2*c.panels:
			c.panels *= 2
		default:
			return c
		}
	}
	return c
}

// products runs every product of the batch, one after the other or several at a time.
func (w *work) products(packed []float32) {
	a := &w.args
	each := a.M * a.N * max(a.K, 1)
	if narrow := w.isNarrow(); narrow || a.Batch > 1 && (each < 8*partWork*len(w.threads) || len(w.threads) == 1) {
		w.packed = packed
		w.batch(each, narrow)
		return
	}
	for i := range a.Batch {
		w.product(i, packed)
	}
}

// product runs one product on all threads.
func (w *work) product(i int, packed []float32) {
	a, kn := &w.args, w.kernel
	rt := ceilDiv(a.M, kn.mr)
	if packed != nil || w.inPlace() {
		c := chunk{batch: i, k: a.K, n1: a.N, k1: a.K}
		if packed != nil {
			c.packed, c.panels = packed, ceilDiv(a.N, kn.nr)
		}
		w.compute(c, w.cutFor(rt, ceilDiv(a.N, kn.nr), a.K))
		return
	}
	if w.packsApart() {
		w.apart(i)
		return
	}
	for n0 := 0; n0 < a.N; n0 += maxColumns {
		n1 := min(n0+maxColumns, a.N)
		panels := ceilDiv(n1-n0, kn.nr)
		height := max(packLimit/(panels*kn.nr)/kBlock, 1) * kBlock
		for k0 := 0; k0 < max(a.K, 1); k0 += height {
			k1 := min(k0+height, a.K)
			w.shared = grow(w.shared, (k1-k0)*panels*kn.nr+slack)
			c := chunk{batch: i, k: a.K, n0: n0, n1: n1, k0: k0, k1: k1, packed: w.shared, packedK: k0, panels: panels}
			w.pack(c)
			w.compute(c, w.cutFor(rt, panels, k1-k0))
		}
	}
}

// inPlace reports whether B is read where it is.
func (w *work) inPlace() bool {
	a := &w.args
	if a.TransB {
		return false
	}
	return ceilDiv(a.M, w.kernel.mr) <= inPlaceTiles
}

type packJob struct {
	w   *work
	src source
	c   chunk
}

// packGroup is the number of panels that a part of packing fills.
const packGroup = 8

// pack packs B of the chunk, some panels of a block of k at a time.
func (w *work) pack(c chunk) {
	j := &w.packing
	*j = packJob{w, w.sourceOf(c), c}
	blocks := ceilDiv(c.k1-c.k0, kBlock)
	w.pool.Do(blocks*ceilDiv(c.panels, packGroup), j)
	j.src.b, j.c.packed = nil, nil
}

func (w *work) sourceOf(c chunk) source {
	a := &w.args
	off := c.batch * a.StrideB
	if a.TransB {
		off += c.n0*a.LDB + c.k0
	} else {
		off += c.k0*a.LDB + c.n0
	}
	return source{b: a.B[min(off, len(a.B)):], ld: a.LDB, trans: a.TransB}
}

func (j *packJob) Part(_, i int) {
	groups := ceilDiv(j.c.panels, packGroup)
	k0, first := i/groups*kBlock, i%groups*packGroup
	j.w.kernel.packPanels(j.c.packed, &j.src,
		region{k0, min(k0+kBlock, j.c.k1-j.c.k0), first, j.c.panels, j.c.n1 - j.c.n0}, min(packGroup, j.c.panels-first))
}

type tileJob struct {
	w *work
	c chunk
	d cut
}

// compute adds the chunk's share to C.
func (w *work) compute(c chunk, d cut) {
	j := &w.computing
	*j = tileJob{w, c, d}
	w.pool.Do(d.rows*d.panels, j)
	j.c.packed = nil
}

func (j *tileJob) Part(worker, i int) {
	kn := j.w.kernel
	r, p := i/j.d.panels, i%j.d.panels
	rt := ceilDiv(j.w.args.M, kn.mr)
	cp := ceilDiv(j.c.n1-j.c.n0, kn.nr)
	s := span{
		r0: r * rt / j.d.rows * kn.mr, r1: min((r+1)*rt/j.d.rows*kn.mr, j.w.args.M),
		p0: p * cp / j.d.panels, p1: (p + 1) * cp / j.d.panels,
	}
	j.w.span(&j.w.threads[worker], &j.c, s)
}
