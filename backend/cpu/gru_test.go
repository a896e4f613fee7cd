package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"

	"foresee/backend/cpu"
)

// gruCase is a recurrence: steps of a unit of rows x width states, with inputs of the given columns or, for 0,
// with the input's share of the gates given. Odd ones spell every sum and product the other way round.
type gruCase struct {
	rows, width, input, steps int
	odd                       bool
	same                      bool // all steps have the input of the first
	keep                      bool // return the last update gate too, so that the last step cannot be recognised
}

// inputs are h, x or g, U, c and, with an input, W and b.
func (c gruCase) inputs(rng *rand.Rand) []tensor {
	draw := func(scale float64, dims ...int) tensor {
		x := make([]float32, size(dims))
		for i := range x {
			x[i] = float32(scale * rng.NormFloat64())
		}
		return tensor{x, dims}
	}
	scale, k := 1/math.Sqrt(float64(c.width+1)), c.input
	if k == 0 {
		k = 3 * c.width
	}
	in := []tensor{draw(1, c.rows, c.width), draw(1, c.steps*c.rows, k), draw(scale, c.width, 3*c.width), draw(scale, 3*c.width)}
	if c.input > 0 {
		in = append(in, draw(1, c.input, 3*c.width), draw(1, 3*c.width))
	}
	return in
}

// do builds one operation of a graph and keeps the first error.
type do struct {
	f   compute.Function
	err error
	odd bool
}

func (d *do) is(v compute.Value, err error) compute.Value {
	if d.err == nil {
		d.err = err
	}
	return v
}

func (d *do) pair(op func(f compute.Function, a, b compute.Value) (compute.Value, error), a, b compute.Value) compute.Value {
	if d.odd {
		a, b = b, a
	}
	return d.is(op(d.f, a, b))
}

// affine is x·w + b.
func (d *do) affine(x, w, b compute.Value, n int) compute.Value {
	y := d.is(d.f.DotGeneral(x, []int{1}, nil, w, []int{0}, nil, compute.DotGeneralConfig{}))
	return d.pair(compute.Function.Add, y, d.is(d.f.Reshape(b, 1, n)))
}

// build spells the recurrence as nn.GRU does.
func (c gruCase) build(f compute.Function, x []compute.Value) ([]compute.Value, error) {
	d := &do{f: f, odd: c.odd}
	h, update := x[0], compute.Value(nil)
	for step := range c.steps {
		p, at, k := d.affine(h, x[2], x[3], 3*c.width), c.at(step)*c.rows, 3*c.width
		if c.input > 0 {
			k = c.input
		}
		g := d.is(f.Slice(x[1], []int{at, 0}, []int{at + c.rows, k}, nil))
		if c.input > 0 {
			g = d.affine(g, x[4], x[5], 3*c.width)
		}
		if d.err != nil {
			return nil, d.err
		}
		h, update = d.gates(h, g, p, [2]int{c.rows, c.width})
	}
	if c.keep {
		return []compute.Value{h, update}, d.err
	}
	return []compute.Value{h}, d.err
}

// gates returns the state [rows, width] after h, from the input's and the state's shares of the gates, and the update gate.
func (d *do) gates(h, g, p compute.Value, dims [2]int) (next, update compute.Value) {
	cut := func(v compute.Value, gate int) compute.Value {
		return d.is(d.f.Slice(v, []int{0, gate * dims[1]}, []int{dims[0], (gate + 1) * dims[1]}, nil))
	}
	reset := d.is(d.f.Logistic(d.pair(compute.Function.Add, cut(g, 0), cut(p, 0))))
	update = d.is(d.f.Logistic(d.pair(compute.Function.Add, cut(g, 1), cut(p, 1))))
	n := d.is(d.f.Tanh(d.pair(compute.Function.Add, cut(g, 2), d.pair(compute.Function.Mul, reset, cut(p, 2)))))
	return d.pair(compute.Function.Add, n, d.pair(compute.Function.Mul, update, d.is(d.f.Sub(h, n)))), update
}

// at returns the step whose input a step has.
func (c gruCase) at(step int) int {
	if c.same {
		return 0
	}
	return step
}

// twin is the recurrence in float64 loops.
func (c gruCase) twin(in []tensor) []float64 {
	get := func(i, at int) float64 { return float64(in[i].flat.([]float32)[at]) }
	n := 3 * c.width
	h := make([]float64, c.rows*c.width)
	for i := range h {
		h[i] = get(0, i)
	}
	for step := range c.steps {
		after := make([]float64, len(h))
		for i := range after {
			row, col := i/c.width, i%c.width
			from := c.at(step)*c.rows + row
			var p, g [3]float64
			for k := range 3 {
				at := k*c.width + col
				p[k] = get(3, at)
				for q := range c.width {
					p[k] += h[row*c.width+q] * get(2, q*n+at)
				}
				if c.input == 0 {
					g[k] = get(1, from*n+at)
					continue
				}
				g[k] = get(5, at)
				for q := range c.input {
					g[k] += get(1, from*c.input+q) * get(4, q*n+at)
				}
			}
			reset, update := 1/(1+math.Exp(-g[0]-p[0])), 1/(1+math.Exp(-g[1]-p[1]))
			after[i] = (1-update)*math.Tanh(g[2]+reset*p[2]) + update*h[i]
		}
		h = after
	}
	return h
}

