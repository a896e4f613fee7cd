package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"foresee/backend/cpu"
)

// Random graphs with a loss and its gradients, as GoMLX derives them. The twin is GoMLX's own portable backend in
// float64, on which nothing is fused: attention is spelled there, and runs as the backend's operation here.

// descent is a random graph of smooth operations and floors.
type descent struct {
	c      *choices
	rng    *rand.Rand
	dims   [][]int
	steps  []descentStep
	inputs []int // values that are inputs
	cost   int
}

// descentStep makes one value; build is nil for an input.
type descentStep struct {
	name  string
	in    []int
	scale float64
	build func(v []*graph.Node) *graph.Node
}

const mostDescentCost = 1 << 19

func (d *descent) input(scale float64, dims ...int) int {
	d.steps = append(d.steps, descentStep{name: fmt.Sprint("input", dims), scale: scale})
	d.dims = append(d.dims, dims)
	d.inputs = append(d.inputs, len(d.steps)-1)
	return len(d.steps) - 1
}

func (d *descent) add(name string, dims []int, build func(v []*graph.Node) *graph.Node, in ...int) int {
	d.steps = append(d.steps, descentStep{name: fmt.Sprint(name, in), in: in, build: build})
	d.dims = append(d.dims, dims)
	return len(d.steps) - 1
}

// one appends an operation of one value that keeps the shape.
func (d *descent) one(name string, x int, f func(x *graph.Node) *graph.Node) int {
	return d.add(name, d.dims[x], func(v []*graph.Node) *graph.Node { return f(v[0]) }, x)
}

// newDescent reads a graph from the fuzzer's bytes. All values are matrices.
func newDescent(data []byte) *descent {
	d := &descent{c: &choices{data}, rng: rand.New(rand.NewPCG(2, uint64(len(data))))}
	d.input(1, 1+d.c.pick(12), 1+d.c.pick(24))
	for len(d.c.data) > 0 && len(d.steps) < 40 && d.cost < mostDescentCost {
		x := d.c.pick(len(d.steps))
		if d.c.pick(4) > 0 {
			x = len(d.steps) - 1
		}
		descents[d.c.pick(len(descents))](d, x)
	}
	return d
}

// descents is the grammar.
var descents = []func(d *descent, x int){
	(*descent).curve, (*descent).curve, (*descent).joined, (*descent).joined, (*descent).rectified, (*descent).dense, (*descent).dense,
	(*descent).rowwise, (*descent).rowwise, (*descent).cutOut, (*descent).padded, (*descent).stacked, (*descent).turned, (*descent).reshaped,
	(*descent).recurrent, (*descent).recurrent, (*descent).attended, (*descent).attended, (*descent).convolved, (*descent).outer,
}

// curve is a smooth function.
func (d *descent) curve(x int) {
	all := []struct {
		name string
		f    func(x *graph.Node) *graph.Node
	}{
		{"tanh", graph.Tanh}, {"sin", graph.Sin}, {"logistic", graph.Logistic}, {"erf", graph.Erf}, {"gelu", gelu},
		{"sqrt", func(x *graph.Node) *graph.Node { return graph.Sqrt(graph.OnePlus(graph.Square(x))) }},
		{"log1p", func(x *graph.Node) *graph.Node { return graph.Log1P(graph.Square(x)) }},
		{"bell", func(x *graph.Node) *graph.Node { return graph.Exp(graph.Neg(graph.Square(x))) }},
		{"inverse", func(x *graph.Node) *graph.Node { return graph.Inverse(graph.OnePlus(graph.Square(x))) }},
	}
	u := all[d.c.pick(len(all))]
	d.one(u.name, x, u.f)
}

// like returns another value of the shape of x, or a new input of it, or one of its rows or columns.
func (d *descent) like(x int) int {
	from := d.c.pick(len(d.steps))
	for i := range d.steps {
		if y := (from + i) % len(d.steps); y != x && equalDims(d.dims[y], d.dims[x]) {
			return y
		}
	}
	switch n, m := d.dims[x][0], d.dims[x][1]; d.c.pick(3) {
	case 0:
		return d.input(1, n, 1)
	case 1:
		return d.input(1, 1, m)
	default:
		return d.input(1, n, m)
	}
}

