package gemm_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"foresee/backend/cpu/internal/fence"
	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/isa"
	"foresee/backend/cpu/internal/pool"
)

func levels() []isa.Level { return isa.Levels() }

// everyEngine returns an engine of 1, 2 and 3 threads for each level.
func everyEngine(t *testing.T) map[isa.Level][]*gemm.Engine {
	pools := []*pool.Pool{nil, pool.New(2), pool.New(3)}
	t.Cleanup(pools[1].Close)
	t.Cleanup(pools[2].Close)
	engines := map[isa.Level][]*gemm.Engine{}
	for _, l := range levels() {
		for _, p := range pools {
			engines[l] = append(engines[l], gemm.NewLevel(p, l))
		}
	}
	return engines
}

// naive is the twin: sums in float64, and the sum of magnitudes that bounds the error.
func naive(a *gemm.Args, c []float32) (want, size []float64) {
	want, size = make([]float64, len(c)), make([]float64, len(c))
	for i, v := range c {
		want[i] = float64(v)
	}
	for b := range max(a.Batch, 1) {
		for m := range a.M {
			for n := range a.N {
				i := b*a.StrideC + m*a.LDC + n
				sum, mag := 0.0, 0.0
				if a.Accumulate {
					sum = float64(c[i])
					mag = math.Abs(sum)
				}
				for k := range a.K {
					ia, ib := m*a.LDA+k, k*a.LDB+n
					if a.TransA {
						ia = k*a.LDA + m
					}
					if a.TransB {
						ib = n*a.LDB + k
					}
					p := float64(a.A[b*a.StrideA+ia]) * float64(a.B[b*a.StrideB+ib])
					sum += p
					mag += math.Abs(p)
				}
				if a.Bias != nil {
					sum += float64(a.Bias[n])
					mag += math.Abs(float64(a.Bias[n]))
				}
				if a.ReLU && sum < 0 {
					sum = 0
				}
				want[i], size[i] = sum, mag
			}
		}
	}
	return want, size
}

func random(rng *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = rng.Float32()*2 - 1
	}
	return s
}

var sizes = []int{0, 1, 2, 3, 5, 7, 8, 13, 14, 15, 16, 17, 28, 31, 32, 33, 48, 61, 64, 65, 97, 128, 131, 160, 257, 300}

func randomArgs(rng *rand.Rand) gemm.Args {
	pick := func() int { return sizes[rng.IntN(len(sizes))] }
	a := gemm.Args{M: pick(), N: pick(), K: pick(), TransA: rng.IntN(2) == 0, TransB: rng.IntN(2) == 0,
		Accumulate: rng.IntN(2) == 0, ReLU: rng.IntN(2) == 0}
	if a.M*a.N*a.K > 1<<20 {
		a.M = 5
	}
	a.LDA, a.LDB, a.LDC = a.K, a.N, a.N+rng.IntN(3)
	ra, rb := a.M, a.K
	if a.TransA {
		a.LDA, ra = a.M, a.K
	}
	if a.TransB {
		a.LDB, rb = a.K, a.N
	}
	a.LDA += rng.IntN(4)
	a.LDB += rng.IntN(4)
	a.Batch = 1 + rng.IntN(2)*rng.IntN(5)
	a.StrideA, a.StrideB, a.StrideC = ra*a.LDA, rb*a.LDB, a.M*a.LDC
	if rng.IntN(3) == 0 {
		a.StrideB = 0
	}
	return a
}

// fill makes the slices, the last row without its gap, so that nothing lies behind it.
func fill(rng *rand.Rand, a *gemm.Args) {
	size := func(stride, rows, cols, ld int) int {
		if rows == 0 || cols == 0 {
			return 0
		}
		return (a.Batch-1)*stride + (rows-1)*ld + cols
	}
	ra, ca, rb, cb := a.M, a.K, a.K, a.N
	if a.TransA {
		ra, ca = ca, ra
	}
	if a.TransB {
		rb, cb = cb, rb
	}
	a.A = fence.AtEnd(random(rng, size(a.StrideA, ra, ca, a.LDA)))
	a.B = fence.AtEnd(random(rng, size(a.StrideB, rb, cb, a.LDB)))
	a.C = fence.AtEnd(random(rng, size(a.StrideC, a.M, a.N, a.LDC)))
	if rng.IntN(2) == 0 {
		a.Bias = fence.AtEnd(random(rng, a.N))
	}
}

