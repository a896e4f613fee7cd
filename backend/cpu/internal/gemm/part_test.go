package gemm_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"foresee/backend/cpu/internal/fence"
	"foresee/backend/cpu/internal/gemm"
)

// TestPartsAreTheWhole: a product in pieces of columns, with each side packed or not, has the bits of Float32.
func TestPartsAreTheWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 4))
	for _, l := range levels() {
		e := gemm.NewLevel(nil, l)
		for range 150 {
			a := randomArgs(rng)
			a.Batch, a.TransB, a.LDB = 1, false, a.N
			fill(rng, &a)
			if a.M*a.N == 0 {
				continue
			}
			start := append([]float32(nil), a.C...)
			e.Float32(&a)
			p := gemm.Part{Args: a}
			if rng.IntN(2) == 0 {
				p.Left = fence.AtEnd(make([]float32, e.LeftSize(a.M, a.K)))
				e.PackLeft(p.Left, &a)
				p.A = nil
			}
			if rng.IntN(2) == 0 {
				p.Right = make([]float32, e.PackedSize(a.K, a.N))
				e.Pack(p.Right, a.K, a.N, a.B, a.LDB, false)
				p.B = nil
			}
			width := (1 + rng.IntN(3)) * e.PanelWidth()
			for p.N0 = 0; p.N0 < a.N; p.N0 += width {
				p.N1 = min(a.N, p.N0+width)
				p.LDC = p.N1 - p.N0
				p.C = make([]float32, a.M*p.LDC)
				for i := range p.C {
					p.C[i] = start[i/p.LDC*a.LDC+p.N0+i%p.LDC]
				}
				e.Part(&p)
				for i, v := range p.C {
					if want := a.C[i/p.LDC*a.LDC+p.N0+i%p.LDC]; math.Float32bits(v) != math.Float32bits(want) {
						t.Fatalf("%v, %d x %d x %d, columns %d to %d, left packed %v, right packed %v: element %d is %v, want %v",
							l, a.M, a.N, a.K, p.N0, p.N1, p.Left != nil, p.Right != nil, i, v, want)
					}
				}
			}
		}
	}
}
