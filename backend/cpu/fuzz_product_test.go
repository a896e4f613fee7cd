package cpu_test

import (
	"math"
	"slices"

	"github.com/gomlx/compute"
)

// The part of the grammar that multiplies and accumulates.

// product contracts random axes of x with a new weight, then perhaps adds a bias, a residual and
// a floor, which are what epilogues are made of.
func (p *program) product(x int) {
	d := p.dims(x)
	if len(d) == 0 || len(d) > 4 || size(d) == 0 {
		return
	}
	axes := p.permutation(len(d))
	contracted := axes[:1+p.c.pick(min(2, len(d)))]
	rest := axes[len(contracted):]
	batch := rest[:p.c.pick(min(2, len(rest))+1)/2*min(1, len(rest))]
	var left, out, weight []int
	k, rows := 1, 1
	for _, a := range batch {
		out, weight = append(out, d[a]), append(weight, d[a])
	}
	for i, n := range d {
		if !slices.Contains(contracted, i) && !slices.Contains(batch, i) {
			left, out = append(left, i), append(out, n)
			rows *= n
		}
	}
	for _, a := range contracted {
		weight = append(weight, d[a])
		k *= d[a]
	}
	n := []int{1, 2, 3, 5, 8, 16, 17, 32, 33, 64}[p.c.pick(10)]
	weight, out = append(weight, n), append(out, n)
	cost := size(out) * k
	if size(out) > mostElements || p.cost+cost > mostCost || len(out) > 5 {
		return
	}
	p.cost += cost
	// The weight's axes, in any order.
	order := p.permutation(len(weight))
	wd, place := make([]int, len(weight)), make([]int, len(weight))
	for i, a := range order {
		wd[i], place[a] = weight[a], i
	}
	w := p.input(1/math.Sqrt(float64(k)), wd...)
	y := p.add("dot", func(f compute.Function, v []compute.Value) (compute.Value, error) {
		return f.DotGeneral(v[0], contracted, batch, v[1], place[len(batch):len(weight)-1], place[:len(batch)], compute.DotGeneralConfig{})
	}, func(in []approx) approx {
		r := newApprox(out)
		var kd []int
		for _, a := range contracted {
			kd = append(kd, d[a])
		}
		xi, wi := make([]int, len(d)), make([]int, len(wd))
		for i := range r.v {
			index := indexOf(out, i)
			for b, a := range batch {
				xi[a], wi[place[b]] = index[b], index[b]
			}
			for b, a := range left {
				xi[a] = index[len(batch)+b]
			}
			wi[place[len(weight)-1]] = index[len(index)-1]
			var s accumulator
			for q := range k {
				for b, v := range indexOf(kd, q) {
					xi[contracted[b]], wi[place[len(batch)+b]] = v, v
				}
				s.add(in[0], in[1], at(d, xi), at(wd, wi))
			}
			r.v[i], r.e[i] = s.result(1)
		}
		return r
	}, x, w)
	p.epilogue(y)
}

// epilogue adds a bias along the last axis, a residual and a floor, each perhaps.
func (p *program) epilogue(y int) {
	d := p.dims(y)
	if len(d) == 0 {
		return
	}
	if p.c.pick(2) == 0 {
		ones := make([]int, len(d))
		for i := range ones {
			ones[i] = 1
		}
		ones[len(d)-1] = d[len(d)-1]
		y = p.two("add", compute.Function.Add, sumOf, y, p.input(1, ones...))
	}
	if p.c.pick(3) == 0 {
		y = p.two("add", compute.Function.Add, sumOf, y, p.sameShape(y))
	}
	if p.c.pick(2) == 0 {
		p.relu(y)
	}
}