// run returns the last state on so many threads and the number of fused steps.
func (c gruCase) run(t *testing.T, threads int, in []tensor) (state []float32, fused int) {
	b, err := cpu.New(fmt.Sprint("threads=", threads))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	b.SetProfile(true)
	e := compile(t, b, in, c.build)
	args := buffers(t, b, in)
	state = execute(t, e, args, nil)[0].([]float32)
	for _, s := range b.Explain() {
		if s.Kernel == "GRU" {
			fused++
		}
	}
	if again := execute(t, e, args, nil)[0].([]float32); bitsDiffer(again, state) >= 0 {
		t.Errorf("%+v: another run has other bits", c)
	}
	return state, fused
}

func gruCases() []gruCase {
	cases := []gruCase{
		{rows: 200, width: 64, input: 2, steps: 3}, {rows: 200, width: 128, input: 2, steps: 2, odd: true}, {rows: 1, width: 512, input: 2, steps: 1},
		{rows: 1, width: 37, steps: 2, odd: true}, {rows: 1, width: 1, input: 1, steps: 2}, {rows: 2, width: 1, input: 3, steps: 2, odd: true},
		{rows: 19, width: 257, input: 5, steps: 2}, {rows: 113, width: 300, steps: 1, odd: true}, {rows: 226, width: 96, input: 300, steps: 1},
		{rows: 0, width: 8, input: 2, steps: 2}, {rows: 64, width: 31, steps: 2, odd: true}, {rows: 40, width: 24, input: 3, steps: 3, same: true},
	}
	rng := rand.New(rand.NewPCG(5, 9))
	for range 12 {
		cases = append(cases, gruCase{1 + rng.IntN(70), 1 + rng.IntN(90), rng.IntN(4), 1 + rng.IntN(3), rng.IntN(2) == 0, rng.IntN(3) == 0, false})
	}
	return cases
}

// TestGRUAgainstTwin compares the fused step with loops in float64, and its bits on 1, 2 and 3 threads and with
// those of the separate kernels, which run where something else needs a gate.
func TestGRUAgainstTwin(t *testing.T) {
	for _, c := range gruCases() {
		in := c.inputs(rand.New(rand.NewPCG(uint64(c.rows), uint64(c.width))))
		got, fused := c.run(t, 1, in)
		want := c.steps
		if c.rows == 0 {
			want = 0 // nothing to slice
		}
		if fused != want {
			t.Errorf("%+v: %d fused steps, want %d", c, fused, want)
		}
		for i, v := range c.twin(in) {
			if !(math.Abs(float64(got[i])-v) <= 4e-6*math.Sqrt(float64(c.width+c.input))) {
				t.Fatalf("%+v: element %d is %v, want %v", c, i, got[i], v)
			}
		}
		for threads := 2; threads <= 3; threads++ {
			if more, _ := c.run(t, threads, in); bitsDiffer(more, got) >= 0 {
				t.Errorf("%+v: element %d has other bits on %d threads", c, bitsDiffer(more, got), threads)
			}
		}
		whole := c
		whole.keep = true
		separate, fused := whole.run(t, 2, in)
		if fused != max(0, want-1) {
			t.Errorf("%+v: %d fused steps where the last gate is a result, want %d", c, fused, max(0, want-1))
		}
		if i := bitsDiffer(separate, got); i >= 0 {
			t.Errorf("%+v: element %d is %v, of separate kernels %v", c, i, got[i], separate[i])
		}
	}
}

// TestNoGRU: what only looks like a step is computed as it stands.
func TestNoGRU(t *testing.T) {
	c := gruCase{rows: 9, width: 5, input: 2, steps: 1}
	in := c.inputs(rand.New(rand.NewPCG(1, 2)))
	in = append(in, tensor{in[0].flat, in[0].dims})
	for name, swap := range map[string][3]int{"gates in another order": {1, 0, 2}, "one gate twice": {0, 0, 2}, "another gate inside": {0, 1, 1}} {
		b := own(t)
		b.SetProfile(true)
		build := func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
			d := &do{f: f}
			p, g := d.affine(x[0], x[2], x[3], 15), d.affine(x[1], x[4], x[5], 15)
			cut := func(v compute.Value, gate int) compute.Value {
				return d.is(f.Slice(v, []int{0, 5 * swap[gate]}, []int{9, 5 * (swap[gate] + 1)}, nil))
			}
			reset := d.is(f.Logistic(d.pair(compute.Function.Add, cut(g, 0), cut(p, 0))))
			update := d.is(f.Logistic(d.pair(compute.Function.Add, cut(g, 1), cut(p, 1))))
			next := d.is(f.Tanh(d.pair(compute.Function.Add, cut(g, 2), d.pair(compute.Function.Mul, reset, cut(p, 2)))))
			return []compute.Value{d.pair(compute.Function.Add, next, d.pair(compute.Function.Mul, update, d.is(f.Sub(x[0], next))))}, d.err
		}
		execute(t, compile(t, b, in, build), buffers(t, b, in), nil)
		for _, s := range b.Explain() {
			if s.Kernel == "GRU" {
				t.Errorf("%s: taken for a GRU", name)
			}
		}
	}
}
