package attention_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"foresee/backend/cpu/internal/attention"
	"foresee/backend/cpu/internal/fence"
	"foresee/backend/cpu/internal/isa"
)

// onLevels runs f at every level that short attention has kernels for.
func onLevels(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	for _, l := range []isa.Level{isa.AVX2, isa.AVX512} {
		t.Run(l.String(), func(t *testing.T) {
			if !isa.Has(l) {
				t.Skipf("this machine has no %v", l)
			}
			defer attention.SetLevel(l)()
			if !attention.HasKernels() {
				t.Fatal("no kernels")
			}
			f(t)
		})
	}
}

// floats returns random numbers that end at a page which nothing may touch.
func floats(rng *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(rng.NormFloat64())
	}
	return fence.AtEnd(s)
}

// TestProduct compares products with their twin: all sizes about a tile, A as it lies and transposed, rows apart.
func TestProduct(t *testing.T) {
	onLevels(t, func(t *testing.T) {
		for seed := range uint64(600) {
			rng := rand.New(rand.NewPCG(seed, 8))
			rows, k, cols := 1+rng.IntN(37), 1+rng.IntN(20), 1+rng.IntN(70)
			f := attention.Factors{ARow: k + rng.IntN(3), ACol: 1, BRow: cols + rng.IntN(3), CRow: cols + rng.IntN(3)}
			if seed%2 == 0 {
				f.ARow, f.ACol = 1, rows+rng.IntN(3)
			}
			f.A = floats(rng, (rows-1)*f.ARow+(k-1)*f.ACol+1)
			f.B, f.C = floats(rng, (k-1)*f.BRow+cols), floats(rng, (rows-1)*f.CRow+cols)
			want, add := append([]float32(nil), f.C...), seed%3 == 0
			for i := range rows {
				for j := range cols {
					sum := 0.0
					for l := range k {
						sum += float64(f.A[i*f.ARow+l*f.ACol]) * float64(f.B[l*f.BRow+j])
					}
					if add {
						sum += float64(want[i*f.CRow+j])
					}
					want[i*f.CRow+j] = float32(sum)
				}
			}
			attention.Product(rows, k, cols, f, add)
			for i, w := range want { // what lies between the rows of C included
				if math.Abs(float64(f.C[i]-w)) > 1e-5 {
					t.Fatalf("[%d, %d]·[%d, %d], add %v, %+v: C[%d] = %g, want %g", rows, k, k, cols, add, f.ARow, i, f.C[i], w)
				}
			}
		}
	})
}

func BenchmarkProduct(b *testing.B) {
	if !attention.HasKernels() {
		b.Skip("no kernels on this machine")
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, z := range [][3]int{{16, 64, 16}, {16, 16, 64}, {64, 64, 32}, {32, 64, 64}, {64, 32, 64}} {
		rows, k, cols := z[0], z[1], z[2]
		f := attention.Factors{A: floats(rng, rows*256), B: floats(rng, k*256), C: floats(rng, rows*256), ARow: 256, ACol: 1, BRow: 64, CRow: 64}
		b.Run(fmt.Sprint(rows, k, cols), func(b *testing.B) {
			for b.Loop() {
				attention.Product(rows, k, cols, f, false)
			}
			b.ReportMetric(2*float64(rows*k*cols)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
