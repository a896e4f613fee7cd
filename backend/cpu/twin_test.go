package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// Naive twins of the operations that the conformance suite does not touch.

type values = []compute.Value

func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// indexOf and at convert between a flat position and an index.
func indexOf(dims []int, at int) []int {
	index := make([]int, len(dims))
	for i := len(dims) - 1; i >= 0; i-- {
		index[i] = at % dims[i]
		at /= dims[i]
	}
	return index
}

func at(dims, index []int) int {
	n := 0
	for i, d := range dims {
		n = n*d + index[i]
	}
	return n
}

func floats(rng *rand.Rand, dims ...int) []float32 {
	x := make([]float32, size(dims))
	for i := range x {
		x[i] = float32(math.Round(rng.NormFloat64()*4) / 2) // ties are common
	}
	return x
}

func randomDims(rng *rand.Rand, rank, most int) []int {
	dims := make([]int, rank)
	for i := range dims {
		dims[i] = rng.IntN(most + 1)
	}
	return dims
}

func same(t *testing.T, name string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%s\n got %v\nwant %v", name, got, want)
	}
}

func TestPad(t *testing.T) {
	b, rng := own(t), rand.New(rand.NewPCG(1, 1))
	for trial := range 60 {
		dims := randomDims(rng, 1+rng.IntN(3), 4)
		pads := make([]compute.PadAxis, len(dims))
		out := make([]int, len(dims))
		for i, d := range dims {
			p := compute.PadAxis{Start: rng.IntN(5) - 2, End: rng.IntN(5) - 2, Interior: rng.IntN(3)}
			out[i] = d + p.Start + p.End + max(0, d-1)*p.Interior
			if out[i] < 0 {
				p = compute.PadAxis{}
				out[i] = d
			}
			pads[i] = p
		}
		x := floats(rng, dims...)
		want := make([]float32, size(out))
		for i := range want {
			want[i] = 7
			src := indexOf(out, i)
			inside := true
			for k, p := range pads {
				v := src[k] - p.Start
				inside = inside && v >= 0 && v%(p.Interior+1) == 0 && v/(p.Interior+1) < dims[k]
				if inside {
					src[k] = v / (p.Interior + 1)
				}
			}
			if inside {
				want[i] = x[at(dims, src)]
			}
		}
		got := run(t, b, []tensor{{x, dims}, {[]float32{7}, nil}}, func(f compute.Function, v []compute.Value) (compute.Value, error) {
			return f.Pad(v[0], v[1], pads...)
		})
		same(t, fmt.Sprintf("trial %d: pad %v by %v", trial, dims, pads), got, want)
	}
}

func TestDynamicSlices(t *testing.T) {
	b, rng := own(t), rand.New(rand.NewPCG(2, 1))
	for trial := range 60 {
		dims := randomDims(rng, 1+rng.IntN(3), 5)
		box := make([]int, len(dims))
		start := make([]int, len(dims))
		inputs := []tensor{{floats(rng, dims...), dims}}
		for i, d := range dims {
			box[i] = rng.IntN(d + 1)
			s := int32(rng.IntN(12) - 4)
			inputs = append(inputs, tensor{[]int32{s}, nil})
			start[i] = max(0, min(int(s), d-box[i]))
		}
		x := inputs[0].flat.([]float32)
		want := make([]float32, size(box))
		for i := range want {
			src := indexOf(box, i)
			for k := range src {
				src[k] += start[k]
			}
			want[i] = x[at(dims, src)]
		}
		name := fmt.Sprintf("trial %d: %v of %v at %v", trial, box, dims, start)
		got := run(t, b, inputs, func(f compute.Function, v []compute.Value) (compute.Value, error) {
			return f.DynamicSlice(v[0], v[1:], box)
		})
		same(t, "slice "+name, got, want)

		update := floats(rng, box...)
		want = slices.Clone(x)
		for i, u := range update {
			dst := indexOf(box, i)
			for k := range dst {
				dst[k] += start[k]
			}
			want[at(dims, dst)] = u
		}
		got = run(t, b, append(inputs, tensor{update, box}), func(f compute.Function, v []compute.Value) (compute.Value, error) {
			last := len(v) - 1
			return f.DynamicUpdateSlice(v[0], v[last], v[1:last])
		})
		same(t, "update "+name, got, want)
	}
}

