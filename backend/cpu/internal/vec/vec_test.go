package vec_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"foresee/backend/cpu/internal/fence"
	"foresee/backend/cpu/internal/isa"
	"foresee/backend/cpu/internal/vec"
)

var (
	inf  = float32(math.Inf(1))
	nan  = float32(math.NaN())
	ends = []float32{0, float32(math.Copysign(0, -1)), 1, -1, inf, -inf, nan, 1e-45, -1e-45, 1e-39, -3e-39, math.MaxFloat32, -math.MaxFloat32,
		0x1p-126, -0x1p-126, 0.62, -0.62, 88.7, 88.73, -87.4, -100, -103.9, -104.1, 0.75, 1.5, -0.5, 0.5, 1.5, 2.5, -1.5, 4, -4, 3.1415927, 1e9, -1e30}
)

func onLevels(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	for _, l := range isa.Levels() {
		t.Run(l.String(), func(t *testing.T) {
			defer vec.SetLevel(l)()
			f(t)
		})
	}
}

func random(rng *rand.Rand, n int, scale float32) []float32 {
	s := fence.AtEnd(make([]float32, n))
	for i := range s {
		s[i] = (rng.Float32()*2 - 1) * scale
	}
	return s
}

func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// lengths are those around whole vectors, and one that is long.
func lengths() []int {
	var ns []int
	for n := range 70 {
		ns = append(ns, n)
	}
	return append(ns, 127, 128, 129, 255, 1031)
}

type elementwise struct {
	name string
	run  func(dst, a, b, c []float32)
	twin func(a, b, c float32) float32
}

func maxOf(a, b float32) float32 {
	if a != a || b != b {
		return nan
	}
	return max(a, b)
}

const s, u = float32(-1.75), float32(0.3)

func exact() []elementwise {
	scalar := func(f func(dst, a []float32, s float32)) func(dst, a, b, c []float32) {
		return func(dst, a, _, _ []float32) { f(dst, a, s) }
	}
	one := func(f func(dst, a []float32)) func(dst, a, b, c []float32) {
		return func(dst, a, _, _ []float32) { f(dst, a) }
	}
	two := func(f func(dst, a, b []float32)) func(dst, a, b, c []float32) {
		return func(dst, a, b, _ []float32) { f(dst, a, b) }
	}
	double := func(f func(float64) float64) func(a, b, c float32) float32 {
		return func(a, _, _ float32) float32 { return float32(f(float64(a))) }
	}
	return []elementwise{
		{"Add", two(vec.Add), func(a, b, _ float32) float32 { return a + b }},
		{"Sub", two(vec.Sub), func(a, b, _ float32) float32 { return a - b }},
		{"Mul", two(vec.Mul), func(a, b, _ float32) float32 { return a * b }},
		{"Div", two(vec.Div), func(a, b, _ float32) float32 { return a / b }},
		{"Max", two(vec.Max), func(a, b, _ float32) float32 { return maxOf(a, b) }},
		{"Min", two(vec.Min), func(a, b, _ float32) float32 { return -maxOf(-a, -b) }},
		{"AddScalar", scalar(vec.AddScalar), func(a, _, _ float32) float32 { return a + s }},
		{"SubScalar", scalar(vec.SubScalar), func(a, _, _ float32) float32 { return a - s }},
		{"MulScalar", scalar(vec.MulScalar), func(a, _, _ float32) float32 { return a * s }},
		{"DivScalar", scalar(vec.DivScalar), func(a, _, _ float32) float32 { return a / s }},
		{"MaxScalar", scalar(vec.MaxScalar), func(a, _, _ float32) float32 { return maxOf(a, s) }},
		{"MinScalar", scalar(vec.MinScalar), func(a, _, _ float32) float32 { return -maxOf(-a, -s) }},
		{"ScalarSub", func(d, a, _, _ []float32) { vec.ScalarSub(d, s, a) }, func(a, _, _ float32) float32 { return s - a }},
		{"ScalarDiv", func(d, a, _, _ []float32) { vec.ScalarDiv(d, s, a) }, func(a, _, _ float32) float32 { return s / a }},
		{"MulAdd", vec.MulAdd, fused},
		{"Axpy", func(d, a, b, _ []float32) { copy(d, b); vec.Axpy(d, a, s) }, func(a, b, _ float32) float32 { return fused(s, a, b) }},
		{"Affine", func(d, a, _, _ []float32) { vec.Affine(d, a, s, u) }, func(a, _, _ float32) float32 { return fused(a, s, u) }},
		{"Fill", func(d, _, _, _ []float32) { vec.Fill(d, s) }, func(_, _, _ float32) float32 { return s }},
		{"Neg", one(vec.Neg), func(a, _, _ float32) float32 { return -a }},
		{"Abs", one(vec.Abs), double(math.Abs)},
		{"Sqrt", one(vec.Sqrt), double(math.Sqrt)},
		{"Rsqrt", one(vec.Rsqrt), func(a, _, _ float32) float32 { return 1 / float32(math.Sqrt(float64(a))) }},
		{"Floor", one(vec.Floor), double(math.Floor)},
		{"Ceil", one(vec.Ceil), double(math.Ceil)},
		{"Round", one(vec.Round), double(math.RoundToEven)},
		{"ReLU", one(vec.ReLU), func(a, _, _ float32) float32 {
			if a < 0 {
				return 0
			}
			return a
		}},
		{"ReLUGrad", two(vec.ReLUGrad), func(a, b, _ float32) float32 {
			if a > 0 {
				return b
			}
			return 0
		}},
	}
}

