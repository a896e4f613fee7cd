package cpu_test

import (
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// The part of the grammar with functions inside: While and If, whose closures read values around them.

// closed builds a closure of f with float32 parameters and returns it.
func closed(f compute.Function, params [][]int, build func(g compute.Function, v []compute.Value) ([]compute.Value, error)) (compute.Function, error) {
	g, err := f.Closure()
	if err != nil {
		return nil, err
	}
	var v []compute.Value
	for i, d := range params {
		p, err := g.Parameter(string(rune('a'+i)), shapes.Make(dtypes.Float32, d...), nil)
		if err != nil {
			return nil, err
		}
		v = append(v, p)
	}
	out, err := build(g, v)
	if err != nil {
		return nil, err
	}
	return g, g.Return(out, nil)
}

// turn is what a loop does to its state s, given a value y from around it.
type turn struct {
	name  string
	build func(g compute.Function, s, y compute.Value) (compute.Value, error)
	eval  func(s, y approx) approx
}

func turns() []turn {
	tanh, sin := monotone(math.Tanh, 1), gentle(math.Sin)
	product := func(g compute.Function, s, w compute.Value) (compute.Value, error) {
		return g.DotGeneral(s, []int{1}, nil, w, []int{0}, nil, compute.DotGeneralConfig{})
	}
	pair := func(op func(f compute.Function, a, b compute.Value) (compute.Value, error), then func(f compute.Function, x compute.Value) (compute.Value, error)) func(g compute.Function, s, y compute.Value) (compute.Value, error) {
		return func(g compute.Function, s, y compute.Value) (compute.Value, error) {
			r, err := op(g, s, y)
			if err != nil {
				return nil, err
			}
			return then(g, r)
		}
	}
	return []turn{
		{"add", pair(compute.Function.Add, compute.Function.Tanh), func(s, y approx) approx {
			return tanh([]approx{pairs(s.dims, sumOf)([]approx{s, y})})
		}},
		{"mul", pair(compute.Function.Mul, compute.Function.Sin), func(s, y approx) approx {
			return sin([]approx{pairs(s.dims, productOf)([]approx{s, y})})
		}},
		{"max", pair(compute.Function.Max, compute.Function.Sin), func(s, y approx) approx {
			return sin([]approx{pairs(s.dims, maximumOf)([]approx{s, y})})
		}},
		{"dot", pair(product, compute.Function.Tanh), func(s, y approx) approx { return tanh([]approx{square(s, y)}) }},
	}
}

// square is the product of a matrix with a square one.
func square(s, w approx) approx {
	out, m := newApprox(s.dims), w.dims[0]
	for i := range out.v {
		var sum accumulator
		for k := range m {
			sum.add(s, w, i/m*m+k, k*m+i%m)
		}
		out.v[i], out.e[i] = sum.result(1)
	}
	return out
}

// mostTurned bounds the elements that all turns of a loop compute: the interpreter is slow.
const mostTurned = 1 << 14

// loop repeats a turn 0 to 4 times on x. Beside the state there is a counter, which a limit from around the loop ends.
func (p *program) loop(x int) {
	all := turns()
	k, count := all[p.c.pick(len(all))], p.c.pick(5)
	d := p.dims(x)
	if size(d)*max(1, count) > mostTurned {
		return
	}
	y := p.sameShape(x)
	if k.name == "dot" {
		if len(d) != 2 || size(d) == 0 || p.cost+count*size(d)*d[1] > mostCost {
			k = all[0]
		} else {
			p.cost += count * size(d) * d[1]
			y = p.input(1/math.Sqrt(float64(d[1])), d[1], d[1])
		}
	}
	p.add("while", func(f compute.Function, v []compute.Value) (compute.Value, error) {
		limit, err := f.Constant([]float32{float32(count) - 0.5})
		if err != nil {
			return nil, err
		}
		zero, err := f.Sub(limit, limit)
		if err != nil {
			return nil, err
		}
		state := [][]int{nil, d}
		cond, err := closed(f, state, func(g compute.Function, s []compute.Value) ([]compute.Value, error) {
			less, err := g.LessThan(s[0], limit)
			return []compute.Value{less}, err
		})
		if err != nil {
			return nil, err
		}
		body, err := closed(f, state, func(g compute.Function, s []compute.Value) ([]compute.Value, error) {
			next, err := plus(1)(g, s[0])
			if err != nil {
				return nil, err
			}
			r, err := k.build(g, s[1], v[1])
			return []compute.Value{next, r}, err
		})
		if err != nil {
			return nil, err
		}
		out, err := f.While(cond, body, zero, v[0])
		if err != nil {
			return nil, err
		}
		return out[1], nil
	}, func(in []approx) approx {
		s := in[0]
		for range count {
			s = k.eval(s, in[1])
		}
		return s
	}, x, y)
}

// branch is tanh(x + y) if the largest element of x is below a bound, else sin(x·y).
func (p *program) branch(x int) {
	d := p.dims(x)
	if size(d) == 0 || size(d) > mostTurned {
		return
	}
	y, bound := p.sameShape(x), float32(p.c.pick(7))/2-0.5
	axes := make([]int, len(d))
	for i := range axes {
		axes[i] = i
	}
	all := turns()
	p.add("if", func(f compute.Function, v []compute.Value) (compute.Value, error) {
		top := v[0]
		var err error
		if len(d) > 0 {
			if top, err = f.ReduceMax(v[0], axes...); err != nil {
				return nil, err
			}
		}
		limit, err := f.Constant([]float32{bound})
		if err != nil {
			return nil, err
		}
		low, err := f.LessThan(top, limit)
		if err != nil {
			return nil, err
		}
		var sides [2]compute.Function
		for i := range sides {
			if sides[i], err = closed(f, nil, func(g compute.Function, _ []compute.Value) ([]compute.Value, error) {
				r, err := all[i].build(g, v[0], v[1])
				return []compute.Value{r}, err
			}); err != nil {
				return nil, err
			}
		}
		out, err := f.If(low, sides[0], sides[1])
		if err != nil {
			return nil, err
		}
		return out[0], nil
	}, func(in []approx) approx {
		top, e := math.Inf(-1), 0.0
		for i, v := range in[0].v {
			top, e = max(top, v), max(e, in[0].e[i])
		}
		c := newApprox(d)
		for i := range c.v {
			c.v[i], c.e[i] = less(top, float64(bound), e, 0)
		}
		return where([]approx{c, all[0].eval(in[0], in[1]), all[1].eval(in[0], in[1])})
	}, x, y)
}
