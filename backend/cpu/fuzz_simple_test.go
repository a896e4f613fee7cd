package cpu_test

import (
	"math"

	"github.com/gomlx/compute"
)

// The element-wise part of the grammar.

// chain composes operations of one input.
func chain(fs ...func(f compute.Function, x compute.Value) (compute.Value, error)) buildFunc {
	return func(f compute.Function, v []compute.Value) (x compute.Value, err error) {
		x = v[0]
		for _, g := range fs {
			if x, err = g(f, x); err != nil {
				return nil, err
			}
		}
		return x, nil
	}
}

func binary(g func(f compute.Function, a, b compute.Value) (compute.Value, error)) buildFunc {
	return func(f compute.Function, v []compute.Value) (compute.Value, error) { return g(f, v[0], v[1]) }
}

// plus adds a constant.
func plus(c float32) func(f compute.Function, x compute.Value) (compute.Value, error) {
	return func(f compute.Function, x compute.Value) (compute.Value, error) {
		k, err := f.Constant([]float32{c})
		if err != nil {
			return nil, err
		}
		return f.Add(x, k)
	}
}

type unaryOp struct {
	name  string
	build buildFunc
	eval  func(in []approx) approx
}

// after applies g to |x| + c: the bound comes from the parts.
func after(c float64, g func(in []approx) approx) func(in []approx) approx {
	shifted := gentle(func(x float64) float64 { return math.Abs(x) + c })
	return func(in []approx) approx { return g([]approx{shifted(in)}) }
}

func unaries() []unaryOp {
	return []unaryOp{
		{"tanh", chain(compute.Function.Tanh), monotone(math.Tanh, 1)},
		{"logistic", chain(compute.Function.Logistic), monotone(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 1)},
		{"erf", chain(compute.Function.Erf), monotone(math.Erf, 1)},
		{"sin", chain(compute.Function.Sin), gentle(math.Sin)},
		{"cos", chain(compute.Function.Cos), gentle(math.Cos)},
		{"neg", chain(compute.Function.Neg), monotone(func(x float64) float64 { return -x }, 0)},
		{"abs", chain(compute.Function.Abs), gentle(math.Abs)},
		{"exp", chain(compute.Function.Abs, compute.Function.Neg, compute.Function.Exp), after(0, monotone(func(x float64) float64 { return math.Exp(-x) }, 1))},
		{"expm1", chain(compute.Function.Abs, compute.Function.Neg, compute.Function.Expm1), after(0, monotone(func(x float64) float64 { return math.Expm1(-x) }, 1))},
		{"log1p", chain(compute.Function.Abs, compute.Function.Log1p), after(0, monotone(math.Log1p, 1))},
		{"log", chain(compute.Function.Abs, plus(1), compute.Function.Log), after(1, monotone(math.Log, 1))},
		{"sqrt", chain(compute.Function.Abs, plus(1), compute.Function.Sqrt), after(1, monotone(math.Sqrt, 1))},
		{"rsqrt", chain(compute.Function.Abs, plus(1), compute.Function.Rsqrt), after(1, monotone(func(x float64) float64 { return 1 / math.Sqrt(x) }, 1))},
		{"floor", chain(compute.Function.Floor), monotone(math.Floor, 0)},
		{"ceil", chain(compute.Function.Ceil), monotone(math.Ceil, 0)},
		{"round", chain(compute.Function.Round), monotone(math.RoundToEven, 0)},
	}
}

func (p *program) unary(name string, x int) int {
	for _, u := range unaries() {
		if u.name == name {
			return p.add(name, u.build, u.eval, x)
		}
	}
	panic("no " + name)
}

func (p *program) anyUnary(x int) {
	all := unaries()
	p.unary(all[p.c.pick(len(all))].name, x)
}

// partner returns a value that broadcasts with x, and the shape of the result.
func (p *program) partner(x int) (y int, dims []int) {
	from := p.c.pick(len(p.nodes))
	for i := range p.nodes {
		y := (from + i) % len(p.nodes)
		if d, ok := broadcast(p.dims(x), p.dims(y)); ok && p.nodes[y].name[:4] != "less" && size(d) <= mostElements {
			return y, d
		}
	}
	return x, p.dims(x)
}

