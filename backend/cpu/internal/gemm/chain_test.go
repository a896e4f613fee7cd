package gemm_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/isa"
	"foresee/backend/cpu/internal/pool"
)

// chainEngines returns for each level an engine of one thread, and some of several.
func chainEngines(t *testing.T) map[isa.Level][]*gemm.Engine {
	engines := map[isa.Level][]*gemm.Engine{}
	for _, threads := range []int{1, 2, 3, 8} {
		p := pool.New(threads)
		t.Cleanup(p.Close)
		for _, l := range levels() {
			engines[l] = append(engines[l], gemm.NewLevel(p, l))
		}
	}
	return engines
}

// randomChain returns products of one row, each but the first of the row that the one before makes.
func randomChain(rng *rand.Rand) (list []gemm.Args) {
	pick := func(list ...int) int { return list[rng.IntN(len(list))] }
	width := func() int {
		return pick(1, 31, 129, 255, 256, 257, 258, 300, 511, 512, 513, 700, 1025, 1300)
	}
	k := 512 + rng.IntN(3)
	for i := range 1 + rng.IntN(4) {
		a := gemm.Args{M: 1, N: width(), K: k, ReLU: rng.IntN(2) == 0}
		if i == 0 {
			a.N = pick(256, 257, 300, 512, 1000)
		}
		a.LDB = pick(0, a.N, a.N+3)
		a.B, a.C, k = random(rng, a.K*max(a.LDB, a.N)), random(rng, a.N), a.N
		if rng.IntN(3) > 0 {
			a.Bias = random(rng, a.N)
		}
		list = append(list, a)
	}
	list[0].A = random(rng, list[0].K)
	return list
}

// run computes the chain on engine e.
func run(e *gemm.Engine, list []gemm.Args, out []float32) *gemm.Chain {
	c := e.NewChain(list)
	c.Run(out, list[0].A, factors(list))
	return c
}

func factors(list []gemm.Args) (f []gemm.Factor) {
	for i := range list {
		f = append(f, gemm.Factor{B: list[i].B, Bias: list[i].Bias})
	}
	return f
}

// TestChainHasTheBitsOfItsProducts compares chains with their products one by one on one thread, which other tests compare with
// the naive twin.
func TestChainHasTheBitsOfItsProducts(t *testing.T) {
	engines := chainEngines(t)
	rng := rand.New(rand.NewPCG(5, 6))
	for round := range 40 {
		list := randomChain(rng)
		last := &list[len(list)-1]
		for _, l := range levels() {
			for i := range list {
				if i > 0 {
					list[i].A = list[i-1].C
				}
				engines[l][0].Float32(&list[i])
			}
			for k, e := range engines[l][1:] {
				c, out := e.NewChain(list), make([]float32, last.N)
				for again := range 3 { // there, back, and there with other matrices
					f := factors(list)
					if again == 2 {
						for i := range f {
							f[i].B = append([]float32(nil), f[i].B...)
						}
					}
					clear(out)
					c.Run(out, list[0].A, f)
					sameBits(t, fmt.Sprintf("%v, round %d, engine %d, run %d: %d products, last %s", l, round, k, again, len(list), describe(last)), out, last.C)
				}
			}
		}
	}
}

// TestChainOnABusyPool runs a chain where the caller is alone, and several side by side.
func TestChainOnABusyPool(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, threads := range []int{2, 3, 8} {
		p := pool.New(threads)
		t.Cleanup(p.Close)
		e := gemm.New(p)
		list := randomChain(rng)
		last := &list[len(list)-1]
		want := make([]float32, last.N)
		c := run(e, list, want)
		p.Run(3, func(int) {
			out := make([]float32, last.N)
			c.Run(out, list[0].A, factors(list))
			if !slices.Equal(out, want) {
				t.Error("a nested run gives something else")
			}
		})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				out := make([]float32, last.N)
				for range 200 {
					clear(out)
					c.Run(out, list[0].A, factors(list))
					if !slices.Equal(out, want) {
						t.Error("one of several runs side by side gives something else")
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestChainAllocatesNothing(t *testing.T) {
	p := pool.New(2)
	t.Cleanup(p.Close)
	list := randomChain(rand.New(rand.NewPCG(9, 10)))
	last := &list[len(list)-1]
	c, f := gemm.New(p).NewChain(list), factors(list)
	if n := testing.AllocsPerRun(100, func() { c.Run(last.C, list[0].A, f) }); n != 0 {
		t.Fatalf("a run allocates %v times", n)
	}
}

// TestChainRefuses what does not fit.
func TestChainRefuses(t *testing.T) {
	p := pool.New(2)
	t.Cleanup(p.Close)
	e := gemm.New(p)
	rng := rand.New(rand.NewPCG(11, 12))
	good := func() []gemm.Args {
		return []gemm.Args{
			{M: 1, K: 512, N: 256, A: random(rng, 512), B: random(rng, 512*256), Bias: random(rng, 256)},
			{M: 1, K: 256, N: 512, B: random(rng, 512*256), C: random(rng, 512)},
		}
	}
	for name, spoil := range map[string]func(list []gemm.Args){
		"rows":       func(l []gemm.Args) { l[0].M = 2 },
		"batch":      func(l []gemm.Args) { l[1].Batch = 2 },
		"transposed": func(l []gemm.Args) { l[1].TransB = true },
		"sizes":      func(l []gemm.Args) { l[1].K = 257 },
		"row":        func(l []gemm.Args) { l[0].A = l[0].A[1:] },
		"matrix":     func(l []gemm.Args) { l[1].B = l[1].B[1:] },
		"bias":       func(l []gemm.Args) { l[0].Bias = l[0].Bias[1:] },
		"result":     func(l []gemm.Args) { l[1].C = l[1].C[1:] },
	} {
		list := good()
		spoil(list)
		func() {
			defer func() {
				if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "gemm:") {
					t.Errorf("%s: panic %q, want one of package gemm", name, s)
				}
			}()
			run(e, list, list[1].C)
		}()
	}
	list := good()
	run(e, list, list[1].C)
}
