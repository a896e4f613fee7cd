package gemm_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"foresee/backend/cpu/internal/gemm"
)

// TestPackedApartMatchesNaive: products whose parts pack both operands themselves are right, and have the same bits for
// any number of threads and as with a B that was packed beforehand, which takes another path.
func TestPackedApartMatchesNaive(t *testing.T) {
	engines := everyEngine(t)
	rng := rand.New(rand.NewPCG(21, 3))
	rows := []int{1, 2, 43, 57, 101, 191, 337, 353, 700, 1009}
	cols := []int{0, 1, 7, 31, 33, 64, 97, 211, 523}
	depths := []int{0, 1, 3, 255, 256, 257, 263, 512, 769, 1031, 4099}
	pick := func(s []int) int { return s[rng.IntN(len(s))] }
	for round := range 80 {
		a := gemm.Args{M: pick(rows), N: pick(cols), K: pick(depths), TransA: rng.IntN(4) > 0, TransB: rng.IntN(3) == 0,
			Accumulate: rng.IntN(2) == 0, ReLU: rng.IntN(2) == 0, Batch: 1 + rng.IntN(3)/2}
		for a.M*a.N*a.K > 2<<20 {
			a.K /= 2
		}
		ra, rb := a.M, a.K
		if a.LDA = a.K; a.TransA {
			a.LDA, ra = a.M, a.K
		}
		if a.LDB = a.N; a.TransB {
			a.LDB, rb = a.K, a.N
		}
		a.LDA, a.LDB, a.LDC = a.LDA+rng.IntN(4), a.LDB+rng.IntN(4), a.N+rng.IntN(3)
		a.StrideA, a.StrideC = ra*a.LDA, a.M*a.LDC
		if shared := rng.IntN(2) == 0; !shared {
			a.StrideB = rb * a.LDB
		}
		fill(rng, &a)
		c := append([]float32(nil), a.C...)
		want, size := naive(&a, c)
		for _, l := range levels() {
			name := fmt.Sprintf("%v, round %d: %s", l, round, describe(&a))
			var first []float32
			for th, e := range engines[l] {
				copy(a.C, c)
				e.Float32(&a)
				if first == nil {
					check(t, name, &a, a.C, want, size)
					first = append(first, a.C...)
				}
				sameBits(t, fmt.Sprintf("%s, %d threads", name, th+1), a.C, first)
			}
			if a.Batch == 1 && (a.K < 4096 || a.M*a.N > 16<<10) { // else k is cut, unless B is packed
				copy(a.C, c)
				packed := make([]float32, engines[l][0].PackedSize(a.K, a.N))
				engines[l][0].Pack(packed, a.K, a.N, a.B, a.LDB, a.TransB)
				engines[l][0].Float32Packed(&a, packed)
				sameBits(t, name+", packed", a.C, first)
			}
		}
	}
}