func TestSelectAndScatter(t *testing.T) {
	b, rng := own(t), rand.New(rand.NewPCG(3, 1))
	for trial := range 80 {
		rank := 1 + rng.IntN(4)
		dims, window, stride, out := make([]int, rank), make([]int, rank), make([]int, rank), make([]int, rank)
		pad := make([][2]int, rank)
		for i := range rank {
			window[i], stride[i] = 1+rng.IntN(3), 1+rng.IntN(3)
			pad[i] = [2]int{rng.IntN(window[i]), rng.IntN(window[i])}
			if rank == 4 && (i == 0 || i == 3) { // as image pooling has it: the tuned kernel
				window[i], stride[i], pad[i] = 1, 1, [2]int{}
			}
			dims[i] = window[i] + rng.IntN(4)
			out[i] = (dims[i]+pad[i][0]+pad[i][1]-window[i])/stride[i] + 1
		}
		x, source := floats(rng, dims...), floats(rng, out...)
		isMin := rng.IntN(2) == 0
		want := make([]float32, len(x))
		for o, s := range source {
			best := -1
			for i := range x { // in row-major order, so the first of equals wins
				inside := true
				for k, p := range indexOf(dims, i) {
					low := indexOf(out, o)[k]*stride[k] - pad[k][0]
					inside = inside && p >= low && p < low+window[k]
				}
				if inside && (best < 0 || isMin && x[i] < x[best] || !isMin && x[i] > x[best]) {
					best = i
				}
			}
			if best >= 0 {
				want[best] += s
			}
		}
		got := run(t, b, []tensor{{x, dims}, {source, out}}, func(f compute.Function, v []compute.Value) (compute.Value, error) {
			if isMin {
				return f.SelectAndScatterMin(v[0], v[1], window, stride, pad)
			}
			return f.SelectAndScatterMax(v[0], v[1], window, stride, pad)
		})
		same(t, fmt.Sprintf("trial %d: %v window %v stride %v pad %v min %t", trial, dims, window, stride, pad, isMin), got, want)
	}
}

func TestReduceWindowOfBool(t *testing.T) {
	b := own(t)
	x := []bool{false, true, false, false, true, true}
	for op, want := range map[compute.ReduceOpType][]bool{
		compute.ReduceOpMax: {true, true, false, true, true}, compute.ReduceOpMin: {false, false, false, false, true},
	} {
		got := run(t, b, []tensor{{x, []int{6}}}, func(f compute.Function, v []compute.Value) (compute.Value, error) {
			return f.ReduceWindow(v[0], op, []int{2}, []int{1}, nil, nil, nil)
		})
		same(t, op.String(), got, want)
	}
}

func TestClamp(t *testing.T) {
	b := own(t)
	nan := float32(math.NaN())
	x := []float32{-3, -1, 0, 2, 5, nan, float32(math.Inf(1))}
	got := run(t, b, []tensor{{[]float32{-1}, nil}, {x, []int{7}}, {[]float32{2}, nil}},
		func(f compute.Function, v []compute.Value) (compute.Value, error) { return f.Clamp(v[0], v[1], v[2]) })
	same(t, "scalar bounds", got, []float32{-1, -1, 0, 2, 2, nan, 2})
	low, high := []int32{1, 2, 3}, []int32{4, 4, 4}
	got = run(t, b, []tensor{{low, []int{3}}, {[]int32{0, 3, 9}, []int{3}}, {high, []int{3}}},
		func(f compute.Function, v []compute.Value) (compute.Value, error) { return f.Clamp(v[0], v[1], v[2]) })
	same(t, "bounds of x's shape", got, []int32{1, 3, 4})
}