// joined is an operation of two values.
func (d *descent) joined(x int) {
	y := d.like(x)
	all := []struct {
		name string
		f    func(a, b *graph.Node) *graph.Node
	}{
		{"add", graph.Add}, {"sub", graph.Sub},
		{"mul", func(a, b *graph.Node) *graph.Node { return graph.Tanh(graph.Mul(a, b)) }},
		{"div", func(a, b *graph.Node) *graph.Node { return graph.Div(a, graph.OnePlus(graph.Square(b))) }},
	}
	p := all[d.c.pick(len(all))]
	d.add(p.name, d.dims[x], func(v []*graph.Node) *graph.Node { return p.f(v[0], v[1]) }, x, y)
}

// rectified is max(x + b, 0) in two forms. The bias is an input, so that no value is 0 but for rounding.
func (d *descent) rectified(x int) {
	b, form := d.input(1, 1, d.dims[x][1]), d.c.pick(2)
	d.add("relu", d.dims[x], func(v []*graph.Node) *graph.Node {
		s := graph.Add(v[0], v[1])
		zero := graph.ScalarZero(s.Graph(), s.DType())
		if form == 0 {
			return graph.Max(s, zero)
		}
		return graph.Where(graph.LessOrEqual(s, zero), graph.ZerosLike(s), s)
	}, x, b)
}

// dense multiplies by weights, stored either way, perhaps with a bias and a floor.
func (d *descent) dense(x int) {
	n, m, k := d.dims[x][0], d.dims[x][1], []int{1, 2, 3, 7, 16, 17, 33}[d.c.pick(7)]
	d.cost += n * m * k
	stored, extra := d.c.pick(2), d.c.pick(3)
	w := d.input(1/math.Sqrt(float64(m)), [][]int{{m, k}, {k, m}}[stored]...)
	y := d.add("dense", []int{n, k}, func(v []*graph.Node) *graph.Node {
		return graph.Einsum([]string{"nm,mk->nk", "nm,km->nk"}[stored], v[0], v[1])
	}, x, w)
	if extra > 0 {
		d.rectified(y)
	}
}

// outer is a product of two values over their rows, as in a covariance.
func (d *descent) outer(x int) {
	n, m := d.dims[x][0], d.dims[x][1]
	d.cost += n * m * m
	d.add("outer", []int{m, m}, func(v []*graph.Node) *graph.Node {
		return graph.Tanh(graph.DivScalar(graph.Einsum("nm,nk->mk", v[0], v[0]), float64(n)))
	}, x)
}

// rowwise is layer norm, softmax or a mean taken away, along either axis.
func (d *descent) rowwise(x int) {
	switch axis := d.c.pick(2); d.c.pick(4) {
	case 0:
		d.one("layerNorm", x, func(x *graph.Node) *graph.Node {
			y := graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMean, -1))
			v := graph.ReduceAndKeep(graph.Square(y), graph.ReduceMean, -1)
			return graph.Div(y, graph.Sqrt(graph.AddScalar(v, 0.1)))
		})
	case 1:
		d.one("softmax", x, func(x *graph.Node) *graph.Node { return graph.Softmax(x, -1) })
	case 2:
		d.one("centred", x, func(x *graph.Node) *graph.Node {
			return graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMean, axis))
		})
	default:
		d.one("spread", x, func(x *graph.Node) *graph.Node {
			return graph.BroadcastToShape(graph.Sin(graph.ReduceAndKeep(x, graph.ReduceSum, axis)), x.Shape())
		})
	}
}

// cutOut takes some rows and columns.
func (d *descent) cutOut(x int) {
	var lo, hi, dims [2]int
	for i, n := range d.dims[x] {
		lo[i] = d.c.pick(n)
		hi[i] = lo[i] + 1 + d.c.pick(n-lo[i])
		dims[i] = hi[i] - lo[i]
	}
	d.add("slice", dims[:], func(v []*graph.Node) *graph.Node {
		return graph.Slice(v[0], graph.AxisRange(lo[0], hi[0]), graph.AxisRange(lo[1], hi[1]))
	}, x)
}