// fused is a*b + c with one rounding, by sums long enough to be exact.
func fused(a, b, c float32) float32 {
	for _, x := range []float32{a, b, c} {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return float32(math.FMA(float64(a), float64(b), float64(c)))
		}
	}
	p := float64(a) * float64(b) // exact
	if p == 0 || p == -float64(c) {
		return float32(p + float64(c)) // exact, with the sign of a zero
	}
	sum := new(big.Float).SetPrec(700).Add(big.NewFloat(p), big.NewFloat(float64(c)))
	f, _ := sum.Float32()
	return f
}

// equal compares slices with NaN equal to NaN.
// TestGates compares the kernel with the same by kernels for one operation at a time: the same bits, whatever the length, in place
// too; NaN and infinities included.
func TestGates(t *testing.T) {
	onLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(6, 2))
		for _, n := range lengths() {
			in := make([][]float32, 7)
			for k := range in {
				in[k] = random(rng, n, 3)
				for range n / 8 {
					in[k][rng.IntN(n)] = []float32{inf, -inf, float32(math.NaN()), 0, 1e-40, 100, -100}[rng.IntN(7)]
				}
			}
			h, g, p := in[0], [3][]float32{in[1], in[2], in[3]}, [3][]float32{in[4], in[5], in[6]}
			r, u, next, want := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
			vec.Add(r, g[0], p[0])
			vec.Sigmoid(r, r)
			vec.Add(u, g[1], p[1])
			vec.Sigmoid(u, u)
			vec.Mul(next, r, p[2])
			vec.Add(next, g[2], next)
			vec.Tanh(next, next)
			vec.Sub(want, h, next)
			vec.Mul(want, u, want)
			vec.Add(want, next, want)
			got := make([]float32, n)
			vec.Gates(got, h, &g, &p)
			if !equal(got, want) {
				t.Fatalf("n = %d: %v, want %v", n, got, want)
			}
			vec.Gates(h, h, &g, &p)
			if !equal(h, want) {
				t.Fatalf("n = %d, in place: %v, want %v", n, h, want)
			}
		}
	})
}

func equal(a, b []float32) bool { return slices.EqualFunc(a, b, same) }