func TestShifts(t *testing.T) {
	b := own(t)
	x, n := []int8{1, -1, -128, 127, -2, 5}, []int8{1, 2, 7, 8, 1, 100}
	u := []uint8{1, 255, 128, 127, 254, 5}
	un := []uint8{1, 2, 7, 8, 1, 100}
	for _, c := range []struct {
		name          string
		op            func(f compute.Function, a, b compute.Value) (compute.Value, error)
		signed, plain any
	}{
		{"left", compute.Function.ShiftLeft, []int8{2, -4, 0, 0, -4, 0}, []uint8{2, 252, 0, 0, 252, 0}},
		{"arithmetic", compute.Function.ShiftRightArithmetic, []int8{0, -1, -1, 0, -1, 0}, []uint8{0, 255, 255, 0, 255, 0}},
		{"logical", compute.Function.ShiftRightLogical, []int8{0, 63, 1, 0, 127, 0}, []uint8{0, 63, 1, 0, 127, 0}},
	} {
		build := func(f compute.Function, v []compute.Value) (compute.Value, error) { return c.op(f, v[0], v[1]) }
		same(t, c.name, run(t, b, []tensor{{x, []int{6}}, {n, []int{6}}}, build), c.signed)
		same(t, c.name, run(t, b, []tensor{{u, []int{6}}, {un, []int{6}}}, build), c.plain)
	}
}

func TestTotalOrder(t *testing.T) {
	b := own(t)
	inf, nan := float32(math.Inf(1)), math.Float32frombits(0x7fc00000)
	sorted := []float32{math.Float32frombits(0xffc00000), -inf, -1, float32(math.Copysign(0, -1)), 0, 1, inf, nan}
	for i, x := range sorted {
		for j, y := range sorted {
			for _, c := range []struct {
				op   func(f compute.Function, a, b compute.Value) (compute.Value, error)
				want bool
			}{
				{compute.Function.EqualTotalOrder, i == j}, {compute.Function.NotEqualTotalOrder, i != j},
				{compute.Function.LessThanTotalOrder, i < j}, {compute.Function.LessOrEqualTotalOrder, i <= j},
				{compute.Function.GreaterThanTotalOrder, i > j}, {compute.Function.GreaterOrEqualTotalOrder, i >= j},
			} {
				got := run(t, b, []tensor{{[]float32{x}, []int{1}}, {[]float32{y}, []int{1}}},
					func(f compute.Function, v []compute.Value) (compute.Value, error) { return c.op(f, v[0], v[1]) })
				same(t, fmt.Sprint(x, y), got, []bool{c.want})
			}
		}
	}
}

