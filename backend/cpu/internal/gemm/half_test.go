package gemm_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"foresee/backend/cpu/internal/fence"
	"foresee/backend/cpu/internal/gemm"
)

// guardedHalves is guarded for bfloat16.
func guardedHalves(s []uint16) []uint16 {
	g := fence.AtEnd(make([]float32, (len(s)+1)/2))
	if len(g) == 0 {
		return s
	}
	h := unsafe.Slice((*uint16)(unsafe.Pointer(&g[0])), 2*len(g))[2*len(g)-len(s):]
	copy(h, s)
	return h
}

func TestFloat32HalfMatchesNaiveAndFloat32(t *testing.T) {
	engines := everyEngine(t)
	rng := rand.New(rand.NewPCG(3, 4))
	columns := append([]int{127, 129, 192, 320, 512}, sizes...)
	for round := range 400 {
		a := randomArgs(rng)
		a.M, a.Batch, a.TransB, a.N = 1, 1, false, columns[rng.IntN(len(columns))]
		a.LDA, a.LDB, a.LDC = max(a.LDA, a.K), a.N+rng.IntN(4), a.N
		fill(rng, &a)
		half := make([]uint16, len(a.B))
		for i, v := range a.B {
			half[i] = uint16(math.Float32bits(v) >> 16)
			a.B[i] = math.Float32frombits(uint32(half[i]) << 16)
		}
		half = guardedHalves(half)
		c := append([]float32(nil), a.C...)
		want, size := naive(&a, c)
		for _, l := range levels() {
			name := fmt.Sprintf("%v, round %d: %s", l, round, describe(&a))
			copy(a.C, c)
			engines[l][0].Float32(&a)
			first := append([]float32(nil), a.C...)
			b := a.B
			for th, e := range engines[l] {
				copy(a.C, c)
				a.B = nil
				e.Float32Half(&a, half)
				a.B = b
				check(t, name, &a, a.C, want, size)
				sameBits(t, fmt.Sprintf("%s, %d threads", name, th+1), a.C, first)
			}
		}
	}
}

func TestFloat32HalfRefuses(t *testing.T) {
	e := gemm.New(nil)
	for _, a := range []gemm.Args{
		{M: 2, N: 3, K: 4, A: make([]float32, 8), C: make([]float32, 6)},
		{M: 1, N: 3, K: 4, A: make([]float32, 4), C: make([]float32, 3), TransB: true},
		{M: 1, N: 4, K: 4, A: make([]float32, 4), C: make([]float32, 4)},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", describe(&a))
				}
			}()
			e.Float32Half(&a, make([]uint16, 12))
		}()
	}
}