func check(t *testing.T, name string, a *gemm.Args, got []float32, want, size []float64) {
	t.Helper()
	for i, g := range got {
		tol := 2e-7 * (size[i]*(1+math.Sqrt(float64(a.K))/4) + math.Abs(want[i]))
		if !(math.Abs(float64(g)-want[i]) <= tol) {
			t.Fatalf("%s: C[%d] = %v, want %v (tolerance %.2g)", name, i, g, want[i], tol)
		}
	}
}

func describe(a *gemm.Args) string {
	return fmt.Sprintf("%dx%dx%d ld %d,%d,%d trans %v,%v acc %v bias %v relu %v batch %d shared %v", a.M, a.N, a.K,
		a.LDA, a.LDB, a.LDC, a.TransA, a.TransB, a.Accumulate, a.Bias != nil, a.ReLU, a.Batch, a.StrideB == 0)
}

func TestFloat32MatchesNaive(t *testing.T) {
	engines := everyEngine(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		a := randomArgs(rng)
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
				if a.StrideB == 0 || a.Batch == 1 {
					copy(a.C, c)
					packed := make([]float32, e.PackedSize(a.K, a.N))
					e.Pack(packed, a.K, a.N, a.B, a.LDB, a.TransB)
					e.Float32Packed(&a, packed)
					sameBits(t, fmt.Sprintf("%s, packed, %d threads", name, th+1), a.C, first)
				}
			}
		}
	}
}

func TestFloat64MatchesNaive(t *testing.T) {
	p := pool.New(2)
	defer p.Close()
	e := gemm.New(p)
	rng := rand.New(rand.NewPCG(9, 9))
	for round := range 150 {
		a := randomArgs(rng)
		a.ReLU = false
		fill(rng, &a)
		a.Bias = nil
		want, size := naive(&a, a.C)
		d := gemm.Args64{M: a.M, N: a.N, K: a.K, A: double(a.A), B: double(a.B), C: double(a.C), LDA: a.LDA, LDB: a.LDB, LDC: a.LDC,
			TransA: a.TransA, TransB: a.TransB, Accumulate: a.Accumulate, Batch: a.Batch, StrideA: a.StrideA, StrideB: a.StrideB, StrideC: a.StrideC}
		e.Float64(&d)
		for i, g := range d.C {
			if !(math.Abs(g-want[i]) <= 1e-13*(1+size[i])) {
				t.Fatalf("round %d: %s: C[%d] = %v, want %v", round, describe(&a), i, g, want[i])
			}
		}
	}
}

func double(s []float32) []float64 {
	d := make([]float64, len(s))
	for i, v := range s {
		d[i] = float64(v)
	}
	return d
}

func sameBits(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: C[%d] = %v, another path gave %v", name, i, got[i], want[i])
		}
	}
}

func TestLongAndLarge(t *testing.T) {
	p := pool.New(3)
	defer p.Close()
	rng := rand.New(rand.NewPCG(3, 4))
	for _, l := range levels() {
		for _, s := range [][3]int{{3, 5, 9001}, {33, 40, 5000}, {1, 70, 5000}, {400, 90, 300}, {30, 9000, 7}, {2, 16, 4096}} {
			for trans := range 4 {
				a := gemm.Args{M: s[0], N: s[1], K: s[2], TransA: trans&1 != 0, TransB: trans&2 != 0, Accumulate: trans == 3, Batch: 1, ReLU: trans == 2}
				a.LDA, a.LDB, a.LDC = a.K, a.N, a.N
				if a.TransA {
					a.LDA = a.M
				}
				if a.TransB {
					a.LDB = a.K
				}
				fill(rng, &a)
				c := append([]float32(nil), a.C...)
				want, size := naive(&a, c)
				gemm.NewLevel(nil, l).Float32(&a)
				check(t, l.String()+" "+describe(&a), &a, a.C, want, size)
				first := append([]float32(nil), a.C...)
				copy(a.C, c)
				gemm.NewLevel(p, l).Float32(&a)
				sameBits(t, l.String()+" "+describe(&a)+", 3 threads", a.C, first)
			}
		}
	}
}

