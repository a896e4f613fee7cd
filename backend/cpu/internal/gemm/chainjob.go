package gemm

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// chainJob is a run of a chain.
type chainJob struct {
	*Chain
	factors []Factor
	sums    [][]float32 // of each product, [blocks, N]
	players []player

	_    [line]byte
	a    []float32
	base int64 // products done before the run, as players count them
	_    [line]byte
}

// player is the state of one role. A role that nobody plays yet when another has done its part of the first product is taken
// over by that one: a thread that comes late, or not at all because the pool is busy, holds up nobody.
type player struct {
	_    [line]byte
	done atomic.Int64 // products whose part is done, in all runs
	run  atomic.Int64 // 1 + base of the last run that somebody plays the role in
	_    [line]byte
	a    []float32 // the row to be multiplied, as far as the role needs it
	tile tile
}

func (c *Chain) newJob() *chainJob {
	j := &chainJob{Chain: c, factors: make([]Factor, len(c.rows)), players: make([]player, c.roles)}
	widest := 0
	for i := range c.rows {
		r := &c.rows[i]
		j.sums, widest = append(j.sums, aligned(r.blocks*r.n)), max(widest, r.k)
	}
	for i := range j.players {
		j.players[i].a = aligned(widest)
	}
	return j
}

// Part implements pool.Job: it plays role i, unless that is taken over, and those it takes over.
func (j *chainJob) Part(_, i int) {
	if !j.play(i) {
		return
	}
	j.product(0, i)
	end := i + 1
	for end < len(j.players) && j.play(end) {
		j.product(0, end)
		end++
	}
	for s := 1; s < len(j.rows); s++ {
		j.meet(s)
		for k := i; k < end; k++ {
			j.product(s, k)
		}
	}
}

// play makes the caller play role i, unless somebody does.
func (j *chainJob) play(i int) bool {
	run := &j.players[i].run
	last := run.Load()
	return last <= j.base && run.CompareAndSwap(last, j.base+1)
}

// meet returns when all roles have done s products.
func (j *chainJob) meet(s int) {
	const polls = 4096 // before the scheduler has its turn
	for i := range j.players {
		for n := 1; j.players[i].done.Load() < j.base+int64(s); n++ {
			if n%polls == 0 {
				runtime.Gosched()
			}
		}
	}
}

// product does the part of role i in product s.
func (j *chainJob) product(s, i int) {
	r, p := &j.rows[s], &j.players[i]
	if i < len(r.parts) {
		part, a := &r.parts[i], j.a
		if s > 0 {
			a = p.a
			j.finish(s-1, a[part.k0:part.k1], part.k0)
		}
		for k := range part.pieces {
			// Every other time backwards: a cache still holds the end of a B that is too large for it, and in
			// reading that anew from the beginning would lose it.
			if j.base/int64(len(j.rows))%2 != 0 {
				k = len(part.pieces) - 1 - k
			}
			j.sum(s, &p.tile, part.pieces[k], a)
		}
	}
	p.done.Store(j.base + int64(s) + 1)
}

// sum computes the sums of a piece of product s.
func (j *chainJob) sum(s int, t *tile, q piece, a []float32) {
	r, kn, k := &j.rows[s], j.engine.kernel, q.block*kBlock
	b, sums := j.factors[s].B[k*r.ld:], j.sums[s][q.block*r.n:]
	t.k, t.tiles, t.a, t.as, t.bs = min(kBlock, r.k-k), 1, &a[k], 4, 4*r.ld
	for n := q.n0; n < q.n1; {
		cols := min(kn.nr, q.n1-n)
		t.b, t.c = &b[n], &sums[n]
		switch {
		case kn.wider != nil && q.n1-n >= 8*kn.nr:
			cols = 8 * kn.nr
			kn.wider(t)
		case kn.wide != nil && q.n1-n >= 4*kn.nr:
			cols, t.atile = 4*kn.nr, 4*kn.nr
			kn.wide(t)
		default:
			t.ahead, t.step = uintptr(unsafe.Pointer(t.b)), 0
			kn.run(t, 1, cols)
		}
		n += cols
	}
}
