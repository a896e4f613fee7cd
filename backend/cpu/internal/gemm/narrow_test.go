package gemm_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"foresee/backend/cpu/internal/gemm"
)

// TestNarrow: batches of products with few columns, each with a B of its own, agree with the naive twin, whatever their
// rows, columns and k, and have the same bits on one and on several threads. Rows of one product more do not change them.
func TestNarrow(t *testing.T) {
	engines := everyEngine(t)
	rng := rand.New(rand.NewPCG(21, 3))
	for n := 1; n <= 9; n++ {
		for _, k := range []int{15, 16, 17, 23, 24, 31, 32, 63, 64, 65, 128, 300} {
			a := gemm.Args{M: 1 + rng.IntN(9), N: n, K: k, TransB: rng.IntN(4) > 0, Accumulate: rng.IntN(2) == 0, ReLU: rng.IntN(2) == 0, Batch: 2 + rng.IntN(40)}
			if rng.IntN(3) == 0 {
				a.M += 1000 // work that tiles would share among threads
			}
			a.LDA, a.LDB, a.LDC = k+rng.IntN(3), n+rng.IntN(3), n+rng.IntN(3)
			rows := k
			if a.TransB {
				a.LDB, rows = k+rng.IntN(3), n
			}
			a.StrideA, a.StrideB, a.StrideC = a.M*a.LDA, rows*a.LDB, a.M*a.LDC
			fill(rng, &a)
			c := append([]float32(nil), a.C...)
			want, size := naive(&a, c)
			for _, l := range levels() {
				var first []float32
				for th, e := range engines[l] {
					name := fmt.Sprintf("%v, %d threads: %s", l, th+1, describe(&a))
					copy(a.C, c)
					e.Float32(&a)
					if first == nil {
						check(t, name, &a, a.C, want, size)
						first = append(first, a.C...)
					}
					sameBits(t, name, a.C, first)
				}
				fewer := a
				fewer.M = (a.M + 1) / 2
				copy(a.C, c)
				engines[l][0].Float32(&fewer)
				for b := range a.Batch {
					for i := range fewer.M {
						from := b*a.StrideC + i*a.LDC
						sameBits(t, "fewer rows", a.C[from:][:n], first[from:][:n])
					}
				}
			}
		}
	}
}