// image adds an input of a size where Winograd's algorithm pays, and a 3x3 convolution of it.
func (p *program) image(int) {
	if p.cost > mostCost/8 || p.c.pick(3) > 0 {
		return
	}
	x := p.input(1, 4, 31+p.c.pick(3), 32-p.c.pick(2), 16)
	p.conv("image", x, convolution{axes: []int{0, 3, 1, 2}, channels: 16, window: []int{3, 3}, stride: []int{1, 1}, dilation: []int{1, 1},
		spread: []int{1, 1}, pad: [][2]int{{1, 1}, {1, 1}}, groups: 1, out: []int{0, 1, 2, 3}, kernel: []int{0, 1, 2, 3}})
}

// convolution describes one; axes are the batch, channel and spatial axes of the input.
type convolution struct {
	axes, window, stride, dilation, spread []int
	pad                                    [][2]int
	channels, groups                       int   // output channels
	out, kernel                            []int // where the logical axes lie
}

// convolve takes any layout, stride, padding, dilation and number of groups.
func (p *program) convolve(x int) {
	d := p.dims(x)
	if len(d) != 3 && len(d) != 4 || size(d) == 0 {
		return
	}
	v := convolution{axes: []int{0, len(d) - 1}, out: p.permutation(len(d)), kernel: p.permutation(len(d)), groups: 1}
	for i := 1; i < len(d)-1; i++ {
		v.axes = append(v.axes, i)
	}
	if p.c.pick(2) == 0 {
		v.axes = p.permutation(len(d))
	}
	if p.c.pick(2) == 0 { // as written in NHWC
		v.out, v.kernel = []int{0, len(d) - 1}, []int{len(d) - 2, len(d) - 1}
		for i := range len(d) - 2 {
			v.out, v.kernel = append(v.out, i+1), append(v.kernel, i)
		}
	}
	v.channels = []int{1, 2, 4, 8, 16, 24}[p.c.pick(6)]
	if in := d[v.axes[1]]; p.c.pick(4) == 0 && in%2 == 0 && v.channels%2 == 0 {
		v.groups = 2
	}
	for _, a := range v.axes[2:] {
		v.window = append(v.window, 1+p.c.pick(4))
		v.stride = append(v.stride, 1+p.c.pick(3)/2)
		v.dilation = append(v.dilation, 1+p.c.pick(4)/3)
		v.spread = append(v.spread, 1+p.c.pick(4)/3)
		v.pad = append(v.pad, [2]int{p.c.pick(3), p.c.pick(3)})
		if p.c.pick(6) == 0 { // a window as large as the image, as weight gradients have
			v.window[len(v.window)-1] = d[a]
		}
	}
	p.conv("conv", x, v)
}

func (p *program) conv(name string, x int, v convolution) {
	d := p.dims(x)
	inner := d[v.axes[1]] / v.groups
	logical := []int{d[v.axes[0]], v.channels} // of the output: batch, channels, spatial
	weights := []int{inner, v.channels}
	for i, a := range v.axes[2:] {
		n := (d[a]-1)*v.spread[i] + 1 + v.pad[i][0] + v.pad[i][1] - (v.window[i]-1)*v.dilation[i] - 1
		if n < 0 {
			return
		}
		logical, weights = append(logical, n/v.stride[i]+1), append(weights, v.window[i])
	}
	out, wd := make([]int, len(d)), make([]int, len(d))
	for i, n := range logical {
		out[v.out[i]] = n
	}
	for i, n := range weights {
		wd[v.kernel[i]] = n
	}
	k := size(weights) / v.channels
	if cost := size(out) * k; size(out) > mostElements || p.cost+cost > mostCost {
		return
	} else {
		p.cost += cost
	}
	w := p.input(1/math.Sqrt(float64(k)), wd...)
	axes := compute.ConvolveAxesConfig{InputBatch: v.axes[0], InputChannels: v.axes[1], InputSpatial: v.axes[2:],
		KernelInputChannels: v.kernel[0], KernelOutputChannels: v.kernel[1], KernelSpatial: v.kernel[2:],
		OutputBatch: v.out[0], OutputChannels: v.out[1], OutputSpatial: v.out[2:]}
	y := p.add(name, func(f compute.Function, in []compute.Value) (compute.Value, error) {
		return f.ConvGeneral(in[0], in[1], axes, v.stride, v.pad, v.spread, v.dilation, v.groups, 1)
	}, func(in []approx) approx { return v.eval(in[0], in[1], out, weights[2:]) }, x, w)
	p.epilogue(y)
}

