package gemm_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/pool"
)

// TestLoneRowMatchesNaive compares products of one row, and chains of one, with the naive twin, and their bits for all numbers
// of threads.
func TestLoneRowMatchesNaive(t *testing.T) {
	engines := everyEngine(t)
	eight := pool.New(8)
	t.Cleanup(eight.Close)
	for _, l := range levels() {
		engines[l] = append(engines[l], gemm.NewLevel(eight, l))
	}
	rng := rand.New(rand.NewPCG(5, 6))
	pick := func(list ...int) int { return list[rng.IntN(len(list))] }
	chained := 0
	for round := range 60 {
		a := randomArgs(rng)
		a.M, a.Batch, a.TransB = 1, 1, false
		a.N, a.K = pick(1, 31, 64, 127, 128, 129, 255, 256, 257, 500, 512, 640, 1000), pick(255, 256, 257, 258, 300, 511, 512, 513, 700, 1025, 1300)
		a.LDA, a.LDB, a.LDC = max(1, a.K), a.N+rng.IntN(4), a.N
		if a.TransA {
			a.LDA = 1 + rng.IntN(3)
		}
		fill(rng, &a)
		c := append([]float32(nil), a.C...)
		want, size := naive(&a, c)
		for _, l := range levels() {
			name := fmt.Sprintf("%v, round %d: %s", l, round, describe(&a))
			var first []float32
			for th, e := range engines[l] {
				for range 2 { // there and back
					copy(a.C, c)
					e.Float32(&a)
					check(t, name, &a, a.C, want, size)
					if first == nil {
						first = append([]float32(nil), a.C...)
					}
					sameBits(t, fmt.Sprintf("%s, engine %d", name, th), a.C, first)
				}
				if n := runAlone(e, &a); n > 0 {
					chained += n
					check(t, name+", a chain", &a, a.C, want, size)
					sameBits(t, fmt.Sprintf("%s, engine %d, a chain", name, th), a.C, first)
				}
			}
		}
	}
	if chained < 20 {
		t.Errorf("%d of the products were chains", chained)
	}
}

// runAlone computes a as a chain of one, anew, and returns 1, or 0 if it may be none or would gain nothing.
func runAlone(e *gemm.Engine, a *gemm.Args) int {
	if !e.Chains(a) {
		return 0
	}
	c := e.NewChain([]gemm.Args{*a})
	if c == nil {
		return 0
	}
	clear(a.C)
	c.Run(a.C, a.A, []gemm.Factor{{B: a.B, Bias: a.Bias}})
	return 1
}