func TestElementwise(t *testing.T) {
	onLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 1))
		for _, op := range exact() {
			for _, n := range lengths() {
				a, b, c := random(rng, n, 3), random(rng, n, 3), random(rng, n, 3)
				dst := fence.AtEnd(make([]float32, n))
				op.run(dst, a, b, c)
				for i := range dst {
					if want := op.twin(a[i], b[i], c[i]); !same(dst[i], want) {
						t.Fatalf("%s n %d: [%d] of %v, %v, %v = %v, want %v", op.name, n, i, a[i], b[i], c[i], dst[i], want)
					}
				}
				if op.name != "Axpy" { // in place
					keep := slices.Clone(a)
					op.run(a, a, b, c)
					if !equal(a, dst) {
						t.Fatalf("%s in place: %v, want %v (of %v)", op.name, a, dst, keep)
					}
				}
			}
			for _, x := range ends {
				for _, y := range ends {
					dst := make([]float32, 17)
					op.run(dst, fill(17, x), fill(17, y), fill(17, 2))
					for i := range dst {
						want := op.twin(x, y, 2)
						if (x == 0 && y == 0 || x == 0 && op.name == "ReLU") && dst[i] == 0 && want == 0 {
							continue // of two zeros either may be the larger
						}
						if !same(dst[i], want) {
							t.Fatalf("%s of %v, %v = %v, want %v (lane %d)", op.name, x, y, dst[i], want, i)
						}
					}
				}
			}
		}
	})
}

func fill(n int, x float32) []float32 {
	f := make([]float32, n)
	for i := range f {
		f[i] = x
	}
	return f
}

type function struct {
	name string
	run  func(dst, a []float32)
	twin func(float64) float64
	ulp  float64 // largest error in units in the last place
	abs  float64 // or this absolute error
	lim  float64 // for |x| up to here; 0: for all
}

func functions() []function {
	return []function{
		{"Exp", vec.Exp, math.Exp, 1.5, 0, 0},
		{"Log", vec.Log, math.Log, 1.5, 0, 0},
		{"Log1p", vec.Log1p, math.Log1p, 2.5, 0, 0},
		{"Tanh", vec.Tanh, math.Tanh, 2.5, 0, 0},
		{"Sigmoid", vec.Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 2.5, 0, 0},
		{"Erf", vec.Erf, math.Erf, 1.5, 0, 0},
		{"GELU", vec.GELU, func(x float64) float64 {
			if math.IsInf(x, -1) {
				return 0
			}
			return x / 2 * math.Erfc(-x/math.Sqrt2)
		}, 8, 0, 0},
		{"GELU", vec.GELU, func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }, 5, 0, 13},
		{"GELUSlope", vec.GELUSlope, func(x float64) float64 {
			if math.IsInf(x, 0) {
				return max(0, math.Copysign(1, x))
			}
			return math.Erfc(-x/math.Sqrt2)/2 + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
		}, 2, 2e-7, 0},
		{"Sin", vec.Sin, math.Sin, 1, 1e-7, 100},
		{"Cos", vec.Cos, math.Cos, 1, 1e-7, 100},
		{"Sin", vec.Sin, math.Sin, 1, 1e-6, 0},
		{"Cos", vec.Cos, math.Cos, 1, 1e-6, 0},
	}
}

// ulpOf is the distance between two float32 near x.
func ulpOf(x float64) float64 {
	_, e := math.Frexp(x)
	return math.Ldexp(1, max(e-24, -149))
}

