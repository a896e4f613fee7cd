package gemm16_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"foresee/backend/cpu/internal/fence"
	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/gemm16"
	"foresee/backend/cpu/internal/isa"
	"foresee/backend/cpu/internal/pool"
)

// everyEngine returns engines of 1, 2 and 3 threads for each level of this machine.
func everyEngine(t *testing.T) map[isa.Level][]*gemm16.Engine {
	pools := []*pool.Pool{nil, pool.New(2), pool.New(3)}
	t.Cleanup(pools[1].Close)
	t.Cleanup(pools[2].Close)
	engines := map[isa.Level][]*gemm16.Engine{}
	for _, l := range isa.Levels() {
		for _, p := range pools {
			engines[l] = append(engines[l], gemm16.NewLevel(p, l))
		}
	}
	return engines
}

// filling gives the values of a matrix.
type filling func(rng *rand.Rand) float64

func normal(rng *rand.Rand) float64   { return rng.NormFloat64() }
func positive(rng *rand.Rand) float64 { return 1 + rng.Float64() } // the longest sums
func alike(*rand.Rand) float64        { return 1 }
func heavy(rng *rand.Rand) float64    { return math.Exp(6 * rng.NormFloat64()) }
func tiny(rng *rand.Rand) float64     { return 1e-30 * rng.NormFloat64() }
func huge(rng *rand.Rand) float64     { return 1e18 * rng.NormFloat64() }
func sparse(rng *rand.Rand) float64 {
	if rng.IntN(8) > 0 {
		return 0
	}
	return rng.NormFloat64()
}

var fills = []filling{normal, normal, normal, positive, alike, heavy, tiny, huge, sparse}

func floats(rng *rand.Rand, n int) []float32 {
	f, s := fills[rng.IntN(len(fills))], make([]float32, n)
	for i := range s {
		s[i] = float32(f(rng))
	}
	return fence.AtEnd(s)
}

// extent returns the values that [rows, cols] takes without what follows the last row.
func extent(rows, cols, ld int) int {
	if rows == 0 || cols == 0 {
		return 0
	}
	return (rows-1)*ld + cols
}

// product is one random product, in float64 too.
type product struct {
	args  gemm.Args
	c     []float32 // what was in C before
	want  []float64
	norms []float64 // of the row and column of each element of C, multiplied
}

func (p *product) String() string {
	a := &p.args
	return fmt.Sprintf("[%d, %d]·[%d, %d], strides %d, %d, %d, transposed %t, %t, bias %t, ReLU %t",
		a.M, a.K, a.K, a.N, a.LDA, a.LDB, a.LDC, a.TransA, a.TransB, a.Bias != nil, a.ReLU)
}

func stored(rng *rand.Rand, rows, cols int, trans bool) (data []float32, ld int) {
	if trans {
		rows, cols = cols, rows
	}
	ld = cols + rng.IntN(3)
	return floats(rng, extent(rows, cols, ld)), ld
}

func newProduct(rng *rand.Rand, m, n, k int) *product {
	p := &product{args: gemm.Args{M: m, N: n, K: k, LDC: n + rng.IntN(3), TransA: rng.IntN(2) == 0, TransB: rng.IntN(2) == 0, ReLU: rng.IntN(3) == 0}}
	a := &p.args
	a.A, a.LDA = stored(rng, m, k, a.TransA)
	a.B, a.LDB = stored(rng, k, n, a.TransB)
	if rng.IntN(2) == 0 {
		a.Bias = floats(rng, n)
	}
	for range extent(m, n, a.LDC) {
		p.c = append(p.c, rng.Float32())
	}
	a.C = fence.AtEnd(make([]float32, len(p.c)))
	p.twin()
	return p
}

func at(s []float32, ld int, trans bool, i, j int) float64 {
	if trans {
		i, j = j, i
	}
	return float64(s[i*ld+j])
}

// twin computes the product in float64, one by one.
func (p *product) twin() {
	a := &p.args
	p.want, p.norms = make([]float64, len(p.c)), make([]float64, len(p.c))
	for i, v := range p.c {
		p.want[i] = float64(v)
	}
	for m := range a.M {
		for n := range a.N {
			var sum, left, right float64
			for k := range a.K {
				x, y := at(a.A, a.LDA, a.TransA, m, k), at(a.B, a.LDB, a.TransB, k, n)
				sum, left, right = sum+x*y, left+x*x, right+y*y
			}
			if a.Bias != nil {
				sum += float64(a.Bias[n])
			}
			if a.ReLU {
				sum = max(sum, 0)
			}
			p.want[m*a.LDC+n], p.norms[m*a.LDC+n] = sum, math.Sqrt(left*right)
		}
	}
}

// check compares everything in C, gaps included. An error of 1e-5 of the norms is one standard deviation; six of them, and
// the roundings of float32, must not be left.
func (p *product) check(t *testing.T, name string) {
	t.Helper()
	for i, w := range p.want {
		allowed := 6e-5*p.norms[i] + 1e-6*math.Abs(w) + 1e-44
		if diff := math.Abs(float64(p.args.C[i]) - w); !(diff <= allowed) {
			t.Fatalf("%s: %v: C[%d] = %g, want %g within %g", name, p, i, p.args.C[i], w, allowed)
		}
	}
}

var sizes = []int{0, 1, 2, 3, 4, 5, 7, 8, 13, 14, 15, 16, 17, 28, 29, 31, 32, 33, 48, 61, 63, 64, 65, 97, 127, 128, 131, 200, 257, 384}