// eval is the convolution by its definition. Winograd's transforms of dense 3x3 windows grow values at most (24/3)² times.
func (v convolution) eval(x, w approx, out, window []int) approx {
	growth := 10.0
	dense := v.groups == 1 && !slices.ContainsFunc(slices.Concat(v.stride, v.dilation, v.spread), func(n int) bool { return n != 1 })
	if dense && slices.Equal(window, []int{3, 3}) {
		growth = 64
	}
	r := newApprox(out)
	inner := x.dims[v.axes[1]] / v.groups
	taps := size(window)
	xi, wi := make([]int, len(x.dims)), make([]int, len(x.dims))
	for i := range r.v {
		index := indexOf(out, i)
		o := index[v.out[1]]
		xi[v.axes[0]], wi[v.kernel[1]] = index[v.out[0]], o
		first := o / (v.channels / v.groups) * inner
		var s accumulator
		for tap := range taps {
			inside := true
			for a, q := range indexOf(window, tap) {
				pos := index[v.out[2+a]]*v.stride[a] + q*v.dilation[a] - v.pad[a][0]
				inside = inside && pos >= 0 && pos%v.spread[a] == 0 && pos/v.spread[a] < x.dims[v.axes[2+a]]
				xi[v.axes[2+a]], wi[v.kernel[2+a]] = pos/v.spread[a], q
			}
			for c := 0; inside && c < inner; c++ {
				xi[v.axes[1]], wi[v.kernel[0]] = first+c, c
				s.add(x, w, at(x.dims, xi), at(w.dims, wi))
			}
		}
		r.v[i], r.e[i] = s.result(growth)
	}
	return r
}

// pool takes the largest of windows of the two middle axes.
func (p *program) pool(x int) {
	d := p.dims(x)
	if len(d) != 4 || size(d) == 0 {
		return
	}
	window, stride, out := []int{1, 1 + p.c.pick(3), 1 + p.c.pick(3), 1}, []int{1, 1 + p.c.pick(3), 1 + p.c.pick(3), 1}, slices.Clone(d)
	pads := make([][2]int, 4)
	for i := 1; i < 3; i++ {
		pads[i] = [2]int{p.c.pick(window[i]), p.c.pick(window[i])}
		n := d[i] + pads[i][0] + pads[i][1] - window[i]
		if n < 0 {
			return
		}
		out[i] = n/stride[i] + 1
	}
	sum := p.c.pick(3) == 0
	name, op := "maxPool", compute.ReduceOpMax
	if sum {
		name, op = "sumPool", compute.ReduceOpSum
	}
	p.add(name, func(f compute.Function, v []compute.Value) (compute.Value, error) {
		return f.ReduceWindow(v[0], op, window, stride, []int{1, 1, 1, 1}, []int{1, 1, 1, 1}, pads)
	}, func(in []approx) approx {
		r := newApprox(out)
		for i := range r.v {
			index := indexOf(out, i)
			best, worst, total, errors, sizes := math.Inf(-1), 0.0, 0.0, 0.0, 0.0
			for q := range size(window) {
				from, inside := indexOf(window, q), true
				for a := range from {
					from[a] += index[a]*stride[a] - pads[a][0]
					inside = inside && from[a] >= 0 && from[a] < d[a]
				}
				if inside {
					k := at(d, from)
					best, worst = max(best, in[0].v[k]), max(worst, in[0].e[k])
					total, errors, sizes = total+in[0].v[k], errors+in[0].e[k], sizes+math.Abs(in[0].v[k])
				}
			}
			r.v[i], r.e[i] = best, worst
			if sum {
				r.v[i], r.e[i] = total, errors+4*unit*sizes
			}
		}
		return r
	}, x)
}