func TestBatchNorm(t *testing.T) {
	b, rng := own(t), rand.New(rand.NewPCG(4, 1))
	for trial := range 20 {
		rank := 1 + rng.IntN(3)
		dims := make([]int, rank)
		for i := range dims {
			dims[i] = 1 + rng.IntN(4)
		}
		axis := rng.IntN(rank)
		c := dims[axis]
		n := float64(size(dims) / c)
		x, g := normals(rng, dims...), normals(rng, dims...)
		scale, offset := normals(rng, c), normals(rng, c)
		const eps = float64(float32(0.01))
		mean, variance := make([]float64, c), make([]float64, c)
		for i, v := range x {
			mean[indexOf(dims, i)[axis]] += v / n
		}
		for i, v := range x {
			k := indexOf(dims, i)[axis]
			variance[k] += (v - mean[k]) * (v - mean[k]) / n
		}
		y, dx := make([]float64, len(x)), make([]float64, len(x))
		dscale, doffset := make([]float64, c), make([]float64, c)
		hat := func(i int) (float64, int) {
			k := indexOf(dims, i)[axis]
			return (x[i] - mean[k]) / math.Sqrt(variance[k]+eps), k
		}
		for i := range x {
			h, k := hat(i)
			y[i] = h*scale[k] + offset[k]
			dscale[k] += g[i] * h
			doffset[k] += g[i]
		}
		for i := range x {
			h, k := hat(i)
			dx[i] = scale[k] / math.Sqrt(variance[k]+eps) * (g[i] - doffset[k]/n - h*dscale[k]/n)
		}
		one := []int{c}
		inputs := []tensor{{x, dims}, {g, dims}, {scale, one}, {offset, one}, {mean, one}, {variance, one}}
		e := compile(t, b, inputs, func(f compute.Function, v []compute.Value) ([]compute.Value, error) {
			a0, a1, a2, err := f.BatchNormForTraining(v[0], v[2], v[3], float32(eps), axis)
			if err != nil {
				return nil, err
			}
			a3, err := f.BatchNormForInference(v[0], v[2], v[3], v[4], v[5], float32(eps), axis)
			if err != nil {
				return nil, err
			}
			a4, a5, a6, err := f.BatchNormGradient(v[0], v[2], v[4], v[5], v[1], float32(eps), axis)
			return []compute.Value{a0, a1, a2, a3, a4, a5, a6}, err
		})
		got := execute(t, e, buffers(t, b, inputs), nil)
		for i, want := range [][]float64{y, mean, variance, y, dx, dscale, doffset} {
			near(t, fmt.Sprintf("trial %d %v axis %d output %d", trial, dims, axis, i), got[i].([]float64), want, 1e-9)
		}
	}
}

// TestSumProduct sums products over last axes, small, empty and long enough for several runs.
func TestSumProduct(t *testing.T) {
	b, rng := own(t), rand.New(rand.NewPCG(11, 1))
	for _, c := range []struct{ dims, axes []int }{
		{[]int{3, 5}, []int{1}}, {[]int{3, 5}, []int{0, 1}}, {[]int{3, 5}, []int{0}}, {[]int{7, 0}, []int{1}}, {[]int{2, 3, 100001}, []int{2}},
		{[]int{3, 1, 7}, []int{0, 2}}, {[]int{1, 100001}, []int{0, 1}}, {[]int{4, 1, 3}, []int{2}}, {nil, nil},
	} {
		x, y := floats(rng, c.dims...), floats(rng, c.dims...)
		var kept []int
		for i, d := range c.dims {
			if !slices.Contains(c.axes, i) {
				kept = append(kept, d)
			}
		}
		want := make([]float64, size(kept))
		for i := range x {
			var index []int
			for k, p := range indexOf(c.dims, i) {
				if !slices.Contains(c.axes, k) {
					index = append(index, p)
				}
			}
			want[at(kept, index)] += float64(x[i]) * float64(y[i])
		}
		got := run(t, b, []tensor{{x, c.dims}, {y, c.dims}}, func(f compute.Function, v []compute.Value) (compute.Value, error) {
			p, err := f.Mul(v[0], v[1])
			if err != nil {
				return nil, err
			}
			return f.ReduceSum(p, c.axes...)
		}).([]float32)
		wide := make([]float64, len(got))
		for i, g := range got {
			wide[i] = float64(g)
		}
		near(t, fmt.Sprint(c.dims, c.axes), wide, want, 1e-5)
	}
}

