//go:build !static

package gemm_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/ebitengine/purego"

	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/pool"
)

// openblas returns cblas_sgemm and the setter of its thread count, or nil.
func openblas() (sgemm func(order, ta, tb, m, n, k int32, alpha float32, a *float32, lda int32, b *float32, ldb int32, beta float32, c *float32, ldc int32), threads func(int32)) {
	lib, err := purego.Dlopen("libopenblas.so.0", purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, nil
	}
	purego.RegisterLibFunc(&sgemm, lib, "cblas_sgemm")
	purego.RegisterLibFunc(&threads, lib, "openblas_set_num_threads")
	return sgemm, threads
}

type shape struct {
	m, n, k int
	ta, tb  bool
}

func (s shape) String() string {
	return fmt.Sprintf("%dx%dx%d%s%s", s.m, s.n, s.k, map[bool]string{true: "T", false: "N"}[s.ta], map[bool]string{true: "T", false: "N"}[s.tb])
}

// TestRateBesideOpenBLAS prints GFLOP/s of both, interleaved, best and median; it is a study, run
// with FORESEE_STUDY=sgemm and OPENBLAS_CORETYPE=SkylakeX.
func TestRateBesideOpenBLAS(t *testing.T) {
	if os.Getenv("FORESEE_STUDY") != "sgemm" {
		t.Skip("a study: FORESEE_STUDY=sgemm runs it")
	}
	sgemm, setThreads := openblas()
	if sgemm == nil {
		t.Skip("libopenblas.so.0 is not installed")
	}
	shapes := []shape{{1024, 1024, 1024, false, false}, {2048, 2048, 2048, false, false}, {1024, 1024, 1024, true, false}, {1024, 1024, 1024, false, true},
		{512, 512, 512, false, false}, {256, 256, 256, false, false}, {128, 128, 128, false, false}, {64, 64, 64, false, false}, {16, 16, 16, false, false},
		{200, 512, 512, false, false}, {200, 512, 512, false, true}, {512, 512, 200, true, false}, {64, 512, 512, false, false}, {32, 512, 512, false, false}, {16, 512, 512, false, false}, {8, 512, 512, false, false},
		{4, 512, 512, false, false}, {2, 512, 512, false, false}, {1, 512, 512, false, false}, {1, 1024, 1024, false, false}, {1, 512, 512, false, true}, {8, 512, 512, false, true},
		{4096, 8, 256, false, false}, {4096, 256, 8, false, false}, {18000, 64, 27, false, false}, {64, 64, 18000, true, false}}
	rng := rand.New(rand.NewPCG(1, 1))
	for threads := 1; threads <= 2; threads++ {
		p := pool.New(threads)
		e := gemm.New(p)
		setThreads(int32(threads))
		fmt.Printf("%d threads%22s%8s%8s | %8s%8s | ratio best, median\n", threads, "ours best", "median", "packed", "OpenBLAS", "median")
		for _, s := range shapes {
			a := gemm.Args{M: s.m, N: s.n, K: s.k, TransA: s.ta, TransB: s.tb, A: random(rng, s.m*s.k), B: random(rng, s.n*s.k), C: make([]float32, s.m*s.n)}
			lda, ldb, ta, tb := int32(s.k), int32(s.n), int32(111), int32(111)
			if s.ta {
				lda, ta = int32(s.m), 112
			}
			if s.tb {
				ldb, tb = int32(s.k), 112
			}
			pk := make([]float32, e.PackedSize(s.k, s.n))
			e.Pack(pk, s.k, s.n, a.B, 0, s.tb)
			flops := 2 * float64(s.m) * float64(s.n) * float64(s.k)
			reps := int(max(1, 2e7/flops))
			rounds := int(min(200, max(9, 4e10/flops/float64(reps))))
			var times [3][]float64
			for range rounds {
				for i, f := range []func(){
					func() { e.Float32(&a) },
					func() { e.Float32Packed(&a, pk) },
					func() {
						sgemm(101, ta, tb, int32(s.m), int32(s.n), int32(s.k), 1, &a.A[0], lda, &a.B[0], ldb, 0, &a.C[0], int32(s.n))
					},
				} {
					start := time.Now()
					for range reps {
						f()
					}
					times[i] = append(times[i], flops*float64(reps)/float64(time.Since(start).Nanoseconds()))
				}
			}
			best, med := [3]float64{}, [3]float64{}
			for i, ts := range times {
				slices.Sort(ts)
				best[i], med[i] = ts[len(ts)-1], ts[len(ts)/2]
			}
			fmt.Printf("%-22v%9.1f%8.1f%8.1f | %8.1f%8.1f | %.2f %.2f\n", s, best[0], med[0], best[1], best[2], med[2], best[0]/best[2], med[0]/med[2])
		}
		p.Close()
	}
}