// padded puts numbers below the rows; the engine has no gradient of Pad.
func (d *descent) padded(x int) {
	n, m := d.dims[x][0], d.dims[x][1]
	if n > 60 {
		return
	}
	d.add("pad", []int{n + 2, m}, func(v []*graph.Node) *graph.Node {
		fill := graph.BroadcastToDims(graph.Scalar(v[0].Graph(), v[0].DType(), 0.5), 2, m)
		return graph.Concatenate([]*graph.Node{v[0], fill}, 0)
	}, x)
}

// stacked puts columns side by side, then perhaps takes some away again.
func (d *descent) stacked(x int) {
	y := d.like(x)
	if d.dims[y][0] != d.dims[x][0] || d.dims[x][1] > 60 {
		return
	}
	d.add("concat", []int{d.dims[x][0], d.dims[x][1] + d.dims[y][1]}, func(v []*graph.Node) *graph.Node {
		return graph.Concatenate(v, 1)
	}, x, y)
}

func (d *descent) turned(x int) {
	n, m := d.dims[x][0], d.dims[x][1]
	d.add("transpose", []int{m, n}, func(v []*graph.Node) *graph.Node { return graph.Transpose(v[0], 0, 1) }, x)
}

// reshaped moves a factor from one axis to the other.
func (d *descent) reshaped(x int) {
	n, m := d.dims[x][0], d.dims[x][1]
	for _, k := range []int{2, 3, 5} {
		if m%k == 0 {
			d.add("reshape", []int{n * k, m / k}, func(v []*graph.Node) *graph.Node { return graph.Reshape(v[0], n*k, m/k) }, x)
			return
		}
	}
}

// recurrent is one or two steps of a GRU whose state is x.
func (d *descent) recurrent(x int) {
	n, m, k := d.dims[x][0], d.dims[x][1], 1+d.c.pick(3)
	if m > 24 {
		return
	}
	steps := 1 + d.c.pick(2)
	d.cost += steps * 3 * n * m * (m + k)
	scale := 1 / math.Sqrt(float64(m))
	w, c, u, b := d.input(scale, m, 3*m), d.input(scale, 1, 3*m), d.input(1, k, 3*m), d.input(scale, 1, 3*m)
	for range steps {
		x = d.add("gru", d.dims[x], func(v []*graph.Node) *graph.Node {
			h := v[0]
			p, g := graph.Add(graph.Dot(h, v[1]).Product(), v[2]), graph.Add(graph.Dot(v[5], v[3]).Product(), v[4])
			part := func(x *graph.Node, i int) *graph.Node {
				return graph.Slice(x, graph.AxisRange(), graph.AxisRange(i*m, (i+1)*m))
			}
			reset, update := graph.Logistic(graph.Add(part(g, 0), part(p, 0))), graph.Logistic(graph.Add(part(g, 1), part(p, 1)))
			next := graph.Tanh(graph.Add(part(g, 2), graph.Mul(reset, part(p, 2))))
			return graph.Add(next, graph.Mul(update, graph.Sub(h, next)))
		}, x, w, c, u, b, d.input(1, n, k))
	}
}

// attended is attention among the rows of x, with heads, perhaps causal and perhaps of a second batch.
func (d *descent) attended(x int) {
	n, m := d.dims[x][0], d.dims[x][1]
	heads, width := 1+d.c.pick(3), 1+d.c.pick(9)
	causal, batch := d.c.pick(2) == 0, 1
	if n%2 == 0 && d.c.pick(2) == 0 {
		batch = 2
	}
	d.cost += 3*n*m*heads*width + 2*n*n*heads*width
	w := d.input(1/math.Sqrt(float64(m)), m, 3*heads*width)
	d.add("attention", []int{n, heads * width}, func(v []*graph.Node) *graph.Node {
		qkv := graph.Reshape(graph.Einsum("nm,mk->nk", v[0], v[1]), batch, n/batch, 3, heads, width)
		part := func(i int) *graph.Node { return graph.Squeeze(graph.SliceAxis(qkv, 2, graph.AxisElem(i)), 2) }
		return graph.Reshape(attend(part(0), part(1), part(2), causal), n, heads*width)
	}, x, w)
}

