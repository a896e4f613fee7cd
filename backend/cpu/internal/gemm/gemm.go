package gemm

import (
	"fmt"
	"sync"

	"foresee/backend/cpu/internal/isa"
	"foresee/backend/cpu/internal/pool"
)

const (
	// blockRows bounds the rows of A that a thread packs at once: with kBlock they fill a
	// third of a second-level cache.
	blockRows = 336
	// packLimit bounds the floats of B packed at once.
	packLimit = 4 << 20
	// maxColumns bounds the columns of B packed at once.
	maxColumns = 8192
	// inPlaceTiles is the number of row tiles up to which packing B does not pay.
	inPlaceTiles = 3
	// partWork is the least work, in multiply-adds, worth handing to another thread.
	partWork = 64 << 10
)

// Engine multiplies on the threads of one pool. It is safe for concurrent use; concurrent
// products share the pool, so all but one run on their caller's thread alone.
type Engine struct {
	pool   *pool.Pool
	kernel *kernel

	mu   sync.Mutex
	free []*work // kept for ever: a warm product allocates nothing
}

// New returns an engine with the best kernels of this machine. A nil pool is one thread.
func New(p *pool.Pool) *Engine { return NewLevel(p, isa.Best()) }

// NewLevel returns an engine with the kernels of a level, which this machine must have.
func NewLevel(p *pool.Pool, l isa.Level) *Engine {
	if !isa.Has(l) {
		panic(fmt.Sprintf("gemm: this machine has no %v", l))
	}
	return &Engine{pool: p, kernel: kernelFor(l)}
}

// Float32 computes the products that a describes; a is not kept. It panics with a message
// that begins with "gemm:" if sizes and slices do not fit.
func (e *Engine) Float32(a *Args) { e.multiply(a, nil) }

// Float32Packed is Float32 with a B packed by this engine or one of its level; B, LDB, TransB
// and StrideB of a are not used: all products of a batch share b.
func (e *Engine) Float32Packed(a *Args, b *Packed) {
	if b.kernelNR != e.kernel.nr {
		panic("gemm: B was packed for another instruction set")
	}
	if a.K != b.k || a.N != b.n {
		panic(fmt.Sprintf("gemm: B is packed as [%d, %d], want [%d, %d]", b.k, b.n, a.K, a.N))
	}
	e.multiply(a, b)
}

func (e *Engine) multiply(a *Args, b *Packed) {
	w := e.take()
	defer e.give(w)
	w.args = *a
	w.args.normalize(b != nil)
	if b != nil {
		w.args.StrideB = 0
	}
	w.args.mergeBatch()
	if w.args.M == 0 || w.args.N == 0 || w.args.Batch == 0 {
		return
	}
	switch {
	case b != nil:
		w.products(b)
	case w.splitsK():
		w.splitK()
	default:
		w.products(nil)
	}
}

func (e *Engine) take() *work {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := len(e.free); n > 0 {
		w := e.free[n-1]
		e.free = e.free[:n-1]
		return w
	}
	return &work{kernel: e.kernel, pool: e.pool, threads: make([]thread, e.pool.Threads())}
}

func (e *Engine) give(w *work) {
	w.args, w.b = Args{}, nil
	for i := range w.threads {
		w.threads[i].tile = tile{}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.free = append(e.free, w)
}

// Packed is a constant B [K, N] in the order in which the kernels read it. It is immutable.
//
//	for each block of kBlock rows k: for each panel of nr columns: [kc, nr], zeros to the right
type Packed struct {
	k, n, kernelNR int
	data           []float32
}

// Pack packs op(B) [k, n] for Float32Packed; ld and trans are LDB and TransB of Args.
func (e *Engine) Pack(k, n int, b []float32, ld int, trans bool) *Packed {
	rows, cols := k, n
	if trans {
		rows, cols = cols, rows
	}
	checkMatrix("B", len(b), rows, cols, &ld, 0)
	p := &Packed{k: k, n: n, kernelNR: e.kernel.nr}
	p.data = aligned(k*roundUp(n, e.kernel.nr) + slack)
	src := source{b: b, ld: ld, trans: trans}
	panels := ceilDiv(n, e.kernel.nr)
	for k0 := 0; k0 < k; k0 += kBlock {
		e.kernel.packPanels(p.data, &src, region{k0, min(k0+kBlock, k), 0, panels, n}, panels)
	}
	return p
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
func ceilDiv(n, by int) int { return (n + by - 1) / by }
