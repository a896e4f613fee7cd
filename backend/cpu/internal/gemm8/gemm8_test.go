package gemm8_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"foresee/backend/cpu/internal/fence"
	"foresee/backend/cpu/internal/gemm8"
	"foresee/backend/cpu/internal/isa"
	"foresee/backend/cpu/internal/pool"
)

// everyEngine returns an engine of 1, 2 and 3 threads for each level of this machine.
func everyEngine(t *testing.T) map[isa.Level][]*gemm8.Engine {
	pools := []*pool.Pool{nil, pool.New(2), pool.New(3)}
	t.Cleanup(pools[1].Close)
	t.Cleanup(pools[2].Close)
	engines := map[isa.Level][]*gemm8.Engine{}
	for _, l := range isa.Levels() {
		for _, p := range pools {
			engines[l] = append(engines[l], gemm8.NewLevel(p, l))
		}
	}
	return engines
}

// twin sets c to the sums, one by one.
func twin(a *gemm8.Args, b gemm8.Matrix, c []int32) {
	for m := range a.M {
		for n := range a.N {
			sum := 0
			for k := range a.K {
				i := k*b.LD + n
				if b.Transposed {
					i = n*b.LD + k
				}
				sum += int(a.A[m*a.LDA+k]) * int(b.Data[i])
			}
			c[m*a.LDC+n] = int32(sum)
		}
	}
}

// twinFloats sets f from the sums c, in a pass for each step.
func twinFloats(a *gemm8.Args, c []int32, f []float32) {
	each := func(do func(v *float32, m, n int)) {
		for m := range a.M {
			for n := range a.N {
				do(&f[m*a.LDC+n], m, n)
			}
		}
	}
	each(func(v *float32, m, n int) { *v = float32(c[m*a.LDC+n]) })
	each(func(v *float32, m, _ int) { *v *= a.Rows[m] })
	each(func(v *float32, _, n int) { *v *= a.Columns[n] })
	if a.Bias != nil {
		each(func(v *float32, _, n int) { *v += a.Bias[n] })
	}
}

// filling gives the values of a matrix.
type filling func(rng *rand.Rand) int8

func anything(rng *rand.Rand) int8 { return int8(rng.Uint32()) }
func least(*rand.Rand) int8        { return -128 }
func most(*rand.Rand) int8         { return 127 }
func ends(rng *rand.Rand) int8     { return int8(127 + rng.UintN(2)) }

func bytes(rng *rand.Rand, n int, f filling) []int8 {
	s := make([]int8, n)
	for i := range s {
		s[i] = f(rng)
	}
	return fence.AtEnd(s)
}