func TestFunctions(t *testing.T) {
	onLevels(t, func(t *testing.T) {
		for _, f := range functions() {
			worst, at := 0.0, float32(0)
			a := make([]float32, 4096)
			dst := make([]float32, len(a))
			// Every 4093rd float32 of both signs, in order, and the ends.
			for from, next := uint64(0), uint64(0); from < 1<<32; from = next {
				for i := range a {
					a[i] = math.Float32frombits(uint32(next))
					next += 4093
				}
				copy(a, ends)
				f.run(dst, a)
				for i, x := range a {
					if f.lim > 0 && !(math.Abs(float64(x)) <= f.lim) {
						continue
					}
					want, got := f.twin(float64(x)), float64(dst[i])
					w32 := float64(float32(want))
					if math.IsNaN(want) || math.IsInf(w32, 0) || math.IsInf(got, 0) || math.IsNaN(got) {
						// Just below the overflow the neighbour of the largest number may be infinite.
						if near := math.IsInf(got, 0) && want > 0.9999999*math.MaxFloat32; !near && !same(float32(got), float32(want)) {
							t.Fatalf("%s(%v) = %v, want %v", f.name, x, got, want)
						}
						continue
					}
					if f.abs > 0 && math.Abs(got-want) <= f.abs {
						continue
					}
					if e := math.Abs(got-want) / ulpOf(want); e > worst {
						worst, at = e, x
					}
				}
			}
			if worst > f.ulp {
				t.Errorf("%s: %.2f ulp off at %v, want at most %v", f.name, worst, at, f.ulp)
			}
			t.Logf("%s: %.2f ulp at %v", f.name, worst, at)
		}
	})
}

// TestPlace holds that an element's bits depend neither on its place nor on the length.
func TestPlace(t *testing.T) {
	onLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(2, 2))
		for _, f := range functions() {
			a := random(rng, 200, 5)
			whole := make([]float32, len(a))
			f.run(whole, a)
			for n := range 40 {
				off := rng.IntN(len(a) - n)
				src := fence.AtEnd(slices.Clone(a[off : off+n]))
				f.run(src, src)
				if !equal(src, whole[off:off+n]) {
					t.Fatalf("%s: %d elements from %d differ from the whole", f.name, n, off)
				}
			}
		}
	})
}

func TestReductions(t *testing.T) {
	onLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 3))
		for _, n := range lengths() {
			a, b := random(rng, n, 2), random(rng, n, 2)
			var sum, dot, sq float64
			hi, lo := -inf, inf
			for i := range a {
				sum += float64(a[i])
				dot += float64(a[i]) * float64(b[i])
				sq += float64(a[i]) * float64(a[i])
				hi, lo = max(hi, a[i]), min(lo, a[i])
			}
			for _, r := range []struct {
				name string
				got  float32
				want float64
				tol  float64
			}{{"Sum", vec.Sum(a), sum, 1e-5}, {"Dot", vec.Dot(a, b), dot, 3e-5}, {"SumSquares", vec.SumSquares(a), sq, 1e-5 + 1e-6*sq},
				{"MaxOf", vec.MaxOf(a), float64(hi), 0}, {"MinOf", vec.MinOf(a), float64(lo), 0}} {
				if !(math.Abs(float64(r.got)-r.want) <= r.tol) && float64(r.got) != r.want {
					t.Fatalf("%s of %d = %v, want %v", r.name, n, r.got, r.want)
				}
			}
			for i := range a {
				old := a[i]
				for _, x := range []float32{nan, inf, -inf} {
					a[i] = x
					wantMax, wantMin := x, x
					if x == inf && n > 1 {
						wantMin = slices.Min(append(slices.Clone(a[:i]), a[i+1:]...))
					}
					if x == -inf && n > 1 {
						wantMax = slices.Max(append(slices.Clone(a[:i]), a[i+1:]...))
					}
					if g := vec.MaxOf(a); !same(g, wantMax) {
						t.Fatalf("MaxOf of %d with %v at %d = %v, want %v", n, x, i, g, wantMax)
					}
					if g := vec.MinOf(a); !same(g, wantMin) {
						t.Fatalf("MinOf of %d with %v at %d = %v, want %v", n, x, i, g, wantMin)
					}
					if g := vec.Sum(a); !same(g, x) {
						t.Fatalf("Sum of %d with %v at %d = %v", n, x, i, g)
					}
				}
				a[i] = old
			}
		}
	})
}