func TestRowsDoNotDependOnTheBatch(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const m, n, k = 37, 150, 600
	for _, l := range levels() {
		e := gemm.NewLevel(nil, l)
		a := gemm.Args{M: m, N: n, K: k, A: random(rng, m*k), B: random(rng, k*n), C: make([]float32, m*n)}
		e.Float32(&a)
		for i := range m {
			one := make([]float32, n)
			e.Float32(&gemm.Args{M: 1, N: n, K: k, A: a.A[i*k:], B: a.B, C: one})
			sameBits(t, fmt.Sprintf("%v row %d", l, i), one, a.C[i*n:][:n])
		}
	}
}

func TestNonFinite(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, l := range levels() {
		e := gemm.NewLevel(nil, l)
		for _, m := range []int{1, 3, 20} {
			const n, k = 35, 9
			a := gemm.Args{M: m, N: n, K: k, A: make([]float32, m*k), B: make([]float32, k*n), C: make([]float32, m*n), ReLU: true}
			for i := range a.A {
				a.A[i] = 1
			}
			a.B[4*n+2], a.B[4*n+3], a.B[4*n+34], a.B[5*n+34] = nan, -inf, inf, -inf
			e.Float32(&a)
			for r := range m {
				row := a.C[r*n:][:n]
				if !math.IsNaN(float64(row[2])) || row[3] != 0 || !math.IsNaN(float64(row[34])) || row[1] != 0 {
					t.Fatalf("%v, %d rows: row %d = %v %v %v %v", l, m, r, row[1], row[2], row[3], row[34])
				}
			}
		}
	}
}

func TestWarmProductAllocatesNothing(t *testing.T) {
	p := pool.New(2)
	defer p.Close()
	e := gemm.New(p)
	rng := rand.New(rand.NewPCG(7, 8))
	for _, s := range [][4]int{{200, 256, 256, 1}, {1, 256, 256, 1}, {16, 16, 16, 40}, {8, 8, 8192, 1}} {
		a := gemm.Args{M: s[0], N: s[1], K: s[2], Batch: s[3], StrideA: s[0] * s[2], StrideB: s[1] * s[2], StrideC: s[0] * s[1]}
		a.A, a.B, a.C = random(rng, s[3]*s[0]*s[2]), random(rng, s[3]*s[1]*s[2]), make([]float32, s[3]*s[0]*s[1])
		for range 20 {
			e.Float32(&a)
		}
		if n := testing.AllocsPerRun(50, func() { e.Float32(&a) }); n != 0 {
			t.Errorf("%v: %v allocations", s, n)
		}
	}
}

func TestWrongSizesPanic(t *testing.T) {
	e := gemm.New(nil)
	bad := []gemm.Args{
		{M: 2, N: 2, K: 2, A: make([]float32, 3), B: make([]float32, 4), C: make([]float32, 4)},
		{M: 2, N: 2, K: 2, A: make([]float32, 4), B: make([]float32, 3), C: make([]float32, 4)},
		{M: 2, N: 2, K: 2, A: make([]float32, 4), B: make([]float32, 4), C: make([]float32, 3)},
		{M: 2, N: 2, K: 2, A: make([]float32, 4), B: make([]float32, 4), C: make([]float32, 4), LDA: 1},
		{M: 2, N: 2, K: 2, A: make([]float32, 4), B: make([]float32, 4), C: make([]float32, 4), Bias: make([]float32, 1)},
		{M: 2, N: 2, K: 2, A: make([]float32, 4), B: make([]float32, 4), C: make([]float32, 8), Batch: 2},
		{M: -1},
	}
	for i, a := range bad {
		func() {
			defer func() {
				if s, ok := recover().(string); !ok || len(s) < 5 || s[:5] != "gemm:" {
					t.Errorf("case %d: panic %q, want one of package gemm", i, s)
				}
			}()
			e.Float32(&a)
		}()
	}
}
