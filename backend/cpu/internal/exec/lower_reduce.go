package exec

import (
	"slices"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/conv"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
	"foresee/backend/cpu/internal/tuned"
	"foresee/backend/cpu/internal/vec"
)

// reduceGrain is the number of input elements that one part of a reduction reads.
const reduceGrain = 1 << 15

// lowerReduce lowers Reduce*: runs of adjacent reduced axes are reduced one after the other,
// the last first, each as the middle axis of [outer, n, inner].
func (c *compiler) lowerReduce(n *ir.Node) error {
	if a, ok := n.Attr.(ir.SumProduct); ok {
		c.lowerSumProduct(n, a.N)
		return nil
	}
	attr, ok := n.Attr.(ir.Axes)
	if !ok {
		return unsupported(n)
	}
	k := reduceKernel(n.Op, n.In[0].DType())
	if k == nil {
		return unsupported(n)
	}
	stages := reduceStages(n.In[0].Dims(), attr.Axes)
	size := n.In[0].DType().Size()
	src, dst := c.id(n.In[0]), c.out(n.Out[0])
	s := c.step(n, nil)
	ids := []int{src}
	for i, st := range stages {
		id := dst
		if i < len(stages)-1 {
			id = c.temp(st.results() * size)
			s.temps = append(s.temps, id)
		}
		ids = append(ids, id)
	}
	s.run = func(f *Frame) {
		for i := range stages {
			st := &stages[i]
			f.reduce(k, st, f.p[ids[i+1]], f.p[ids[i]], size)
		}
	}
	return nil
}

// reduceKernel returns the kernel of a reduction, or nil; cutStages cuts long sums in runs.
func reduceKernel(op compute.OpType, d dtypes.DType) ops.ReduceKernel {
	if op == compute.OpTypeReduceSum && d == dtypes.Float32 {
		return sumKernel
	}
	return tuned.Reduce(op, d)
}

func sumKernel(out, x unsafe.Pointer, outer, n, inner, lo, hi int) {
	z, v := ops.Of[float32](out, outer*inner), ops.Of[float32](x, outer*n*inner)
	for o := range outer {
		if inner == 1 {
			z[o] = vec.Sum(v[o*n:][:n])
			continue
		}
		acc := z[o*inner+lo : o*inner+hi]
		clear(acc)
		if n > 0 && len(acc) > 0 {
			vec.AddRows(acc, v[o*n*inner+lo:(o+1)*n*inner], n, inner)
		}
	}
}

// lowerSumProduct sums the product of two tensors over runs of reduceGrain elements, and then the
// runs of each result.
func (c *compiler) lowerSumProduct(n *ir.Node, each int) {
	results := n.Out[0].Size()
	runs := max(1, (each+reduceGrain-1)/reduceGrain)
	a, b, o := c.id(n.In[0]), c.id(n.In[1]), c.out(n.Out[0])
	s := c.step(n, nil)
	s.op = "SumProduct"
	parts := c.temp(4 * results * runs)
	s.temps = append(s.temps, parts)
	grain := max(1, reduceGrain/max(1, each))
	s.run = func(f *Frame) {
		x, y := ops.Of[float32](f.p[a], results*each), ops.Of[float32](f.p[b], results*each)
		part, z := ops.Of[float32](f.p[parts], results*runs), ops.Of[float32](f.p[o], results)
		f.parallel(len(part), grain, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				at, end := i/runs*each+i%runs*reduceGrain, (i/runs+1)*each
				end = min(end, at+reduceGrain)
				part[i] = vec.Dot(x[at:end], y[at:end])
			}
		})
		for i := range z {
			z[i] = vec.Sum(part[i*runs : (i+1)*runs])
		}
	}
}

// reduceStage reduces the middle axis of [outer, n, inner], or, if run is set, each run of so many
// rows of it (the last may be shorter), which leaves [outer, runs, inner].
type reduceStage struct{ outer, n, inner, run int }

func (s reduceStage) results() int {
	if s.run > 0 {
		return s.outer * ((s.n + s.run - 1) / s.run) * s.inner
	}
	return s.outer * s.inner
}

// reduceStages returns at least one stage; reducing no axis is a stage with n = 1.
func reduceStages(dims, axes []int) []reduceStage {
	dims = slices.Clone(dims)
	var stages []reduceStage
	for i := len(dims) - 1; i >= 0; i-- {
		if !slices.Contains(axes, i) {
			continue
		}
		end := i + 1
		for i > 0 && slices.Contains(axes, i-1) {
			i--
		}
		stages = append(stages, reduceStage{product(dims[:i]), product(dims[i:end]), product(dims[end:]), 0})
		dims = slices.Delete(dims, i, end)
	}
	if len(stages) == 0 {
		stages = []reduceStage{{1, 1, product(dims), 0}}
	}
	return cutStages(stages)
}

// cutStages splits a long reduction with few results in two: first each run of rows, then the
// runs' results. The length of a run depends on the shape alone.
func cutStages(stages []reduceStage) []reduceStage {
	var out []reduceStage
	for _, s := range stages {
		run := reduceGrain / max(1, s.inner)
		if run >= 64 && s.n > 2*run {
			s.run = run
			out = append(out, s)
			s.n, s.run = (s.n+run-1)/run, 0
		}
		out = append(out, s)
	}
	return out
}