func TestAddRows(t *testing.T) {
	onLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(4, 4))
		for _, cols := range lengths() {
			for _, rows := range []int{0, 1, 2, 5} {
				stride := cols + rng.IntN(4)
				a := random(rng, max(0, (rows-1)*stride+cols), 2)
				got := random(rng, cols, 2)
				want := slices.Clone(got)
				for r := range rows {
					for i := range want {
						want[i] += a[r*stride+i]
					}
				}
				vec.AddRows(got, a, rows, stride)
				if !equal(got, want) {
					t.Fatalf("[%d, %d]: %v, want %v", rows, cols, got, want)
				}
			}
		}
	})
}

func TestByRow(t *testing.T) {
	dst := make([]float32, 6)
	vec.ByRow(vec.Add, dst, []float32{1, 2, 3, 4, 5, 6}, []float32{10, 20, 30})
	if want := []float32{11, 22, 33, 14, 25, 36}; !equal(dst, want) {
		t.Fatalf("%v, want %v", dst, want)
	}
}

func TestBytes(t *testing.T) {
	compares := map[string]struct {
		run  func(dst []bool, a, b []float32)
		twin func(a, b float32) bool
	}{
		"Less":         {vec.Less, func(a, b float32) bool { return a < b }},
		"LessEqual":    {vec.LessEqual, func(a, b float32) bool { return a <= b }},
		"Greater":      {vec.Greater, func(a, b float32) bool { return a > b }},
		"GreaterEqual": {vec.GreaterEqual, func(a, b float32) bool { return a >= b }},
		"Equal":        {vec.Equal, func(a, b float32) bool { return a == b }},
		"NotEqual":     {vec.NotEqual, func(a, b float32) bool { return a != b }},
	}
	onLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 5))
		for _, n := range lengths() {
			a, b := random(rng, n, 2), random(rng, n, 2)
			for i := range a {
				switch rng.IntN(4) {
				case 0:
					a[i] = ends[rng.IntN(len(ends))]
				case 1:
					a[i] = b[i]
				}
			}
			for name, c := range compares {
				got := fence.AtEnd(make([]bool, n))
				c.run(got, a, b)
				for i := range got {
					if *(*byte)(unsafe.Pointer(&got[i])) > 1 || got[i] != c.twin(a[i], b[i]) {
						t.Fatalf("%s n %d: %v, %v gives %v", name, n, a[i], b[i], got[i])
					}
				}
				sel := fence.AtEnd(make([]float32, n))
				vec.Select(sel, got, a, b)
				for i := range sel {
					want := b[i]
					if got[i] {
						want = a[i]
					}
					if !same(sel[i], want) {
						t.Fatalf("Select n %d: [%d] = %v, want %v", n, i, sel[i], want)
					}
				}
			}
			raw := fence.AtEnd(make([]uint8, n))
			for i := range raw {
				raw[i] = uint8(rng.Uint32())
			}
			dst := fence.AtEnd(make([]float32, n))
			vec.FromBytes(dst, raw, 1.0/255, -0.5)
			for i := range dst {
				if want := fused(float32(raw[i]), 1.0/255, -0.5); dst[i] != want {
					t.Fatalf("FromBytes(%d) = %v, want %v", raw[i], dst[i], want)
				}
			}
		}
	})
}

// TestIntegers compares the conversions of products of bytes with plain Go.
func TestIntegers(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	const most = 70
	intsEnd, signedEnd, floatsEnd := fence.AtEnd(make([]int32, most)), fence.AtEnd(make([]int8, most)), fence.AtEnd(make([]float32, most))
	onLevels(t, func(t *testing.T) {
		for n := range most {
			ints, signed, floats := intsEnd[most-n:], signedEnd[most-n:], floatsEnd[most-n:]
			for i := range ints {
				ints[i] = int32(rng.Uint32()) >> rng.IntN(32)
			}
			vec.FromInts(floats, ints)
			for i, x := range ints {
				if floats[i] != float32(x) {
					t.Fatalf("FromInts(%d) = %v", x, floats[i])
				}
			}
			for i := range floats {
				floats[i] = float32(rng.NormFloat64()) * 100
				if edge := rng.IntN(20); edge < len(edges) {
					floats[i] = edges[edge]
				}
			}
			vec.ToSigned(signed, floats)
			for i, x := range floats {
				if want := signedOf(x); signed[i] != want {
					t.Fatalf("ToSigned(%v) = %d, want %d", x, signed[i], want)
				}
			}
		}
	})
}

