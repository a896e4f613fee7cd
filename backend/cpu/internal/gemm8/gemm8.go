package gemm8

import (
	"fmt"
	"sync"

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

// New returns an engine with the best kernels of this machine. A nil pool is one thread.
func New(p *pool.Pool) *Engine { return NewLevel(p, isa.Best()) }

// NewLevel returns an engine with the kernels of a level, which this machine must have. AVX-512 without VNNI has those of
// AVX2, NEON the portable ones.
func NewLevel(p *pool.Pool, l isa.Level) *Engine {
	if !isa.Has(l) {
		panic(fmt.Sprintf("gemm8: this machine has no %v", l))
	}
	kn := archKernel(l)
	if kn == nil {
		kn = &kernel{mr: 4, nr: 8, depth: 1, run: runPortable}
	}
	return &Engine{pool: p, kernel: kn}
}

// PanelWidth returns the number of columns that Pack lays out together: [K, N] packed is [K, n] packed and then the rest
// where n is a multiple of it.
func (e *Engine) PanelWidth() int { return e.kernel.nr }

// Product computes the product that a describes with the B that Pack laid out for K and N of a, on an engine of the same
// level. Neither is kept. It panics with a message that begins with "gemm8:" if sizes and slices do not fit; if the only
// misfit is a B that was packed for another shape of no greater size or on another level, C is wrong.
func (e *Engine) Product(a *Args, packed []byte) {
	w := e.take()
	defer e.give(w)
	w.args = *a
	w.args.normalize()
	p := &w.args
	if want := e.PackedSize(p.K, p.N); len(packed) < want {
		panic(fmt.Sprintf("gemm8: packed B has %d bytes, want %d for [%d, %d]", len(packed), want, p.K, p.N))
	}
	if p.M == 0 || p.N == 0 {
		return
	}
	w.packed = packed
	w.compute()
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
	w.args, w.packed, w.packing = Args{}, nil, packJob{}
	for i := range w.threads {
		th := &w.threads[i]
		th.tile, th.lines, th.strip, th.first = tile{}, lines{}, strip{}, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.free = append(e.free, w)
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
func ceilDiv(n, by int) int { return (n + by - 1) / by }
