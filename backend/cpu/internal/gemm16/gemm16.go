package gemm16

import (
	"fmt"
	"sync"
	"unsafe"

	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/isa"
	"foresee/backend/cpu/internal/pool"
)

// Engine multiplies on the threads of one pool. It is safe for concurrent use; concurrent products share the pool, so all
// but one run on their caller's thread alone.
type Engine struct {
	pool   *pool.Pool
	kernel *kernel

	mu   sync.Mutex
	free []*work // kept for ever: a warm product allocates nothing
}

// Fast reports whether this machine has kernels that are faster than those of package gemm.
func Fast() bool { return fast(isa.Best()) }

// New returns an engine with the best kernels of this machine. A nil pool is one thread.
func New(p *pool.Pool) *Engine { return NewLevel(p, isa.Best()) }

// NewLevel returns an engine with the kernels of a level, which this machine must have. Levels without kernels of their own
// have the portable ones.
func NewLevel(p *pool.Pool, l isa.Level) *Engine {
	if !isa.Has(l) {
		panic(fmt.Sprintf("gemm16: this machine has no %v", l))
	}
	kn := archKernel(l)
	if kn == nil {
		kn = portable()
	}
	return &Engine{pool: p, kernel: kn}
}

// Packs reports whether a product is large enough to gain by its 16 bits, scales and layouts included.
func (e *Engine) Packs(a *gemm.Args) bool {
	return a.Batch <= 1 && a.M >= 32 && a.N >= 32 && a.K >= 32 && !a.Accumulate
}

// PackedSize returns the floats of a packed op(B) [k, n].
//
//	for each chunk of k: [n] scales; for each panel of nr columns: [pairs of k, nr, 2] int16, 0 where B has nothing
//
// Both are rounded up to whole cache lines.
func (e *Engine) PackedSize(k, n int) int {
	size := 0
	for k0 := 0; k0 < k; k0 += chunk {
		size += e.kernel.rightFloats(min(chunk, k-k0), n)
	}
	return size
}

// Pack lays op(B) of a out in dst for products of engines of the same level; neither is kept, and of a only K, N, B, LDB and
// TransB are read. dst must have PackedSize(K, N) floats, aligned to a cache line for speed. It panics as Float32 does.
func (e *Engine) Pack(dst []float32, a *gemm.Args) {
	b := gemm.Args{K: a.K, N: a.N, B: a.B, LDB: a.LDB, TransB: a.TransB}
	b.Normalize(false)
	if want := e.PackedSize(a.K, a.N); len(dst) < want {
		panic(fmt.Sprintf("gemm16: room for %d floats of packed B, want %d for [%d, %d]", len(dst), want, a.K, a.N))
	}
	w := e.take()
	defer e.give(w)
	w.pack(dst, a.K, a.N, rightOf(&b))
}

// Float32 computes the product that a describes. It panics as gemm.Engine.Float32 does, and at Accumulate or a Batch above 1.
func (e *Engine) Float32(a *gemm.Args) {
	w := e.take()
	defer e.give(w)
	w.begin(a, false)
	if w.isWhole() {
		w.wholeProduct()
		return
	}
	size := e.PackedSize(a.K, a.N)
	w.packed = aligned(w.packed, size)
	w.pack(w.packed, a.K, a.N, rightOf(&w.args))
	w.right = w.packed
	w.compute()
}

// Float32Packed is Float32 with the op(B) that Pack laid out for K and N of a; B, LDB and TransB are not read.
func (e *Engine) Float32Packed(a *gemm.Args, packed []float32) {
	w := e.take()
	defer e.give(w)
	w.begin(a, true)
	w.setRight(packed)
	w.compute()
}

// Part computes a piece of rows on the caller's thread, with the bits that Float32 gives it. p.Right must be packed, p.Left
// nil, and the piece must have all columns.
func (e *Engine) Part(p *gemm.Part) {
	if p.N0 != 0 || p.N1 != p.N || p.Left != nil || p.TransA {
		panic("gemm16: no part: not whole rows of an A that is read in place")
	}
	w := e.take()
	defer e.give(w)
	w.begin(&p.Args, true)
	w.setRight(p.Right)
	if p.M > 0 && p.N > 0 {
		w.cut = 1
		w.Part(0, 0)
	}
}

func (w *work) setRight(packed []float32) {
	if want := w.engine.PackedSize(w.args.K, w.args.N); len(packed) < want {
		panic(fmt.Sprintf("gemm16: packed B has %d floats, want %d for [%d, %d]", len(packed), want, w.args.K, w.args.N))
	}
	w.right = packed
}

func (e *Engine) take() *work {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := len(e.free); n > 0 {
		w := e.free[n-1]
		e.free = e.free[:n-1]
		return w
	}
	return &work{engine: e, threads: make([]thread, e.pool.Threads())}
}

func (e *Engine) give(w *work) {
	w.args, w.right, w.packing, w.whole = gemm.Args{}, nil, packJob{}, wholeJob{}
	for i := range w.threads {
		w.threads[i].forget()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.free = append(e.free, w)
}

// begin takes a product, its defaults filled in.
func (w *work) begin(a *gemm.Args, packed bool) {
	if a.Batch > 1 || a.Accumulate {
		panic(fmt.Sprintf("gemm16: no product: batch %d, accumulate %t", a.Batch, a.Accumulate))
	}
	w.args = *a
	w.args.Normalize(packed)
}

// aligned returns n floats that begin on a cache line: those of s, which it made, if there is room.
func aligned(s []float32, n int) []float32 {
	if cap(s) >= n {
		return s[:n]
	}
	raw := make([]float32, n+line/4)
	off := int(-uintptr(unsafe.Pointer(&raw[0]))%line) / 4
	return raw[off : off+n : off+n]
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
func ceilDiv(n, by int) int { return (n + by - 1) / by }
