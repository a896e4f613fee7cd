package gemm16_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/gemm16"
	"foresee/backend/cpu/internal/isa"
	"foresee/backend/cpu/internal/pool"
)

// BenchmarkBesideFloat32 times products of transformer blocks, forward, towards their input and towards their weights, turn
// by turn with package gemm's of the same level, and reports the medians: multiply-adds counted as two, and how many times
// as fast.
func BenchmarkBesideFloat32(b *testing.B) {
	for _, l := range isa.Levels() {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%v-%d", l, threads), func(b *testing.B) { besideFloat32(b, l, threads) })
		}
	}
}

func besideFloat32(b *testing.B, l isa.Level, threads int) {
	p := pool.New(threads)
	defer p.Close()
	for _, s := range []gemm.Args{
		{M: 2048, K: 192, N: 576}, {M: 2048, K: 192, N: 192}, {M: 2048, K: 768, N: 192}, {M: 2048, K: 192, N: 768, TransB: true},
		{M: 2048, K: 768, N: 192, TransB: true}, {M: 192, K: 2048, N: 768, TransA: true}, {M: 768, K: 2048, N: 192, TransA: true},
		{M: 192, K: 2048, N: 192, TransA: true}, {M: 512, K: 512, N: 512}, {M: 1024, K: 1024, N: 1024}, {M: 64, K: 512, N: 512},
		{M: 896, K: 64, N: 1336}, {M: 896, K: 1336, N: 64, TransB: true}, {M: 896, K: 192, N: 576}, {M: 128, K: 192, N: 960},
	} {
		b.Run(fmt.Sprintf("%dx%dx%d-%t-%t", s.M, s.K, s.N, s.TransA, s.TransB), func(b *testing.B) {
			beside(b, s, gemm16.NewLevel(p, l), gemm.NewLevel(p, l))
		})
	}
}

func beside(b *testing.B, a gemm.Args, e *gemm16.Engine, base *gemm.Engine) {
	rng := rand.New(rand.NewPCG(1, 2))
	fill := func(n int) []float32 {
		s := make([]float32, n)
		for i := range s {
			s[i] = float32(rng.NormFloat64())
		}
		return s
	}
	a.A, a.B, a.C = fill(a.M*a.K), fill(a.K*a.N), fill(a.M*a.N)
	var ours, theirs []time.Duration
	for b.Loop() {
		start := time.Now()
		e.Float32(&a)
		middle := time.Now()
		base.Float32(&a)
		ours, theirs = append(ours, middle.Sub(start)), append(theirs, time.Since(middle))
	}
	median := func(d []time.Duration) float64 { slices.Sort(d); return d[len(d)/2].Seconds() }
	work := 2e-9 * float64(a.M) * float64(a.N) * float64(a.K)
	b.ReportMetric(work/median(ours), "Gop/s")
	b.ReportMetric(work/median(theirs), "Gop/s-float32")
	b.ReportMetric(median(theirs)/median(ours), "x")
}
