package gemm

import (
	"sync/atomic"
	"unsafe"

	"foresee/backend/cpu/internal/vec"
)

// loneJob computes a lone row of C, which waits for B: each thread has the part of B that it reads in its own cache from
// the last time. B is cut into blocks of k and those into groups of columns, and a part has a run of them in the order
// in which they lie in memory. Parts of whole columns would read a piece of every row of B: rows lie powers of two apart,
// so the pieces would crowd into a fraction of the cache and push each other out. The sums of the blocks are kept apart
// and added in order by whoever is done last, so the bits are those of one thread.
type loneJob struct {
	w              *work
	blocks, groups int
	parts          int
	back           bool         // the blocks of a part are read from the last to the first
	left           atomic.Int32 // parts not yet done
}

// isLone reports whether the product is one for loneJob.
func (w *work) isLone() bool {
	a := &w.args
	return a.M == 1 && a.Batch == 1 && !a.TransB && a.K > kBlock && len(w.threads) > 1 && a.K*a.N >= 2*partWork
}

// lone computes a lone row on all threads.
func (w *work) lone() {
	a, j := &w.args, &w.row
	j.w, j.blocks, j.groups = w, ceilDiv(a.K, kBlock), ceilDiv(a.N, w.kernel.lone())
	j.parts = min(len(w.threads), a.K*a.N/partWork, j.blocks*j.groups)
	j.back = w.turn(&a.B[0])
	j.left.Store(int32(j.parts))
	w.partial = grow(w.partial, j.blocks*a.N)
	w.pool.Do(j.parts, j)
}

// turn reports whether B at p is read backwards: every other time, as a cache still holds the end of a B that is too large
// for it, and in reading that anew from the beginning would lose it. Several B may share a turn, which costs only time.
func (w *work) turn(p *float32) bool {
	const golden = 0x9e3779b97f4a7c15 // 2^64 over the golden ratio
	bit := uint64(1) << (uint64(uintptr(unsafe.Pointer(p))) * golden >> 58)
	w.turns ^= bit
	return w.turns&bit != 0
}

// lone returns the columns of a group.
func (k *kernel) lone() int { return 4 * k.nr }

// Part implements pool.Job.
func (j *loneJob) Part(worker, i int) {
	lo, hi := j.start(i), j.start(i+1)
	group := j.w.kernel.lone()
	first, n := lo/j.groups, ceilDiv(hi, j.groups)-lo/j.groups
	for i := range n {
		b := first + i
		if j.back {
			b = first + n - 1 - i
		}
		from, to := max(lo-b*j.groups, 0), min(hi-b*j.groups, j.groups)
		j.columns(&j.w.threads[worker].tile, b, from*group, min(to*group, j.w.args.N))
	}
	if j.left.Add(-1) == 0 {
		j.add()
	}
}

// start returns the first group of part i, counted through all blocks.
func (j *loneJob) start(i int) int {
	if i == j.parts {
		return j.blocks * j.groups
	}
	a, group := &j.w.args, j.w.kernel.lone()
	at := i * a.K * a.N / j.parts
	b := at / (kBlock * a.N)
	size := min(kBlock, a.K-b*kBlock) * group
	return b*j.groups + min((at-b*kBlock*a.N+size/2)/size, j.groups)
}

// columns computes the sums of columns [n, end) over block b.
func (j *loneJob) columns(t *tile, b, n, end int) {
	a, kn, k := &j.w.args, j.w.kernel, b*kBlock
	t.k, t.cs, t.mode, t.tiles, t.bias = min(kBlock, a.K-k), 0, 0, 1, nil
	t.a, t.as, t.bs = &a.A[k], 4, 4*a.LDB
	if a.TransA {
		t.a, t.as = &a.A[k*a.LDA], 4*a.LDA
	}
	for n < end {
		cols := min(kn.nr, end-n)
		t.b, t.c = &a.B[k*a.LDB+n], &j.w.partial[b*a.N+n]
		switch {
		case kn.wider != nil && end-n >= 8*kn.nr:
			cols = 8 * kn.nr
			kn.wider(t)
		case kn.wide != nil && end-n >= 4*kn.nr:
			cols, t.atile = 4*kn.nr, 4*kn.nr
			kn.wide(t)
		default:
			t.ahead, t.step = uintptr(unsafe.Pointer(t.b)), 0
			kn.run(t, 1, cols)
		}
		n += cols
	}
}

// add finishes the row from the sums of its blocks.
func (j *loneJob) add() {
	a := &j.w.args
	sum, rest, c := j.w.partial[:a.N], j.w.partial[a.N:j.blocks*a.N], a.C[:a.N]
	if a.Accumulate {
		vec.Add(c, sum, c)
		sum = c
	}
	for ; len(rest) >= a.N; rest, sum = rest[a.N:], c {
		vec.Add(c, rest[:a.N], sum)
	}
	if a.Bias != nil {
		vec.Add(c, a.Bias, c)
	}
	if a.ReLU {
		vec.ReLU(c, c)
	}
}