// TestLongReductions sums and maximises along each axis of tensors with one long, prime axis.
func TestLongReductions(t *testing.T) {
	b, rng := own(t), rand.New(rand.NewPCG(12, 1))
	for _, dims := range [][]int{{100003}, {100003, 3}, {2, 100003}, {100003, 2, 3}, {3, 70001, 2}, {1, 70001}, {131, 517}} {
		x := floats(rng, dims...)
		for axis := range dims {
			kept := slices.Delete(slices.Clone(dims), axis, axis+1)
			sum, most := make([]float64, size(kept)), make([]float64, size(kept))
			for i := range most {
				most[i] = math.Inf(-1)
			}
			for i, v := range x {
				k := at(kept, slices.Delete(indexOf(dims, i), axis, axis+1))
				sum[k] += float64(v)
				most[k] = max(most[k], float64(v))
			}
			e := compile(t, b, []tensor{{x, dims}}, func(f compute.Function, v []compute.Value) ([]compute.Value, error) {
				s, err := f.ReduceSum(v[0], axis)
				if err != nil {
					return nil, err
				}
				m, err := f.ReduceMax(v[0], axis)
				return values{s, m}, err
			})
			for i, got := range execute(t, e, buffers(t, b, []tensor{{x, dims}}), nil) {
				var wide []float64
				for _, g := range got.([]float32) {
					wide = append(wide, float64(g))
				}
				near(t, fmt.Sprint(dims, " axis ", axis, " result ", i), wide, [][]float64{sum, most}[i], 1e-5)
			}
		}
	}
}

// closure makes a closure of f from scalar parameter types.
func closure(t *testing.T, f compute.Function, params []shapes.Shape, build func(g compute.Function, v []compute.Value) ([]compute.Value, error)) compute.Function {
	t.Helper()
	g, err := f.Closure()
	if err != nil {
		t.Fatal(err)
	}
	var v []compute.Value
	for i, s := range params {
		p, err := g.Parameter(fmt.Sprint("p", i), s, nil)
		if err != nil {
			t.Fatal(err)
		}
		v = append(v, p)
	}
	out, err := build(g, v)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Return(out, nil); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestWhile sums captured rows until a counter reaches a captured limit: 0, 1, 2 and 5 turns.
func TestWhile(t *testing.T) {
	b := own(t)
	for limit, want := range map[int32][]float32{0: {1, 2}, 1: {11, 22}, 2: {21, 42}, 5: {51, 102}} {
		inputs := []tensor{{[]int32{0}, nil}, {[]float32{1, 2}, []int{2}}, {[]int32{limit}, nil}, {[]float32{10, 20}, []int{2}}}
		e := compile(t, b, inputs, func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
			state := []shapes.Shape{shapes.Make(dtypes.Int32), shapes.Make(dtypes.Float32, 2)}
			cond := closure(t, f, state, func(g compute.Function, v []compute.Value) ([]compute.Value, error) {
				less, err := g.LessThan(v[0], x[2])
				return values{less}, err
			})
			body := closure(t, f, state, func(g compute.Function, v []compute.Value) ([]compute.Value, error) {
				one, err := g.Constant([]int32{1})
				if err != nil {
					return nil, err
				}
				next, err := g.Add(v[0], one)
				if err != nil {
					return nil, err
				}
				sum, err := g.Add(v[1], x[3])
				return values{next, sum}, err
			})
			return f.While(cond, body, x[0], x[1])
		})
		got := execute(t, e, buffers(t, b, inputs), nil)
		same(t, "turns", got[0], []int32{limit})
		same(t, "sum", got[1], want)
	}
}

func TestIfAndCall(t *testing.T) {
	b := own(t)
	for _, pred := range []bool{true, false} {
		inputs := []tensor{{[]bool{pred}, nil}, {[]float32{1, 2}, []int{2}}}
		e := compile(t, b, inputs, func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
			double, err := f.Builder().NewFunction("double")
			if err != nil {
				return nil, err
			}
			p, err := double.Parameter("p", shapes.Make(dtypes.Float32, 2), nil)
			if err != nil {
				return nil, err
			}
			d, err := double.Add(p, p)
			if err != nil {
				return nil, err
			}
			if err := double.Return(values{d}, nil); err != nil {
				return nil, err
			}
			yes := closure(t, f, nil, func(g compute.Function, _ []compute.Value) ([]compute.Value, error) {
				once, err := g.Call(double, x[1])
				if err != nil {
					return nil, err
				}
				return g.Call(double, once[0])
			})
			no := closure(t, f, nil, func(g compute.Function, _ []compute.Value) ([]compute.Value, error) {
				n, err := g.Neg(x[1])
				return values{n}, err
			})
			return f.If(x[0], yes, no)
		})
		want := []float32{-1, -2}
		if pred {
			want = []float32{4, 8}
		}
		same(t, fmt.Sprint("if ", pred), execute(t, e, buffers(t, b, inputs), nil)[0], want)
	}
}