// attend is attention of [batch, tokens, heads, width], by the backend's operation in float32.
func attend(q, k, v *graph.Node, causal bool) *graph.Node {
	if q.DType() == dtypes.Float32 {
		y, _ := graph.BackendFusedScaledDotProductAttention(q, k, v, compute.AttentionAxesLayoutBSHD, &compute.ScaledDotProductAttentionConfig{Causal: causal})
		return y
	}
	s := graph.MulScalar(graph.Einsum("bshd,bthd->bhst", q, k), 1/math.Sqrt(float64(q.Shape().Dim(-1))))
	if causal {
		n := q.Shape().Dim(1)
		seen := make([]bool, n*n)
		for i := range seen {
			seen[i] = i%n <= i/n
		}
		mask := graph.ConstTensor(q.Graph(), tensors.FromFlatDataAndDimensions(seen, 1, 1, n, n))
		s = graph.Where(graph.BroadcastToDims(mask, s.Shape().Dimensions...), s, graph.Scalar(q.Graph(), q.DType(), -1e30))
	}
	return graph.Einsum("bhst,bthd->bshd", graph.Softmax(s, -1), v)
}

// convolved is a convolution of x seen as rows of pixels of one to three channels.
func (d *descent) convolved(x int) {
	n, m, channels := d.dims[x][0], d.dims[x][1], 1+d.c.pick(3)
	if m%channels != 0 || m/channels < 3 || n < 3 {
		return
	}
	out, stride := 1+d.c.pick(5), 1+d.c.pick(2)
	w := d.input(1/math.Sqrt(float64(9*channels)), 9*channels, out)
	rows, cols := (n+stride-1)/stride, (m/channels+stride-1)/stride
	d.cost += 9 * rows * cols * channels * out
	d.add("conv", []int{rows, cols * out}, func(v []*graph.Node) *graph.Node {
		y := graph.Convolve(graph.Reshape(v[0], 1, n, m/channels, channels), graph.Reshape(v[1], 3, 3, channels, out)).PadSame().Strides(stride).Done()
		return graph.Reshape(y, rows, cols*out)
	}, x, w)
}

// build returns the loss, the last value and the gradient of every input.
func (d *descent) build(x []*graph.Node) []*graph.Node {
	v := make([]*graph.Node, len(d.steps))
	used := make([]bool, len(d.steps))
	for i, s := range d.steps {
		if s.build == nil {
			v[i], x = x[0], x[1:]
			continue
		}
		var in []*graph.Node
		for _, j := range s.in {
			in, used[j] = append(in, v[j]), true
		}
		v[i] = s.build(in)
	}
	loss := graph.Scalar(v[0].Graph(), v[0].DType(), 0)
	for i, y := range v {
		if !used[i] {
			loss = graph.Add(loss, graph.ReduceAllSum(graph.Sin(graph.AddScalar(y, 0.3))))
		}
	}
	var wrt []*graph.Node
	for _, i := range d.inputs {
		wrt = append(wrt, v[i])
	}
	return append([]*graph.Node{loss, v[len(v)-1]}, graph.Gradient(loss, wrt...)...)
}

func (d *descent) String() (s string) {
	for i, step := range d.steps {
		s += fmt.Sprintf("\n%d %s %v", i, step.name, d.dims[i])
	}
	return s
}

// draw returns the inputs, and the same moved by about so many parts of themselves.
func (d *descent) draw(moves ...float64) [][]*tensors.Tensor {
	out := make([][]*tensors.Tensor, len(moves))
	for _, i := range d.inputs {
		x := normals(d.rng, d.dims[i]...)
		for k, by := range moves {
			moved := make([]float64, len(x))
			for j, v := range x {
				v = float64(float32(v * d.steps[i].scale))
				moved[j] = v * (1 + by*d.rng.NormFloat64())
			}
			out[k] = append(out[k], tensors.FromFlatDataAndDimensions(moved, d.dims[i]...))
		}
	}
	return out
}

// nudge is how far inputs are moved to see how much a result depends on roundings, and nudges how often.
const (
	nudge  = 3e-6
	nudges = 3
)

