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

// Float32Packed is Float32 with the B that Pack laid out for K and N of a on an engine of the
// same level; B, LDB, TransB and StrideB of a are not used: all products of a batch share it.
func (e *Engine) Float32Packed(a *Args, packed []float32) {
	if want := e.PackedSize(a.K, a.N); len(packed) < want {
		panic(fmt.Sprintf("gemm: packed B has %d floats, want %d for [%d, %d]", len(packed), want, a.K, a.N))
	}
	e.multiply(a, packed)
}

func (e *Engine) multiply(a *Args, packed []float32) {
	w := e.take()
	defer e.give(w)
	w.args = *a
	w.args.Normalize(packed != nil)
	if packed != nil {
		w.args.StrideB = 0
	}
	w.args.mergeBatch()
	if w.args.M == 0 || w.args.N == 0 || w.args.Batch == 0 {
		return
	}
	switch {
	case packed != nil:
		w.products(packed)
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
	w.args, w.packed, w.left, w.corner = Args{}, nil, nil, 0
	for i := range w.threads {
		w.threads[i].tile = tile{}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.free = append(e.free, w)
}

// PackedSize returns the floats of a packed B [k, n].
//
//	for each block of kBlock rows k: for each panel of nr columns: [kc, nr], zeros or anything to the right
func (e *Engine) PackedSize(k, n int) int { return k*roundUp(n, e.kernel.nr) + slack }

// Pack lays op(B) [k, n] out in dst for Float32Packed; ld and trans are LDB and TransB of Args.
// dst must have PackedSize(k, n) floats, aligned to a cache line for speed; it panics as Float32 does.
func (e *Engine) Pack(dst []float32, k, n int, b []float32, ld int, trans bool) {
	rows, cols := k, n
	if trans {
		rows, cols = cols, rows
	}
	checkMatrix("B", len(b), rows, cols, &ld, 0)
	if want := e.PackedSize(k, n); len(dst) < want {
		panic(fmt.Sprintf("gemm: room for %d floats of packed B, want %d for [%d, %d]", len(dst), want, k, n))
	}
	w := e.take()
	defer e.give(w)
	w.args = Args{N: n, K: k, B: b, LDB: ld, TransB: trans, Batch: 1}
	w.pack(chunk{k: k, n1: n, k1: k, packed: dst, panels: ceilDiv(n, e.kernel.nr)})
}

// Packs reports whether Float32 would pack the whole B of a at once, so that packing it
// beforehand pays where several products share it. Only sizes and TransB of a matter.
func (e *Engine) Packs(a *Args) bool {
	w := work{kernel: e.kernel, args: *a}
	return a.Batch <= 1 && !w.inPlace() && (a.K < 2*splitRows || a.M*a.N > splitSize) &&
		a.N <= maxColumns && e.PackedSize(a.K, a.N) <= packLimit
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
func ceilDiv(n, by int) int { return (n + by - 1) / by }