var edges = []float32{127, 127.99, 128, 1e30, -128, -128.99, -129, -1e30, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), -0.9}

// signedOf counts towards x from 0, as far as a signed byte goes.
func signedOf(x float32) (b int8) {
	for x >= float32(b)+1 && b < 127 {
		b++
	}
	for x <= float32(b)-1 && b > -128 {
		b--
	}
	return b
}

func TestShortSourcePanics(t *testing.T) {
	for i, f := range []func(){
		func() { vec.Add(make([]float32, 3), make([]float32, 2, 2), make([]float32, 3)) },
		func() { vec.Exp(make([]float32, 3), make([]float32, 2, 2)) },
		func() { vec.Dot(make([]float32, 3), make([]float32, 2, 2)) },
		func() { vec.AddRows(make([]float32, 3), make([]float32, 7), 2, 5) },
		func() { vec.ByRow(vec.Add, make([]float32, 4), make([]float32, 4), make([]float32, 3)) },
		func() { vec.FromBytes(make([]float32, 3), make([]uint8, 2, 2), 1, 0) },
		func() { vec.FromInts(make([]float32, 3), make([]int32, 2, 2)) },
		func() { vec.ToSigned(make([]int8, 3), make([]float32, 2, 2)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("case %d did not panic", i)
				}
			}()
			f()
		}()
	}
}

func Benchmark(b *testing.B) {
	a := random(rand.New(rand.NewPCG(6, 6)), 1024, 3)
	c, dst := slices.Clone(a), make([]float32, 1024)
	ops := []elementwise{}
	for _, f := range functions() {
		ops = append(ops, elementwise{name: f.name, run: func(d, a, _, _ []float32) { f.run(d, a) }})
	}
	hidden := make([]float32, 1024)
	vec.Fill(hidden, -inf)
	ops = append(ops, elementwise{name: "ExpOfHidden", run: func(d, _, _, _ []float32) { vec.Exp(d, hidden) }})
	ops = append(exact()[:4], ops...)
	for _, l := range isa.Levels()[1:] {
		for _, op := range ops {
			b.Run(fmt.Sprintf("%s/%v", op.name, l), func(b *testing.B) {
				defer vec.SetLevel(l)()
				for b.Loop() {
					op.run(dst, a, c, c)
				}
				b.ReportMetric(1024*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "Gelem/s")
			})
		}
	}
}

// TestStream copies matrices to every place in a cache line, and looks that gaps and what follows stay.
func TestStream(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	const most = 6 * 96
	src, dst := fence.AtEnd(make([]float32, most)), fence.AtEnd(make([]float32, most))
	onLevels(t, func(t *testing.T) {
		for i := range 400 {
			r := vec.Rows{Rows: rng.IntN(5), Cols: rng.IntN(70)}
			if i%2 == 0 {
				r.Cols = 16 * rng.IntN(5)
			}
			r.DstStep, r.SrcStep = r.Cols+16*rng.IntN(3), r.Cols+rng.IntN(9)
			if i%3 == 0 {
				r.DstStep = r.Cols + rng.IntN(9)
			}
			size := func(step int) int { return max(0, (r.Rows-1)*step+r.Cols) }
			from, to := src[most-size(r.SrcStep):], dst[most-size(r.DstStep)-rng.IntN(17)*(i/2%2):]
			for k := range dst {
				dst[k] = -1
			}
			for k := range from {
				from[k] = rng.Float32()
			}
			want := slices.Clone(to)
			for row := range r.Rows {
				for k := range r.Cols {
					want[row*r.DstStep+k] = from[row*r.SrcStep+k]
				}
			}
			r.Stream(to, from)
			for k, v := range to {
				if v != want[k] {
					t.Fatalf("%+v: %d is %v, want %v", r, k, v, want[k])
				}
			}
		}
	})
}
