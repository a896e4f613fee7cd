package gemm8_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/gemm8"
	"foresee/backend/cpu/internal/isa"
	"foresee/backend/cpu/internal/pool"
)

// BenchmarkBesideFloat32 times products of a rollout, packed beforehand, turn by turn with package gemm's of the same
// shape and level, and reports the medians: multiply-adds counted as two, and how many times as fast.
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
	for _, s := range []shape{{200, 512, 1536}, {200, 512, 512}, {200, 128, 384}, {200, 256, 1024}, {200, 1024, 256}, {64, 512, 1536},
		{16, 512, 1536}, {4, 512, 1536}, {1, 512, 1536}, {1, 128, 384}, {1024, 1024, 1024}} {
		b.Run(fmt.Sprintf("%dx%dx%d", s.m, s.k, s.n), func(b *testing.B) {
			s.beside(b, gemm8.NewLevel(p, l), gemm.NewLevel(p, l))
		})
	}
}

// BenchmarkPack times packing, of B as it lies and transposed.
func BenchmarkPack(b *testing.B) {
	for _, threads := range []int{1, 2} {
		p := pool.New(threads)
		defer p.Close()
		for _, m := range []gemm8.Matrix{{K: 512, N: 1536}, {K: 256, N: 256}, {K: 512, N: 1536, Transposed: true}} {
			m.Data = make([]int8, m.K*m.N)
			for i := range m.Data { // unwritten memory is one page of zeros, in the first-level cache
				m.Data[i] = int8(i)
			}
			for _, l := range isa.Levels() {
				e := gemm8.NewLevel(p, l)
				packed := make([]byte, e.PackedSize(m.K, m.N))
				b.Run(fmt.Sprintf("%v-%d-%dx%d-%t", l, threads, m.K, m.N, m.Transposed), func(b *testing.B) {
					b.SetBytes(int64(m.K * m.N))
					for b.Loop() {
						e.Pack(packed, m)
					}
				})
			}
		}
	}
}

// BenchmarkOneRow times a product of one row, scaled, as a small decision has.
func BenchmarkOneRow(b *testing.B) {
	for _, threads := range []int{1, 2} {
		p := pool.New(threads)
		defer p.Close()
		e := gemm8.New(p)
		for _, s := range []shape{{1, 1, 1}, {1, 256, 256}, {1, 512, 512}, {1, 512, 1536}} {
			// not before a fence: a masked load that reaches into it takes 300 ns
			a := gemm8.Args{M: 1, N: s.n, K: s.k, A: make([]int8, s.k), Floats: make([]float32, s.n),
				Rows: make([]float32, 1), Columns: make([]float32, s.n), Bias: make([]float32, s.n)}
			packed := make([]byte, e.PackedSize(s.k, s.n))
			b.Run(fmt.Sprintf("%d-%dx%d", threads, s.k, s.n), func(b *testing.B) {
				for b.Loop() {
					e.Product(&a, packed)
				}
			})
		}
	}
}

type shape struct{ m, k, n int }

func (s shape) beside(b *testing.B, eight *gemm8.Engine, single *gemm.Engine) {
	rng := rand.New(rand.NewPCG(1, 1))
	w := gemm8.Matrix{K: s.k, N: s.n, Data: bytes(rng, s.k*s.n, anything)}
	i := gemm8.Args{M: s.m, N: s.n, K: s.k, A: bytes(rng, s.m*s.k, anything), C: make([]int32, s.m*s.n)}
	scaled := i
	scaled.Floats, scaled.Rows, scaled.Columns, scaled.Bias = make([]float32, s.m*s.n), floats(rng, s.m), floats(rng, s.n), floats(rng, s.n)
	f := gemm.Args{M: s.m, N: s.n, K: s.k, A: floats(rng, s.m*s.k), C: make([]float32, s.m*s.n)}
	bytes, singles := make([]byte, eight.PackedSize(s.k, s.n)), make([]float32, single.PackedSize(s.k, s.n))
	eight.Pack(bytes, w)
	single.Pack(singles, s.k, s.n, floats(rng, s.k*s.n), 0, false)
	runs := []func(){
		func() { eight.Product(&i, bytes) },
		func() { eight.Product(&scaled, bytes) },
		func() { single.Float32Packed(&f, singles) },
	}
	var times [3][]time.Duration
	for b.Loop() {
		for i, run := range runs {
			run() // its own operands into the cache
			start := time.Now()
			run()
			run()
			times[i] = append(times[i], time.Since(start)/2)
		}
	}
	work := 2 * float64(s.m) * float64(s.n) * float64(s.k)
	var medians [3]float64
	for i, t := range times {
		slices.Sort(t)
		medians[i] = float64(t[len(t)/2])
	}
	b.ReportMetric(work/medians[0], "Gop/s")
	b.ReportMetric(work/medians[1], "Gop/s-scaled")
	b.ReportMetric(work/medians[2], "Gop/s-float32")
	b.ReportMetric(medians[2]/medians[0], "x")
	b.ReportMetric(medians[2]/medians[1], "x-scaled")
}
