package cpu_test

import (
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// The part of the grammar that moves elements or folds axes.

func equalDims(a, b []int) bool { return slices.Equal(a, b) }

// permutation returns a permutation of n, read from the choices.
func (p *program) permutation(n int) []int {
	perm := make([]int, n)
	for i := range perm {
		j := p.c.pick(i + 1)
		perm[i], perm[j] = perm[j], i
	}
	return perm
}

func (p *program) transpose(x int) {
	d := p.dims(x)
	perm := p.permutation(len(d))
	out := make([]int, len(d))
	for i, a := range perm {
		out[i] = d[a]
	}
	p.add("transpose", func(f compute.Function, v []compute.Value) (compute.Value, error) { return f.Transpose(v[0], perm...) },
		moved(out, 0, func(index []int) int {
			from := make([]int, len(d))
			for i, a := range perm {
				from[a] = index[i]
			}
			return at(d, from)
		}), x)
}

// reshape merges two axes, or splits one, or adds one of 1.
func (p *program) reshape(x int) {
	d := slices.Clone(p.dims(x))
	i := p.c.pick(len(d) + 1)
	switch {
	case i < len(d)-1:
		d[i] *= d[i+1]
		d = slices.Delete(d, i+1, i+2)
	case i < len(d) && d[i]%2 == 0:
		d[i] /= 2
		d = slices.Insert(d, i+1, 2)
	case len(d) < 5:
		d = slices.Insert(d, i, 1)
	}
	p.add("reshape", func(f compute.Function, v []compute.Value) (compute.Value, error) { return f.Reshape(v[0], d...) },
		moved(d, 0, func(index []int) int { return at(d, index) }), x)
}

func (p *program) slice(x int) {
	d := p.dims(x)
	start, limit, stride, out := make([]int, len(d)), slices.Clone(d), make([]int, len(d)), make([]int, len(d))
	for i := range d {
		stride[i] = 1
		if p.c.pick(2) == 0 && d[i] > 0 {
			start[i] = p.c.pick(d[i])
			limit[i] = start[i] + 1 + p.c.pick(d[i]-start[i])
			stride[i] = 1 + p.c.pick(3)
		}
		out[i] = (limit[i] - start[i] + stride[i] - 1) / stride[i]
	}
	p.add("slice", func(f compute.Function, v []compute.Value) (compute.Value, error) {
		return f.Slice(v[0], start, limit, stride)
	}, moved(out, 0, func(index []int) int {
		for i := range index {
			index[i] = start[i] + index[i]*stride[i]
		}
		return at(d, index)
	}), x)
}

func (p *program) reverse(x int) {
	d := p.dims(x)
	axes := p.someAxes(len(d))
	p.add("reverse", func(f compute.Function, v []compute.Value) (compute.Value, error) { return f.Reverse(v[0], axes...) },
		moved(d, 0, func(index []int) int {
			for _, a := range axes {
				index[a] = d[a] - 1 - index[a]
			}
			return at(d, index)
		}), x)
}

// someAxes returns a set of axes in order, at least one if there are any.
func (p *program) someAxes(rank int) (axes []int) {
	for i := range rank {
		if p.c.pick(2) == 0 {
			axes = append(axes, i)
		}
	}
	if len(axes) == 0 && rank > 0 {
		axes = []int{p.c.pick(rank)}
	}
	return axes
}

func (p *program) pad(x int) {
	d := p.dims(x)
	pads, out := make([]compute.PadAxis, len(d)), slices.Clone(d)
	for i := range d {
		if p.c.pick(2) == 0 {
			pads[i] = compute.PadAxis{Start: p.c.pick(3), End: p.c.pick(3), Interior: p.c.pick(2)}
			out[i] += pads[i].Start + pads[i].End + max(0, d[i]-1)*pads[i].Interior
		}
	}
	if size(out) > mostElements {
		return
	}
	p.add("pad", func(f compute.Function, v []compute.Value) (compute.Value, error) {
		fill, err := f.Constant([]float32{0.25})
		if err != nil {
			return nil, err
		}
		return f.Pad(v[0], fill, pads...)
	}, moved(out, 0.25, func(index []int) int {
		for i, q := range pads {
			k := index[i] - q.Start
			if k < 0 || k%(q.Interior+1) != 0 || k/(q.Interior+1) >= d[i] {
				return -1
			}
			index[i] = k / (q.Interior + 1)
		}
		return at(d, index)
	}), x)
}

// concatenate puts two values of the same shape one behind the other.
func (p *program) concatenate(x int) {
	d := p.dims(x)
	if len(d) == 0 || 2*size(d) > mostElements {
		return
	}
	y, axis := p.sameShape(x), p.c.pick(len(d))
	out := slices.Clone(d)
	out[axis] *= 2
	p.add("concatenate", func(f compute.Function, v []compute.Value) (compute.Value, error) {
		return f.Concatenate(axis, v...)
	}, func(in []approx) approx {
		r := newApprox(out)
		for i := range r.v {
			index, from := indexOf(out, i), in[0]
			if index[axis] >= d[axis] {
				index[axis] -= d[axis]
				from = in[1]
			}
			k := at(d, index)
			r.v[i], r.e[i] = from.v[k], from.e[k]
		}
		return r
	}, x, y)
}

// broadcast adds an axis somewhere, and widens axes of 1.
func (p *program) broadcast(x int) {
	d := p.dims(x)
	if len(d) > 3 {
		return
	}
	where, n := p.c.pick(len(d)+1), 1+p.c.pick(6)
	out := slices.Insert(slices.Clone(d), where, n)
	var axes []int
	for i := range out {
		if i != where {
			axes = append(axes, i)
			if out[i] == 1 {
				out[i] = 1 + p.c.pick(5)
			}
		}
	}
	if size(out) > mostElements {
		return
	}
	p.add("broadcast", func(f compute.Function, v []compute.Value) (compute.Value, error) {
		return f.BroadcastInDim(v[0], shapes.Make(dtypes.Float32, out...), axes)
	}, moved(out, 0, func(index []int) int {
		var from []int
		for k, a := range axes {
			from = append(from, min(index[a], d[k]-1))
		}
		return at(d, from)
	}), x)
}

// indices returns n numbers below limit.
func (p *program) indices(n, limit int) []int32 {
	ks := make([]int32, n)
	for i := range ks {
		ks[i] = int32(p.c.pick(limit))
	}
	return ks
}

// rows gathers rows of the first axis.
func (p *program) rows(x int) {
	d := p.dims(x)
	if len(d) == 0 || d[0] == 0 {
		return
	}
	ks := p.indices(1+p.c.pick(7), d[0])
	out := slices.Clone(d)
	out[0] = len(ks)
	one, offsets := slices.Clone(d), []int{}
	one[0] = 1
	for i := 1; i < len(d); i++ {
		offsets = append(offsets, i)
	}
	p.add("gather", func(f compute.Function, v []compute.Value) (compute.Value, error) {
		at, err := f.Constant(ks, len(ks), 1)
		if err != nil {
			return nil, err
		}
		return f.Gather(v[0], at, 1, offsets, []int{0}, []int{0}, one, false)
	}, moved(out, 0, func(index []int) int {
		index[0] = int(ks[index[0]])
		return at(d, index)
	}), x)
}

// scatter adds some rows of a value to rows of another of its shape, perhaps itself.
func (p *program) scatter(x int) {
	d := p.dims(x)
	if len(d) == 0 || d[0] == 0 {
		return
	}
	y := p.sameShape(x)
	ks := p.indices(d[0], d[0])
	var windows []int
	for i := 1; i < len(d); i++ {
		windows = append(windows, i)
	}
	row := size(d) / d[0]
	p.add("scatter", func(f compute.Function, v []compute.Value) (compute.Value, error) {
		at, err := f.Constant(ks, len(ks), 1)
		if err != nil {
			return nil, err
		}
		return f.ScatterSum(v[0], at, v[1], 1, windows, []int{0}, []int{0}, false, false)
	}, func(in []approx) approx {
		out := approx{d, slices.Clone(in[0].v), slices.Clone(in[0].e)}
		for i, v := range in[1].v {
			j := int(ks[i/row])*row + i%row
			out.v[j] += v
			out.e[j] += in[1].e[i] + unit*(math.Abs(out.v[j])+math.Abs(v))
		}
		return out
	}, x, y)
}

// box takes a dynamic slice, whose start is clamped.
func (p *program) box(x int) {
	d := p.dims(x)
	if len(d) == 0 {
		return
	}
	var start, extent []int
	for _, n := range d {
		extent = append(extent, min(n, 1+p.c.pick(n+1)))
		start = append(start, p.c.pick(n+3)-1)
	}
	p.add("dynamicSlice", func(f compute.Function, v []compute.Value) (compute.Value, error) {
		var at []compute.Value
		for _, s := range start {
			k, err := f.Constant([]int32{int32(s)})
			if err != nil {
				return nil, err
			}
			at = append(at, k)
		}
		return f.DynamicSlice(v[0], at, extent)
	}, moved(extent, 0, func(index []int) int {
		for i := range index {
			index[i] += min(max(start[i], 0), d[i]-extent[i])
		}
		return at(d, index)
	}), x)
}

func (p *program) reduce(x int) {
	axes := p.someAxes(len(p.dims(x)))
	switch p.c.pick(4) {
	case 0:
		p.fold("max", x, axes)
	case 1:
		p.fold("min", x, axes)
	default:
		p.fold("sum", x, axes)
	}
}

// fold reduces axes; an extreme over nothing is left out.
func (p *program) fold(name string, x int, axes []int) int {
	if len(axes) == 0 || size(p.dims(x)) == 0 {
		return x
	}
	start, fold, op := 0.0, sumOf, compute.Function.ReduceSum
	switch name {
	case "max":
		start, fold, op = math.Inf(-1), maximumOf, compute.Function.ReduceMax
	case "min":
		start, fold, op = math.Inf(1), minimumOf, compute.Function.ReduceMin
	}
	_, eval := reduced(p.dims(x), axes, start, fold)
	return p.add(name, func(f compute.Function, v []compute.Value) (compute.Value, error) { return op(f, v[0], axes...) }, eval, x)
}

// spread reduces the last axis and repeats the result along it, as GoMLX does.
func (p *program) spread(name string, x int) int {
	d := p.dims(x)
	last := len(d) - 1
	kept := slices.Clone(d)
	kept[last] = 1
	r := p.fold(name, x, []int{last})
	r = p.add("reshape", func(f compute.Function, v []compute.Value) (compute.Value, error) { return f.Reshape(v[0], kept...) },
		moved(kept, 0, func(index []int) int { return at(kept, index) }), r)
	var axes []int
	for i := range d {
		axes = append(axes, i)
	}
	return p.add("broadcast", func(f compute.Function, v []compute.Value) (compute.Value, error) {
		return f.BroadcastInDim(v[0], shapes.Make(dtypes.Float32, d...), axes)
	}, moved(d, 0, func(index []int) int {
		index[last] = 0
		return at(kept, index)
	}), r)
}

func (p *program) scaled(by float32, x int) int {
	return p.add("scaled", func(f compute.Function, v []compute.Value) (compute.Value, error) {
		k, err := f.Constant([]float32{by})
		if err != nil {
			return nil, err
		}
		return f.Mul(v[0], k)
	}, monotone(func(x float64) float64 { return x * float64(by) }, 0), x)
}

func (p *program) two(name string, build func(f compute.Function, a, b compute.Value) (compute.Value, error),
	eval func(a, b, ea, eb float64) (y, e float64), x, y int) int {
	d, _ := broadcast(p.dims(x), p.dims(y))
	return p.add(name, binary(build), pairs(d, eval), x, y)
}

func (p *program) softmax(x int) {
	d := p.dims(x)
	if len(d) == 0 || size(d) == 0 {
		return
	}
	y := p.two("sub", compute.Function.Sub, differenceOf, x, p.spread("max", x))
	y = p.add("exp", chain(compute.Function.Exp), monotone(math.Exp, 0), y)
	p.two("div", compute.Function.Div, quotientOf, y, p.spread("sum", y))
}

func (p *program) layerNorm(x int) {
	d := p.dims(x)
	if len(d) == 0 || size(d) == 0 {
		return
	}
	n := 1 / float32(d[len(d)-1])
	y := p.two("sub", compute.Function.Sub, differenceOf, x, p.scaled(n, p.spread("sum", x)))
	v := p.scaled(n, p.spread("sum", p.two("mul", compute.Function.Mul, productOf, y, y)))
	v = p.add("rsqrt", chain(compute.Function.Abs, plus(1e-1), compute.Function.Rsqrt), after(float64(float32(1e-1)), monotone(func(x float64) float64 { return 1 / math.Sqrt(x) }, 1)), v)
	p.two("mul", compute.Function.Mul, productOf, y, v)
}

func (p *program) gelu(x int) {
	e := p.scaled(math.Sqrt2/2, x)
	e = p.unary("erf", e)
	e = p.add("plus", chain(plus(1)), monotone(func(x float64) float64 { return x + 1 }, 1), e)
	p.two("mul", compute.Function.Mul, productOf, p.scaled(0.5, x), e)
}

// narrow rounds to a type of 16 bits and back, perhaps with arithmetic there.
func (p *program) narrow(x int) {
	d, bits := dtypes.BFloat16, 8.0
	if p.c.pick(2) == 0 {
		d, bits = dtypes.Float16, 11
	}
	twice := p.c.pick(2) == 0
	p.add("narrow", func(f compute.Function, v []compute.Value) (compute.Value, error) {
		y, err := f.ConvertDType(v[0], d)
		if err != nil {
			return nil, err
		}
		if twice {
			if y, err = f.Tanh(y); err != nil {
				return nil, err
			}
		}
		return f.ConvertDType(y, dtypes.Float32)
	}, func(in []approx) approx {
		out := newApprox(in[0].dims)
		for i, x := range in[0].v {
			step := math.Exp2(-bits)
			y, e := x, in[0].e[i]+(math.Abs(x)+in[0].e[i])*step+1e-7
			if twice {
				y, e = math.Tanh(x), e+2*step
			}
			out.set(i, y, e)
		}
		return out
	}, x)
}
