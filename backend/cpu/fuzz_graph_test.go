package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"foresee/backend/cpu"
)

// program is a random graph whose values the interpreter has already computed.
type program struct {
	c     *choices
	rng   *rand.Rand // values of inputs
	nodes []node
	cost  int // multiply-adds so far
}

type node struct {
	name  string
	in    []int
	build buildFunc // nil for an input
	want  approx
}

type buildFunc func(f compute.Function, v []compute.Value) (compute.Value, error)

// choices are the fuzzer's bytes, read one a choice; when they are used up everything is 0.
type choices struct{ data []byte }

func (c *choices) pick(n int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return int(b) % n
}

const (
	nothing      = 1e30 // the error of a value of which nothing is known
	mostElements = 70000
	mostCost     = 12 << 20
)

// input adds a parameter of normal values times scale.
func (p *program) input(scale float64, dims ...int) int {
	a := newApprox(slices.Clone(dims))
	for i := range a.v {
		a.v[i] = float64(float32(p.rng.NormFloat64() * scale))
	}
	p.nodes = append(p.nodes, node{name: fmt.Sprint("input", dims), want: a})
	return len(p.nodes) - 1
}

// add appends an operation and returns its index. Values that grow large go through tanh.
func (p *program) add(name string, build buildFunc, eval func(in []approx) approx, in ...int) int {
	var args []approx
	for _, i := range in {
		args = append(args, p.nodes[i].want)
	}
	n := node{name: fmt.Sprint(name, in), in: in, build: build, want: eval(args)}
	p.nodes = append(p.nodes, n)
	at := len(p.nodes) - 1
	large := false
	for i, v := range n.want.v {
		if !(n.want.e[i] < nothing) { // NaN too
			n.want.e[i] = nothing
		}
		large = large || math.Abs(v)+n.want.e[i] > 30
	}
	if large && name != "less" {
		return p.unary("tanh", at)
	}
	return at
}

func (p *program) dims(i int) []int { return p.nodes[i].want.dims }

// newProgram reads a graph from the fuzzer's bytes.
func newProgram(data []byte) *program {
	p := &program{c: &choices{data}, rng: rand.New(rand.NewPCG(1, uint64(len(data))))}
	n, m := 1+p.c.pick(9), 1+p.c.pick(40)
	if p.c.pick(5) == 0 {
		n, m = 150, 200 // several parts
	}
	p.input(1, n, m)
	p.input(1, m)
	p.input(1, n, 1)
	p.input(1)
	p.input(1, 1+p.c.pick(3), 1+p.c.pick(9), 1+p.c.pick(9), []int{1, 3, 8, 16, 17}[p.c.pick(5)])
	for len(p.c.data) > 0 && len(p.nodes) < 60 && p.cost < mostCost {
		x := p.c.pick(len(p.nodes))
		if p.c.pick(3) > 0 { // chains are what compilers fuse
			x = len(p.nodes) - 1
		}
		if p.nodes[x].name[:4] == "less" {
			continue
		}
		grammar[p.c.pick(len(grammar))](p, x)
	}
	return p
}

// grammar lists what may grow from value x; each does nothing where it does not apply.
var grammar = []func(p *program, x int){
	(*program).anyUnary, (*program).anyUnary, (*program).anyBinary, (*program).anyBinary, (*program).anyBinary,
	(*program).relu, (*program).choose, (*program).clamp, (*program).transpose, (*program).reshape, (*program).slice,
	(*program).reverse, (*program).pad, (*program).concatenate, (*program).broadcast, (*program).rows, (*program).scatter, (*program).box,
	(*program).reduce, (*program).reduce, (*program).softmax, (*program).layerNorm, (*program).gelu, (*program).narrow,
	(*program).product, (*program).product, (*program).convolve, (*program).convolve, (*program).image, (*program).pool,
	(*program).loop, (*program).branch,
}

// compile builds the graph; keep says which values it returns.
func (p *program) compile(t testing.TB, b *cpu.Backend, keep []int) (compute.Executable, []tensor) {
	var inputs []tensor
	for _, n := range p.nodes {
		if n.build == nil {
			x := make([]float32, len(n.want.v))
			for i, v := range n.want.v {
				x[i] = float32(v)
			}
			inputs = append(inputs, tensor{x, n.want.dims})
		}
	}
	e := compile(t, b, inputs, func(f compute.Function, x []compute.Value) (out []compute.Value, err error) {
		v := make([]compute.Value, len(p.nodes))
		for i, n := range p.nodes {
			if n.build == nil {
				v[i], x = x[0], x[1:]
				continue
			}
			var in []compute.Value
			for _, j := range n.in {
				in = append(in, v[j])
			}
			if v[i], err = n.build(f, in); err != nil {
				return nil, fmt.Errorf("%s: %w", n.name, err)
			}
		}
		for _, k := range keep {
			out = append(out, v[k])
		}
		return out, nil
	})
	return e, inputs
}

