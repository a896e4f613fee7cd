package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"foresee/backend/cpu"
)

// recipe is a random graph as a list of operations on earlier values, so that it can be built
// whole or one operation at a time.
type recipe struct {
	inputs []tensor
	ops    []recipeOp
	keep   []int // values returned
}

type recipeOp struct {
	in    []int
	build func(f compute.Function, v []compute.Value) (compute.Value, error)
	name  string
}

// randomRecipe makes a graph over tensors of a few related shapes; every value stays bounded.
func randomRecipe(rng *rand.Rand) recipe {
	n, m := 1+rng.IntN(7), 1+rng.IntN(40)
	if rng.IntN(4) == 0 {
		n, m = 150, 300 // several parts
	}
	var r recipe
	var dims [][]int
	add := func(d []int) {
		x := make([]float32, size(d))
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		r.inputs, dims = append(r.inputs, tensor{x, d}), append(dims, d)
	}
	add([]int{n, m})
	add([]int{n, m})
	add([]int{m})
	add([]int{1, m})
	add([]int{n, 1})
	add(nil)
	for range 4 + rng.IntN(40) {
		x := rng.IntN(len(dims))
		op, d := randomOp(rng, x, dims)
		if op.build != nil {
			r.ops, dims = append(r.ops, op), append(dims, d)
		}
	}
	for i := range dims {
		if i == len(dims)-1 || rng.IntN(6) == 0 {
			r.keep = append(r.keep, i)
		}
	}
	return r
}

func randomOp(rng *rand.Rand, x int, dims [][]int) (recipeOp, []int) {
	d := dims[x]
	bounded := []struct {
		name string
		f    func(f compute.Function, a compute.Value) (compute.Value, error)
	}{{"tanh", compute.Function.Tanh}, {"sin", compute.Function.Sin}, {"neg", compute.Function.Neg}, {"logistic", compute.Function.Logistic}, {"abs", compute.Function.Abs}}
	pairs := []struct {
		name string
		f    func(f compute.Function, a, b compute.Value) (compute.Value, error)
	}{{"add", compute.Function.Add}, {"sub", compute.Function.Sub}, {"max", compute.Function.Max}, {"min", compute.Function.Min}}
	switch k := rng.IntN(12); {
	case k < 2:
		u := bounded[rng.IntN(len(bounded))]
		return recipeOp{[]int{x}, func(f compute.Function, v []compute.Value) (compute.Value, error) { return u.f(f, v[0]) }, u.name}, d
	case k < 5: // with a partner that broadcasts
		y := rng.IntN(len(dims))
		e := dims[y]
		out, ok := broadcast(d, e)
		if !ok {
			return recipeOp{}, nil
		}
		p := pairs[rng.IntN(len(pairs))]
		return recipeOp{[]int{x, y}, func(f compute.Function, v []compute.Value) (compute.Value, error) {
			s, err := p.f(f, v[0], v[1])
			if err != nil {
				return nil, err
			}
			return f.Tanh(s)
		}, p.name}, out
	case k == 5 && len(d) == 2:
		return recipeOp{[]int{x}, func(f compute.Function, v []compute.Value) (compute.Value, error) { return f.Transpose(v[0], 1, 0) }, "transpose"}, []int{d[1], d[0]}
	case k == 6 && len(d) == 2:
		axis := rng.IntN(2)
		return recipeOp{[]int{x}, func(f compute.Function, v []compute.Value) (compute.Value, error) {
			s, err := f.ReduceSum(v[0], axis)
			if err != nil {
				return nil, err
			}
			return f.Sin(s)
		}, fmt.Sprint("sum", axis)}, []int{d[1-axis]}
	case k == 7 && len(d) == 2:
		out := []int{d[0] * d[1]}
		return recipeOp{[]int{x}, func(f compute.Function, v []compute.Value) (compute.Value, error) { return f.Reshape(v[0], out...) }, "reshape"}, out
	case k == 8 && len(d) == 1:
		out := []int{3, d[0]}
		return recipeOp{[]int{x}, func(f compute.Function, v []compute.Value) (compute.Value, error) {
			return f.BroadcastInDim(v[0], shapes.Make(dtypes.Float32, out...), []int{1})
		}, "broadcast"}, out
	case k == 9 && len(d) > 0 && d[0] > 1:
		starts, limits, strides := make([]int, len(d)), slices.Clone(d), make([]int, len(d))
		out := slices.Clone(d)
		for i := range d {
			strides[i] = 1
			if rng.IntN(2) == 0 {
				starts[i], strides[i] = rng.IntN(d[i]), 1+rng.IntN(2)
			}
			out[i] = (d[i] - starts[i] + strides[i] - 1) / strides[i]
		}
		return recipeOp{[]int{x}, func(f compute.Function, v []compute.Value) (compute.Value, error) {
			return f.Slice(v[0], starts, limits, strides)
		}, "slice"}, out
	case k >= 10 && len(d) == 2: // a number for each row, which later operations may repeat along it
		how := rng.IntN(3)
		return recipeOp{[]int{x}, func(f compute.Function, v []compute.Value) (compute.Value, error) { return rowFold(f, v[0], how) }, fmt.Sprint("row", how)}, []int{d[0], 1}
	}
	// relu as foresee writes it, and its mask used again
	return recipeOp{[]int{x}, func(f compute.Function, v []compute.Value) (compute.Value, error) {
		zero, err := f.Constant([]float32{0})
		if err != nil {
			return nil, err
		}
		c, err := f.LessOrEqual(v[0], zero)
		if err != nil {
			return nil, err
		}
		y, err := f.Where(c, zero, v[0])
		if err != nil {
			return nil, err
		}
		z, err := f.Where(c, zero, y)
		if err != nil {
			return nil, err
		}
		return f.Add(y, z)
	}, "relu"}, d
}

