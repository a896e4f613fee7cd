package gemm

// batchJob runs several small products at a time, each whole on one thread.
type batchJob struct {
	w      *work
	group  int // products a part
	narrow bool
}

// batch runs the products of a batch of small or narrow ones, each of the given multiply-adds.
func (w *work) batch(each int, narrow bool) {
	a := &w.args
	j := &w.batching
	*j = batchJob{w, max(1, min(partWork/max(each, 1), ceilDiv(a.Batch, 4*len(w.threads)))), narrow}
	w.pool.Do(ceilDiv(a.Batch, j.group), j)
}

func (j *batchJob) Part(worker, i int) {
	for b := i * j.group; b < min((i+1)*j.group, j.w.args.Batch); b++ {
		if j.narrow {
			j.w.narrow(&j.w.threads[worker], b)
			continue
		}
		j.w.alone(&j.w.threads[worker], b, j.w.args.K)
	}
}

// alone runs product i, of the given k, on one thread.
func (w *work) alone(th *thread, i, k int) {
	a, kn := &w.args, w.kernel
	panels := ceilDiv(a.N, kn.nr)
	c := chunk{batch: i, k: k, n1: a.N, k1: k}
	switch {
	case w.packed != nil:
		c.packed, c.panels = w.packed, panels
		w.rows(th, &c, panels)
	case w.inPlace():
		w.rows(th, &c, panels)
	default:
		c.panels = panels
		for k0 := 0; ; k0 += kBlock {
			c.k0, c.k1 = k0, min(k0+kBlock, k)
			kc := c.k1 - c.k0
			th.b = grow(th.b, kc*panels*kn.nr+slack)
			c.packed, c.packedK = th.b, k0
			src := w.sourceOf(c)
			kn.packPanels(th.b, &src, region{0, kc, 0, panels, a.N}, panels)
			w.rows(th, &c, panels)
			if c.k1 == k {
				return
			}
		}
	}
}

// rows computes a chunk on one thread, blockRows rows at a time.
func (w *work) rows(th *thread, c *chunk, panels int) {
	step := blockRows / w.kernel.mr * w.kernel.mr
	for r := 0; r < w.args.M; r += step {
		w.span(th, c, span{r, min(r+step, w.args.M), 0, panels})
	}
}
