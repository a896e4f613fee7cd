package gemm16

import "foresee/backend/cpu/internal/pool"

// wholeJob is a product whose A is stored transposed, with fewer rows than columns, such as a gradient of weights. All of
// op(A) is laid out first, a part for each chunk and some tiles; then a thread lays out a strip of op(B), and multiplies with
// it while it is in its cache.
type wholeJob struct {
	w       *work
	laid    bool
	spans   int       // parts of a chunk while A is laid out
	scales  []float32 // [chunks, M]
	columns int       // of a part afterwards
}

// isWhole says whether a product is done this way.
func (w *work) isWhole() bool { return w.args.TransA && w.args.K > 0 && w.args.M < w.args.N }

func (w *work) wholeProduct() {
	a, j := &w.args, &w.whole
	if a.M == 0 || a.N == 0 {
		return
	}
	chunks := ceilDiv(a.K, chunk)
	*j = wholeJob{w: w, spans: ceilDiv(a.M, wide), columns: w.engine.kernel.nr}
	size := chunks * a.M * rowBytes(chunk) / 4
	w.packed = aligned(w.packed, size+chunks*a.M)
	j.scales = w.packed[size:]
	w.do(a.M*a.K >= packWork, chunks*j.spans, j)
	j.laid = true
	if strips, threads := ceilDiv(a.N, wide), len(w.threads); strips%threads == 0 || strips > 4*threads {
		j.columns = wide
	}
	w.do(a.M*a.N*a.K >= 2*partWork, ceilDiv(a.N, j.columns), j)
}

// do runs a job, on the caller's thread alone if it is not worth more.
func (w *work) do(together bool, parts int, j pool.Job) {
	if together {
		w.engine.pool.Do(parts, j)
		return
	}
	for i := range parts {
		j.Part(0, i)
	}
}

// Part lays tiles of A out, or then multiplies them all with a strip of B.
func (j *wholeJob) Part(worker, i int) {
	w, th := j.w, &j.w.threads[worker]
	a, kn, b := &w.args, w.engine.kernel, w.block(0, w.args.M)
	if !j.laid {
		span := i % j.spans
		j.chunk(&b, i/j.spans)
		b.lay(th, span*b.tiles/j.spans, (span+1)*b.tiles/j.spans)
		return
	}
	n0 := i * j.columns
	n1 := min(n0+j.columns, a.N)
	th.scales = aligned(th.scales, wide)
	th.a = aligned(th.a, ceilDiv(j.columns, kn.nr)*kn.panelFloats(min(a.K, chunk)))
	b.right, b.columns = th.a, th.scales
	for c := range ceilDiv(a.K, chunk) {
		j.chunk(&b, c)
		th.panels(kn, th.scales[:n1-n0], th.a, rightOf(a).from(b.k0, n0), b.k)
		b.multiply(th, n0, n1)
	}
}

// chunk makes b a block of chunk c.
func (j *wholeJob) chunk(b *block, c int) {
	a := &j.w.args
	b.k0, b.k = c*chunk, min(chunk, a.K-c*chunk)
	b.left, b.scales = j.w.packed[c*a.M*rowBytes(chunk)/4:], j.scales[c*a.M:]
}