// rowFold returns the sine of the sum, largest element or sum of squares of each row, [n, m] to [n, 1].
func rowFold(f compute.Function, x compute.Value, how int) (y compute.Value, err error) {
	switch how {
	case 0:
		y, err = f.ReduceSum(x, 1)
	case 1:
		y, err = f.ReduceMax(x, 1)
	default:
		if y, err = f.Mul(x, x); err == nil {
			y, err = f.ReduceSum(y, 1)
		}
	}
	if err != nil {
		return nil, err
	}
	s, err := f.Shape(y)
	if err != nil {
		return nil, err
	}
	if y, err = f.Reshape(y, s.Dimensions[0], 1); err != nil {
		return nil, err
	}
	return f.Sin(y)
}

func broadcast(a, b []int) ([]int, bool) {
	if len(a) == 0 {
		return b, true
	}
	if len(b) == 0 {
		return a, true
	}
	if len(a) != len(b) {
		return nil, false
	}
	out := slices.Clone(a)
	for i := range a {
		if a[i] != b[i] && a[i] != 1 && b[i] != 1 {
			return nil, false
		}
		out[i] = max(a[i], b[i])
	}
	return out, true
}

func (r recipe) whole(t testing.TB, b *cpu.Backend) compute.Executable {
	return compile(t, b, r.inputs, func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
		v := slices.Clone(x)
		for _, op := range r.ops {
			var in []compute.Value
			for _, i := range op.in {
				in = append(in, v[i])
			}
			y, err := op.build(f, in)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", op.name, err)
			}
			v = append(v, y)
		}
		var out []compute.Value
		for _, i := range r.keep {
			out = append(out, v[i])
		}
		return out, nil
	})
}

// stepwise computes every value with a program of its own.
func (r recipe) stepwise(t testing.TB, b *cpu.Backend) []any {
	v := slices.Clone(r.inputs)
	for _, op := range r.ops {
		var in []tensor
		for _, i := range op.in {
			in = append(in, v[i])
		}
		var dims []int
		e := compile(t, b, in, func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
			y, err := op.build(f, x)
			if err == nil {
				s, _ := f.Shape(y)
				dims = s.Dimensions
			}
			return []compute.Value{y}, err
		})
		v = append(v, tensor{execute(t, e, buffers(t, b, in), nil)[0], dims})
	}
	var out []any
	for _, i := range r.keep {
		out = append(out, v[i].flat)
	}
	return out
}

func bitsDiffer(a, b []float32) int {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return i
		}
	}
	return -1
}

// TestRandomGraphs compares whole graphs, with everything fused, planned and reused in place,
// with the same operations run one by one: the bits must agree, for donated inputs too, on the
// second run too, and for any number of threads.
func TestRandomGraphs(t *testing.T) {
	one, err := cpu.New("threads=1")
	if err != nil {
		t.Fatal(err)
	}
	defer one.Finalize()
	b := own(t)
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 9))
		r := randomRecipe(rng)
		want := r.stepwise(t, one)
		e := r.whole(t, b)
		donate := make([]bool, len(r.inputs))
		for i := range donate {
			donate[i] = rng.IntN(2) == 0
		}
		for run, got := range [][]any{
			execute(t, e, buffers(t, b, r.inputs), nil),
			execute(t, e, buffers(t, b, r.inputs), donate),
			execute(t, e, buffers(t, b, r.inputs), donate),
			execute(t, r.whole(t, one), buffers(t, one, r.inputs), nil),
		} {
			for i := range want {
				if k := bitsDiffer(got[i].([]float32), want[i].([]float32)); k >= 0 {
					var names []string
					for _, op := range r.ops {
						names = append(names, fmt.Sprint(op.name, op.in))
					}
					t.Fatalf("seed %d, run %d, result %d (value %d)[%d] = %v, want %v\n%v", seed, run, i, r.keep[i], k,
						got[i].([]float32)[k], want[i].([]float32)[k], names)
				}
			}
		}
	}
}