// A closure may capture what only renames a value that the function around it computes.
func TestClosureCapturesReshape(t *testing.T) {
	b := own(t)
	inputs := []tensor{{[]bool{true}, nil}, {[]float32{1, 2, 3, 0}, []int{2, 2}}}
	e := compile(t, b, inputs, func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
		least, err := f.ReduceMin(x[1], 1)
		if err != nil {
			return nil, err
		}
		column, err := f.Reshape(least, 2, 1)
		if err != nil {
			return nil, err
		}
		yes := closure(t, f, nil, func(g compute.Function, _ []compute.Value) ([]compute.Value, error) {
			sum, err := g.Add(column, column)
			return values{sum}, err
		})
		no := closure(t, f, nil, func(g compute.Function, _ []compute.Value) ([]compute.Value, error) {
			n, err := g.Neg(column)
			return values{n}, err
		})
		return f.If(x[0], yes, no)
	})
	same(t, "twice the least of each row", execute(t, e, buffers(t, b, inputs), nil)[0], []float32{2, 0})
}

func TestSort(t *testing.T) {
	b, rng := own(t), rand.New(rand.NewPCG(6, 1))
	for trial := range 30 {
		dims := randomDims(rng, 1+rng.IntN(3), 5)
		axis := rng.IntN(len(dims))
		key := floats(rng, dims...)
		mark := make([]int32, len(key))
		for i := range mark {
			mark[i] = int32(i)
		}
		wantKey, wantMark := slices.Clone(key), slices.Clone(mark)
		// insertion sort, largest first, equals in order
		for i := range key {
			index := indexOf(dims, i)
			if index[axis] != 0 {
				continue
			}
			var lane []int
			for k := range dims[axis] {
				index[axis] = k
				lane = append(lane, at(dims, index))
			}
			for a := 1; a < len(lane); a++ {
				for c := a; c > 0 && wantKey[lane[c]] > wantKey[lane[c-1]]; c-- {
					p, q := lane[c], lane[c-1]
					wantKey[p], wantKey[q] = wantKey[q], wantKey[p]
					wantMark[p], wantMark[q] = wantMark[q], wantMark[p]
				}
			}
		}
		inputs := []tensor{{key, dims}, {mark, dims}}
		e := compile(t, b, inputs, func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
			fs, is := shapes.Make(dtypes.Float32), shapes.Make(dtypes.Int32)
			less := closure(t, f, []shapes.Shape{fs, fs, is, is}, func(g compute.Function, v []compute.Value) ([]compute.Value, error) {
				c, err := g.GreaterThan(v[0], v[1])
				return values{c}, err
			})
			return f.Sort(less, axis, true, x...)
		})
		got := execute(t, e, buffers(t, b, inputs), nil)
		same(t, fmt.Sprintf("trial %d keys %v axis %d", trial, dims, axis), got[0], wantKey)
		same(t, "marks", got[1], wantMark)
	}
}

// TestPhilox checks the first block against the published vectors of Random123 1.09 (kat_vectors,
// philox4x32 10): key and counter 0, and all ones.
func TestPhilox(t *testing.T) {
	b := own(t)
	ones := ^uint64(0)
	for _, c := range []struct {
		state []uint64
		want  []uint32
	}{
		{[]uint64{0, 0, 0}, []uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[]uint64{ones, ones, ones}, []uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
	} {
		got := run(t, b, []tensor{{c.state, []int{3}}}, func(f compute.Function, v []compute.Value) (compute.Value, error) {
			_, bits, err := f.RNGBitGenerator(v[0], shapes.Make(dtypes.Uint32, 4))
			return bits, err
		})
		same(t, "philox", got, c.want)
	}
}