func floats(rng *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(rng.NormFloat64())
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

var sizes = []int{0, 1, 2, 3, 4, 5, 7, 8, 13, 14, 15, 16, 17, 28, 29, 31, 32, 33, 48, 61, 63, 64, 65, 97, 127, 128, 131, 200, 257, 384}

// product is one random product, and what it should be.
type product struct {
	args gemm8.Args
	b    gemm8.Matrix
	c    []int32 // what was in C before
	f    []float32
	want []int32
	real []float32
	outC []int32 // where results go
	outF []float32
}

func newProduct(rng *rand.Rand, m, n, k int) *product {
	p := &product{args: gemm8.Args{M: m, N: n, K: k, LDA: k + rng.IntN(3), LDC: n + rng.IntN(3)}}
	a := &p.args
	p.b = gemm8.Matrix{K: a.K, N: a.N, LD: a.N + rng.IntN(3), Transposed: rng.IntN(2) == 0}
	rows, cols := a.K, a.N
	if p.b.Transposed {
		p.b.LD = a.K + rng.IntN(3)
		rows, cols = cols, rows
	}
	fills := []filling{anything, anything, anything, least, most, ends}
	a.A = bytes(rng, extent(a.M, a.K, a.LDA), fills[rng.IntN(len(fills))])
	p.b.Data = bytes(rng, extent(rows, cols, p.b.LD), fills[rng.IntN(len(fills))])
	for range extent(a.M, a.N, a.LDC) {
		p.c, p.f = append(p.c, rng.Int32()), append(p.f, rng.Float32())
	}
	a.Rows, a.Columns = floats(rng, a.M), floats(rng, a.N)
	if rng.IntN(3) > 0 {
		a.Bias = floats(rng, a.N)
	}
	p.want, p.real = append([]int32(nil), p.c...), append([]float32(nil), p.f...)
	p.outC, p.outF = fence.AtEnd(p.c), fence.AtEnd(p.f)
	twin(a, p.b, p.want)
	twinFloats(a, p.want, p.real)
	return p
}

func (p *product) String() string {
	return fmt.Sprintf("[%d, %d]·[%d, %d], strides %d, %d, %d, transposed %t, bias %t",
		p.args.M, p.args.K, p.args.K, p.args.N, p.args.LDA, p.b.LD, p.args.LDC, p.b.Transposed, p.args.Bias != nil)
}

// check runs the product on an engine, as sums and as floats, and compares everything in the result, gaps included.
func (p *product) check(t *testing.T, name string, e *gemm8.Engine) {
	t.Helper()
	packed := make([]byte, e.PackedSize(p.args.K, p.args.N))
	for i := range packed {
		packed[i] = 0xa5
	}
	packed = fence.AtEnd(packed)
	e.Pack(packed, p.b)
	a := p.args
	a.C = p.outC
	copy(a.C, p.c)
	e.Product(&a, packed)
	for i, w := range p.want {
		if a.C[i] != w {
			t.Fatalf("%s: %v: C[%d] = %d, want %d", name, p, i, a.C[i], w)
		}
	}
	a.Floats = p.outF
	copy(a.Floats, p.f)
	e.Product(&a, packed)
	for i, w := range p.real {
		if math.Float32bits(a.Floats[i]) != math.Float32bits(w) {
			t.Fatalf("%s: %v: Floats[%d] = %g, want %g", name, p, i, a.Floats[i], w)
		}
	}
}

// TestProductMatchesTwin: every level and number of threads has the bits of the twin, which are those of each other.
func TestProductMatchesTwin(t *testing.T) {
	engines := everyEngine(t)
	rng := rand.New(rand.NewPCG(1, 8))
	pick := func() int { return sizes[rng.IntN(len(sizes))] }
	for round := range 300 {
		m, n, k := pick(), pick(), pick()
		if round%4 == 0 {
			m = 1 + rng.IntN(15)
		}
		if round%100 == 50 { // parts beside and below each other
			m, n, k = 523, 389, 257
		}
		p := newProduct(rng, m, n, k)
		for l, es := range engines {
			for th, e := range es {
				p.check(t, fmt.Sprintf("%v, round %d, %d threads", l, round, th+1), e)
			}
		}
	}
}

// TestWrapsAndLongK: sums at the ends of int32 are exact, and wrap past them, with A in several blocks of rows.
func TestWrapsAndLongK(t *testing.T) {
	engines := everyEngine(t)
	const m, n = 17, 35
	same := func(v int8, n int) []int8 { return bytes(nil, n, func(*rand.Rand) int8 { return v }) }
	for _, k := range []int{131071, 131072, 140003} {
		for _, v := range [][2]int8{{-128, -128}, {127, 127}, {-128, 127}, {127, -128}} {
			if k < 140000 && v[0] != v[1] {
				continue // far from the ends
			}
			a := gemm8.Args{M: m, N: n, K: k, A: same(v[0], m*k), C: make([]int32, m*n)}
			b := gemm8.Matrix{K: k, N: n, Data: same(v[1], k*n)}
			want := int32(int(v[0]) * int(v[1]) * k)
			for l, es := range engines {
				packed := make([]byte, es[0].PackedSize(k, n))
				es[0].Pack(packed, b)
				for th, e := range es {
					clear(a.C)
					e.Product(&a, packed)
					for i, c := range a.C {
						if c != want {
							t.Fatalf("%v, %d threads, k %d of %d: C[%d] = %d, want %d", l, th+1, k, v, i, c, want)
						}
					}
				}
			}
		}
	}
}

// TestManyProducts: one engine serves products of changing shapes, from several goroutines at once.
func TestManyProducts(t *testing.T) {
	engines := everyEngine(t)
	for l, es := range engines {
		for th, e := range es {
			t.Run(fmt.Sprintf("%v-%d", l, th+1), func(t *testing.T) {
				for g := range 3 {
					t.Run(fmt.Sprint(g), func(t *testing.T) {
						t.Parallel()
						rng := rand.New(rand.NewPCG(uint64(g), 9))
						for range 15 {
							newProduct(rng, 1+rng.IntN(90), 1+rng.IntN(150), rng.IntN(150)).check(t, "", e)
						}
					})
				}
			})
		}
	}
}

// TestWarmProductAllocatesNothing: what a product needs is kept.
func TestWarmProductAllocatesNothing(t *testing.T) {
	p := pool.New(2)
	defer p.Close()
	rng := rand.New(rand.NewPCG(3, 3))
	for _, l := range isa.Levels() {
		e := gemm8.NewLevel(p, l)
		x := newProduct(rng, 40, 100, 128)
		packed := make([]byte, e.PackedSize(128, 100))
		e.Pack(packed, x.b)
		x.args.C = make([]int32, len(x.c))
		if n := testing.AllocsPerRun(20, func() { e.Product(&x.args, packed) }); n != 0 {
			t.Errorf("%v: %g allocations", l, n)
		}
	}
}

// TestMisfitsPanic: each size and slice that does not fit is named.
func TestMisfitsPanic(t *testing.T) {
	e := gemm8.New(nil)
	fits := func() gemm8.Args {
		return gemm8.Args{M: 3, N: 5, K: 4, A: make([]int8, 12), C: make([]int32, 15), Rows: make([]float32, 3), Columns: make([]float32, 5)}
	}
	packed := make([]byte, e.PackedSize(4, 5))
	e.Pack(packed, gemm8.Matrix{K: 4, N: 5, Data: make([]int8, 20)})
	a := fits()
	e.Product(&a, packed)
	for name, spoil := range map[string]func(a *gemm8.Args){
		"M": func(a *gemm8.Args) { a.M = -1 }, "A": func(a *gemm8.Args) { a.A = a.A[1:] }, "LDA": func(a *gemm8.Args) { a.LDA = 3 },
		"C": func(a *gemm8.Args) { a.C = a.C[1:] }, "LDC": func(a *gemm8.Args) { a.LDC = 6 },
		"Floats":  func(a *gemm8.Args) { a.Floats = make([]float32, 14) },
		"Rows":    func(a *gemm8.Args) { a.Floats, a.Rows = make([]float32, 15), a.Rows[1:] },
		"Columns": func(a *gemm8.Args) { a.Floats, a.Columns = make([]float32, 15), a.Columns[1:] },
		"Bias":    func(a *gemm8.Args) { a.Floats, a.Bias = make([]float32, 15), make([]float32, 4) },
		"packed":  func(a *gemm8.Args) { a.N, a.C = 500, make([]int32, 1500) },
	} {
		a := fits()
		spoil(&a)
		panics(t, name, func() { e.Product(&a, packed) })
	}
	for name, b := range map[string]gemm8.Matrix{
		"K": {K: -1, N: 5}, "Data": {K: 4, N: 5, Data: make([]int8, 19)}, "LD": {K: 4, N: 5, LD: 4, Data: make([]int8, 99)},
		"room": {K: 4, N: 500, Data: make([]int8, 2000)},
	} {
		panics(t, name, func() { e.Pack(packed, b) })
	}
}

func panics(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if v := fmt.Sprint(recover()); len(v) < 6 || v[:6] != "gemm8:" {
			t.Errorf("%s: %s", name, v)
		}
	}()
	f()
}