// TestMatchesTwin: every level is near the twin in float64; every number of threads, a B that is packed beforehand and
// pieces of rows have the same bits.
func TestMatchesTwin(t *testing.T) {
	engines := everyEngine(t)
	rng := rand.New(rand.NewPCG(1, 16))
	pick := func() int { return sizes[rng.IntN(len(sizes))] }
	for round := range 300 {
		m, n, k := pick(), pick(), pick()
		switch round % 100 {
		case 50: // parts below each other
			m, n, k = 523, 389, 257
		case 60, 70: // two chunks of k
			m, n, k = 1+rng.IntN(40), 1+rng.IntN(40), 2048+rng.IntN(2100)
		}
		p := newProduct(rng, m, n, k)
		for l, es := range engines {
			var first []float32
			for i, e := range es {
				copy(p.args.C, p.c)
				e.Float32(&p.args)
				p.check(t, fmt.Sprintf("%v, %d threads", l, i+1))
				if first == nil {
					first = append(first, p.args.C...)
				}
				p.same(t, fmt.Sprintf("%v, %d threads", l, i+1), first)
				p.packed(rng, e)
				p.same(t, fmt.Sprintf("%v, %d threads, packed", l, i+1), first)
			}
		}
	}
}

func (p *product) same(t *testing.T, name string, want []float32) {
	t.Helper()
	for i, w := range want {
		if math.Float32bits(p.args.C[i]) != math.Float32bits(w) {
			t.Fatalf("%s: %v: C[%d] = %g, want %g as before", name, p, i, p.args.C[i], w)
		}
	}
}

// packed computes C again with a B that is packed beforehand, in pieces of rows if A is read in place.
func (p *product) packed(rng *rand.Rand, e *gemm16.Engine) {
	a := p.args
	right := make([]float32, e.PackedSize(a.K, a.N))
	for i := range right {
		right[i] = float32(math.NaN())
	}
	right = fence.AtEnd(right)
	e.Pack(right, &a)
	copy(a.C, p.c)
	a.B = nil
	if a.TransA || a.M == 0 || a.N == 0 || a.K == 0 {
		e.Float32Packed(&a, right)
		return
	}
	a.TransB = false
	for lo := 0; lo < a.M; {
		hi := min(a.M, lo+1+rng.IntN(40))
		piece := a
		piece.M, piece.A, piece.C = hi-lo, a.A[lo*a.LDA:], a.C[lo*a.LDC:]
		e.Part(&gemm.Part{Args: piece, Right: right, N1: a.N})
		lo = hi
	}
}

// TestErrorIsAsDocumented measures the deviation that doc.go states, in units of the norms.
func TestErrorIsAsDocumented(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 16))
	for _, k := range []int{64, 192, 768, 1024} {
		p := &product{args: gemm.Args{M: 64, N: 64, K: k, LDA: k, LDB: 64, LDC: 64, C: make([]float32, 64*64)}, c: make([]float32, 64*64)}
		for range 64 * k {
			p.args.A, p.args.B = append(p.args.A, float32(rng.NormFloat64())), append(p.args.B, float32(rng.NormFloat64()))
		}
		p.twin()
		for _, l := range isa.Levels() {
			gemm16.NewLevel(nil, l).Float32(&p.args)
			sum := 0.0
			for i, w := range p.want {
				e := (float64(p.args.C[i]) - w) / p.norms[i]
				sum += e * e
			}
			if deviation := math.Sqrt(sum / float64(len(p.want))); deviation < 7e-6 || deviation > 1.1e-5 {
				t.Errorf("%v, k = %d: deviation %.2g, want 9e-6", l, k, deviation)
			}
		}
	}
}

// TestNotFinite: a value that is not finite makes NaN of its row or column and of nothing else.
func TestNotFinite(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 16))
	for l, es := range everyEngine(t) {
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			for _, trans := range []bool{false, true} {
				a := gemm.Args{M: 40, N: 50, K: 60, C: make([]float32, 40*50), TransA: trans, TransB: trans, ReLU: trans}
				for range a.M * a.K {
					a.A = append(a.A, rng.Float32())
				}
				for range a.K * a.N {
					a.B = append(a.B, rng.Float32())
				}
				row, column, k := 17, 33, 59
				i, j := row*a.K+k, k*a.N+column
				if trans {
					i, j = k*a.M+row, column*a.K+k
				}
				a.A[i], a.B[j] = bad, bad
				es[1].Float32(&a)
				for m := range a.M {
					for n := range a.N {
						v := float64(a.C[m*a.N+n])
						if want := m == row || n == column; math.IsNaN(v) != want || !want && !(v > 0 && v < 60) {
							t.Fatalf("%v, transposed %t, %g: C[%d, %d] = %g", l, trans, bad, m, n, v)
						}
					}
				}
			}
		}
	}
}

// TestAllocatesNothing: a warm product has all its memory, whatever sizes alternate; 41 columns fill no tile.
func TestAllocatesNothing(t *testing.T) {
	small := gemm.Args{M: 40, N: 41, K: 40, A: make([]float32, 1600), B: make([]float32, 1640), C: make([]float32, 1640), Bias: make([]float32, 41)}
	large := gemm.Args{M: 80, N: 160, K: 90, TransA: true, A: make([]float32, 7200), B: make([]float32, 14400), C: make([]float32, 12800)}
	larger := gemm.Args{M: 180, N: 160, K: 90, TransB: true, A: make([]float32, 16200), B: make([]float32, 14400), C: make([]float32, 28800)}
	for _, l := range isa.Levels() {
		e := gemm16.NewLevel(nil, l)
		if n := testing.AllocsPerRun(10, func() {
			for _, a := range []*gemm.Args{&small, &large, &larger, &small} {
				e.Float32(a)
			}
		}); n != 0 {
			t.Errorf("%v: %g allocations in a warm round", l, n)
		}
	}
}