// tolerances returns what each result may be off by: a multiple of the most that the twin's moved when its inputs
// did, which is large beside a kink and where numbers cancel, and a part of its size and of the largest size there is.
func tolerances(want [][]float64, moved [][][]float64) []float64 {
	tol := make([]float64, len(want))
	largest := 1.0
	for i, w := range want {
		size := 0.0
		for j, v := range w {
			size = max(size, math.Abs(v))
			for _, m := range moved {
				tol[i] = max(tol[i], 12*math.Abs(m[i][j]-v))
			}
		}
		tol[i] += 2e-5 * size
		largest = max(largest, size)
	}
	for i := range tol {
		tol[i] += 2e-6 * largest
	}
	return tol
}

// check compares loss, last value and gradients with the twin, and bits on one and two threads. It returns how
// many results there are and how many are held to a hundredth of their size.
func (d *descent) check(t testing.TB, twin compute.Backend, two, one *cpu.Backend) (all, sharp int) {
	moves := make([]float64, 1+nudges)
	for i := range nudges {
		moves[1+i] = nudge
	}
	in := d.draw(moves...)
	want := evaluate(t, twin, dtypes.Float64, in[0], d.build)
	var moved [][][]float64
	for _, x := range in[1:] {
		moved = append(moved, evaluate(t, twin, dtypes.Float64, x, d.build))
	}
	tol := tolerances(want, moved)
	got := evaluate(t, two, dtypes.Float32, in[0], d.build)
	alone := evaluate(t, one, dtypes.Float32, in[0], d.build)
	for i, w := range want {
		name := "loss"
		if i == 1 {
			name = "last value"
		} else if i > 1 {
			name = fmt.Sprint("gradient of ", d.inputs[i-2])
		}
		if len(got[i]) != len(w) {
			t.Fatalf("%s: %d elements, want %d%s", name, len(got[i]), len(w), d)
		}
		size := 0.0
		for j, v := range w {
			size = max(size, math.Abs(v))
			if !(math.Abs(got[i][j]-v) <= tol[i]) {
				t.Fatalf("%s [%d] = %v, want %v within %.2g%s", name, j, got[i][j], v, tol[i], d)
			}
			if got[i][j] != alone[i][j] {
				t.Fatalf("%s [%d] has other bits on one thread%s", name, j, d)
			}
		}
		if all++; tol[i] <= 1e-2*size {
			sharp++
		}
	}
	return all, sharp
}

func twins(t testing.TB) (twin compute.Backend, two, one *cpu.Backend) {
	twin, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(twin.Finalize)
	two, one = backends(t)
	return twin, two, one
}

// FuzzGradients compares compiled losses and gradients of random graphs with the twin.
//
//	go test -run '^$' -fuzz FuzzGradients -fuzztime 10m ./backend/cpu
func FuzzGradients(f *testing.F) {
	for seed := range uint64(10) {
		f.Add(seedBytes(seed))
	}
	twin, two, one := twins(f)
	f.Fuzz(func(t *testing.T, data []byte) { newDescent(data).check(t, twin, two, one) })
}

// TestGradientsAgainstTwin is FuzzGradients on a fixed set, and checks that the tolerances mean something and that
// every operation is reached.
func TestGradientsAgainstTwin(t *testing.T) {
	twin, two, one := twins(t)
	all, sharp := 0, 0
	reached := reach{}
	for seed := range uint64(40) {
		d := newDescent(seedBytes(3000 + seed))
		a, s := d.check(t, twin, two, one)
		all, sharp = all+a, sharp+s
		for _, step := range d.steps {
			reached.note(step.name)
		}
	}
	if 10*sharp < 8*all {
		t.Errorf("only %d of %d results are held to a hundredth", sharp, all)
	}
	reached.want(t, "tanh", "gelu", "add", "mul", "div", "relu", "dense", "outer", "layerNorm", "softmax", "centred", "spread",
		"slice", "pad", "concat", "transpose", "reshape", "gru", "attention", "conv")
	t.Logf("%d results, %d held to a hundredth; %v", all, sharp, reached)
}
