package gemm

const (
	splitRows  = 2048     // the least k of one part
	splitParts = 16       // at most so many parts
	splitSize  = 16 << 10 // the largest C, in floats, whose k is split
)

// splitsK reports whether k is cut: C is too small to keep the threads busy. It looks at the
// shape alone, so that the bits do not depend on the threads.
func (w *work) splitsK() bool {
	a := &w.args
	return a.Batch == 1 && a.K >= 2*splitRows && a.M*a.N <= splitSize && a.M > 1
}

// splitK computes parts of k as a batch of products side by side, then adds them in order.
func (w *work) splitK() {
	whole := w.args
	height := roundUp(max(splitRows, ceilDiv(whole.K, splitParts)), kBlock)
	parts := ceilDiv(whole.K, height)
	w.partial = grow(w.partial, parts*whole.M*whole.N)

	p := &w.args
	p.C, p.LDC, p.StrideC = w.partial, whole.N, whole.M*whole.N
	p.Accumulate, p.Bias, p.ReLU = false, nil, false
	p.K, p.Batch = height, parts
	p.StrideA, p.StrideB = height, height*whole.LDB
	if whole.TransA {
		p.StrideA = height * whole.LDA
	}
	if whole.TransB {
		p.StrideB = height
	}
	j := &w.summing
	*j = sumJob{w: w, whole: whole, parts: parts, height: height}
	w.pool.Do(parts, j)

	w.args = whole
	j.adding = true
	w.pool.Do(whole.M, j)
	j.whole = Args{}
}

type sumJob struct {
	w             *work
	whole         Args
	parts, height int
	adding        bool
}

func (j *sumJob) Part(worker, i int) {
	if j.adding {
		j.add(i)
		return
	}
	j.w.alone(&j.w.threads[worker], i, min(j.height, j.whole.K-i*j.height))
}

// add finishes row i of C from its parts.
func (j *sumJob) add(i int) {
	a := &j.whole
	size := a.M * a.N
	sum := j.w.partial[i*a.N:][:a.N]
	for p := 1; p < j.parts; p++ {
		for n, v := range j.w.partial[p*size+i*a.N:][:a.N] {
			sum[n] += v
		}
	}
	t := a.epilogue()
	finishRow(a.C[i*a.LDC:][:a.N], sum, &t)
}