func (f *Frame) reduce(k ops.ReduceKernel, st *reduceStage, z, x unsafe.Pointer, size int) {
	switch {
	case st.run > 0:
		runs := (st.n + st.run - 1) / st.run
		f.parallel(st.outer*runs, 1, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				row := i % runs * st.run
				k(elem(z, i*st.inner, size), elem(x, (i/runs*st.n+row)*st.inner, size),
					1, min(st.run, st.n-row), st.inner, 0, st.inner)
			}
		})
	case st.outer*st.n*st.inner <= reduceGrain:
		k(z, x, st.outer, st.n, st.inner, 0, st.inner)
	case st.outer > 1:
		grain := max(1, reduceGrain/max(1, st.n*st.inner))
		f.parallel(st.outer, grain, func(_, lo, hi int) {
			k(elem(z, lo*st.inner, size), elem(x, lo*st.n*st.inner, size), hi-lo, st.n, st.inner, 0, st.inner)
		})
	default:
		grain := max(64, reduceGrain/max(1, st.n))
		f.parallel(st.inner, grain, func(_, lo, hi int) { k(z, x, 1, st.n, st.inner, lo, hi) })
	}
}

// lowerWindow lowers ReduceWindow and SelectAndScatter*.
func (c *compiler) lowerWindow(n *ir.Node) error {
	a := n.Attr.(ir.Window)
	in := n.In[0].Dims()
	rank := len(in)
	w := &ops.Window{In: in, Dims: orOnes(a.Dims, rank), InDilation: orOnes(a.InDilations, rank),
		Dilation: orOnes(a.Dilations, rank), Pad: make([]int, rank)}
	w.Stride = a.Strides
	if len(w.Stride) == 0 {
		w.Stride = w.Dims
	}
	for i, p := range a.Paddings {
		w.Pad[i] = p[0]
	}
	if n.Op == compute.OpTypeReduceWindow {
		w.Out = n.Out[0].Dims()
		if p, ok := poolShape(n, w); ok && a.Reduce == compute.ReduceOpMax {
			x, o := c.id(n.In[0]), c.out(n.Out[0])
			c.step(n, func(f *Frame) {
				conv.MaxPoolForward(f.pool, p, ops.Of[float32](f.p[x], product(w.In)), ops.Of[float32](f.p[o], product(w.Out)))
			}).op = "MaxPool"
			return nil
		}
		k := ops.ReduceWindow(a.Reduce, n.In[0].DType())
		if k == nil {
			return unsupported(n)
		}
		x, o := c.id(n.In[0]), c.out(n.Out[0])
		c.step(n, func(f *Frame) { k(w, f.p[o], f.p[x]) })
		return nil
	}
	w.Out = n.In[1].Dims()
	if p, ok := poolShape(n, w); ok && n.Op == compute.OpTypeSelectAndScatterMax {
		x, v, o := c.id(n.In[0]), c.id(n.In[1]), c.out(n.Out[0])
		c.step(n, func(f *Frame) {
			conv.MaxPoolBackward(f.pool, p, ops.Of[float32](f.p[x], product(w.In)),
				ops.Of[float32](f.p[v], product(w.Out)), ops.Of[float32](f.p[o], product(w.In)))
		}).op = "MaxPoolGradient"
		return nil
	}
	k := ops.SelectAndScatter(n.Op == compute.OpTypeSelectAndScatterMin, n.In[0].DType())
	if k == nil {
		return unsupported(n)
	}
	x, v, o := c.id(n.In[0]), c.id(n.In[1]), c.out(n.Out[0])
	c.step(n, func(f *Frame) { k(w, f.p[o], f.p[x], f.p[v]) })
	return nil
}

// poolShape says whether the windows are those of image pooling [N, H, W, C] in float32.
func poolShape(n *ir.Node, w *ops.Window) (conv.PoolShape, bool) {
	ok := len(w.In) == 4 && n.In[0].DType() == dtypes.Float32 && product(w.Out) > 0
	for i := 0; ok && i < 4; i++ {
		ok = w.InDilation[i] == 1 && w.Dilation[i] == 1
		if i == 0 || i == 3 {
			ok = ok && w.Dims[i] == 1 && w.Stride[i] == 1 && w.Pad[i] == 0 && w.Out[i] == w.In[i]
		}
	}
	if !ok {
		return conv.PoolShape{}, false
	}
	p := conv.PoolShape{N: w.In[0], H: w.In[1], W: w.In[2], C: w.In[3], KH: w.Dims[1], KW: w.Dims[2],
		StrideH: w.Stride[1], StrideW: w.Stride[2], PadTop: w.Pad[1], PadLeft: w.Pad[2], OutH: w.Out[1], OutW: w.Out[2]}
	p.PadBottom = (p.OutH-1)*p.StrideH + p.KH - p.H - p.PadTop
	p.PadRight = (p.OutW-1)*p.StrideW + p.KW - p.W - p.PadLeft
	return p, true
}

func orOnes(x []int, n int) []int {
	if len(x) > 0 {
		return x
	}
	ones := make([]int, n)
	for i := range ones {
		ones[i] = 1
	}
	return ones
}
