//go:build !static

package gemm_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/pool"
)

// BenchmarkCold times products whose operands are not in the cache, as in a training step: it rotates over buffers.
// TN are weight gradients of dense layers, NN and NT their forward products and the gradients of their inputs.
func BenchmarkCold(b *testing.B) {
	p := pool.New(0)
	defer p.Close()
	e := gemm.New(p)
	for _, s := range []coldShape{
		{192, 768, 2048, true, false}, {768, 192, 2048, true, false}, {192, 576, 2048, true, false}, {192, 192, 2048, true, false},
		{256, 1024, 2048, true, false}, {1024, 256, 2048, true, false}, {256, 768, 2048, true, false}, {256, 256, 2048, true, false},
		{512, 512, 200, true, false}, {200, 512, 512, false, false}, {200, 512, 512, false, true}, {256, 256, 256, false, false},
		{2048, 768, 192, false, false}, {2048, 192, 768, false, true}, {2048, 1024, 256, false, false}, {2048, 256, 1024, false, true},
		{1024, 1024, 1024, false, false}, {2048, 2048, 2048, false, false},
	} {
		b.Run(s.String(), func(b *testing.B) { s.bench(b, e) })
	}
}

type coldShape shape

func (s coldShape) String() string { return shape(s).String() }

func (s coldShape) bench(b *testing.B, e *gemm.Engine) {
	const bytes = 96 << 20
	rng := rand.New(rand.NewPCG(1, 1))
	sets := make([]gemm.Args, max(2, bytes/4/(s.m*s.k+s.n*s.k+s.m*s.n)))
	for i := range sets {
		sets[i] = gemm.Args{M: s.m, N: s.n, K: s.k, TransA: s.ta, TransB: s.tb,
			A: random(rng, s.m*s.k), B: random(rng, s.n*s.k), C: make([]float32, s.m*s.n)}
		e.Float32(&sets[i])
	}
	var times []time.Duration
	for b.Loop() {
		start := time.Now()
		e.Float32(&sets[len(times)%len(sets)])
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	flops := 2 * float64(s.m) * float64(s.n) * float64(s.k)
	b.ReportMetric(flops/float64(times[len(times)/10]), "GFLOP/s-p10")
	b.ReportMetric(flops/float64(times[len(times)/2]), "GFLOP/s")
}
