package gemm

import (
	"fmt"
	"sync"

	"foresee/backend/cpu/internal/vec"
)

// chainWork is the least work, in multiply-adds, of a part of a chain's product.
const chainWork = partWork / 2

// Chain is products of one row, each but the first of the row that the one before made. Such a product waits for B: each
// thread has the part of B that it reads in its own cache from the last time. B is cut into blocks of k and those into
// groups of columns, and a part has a run of them in the order in which they lie in memory. Parts of whole columns would
// read a piece of every row of B: rows lie powers of two apart, so the pieces would crowd into a fraction of the cache and
// push each other out. The sums of the blocks are kept apart and added in order by all who need them, so the bits are those
// of Float32 for any number of threads.
//
// All products are one job: a thread plays a role, which has a part of each product, and between two products it waits for
// the other roles, which costs less than to end a job and begin another.
//
// A Chain never changes and a run writes down only what is not as in the run before, so that threads find the rest in their
// own caches. It is safe for concurrent use.
type Chain struct {
	engine *Engine
	rows   []chainRow
	roles  int

	mu   sync.Mutex
	free []*chainJob // guarded by mu; kept for ever: a warm run allocates nothing
}

// chainRow is one product of a chain.
type chainRow struct {
	k, n, ld, blocks int
	relu             bool
	parts            []chainPart // of the first roles
}

// chainPart is the part that one role has in a product.
type chainPart struct {
	pieces []piece
	k0, k1 int // rows of B in pieces
}

// piece is columns [n0, n1) of a block of k.
type piece struct{ block, n0, n1 int }

// Factor is what one product of a chain multiplies its row by, and adds.
type Factor struct {
	B    []float32 // [K, N], LDB floats from one row to the next
	Bias []float32 // nil, or [N]
}

// Chains reports whether a chain may hold the product a. Only sizes and flags of a matter.
func (e *Engine) Chains(a *Args) bool {
	return a.M == 1 && a.K > 0 && a.N > 0 && a.Batch <= 1 && !a.TransA && !a.TransB && !a.Accumulate
}

// NewChain returns the chain of some products, of which only sizes and ReLU matter, or nil if it would be no faster than they are one
// by one. It panics if Chains does not hold for one, or one has not the row that the one before makes.
func (e *Engine) NewChain(list []Args) *Chain {
	c, size := &Chain{engine: e}, 0
	for i := range list {
		a := &list[i]
		if !e.Chains(a) || i > 0 && a.K != list[i-1].N {
			panic(fmt.Sprintf("gemm: product %d of a chain is %d x %d x %d", i, a.M, a.N, a.K))
		}
		c.rows = append(c.rows, e.chainRow(a))
		c.roles, size = max(c.roles, len(c.rows[i].parts)), size+a.K*a.N
	}
	if c.roles == 1 || size < 2*chainWork {
		return nil
	}
	return c
}

func (e *Engine) chainRow(a *Args) chainRow {
	r := chainRow{k: a.K, n: a.N, ld: max(a.LDB, a.N), blocks: ceilDiv(a.K, kBlock), relu: a.ReLU}
	group := e.kernel.lone()
	groups := ceilDiv(r.n, group)
	parts := max(1, min(e.pool.Threads(), r.k*r.n/chainWork, r.blocks*groups))
	for i := range parts {
		var p chainPart
		lo, hi := r.start(i, parts, group), r.start(i+1, parts, group)
		p.k0, p.k1 = lo/groups*kBlock, min(ceilDiv(hi, groups)*kBlock, r.k)
		for b := lo / groups; b*groups < hi; b++ {
			from, to := max(lo-b*groups, 0), min(hi-b*groups, groups)
			p.pieces = append(p.pieces, piece{b, from * group, min(to*group, r.n)})
		}
		r.parts = append(r.parts, p)
	}
	return r
}

// start returns the first group of columns of part i, counted through all blocks.
func (r *chainRow) start(i, parts, group int) int {
	groups := ceilDiv(r.n, group)
	if i == parts {
		return r.blocks * groups
	}
	at := i * r.k * r.n / parts
	b := at / (kBlock * r.n)
	size := min(kBlock, r.k-b*kBlock) * group
	return b*groups + min((at-b*kBlock*r.n+size/2)/size, groups)
}

// lone returns the columns of a group.
func (k *kernel) lone() int { return 4 * k.nr }

// Run writes to out, N of the last product, what the chain makes of a, K of the first. factors are those of the products; out
// must not overlap the others. It panics with a message that begins with "gemm:" if a slice is too short.
func (c *Chain) Run(out, a []float32, factors []Factor) {
	last := len(c.rows) - 1
	if len(factors) != len(c.rows) || len(a) < c.rows[0].k || len(out) < c.rows[last].n {
		panic(fmt.Sprintf("gemm: %d factors, %d floats in and %d out for a chain of %d products from %d to %d",
			len(factors), len(a), len(out), len(c.rows), c.rows[0].k, c.rows[last].n))
	}
	j := c.take()
	for i := range factors {
		r, f := &c.rows[i], &factors[i]
		if len(f.B) < (r.k-1)*r.ld+r.n || f.Bias != nil && len(f.Bias) < r.n {
			panic(fmt.Sprintf("gemm: product %d of a chain has %d floats of B and %d of bias for [%d, %d]", i, len(f.B), len(f.Bias), r.k, r.n))
		}
		if old := &j.factors[i]; !same(old.B, f.B) || !same(old.Bias, f.Bias) {
			*old = *f
		}
	}
	if !same(j.a, a) {
		j.a = a
	}
	j.base = j.players[0].done.Load()
	c.engine.pool.Do(c.roles, j)
	j.finish(last, out[:c.rows[last].n], 0)
	c.mu.Lock()
	c.free = append(c.free, j)
	c.mu.Unlock()
}

func (c *Chain) take() *chainJob {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.free)
	if n == 0 {
		return c.newJob()
	}
	j := c.free[n-1]
	c.free = c.free[:n-1]
	return j
}

// same says whether a and b are the same memory.
func same(a, b []float32) bool { return len(a) == len(b) && at(a, 0) == at(b, 0) }

// finish computes columns of the row that product s makes, those from n on.
func (j *chainJob) finish(s int, c []float32, n int) {
	r, sums := &j.rows[s], j.sums[s]
	sum := sums[n:][:len(c)]
	for b := 1; b < r.blocks; b++ {
		vec.Add(c, sum, sums[b*r.n+n:][:len(c)])
		sum = c
	}
	if bias := j.factors[s].Bias; bias != nil {
		vec.Add(c, sum, bias[n:][:len(c)])
		sum = c
	}
	if r.relu {
		vec.ReLU(c, sum)
	} else if r.blocks == 1 && j.factors[s].Bias == nil {
		copy(c, sum)
	}
}