// TestConcurrentExecute runs one executable on many goroutines.
func TestConcurrentExecute(t *testing.T) {
	b := own(t)
	r := randomRecipe(rand.New(rand.NewPCG(17, 9)))
	e := r.whole(t, b)
	want := execute(t, e, buffers(t, b, r.inputs), nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				got := execute(t, e, buffers(t, b, r.inputs), nil)
				for i := range want {
					if bitsDiffer(got[i].([]float32), want[i].([]float32)) >= 0 {
						t.Error("a concurrent run gave other bits")
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestWarmExecuteAllocatesNoStorage runs a product, a loop, a reduction and a donated update over
// megabytes, and allows 8 KiB a call for handles.
func TestWarmExecuteAllocatesNoStorage(t *testing.T) {
	b := own(t)
	n := 512
	x := make([]float32, n*n)
	inputs := []tensor{{x, []int{n, n}}, {slices.Clone(x), []int{n, n}}}
	e := compile(t, b, inputs, func(f compute.Function, v []compute.Value) ([]compute.Value, error) {
		p, err := f.DotGeneral(v[0], []int{1}, nil, v[1], []int{0}, nil, compute.DotGeneralConfig{})
		if err != nil {
			return nil, err
		}
		y, err := f.Tanh(p)
		if err != nil {
			return nil, err
		}
		s, err := f.ReduceSum(y, 0)
		if err != nil {
			return nil, err
		}
		u, err := f.Add(v[1], y)
		return []compute.Value{y, s, u}, err
	})
	in := buffers(t, b, inputs)
	pointer := func(x compute.Buffer) unsafe.Pointer {
		flat, err := x.Data()
		if err != nil {
			t.Fatal(err)
		}
		return unsafe.Pointer(&flat.([]float32)[0])
	}
	step := func() {
		was := pointer(in[1])
		out, err := e.Execute(in, []bool{false, true}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if pointer(out[2]) != was {
			t.Fatal("the update did not take over the donated input")
		}
		in[1] = out[2]
		for _, o := range out[:2] {
			if err := o.Finalize(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 3 {
		step()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const steps = 20
	for range steps {
		step()
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / steps; each > 8<<10 {
		t.Errorf("a warm step allocates %d bytes, want at most 8192", each)
	}
}

// TestRefusals checks that what is missing says so, and that misuse is an error.
func TestRefusals(t *testing.T) {
	b := own(t)
	f := b.Builder("x").Main()
	if _, err := f.Parameter("c", shapes.Make(dtypes.Complex64, 2), nil); !compute.IsNotImplemented(err) {
		t.Errorf("a complex parameter gives %v, want ErrNotImplemented", err)
	}
	x, err := f.Parameter("x", shapes.Make(dtypes.Float32, 2), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.FFT(x, compute.FFTForward, []int{2}); !compute.IsNotImplemented(err) {
		t.Errorf("FFT gives %v, want ErrNotImplemented", err)
	}
	if _, err := b.Builder("y").Main().Neg(x); err == nil {
		t.Error("a value of another builder was accepted")
	}
	if _, err := cpu.New("thread=2"); err == nil {
		t.Error("a misspelt configuration was accepted")
	}
	buf, err := b.BufferFromFlatData(0, []float32{1, 2}, shapes.Make(dtypes.Float32, 2))
	if err != nil {
		t.Fatal(err)
	}
	if err := buf.Finalize(); err != nil {
		t.Fatal(err)
	}
	if _, err := buf.Data(); err == nil {
		t.Error("a finalized buffer gave its data")
	}
}

// TestThreadsGiveSameBits runs a net with convolutions, pooling, products, reductions and a loop,
// and its gradients, on 1, 2 and 3 threads.
func TestThreadsGiveSameBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	var inputs []*tensors.Tensor
	for _, dims := range [][]int{{24, 33, 33, 2}, {5, 5, 2, 16}, {16}, {3, 3, 16, 32}, {800, 100}} {
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(normals(rng, dims...), dims...))
	}
	build := func(x []*graph.Node) []*graph.Node {
		y := graph.Convolve(x[0], x[1]).Strides(2).PadSame().Done()
		y = graph.Tanh(graph.Add(y, graph.ExpandLeftToRank(x[2], 4)))
		y = graph.MaxPool(graph.Convolve(y, x[3]).PadSame().Done()).Window(3).Strides(3).Done()
		y = graph.Reshape(y, 24, -1)
		y = graph.Softmax(graph.Dot(y, x[4]).Product(), -1)
		loss := graph.ReduceAllMean(graph.Square(y))
		return append([]*graph.Node{loss, y}, graph.Gradient(loss, x[1:]...)...)
	}
	var want [][]float64
	for _, threads := range []string{"threads=1", "threads=2", "threads=3"} {
		b, err := cpu.New(threads)
		if err != nil {
			t.Fatal(err)
		}
		got := evaluate(t, b, dtypes.Float32, inputs, build)
		b.Finalize()
		if want == nil {
			want = got
		}
		for i := range want {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("%s: result %d has other bits than on one thread", threads, i)
			}
		}
	}
}