func (p *program) String() string {
	var s string
	for i, n := range p.nodes {
		s += fmt.Sprintf("\n%d %s %v", i, n.name, n.want.dims)
	}
	return s
}

// check runs the graph on two threads, twice more with donated inputs, and on one thread, and
// compares values with the interpreter and bits with each other. It returns how many tensors
// were compared, and of how many nine elements in ten are held to one part in a thousand.
func (p *program) check(t testing.TB, two, one *cpu.Backend) (all, close int) {
	var keep []int
	for i, n := range p.nodes {
		if n.build != nil && n.name[:4] != "less" && (i == len(p.nodes)-1 || p.rng.IntN(5) == 0) {
			keep = append(keep, i)
		}
	}
	if len(keep) == 0 {
		return 0, 0
	}
	e, inputs := p.compile(t, two, keep)
	defer e.Finalize()
	donate := make([]bool, len(inputs))
	for i := range donate {
		donate[i] = p.rng.IntN(2) == 0
	}
	alone, _ := p.compile(t, one, keep)
	defer alone.Finalize()
	got := execute(t, e, buffers(t, two, inputs), nil)
	for i, k := range keep {
		want := p.nodes[k].want
		g := got[i].([]float32)
		if len(g) != len(want.v) {
			t.Fatalf("value %d has %d elements, want %d%s", k, len(g), len(want.v), p)
		}
		sharp := 0
		for j, v := range want.v {
			if want.e[j] < nothing && !(math.Abs(float64(g[j])-v) <= want.e[j]) {
				t.Fatalf("value %d [%d] = %v, want %v within %.2g%s", k, j, g[j], v, want.e[j], p)
			}
			if want.e[j] <= 1e-3*max(1, math.Abs(v)) {
				sharp++
			}
		}
		if all++; 10*sharp >= 9*len(g) {
			close++
		}
	}
	for run, again := range [][]any{execute(t, e, buffers(t, two, inputs), donate), execute(t, e, buffers(t, two, inputs), donate),
		execute(t, alone, buffers(t, one, inputs), nil)} {
		for i, k := range keep {
			if j := bitsDiffer(again[i].([]float32), got[i].([]float32)); j >= 0 {
				t.Fatalf("run %d: value %d [%d] has other bits%s", run+2, k, j, p)
			}
		}
	}
	return all, close
}

func backends(t testing.TB) (two, one *cpu.Backend) {
	one, err := cpu.New("threads=1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(one.Finalize)
	two = own(t)
	one.EntryByEntry()
	two.EntryByEntry()
	return two, one
}

// seedBytes are the choices of the short form.
func seedBytes(seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 77))
	data := make([]byte, 20+rng.IntN(140))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	return data
}

// FuzzGraphs compares compiled random graphs with the interpreter.
//
//	go test -run '^$' -fuzz FuzzGraphs -fuzztime 10m ./backend/cpu
func FuzzGraphs(f *testing.F) {
	for seed := range uint64(25) {
		f.Add(seedBytes(seed))
	}
	two, one := backends(f)
	f.Fuzz(func(t *testing.T, data []byte) { newProgram(data).check(t, two, one) })
}

// TestGraphsAgainstInterpreter is FuzzGraphs on a fixed set, and checks that the interpreter's
// bounds are tight enough to mean something and that every operation is reached.
func TestGraphsAgainstInterpreter(t *testing.T) {
	two, one := backends(t)
	all, close := 0, 0
	reached := reach{}
	for seed := range uint64(100) {
		p := newProgram(seedBytes(1000 + seed))
		a, c := p.check(t, two, one)
		all, close = all+a, close+c
		for _, n := range p.nodes {
			reached.note(n.name)
		}
	}
	if 10*close < 8*all {
		t.Errorf("only %d of %d tensors are held to a thousandth", close, all)
	}
	reached.want(t, "tanh", "add", "mul", "div", "relu", "where", "clamp", "transpose", "reshape", "slice", "reverse", "pad",
		"concatenate", "broadcast", "gather", "scatter", "dynamicSlice", "sum", "max", "dot", "conv", "image", "maxPool", "narrow", "while", "if")
	t.Logf("%d tensors, %d held to a thousandth; %v", all, close, reached)
}

// reach counts the operations of random graphs by their names, without operands.
type reach map[string]int

func (r reach) note(name string) {
	name, _, _ = strings.Cut(name, "[")
	r[name]++
}

// want fails the test for every operation that no graph had.
func (r reach) want(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if r[name] == 0 {
			t.Errorf("no graph has a %s", name)
		}
	}
}
