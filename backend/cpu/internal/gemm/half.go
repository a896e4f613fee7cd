package gemm

import (
	"fmt"
	"unsafe"

	"foresee/backend/cpu/internal/vec"
)

// halfColumns is the number of columns that a kernel for a B of bfloat16 computes at once.
const halfColumns = 64

// Float32Half computes the one row of C that a describes from B [K, N] in bfloat16, LDB of them from one row to the
// next: half the bytes, which is what a lone row waits for. It has the bits that Float32 gives with B in float32. M and
// Batch must be 1, TransB false; B of a is not used. It panics as Float32 does.
func (e *Engine) Float32Half(a *Args, b []uint16) {
	w := e.take()
	defer e.give(w)
	w.args = *a
	w.args.Normalize(true)
	p := &w.args
	if p.M != 1 || p.Batch != 1 || p.TransB {
		panic(fmt.Sprintf("gemm: B in bfloat16 with %d rows, batch %d, transposed %t, want one row", p.M, p.Batch, p.TransB))
	}
	checkMatrix("B", len(b), p.K, p.N, &p.LDB, 0)
	groups := ceilDiv(p.N, halfColumns)
	parts := min(groups, len(w.threads), max(1, 4*p.N*p.K/partWork)) // as few as threads, see cutFor
	j := &w.halving
	*j = halfJob{w: w, b: b, groups: groups, parts: parts}
	w.pool.Do(parts, j)
	j.b = nil
}

type halfJob struct {
	w             *work
	b             []uint16
	groups, parts int
}

func (j *halfJob) Part(worker, i int) {
	th := &j.w.threads[worker]
	for g := i * j.groups / j.parts; g < (i+1)*j.groups/j.parts; g++ {
		for k0 := 0; ; k0 += kBlock {
			k1 := min(k0+kBlock, j.w.args.K)
			j.block(th, g*halfColumns, [2]int{k0, k1})
			if k1 == j.w.args.K {
				break
			}
		}
	}
}

// block adds a block of k to the columns from n on, halfColumns of them or what there is.
func (j *halfJob) block(th *thread, n int, ks [2]int) {
	a, kn, t := &j.w.args, j.w.kernel, &th.tile
	cols, kc := min(halfColumns, a.N-n), ks[1]-ks[0]
	t.k, t.cs, t.mode, t.tiles, t.as, t.bias = kc, 4*a.LDC, 0, 1, 4, nil
	off := ks[0]
	if a.TransA {
		t.as, off = 4*a.LDA, ks[0]*a.LDA
	}
	if a.Accumulate || ks[0] > 0 {
		t.mode |= modeAccumulate
	}
	last := ks[1] == a.K
	if last && a.ReLU {
		t.mode |= modeReLU
	}
	t.a = at(a.A, off)
	if cols == halfColumns && kc > 0 && kn.half != nil {
		t.b, t.bs, t.c = (*float32)(unsafe.Pointer(&j.b[ks[0]*a.LDB+n])), 2*a.LDB, &a.C[n]
		if last && a.Bias != nil {
			t.bias = &a.Bias[n]
		}
		kn.half(t)
		return
	}
	th.b = grow(th.b, kc*cols+slack)
	for k := range kc {
		vec.FromHalves(th.b[k*cols:][:cols], j.b[(ks[0]+k)*a.LDB+n:])
	}
	t.bs, t.ahead, t.step = 4*cols, uintptr(unsafe.Pointer(at(th.b, 0))), 0
	for c := 0; c < cols; c += kn.nr {
		t.b, t.c = at(th.b, c), &a.C[n+c]
		if last && a.Bias != nil {
			t.bias = &a.Bias[n+c]
		}
		kn.run(t, 1, min(kn.nr, cols-c))
	}
}