func (p *program) anyBinary(x int) {
	y, d := p.partner(x)
	switch p.c.pick(6) {
	case 0:
		p.add("add", binary(compute.Function.Add), pairs(d, sumOf), x, y)
	case 1:
		p.add("sub", binary(compute.Function.Sub), pairs(d, differenceOf), x, y)
	case 2:
		p.add("mul", binary(compute.Function.Mul), pairs(d, productOf), x, y)
	case 3:
		p.add("max", binary(compute.Function.Max), pairs(d, maximumOf), x, y)
	case 4:
		p.add("min", binary(compute.Function.Min), pairs(d, minimumOf), x, y)
	case 5:
		p.add("div", func(f compute.Function, v []compute.Value) (compute.Value, error) {
			b, err := chain(compute.Function.Abs, plus(1))(f, v[1:])
			if err != nil {
				return nil, err
			}
			return f.Div(v[0], b)
		}, func(in []approx) approx {
			b := gentle(func(x float64) float64 { return math.Abs(x) + 1 })(in[1:])
			return pairs(d, quotientOf)([]approx{in[0], b})
		}, x, y)
	}
}

// relu in the forms that there are.
func (p *program) relu(x int) {
	positive := monotone(func(x float64) float64 { return max(x, 0) }, 0)
	zero := func(f compute.Function) compute.Value {
		z, err := f.Constant([]float32{0})
		if err != nil {
			panic(err)
		}
		return z
	}
	switch p.c.pick(3) {
	case 0:
		p.add("relu", func(f compute.Function, v []compute.Value) (compute.Value, error) { return f.Max(v[0], zero(f)) }, positive, x)
	case 1:
		p.add("relu", func(f compute.Function, v []compute.Value) (compute.Value, error) {
			z := zero(f)
			c, err := f.LessOrEqual(v[0], z)
			if err != nil {
				return nil, err
			}
			return f.Where(c, z, v[0])
		}, positive, x)
	case 2: // the gradient, of a value of the same shape
		y := p.sameShape(x)
		p.add("reluGrad", func(f compute.Function, v []compute.Value) (compute.Value, error) {
			z := zero(f)
			c, err := f.GreaterThan(v[0], z)
			if err != nil {
				return nil, err
			}
			return f.Where(c, v[1], z)
		}, func(in []approx) approx {
			none := newApprox(in[0].dims)
			return where([]approx{pairs(in[0].dims, less)([]approx{none, in[0]}), in[1], none})
		}, x, y)
	}
}

// sameShape returns a value of the shape of x, x itself if there is no other.
func (p *program) sameShape(x int) int {
	from := p.c.pick(len(p.nodes))
	for i := range p.nodes {
		y := (from + i) % len(p.nodes)
		if size(p.dims(y)) > 0 && equalDims(p.dims(x), p.dims(y)) && p.nodes[y].name[:4] != "less" {
			return y
		}
	}
	return x
}

// choose is where(a < b, c, d).
func (p *program) choose(x int) {
	a, b, d := p.sameShape(x), p.sameShape(x), p.sameShape(x)
	c := p.add("less", binary(compute.Function.LessThan), pairs(p.dims(x), less), a, b)
	p.add("where", func(f compute.Function, v []compute.Value) (compute.Value, error) { return f.Where(v[0], v[1], v[2]) }, where, c, x, d)
}

func (p *program) clamp(x int) {
	p.add("clamp", func(f compute.Function, v []compute.Value) (compute.Value, error) {
		lo, err := f.Constant([]float32{-0.5})
		if err != nil {
			return nil, err
		}
		hi, err := f.Constant([]float32{0.75})
		if err != nil {
			return nil, err
		}
		return f.Clamp(lo, v[0], hi)
	}, monotone(func(x float64) float64 { return min(max(x, -0.5), 0.75) }, 0), x)
}
