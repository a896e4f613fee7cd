package exec

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/conv"
	"foresee/backend/cpu/internal/flow"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
	"foresee/backend/cpu/internal/tuned"
	"foresee/backend/cpu/internal/vec"
)

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
	k := tuned.Reduce(n.Op, n.In[0].DType())
	if k == nil {
		return unsupported(n)
	}
	stages := ops.ReduceStages(n.In[0].Dims(), attr.Axes)
	size := n.In[0].DType().Size()
	src, dst := c.id(n.In[0]), c.out(n.Out[0])
	s := c.step(n, nil)
	ids := []int{src}
	for i, st := range stages {
		id := dst
		if i < len(stages)-1 {
			id = c.temp(st.Results() * size)
			s.Temps = append(s.Temps, id)
		}
		ids = append(ids, id)
	}
	s.run = func(f *Frame) {
		for i := range stages {
			st := &stages[i]
			f.reduce(k, st, f.p[ids[i+1]], f.p[ids[i]], size)
		}
	}
	if st := stages[0]; n.Op == compute.OpTypeReduceSum && n.In[0].DType() == dtypes.Float32 && st.Outer == 1 && st.Inner > 1 {
		sumInTurns(s, st.N, st.Inner)
	}
	return nil
}

// sumInTurns lets rows [rows, cols] be summed entry by entry: those of a turn, these of a part, and these over the parts.
func sumInTurns(s *step, rows, cols int) {
	src, dst := s.Reads[0], s.Writes[0]
	s.Entries = &flow.Entries{Fits: func(n int) bool { return rows%n == 0 }, Sums: []int{dst}}
	s.start = func(c *compiler, b *flow.Batch) (func(f *Frame) turns, []int) {
		parts, work := c.temp(4*b.Parts*cols), c.temp(4*c.prog.Pool.Threads()*cols)
		each := rows / b.N
		return func(f *Frame) turns {
			x, all := ops.Of[float32](f.p[src], rows*cols), ops.Of[float32](f.p[parts], b.Parts*cols)
			sums := ops.Of[float32](f.p[work], c.prog.Pool.Threads()*cols)
			do := func(t conv.Turn) {
				part, sum := all[t.Part*cols:][:cols], sums[t.Worker*cols:][:cols]
				if t.First {
					clear(part)
				}
				clear(sum)
				vec.AddRows(sum, x[t.Lo*each*cols:t.Hi*each*cols], (t.Hi-t.Lo)*each, cols)
				vec.Add(part, part, sum)
			}
			return turns{do: do, end: func() {
				z := ops.Of[float32](f.p[dst], cols)
				clear(z)
				vec.AddRows(z, all, b.Parts, cols)
			}}
		}, []int{parts, work}
	}
}

// lowerSumProduct sums the product of two tensors over runs of ops.ReduceGrain elements, and then the
// runs of each result.
func (c *compiler) lowerSumProduct(n *ir.Node, each int) {
	results := n.Out[0].Size()
	runs := max(1, (each+ops.ReduceGrain-1)/ops.ReduceGrain)
	a, b, o := c.id(n.In[0]), c.id(n.In[1]), c.out(n.Out[0])
	s := c.step(n, nil)
	s.op = "SumProduct"
	parts := c.temp(4 * results * runs)
	s.Temps = append(s.Temps, parts)
	grain := max(1, ops.ReduceGrain/max(1, each))
	s.run = func(f *Frame) {
		x, y := ops.Of[float32](f.p[a], results*each), ops.Of[float32](f.p[b], results*each)
		part, z := ops.Of[float32](f.p[parts], results*runs), ops.Of[float32](f.p[o], results)
		f.parallel(len(part), grain, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				at, end := i/runs*each+i%runs*ops.ReduceGrain, (i/runs+1)*each
				end = min(end, at+ops.ReduceGrain)
				part[i] = vec.Dot(x[at:end], y[at:end])
			}
		})
		for i := range z {
			z[i] = vec.Sum(part[i*runs : (i+1)*runs])
		}
	}
}

func (f *Frame) reduce(k ops.ReduceKernel, st *ops.ReduceStage, z, x unsafe.Pointer, size int) {
	switch {
	case st.Run > 0:
		runs := (st.N + st.Run - 1) / st.Run
		f.parallel(st.Outer*runs, 1, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				row := i % runs * st.Run
				k(elem(z, i*st.Inner, size), elem(x, (i/runs*st.N+row)*st.Inner, size),
					1, min(st.Run, st.N-row), st.Inner, 0, st.Inner)
			}
		})
	case st.Outer*st.N*st.Inner <= ops.ReduceGrain:
		k(z, x, st.Outer, st.N, st.Inner, 0, st.Inner)
	case st.Outer > 1:
		grain := max(1, ops.ReduceGrain/max(1, st.N*st.Inner))
		f.parallel(st.Outer, grain, func(_, lo, hi int) {
			k(elem(z, lo*st.Inner, size), elem(x, lo*st.N*st.Inner, size), hi-lo, st.N, st.Inner, 0, st.Inner)
		})
	default:
		grain := max(64, ops.ReduceGrain/max(1, st.N))
		f.parallel(st.Inner, grain, func(_, lo, hi int) { k(z, x, 1, st.N, st.Inner, lo, hi) })
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
			in, out := ops.Product(w.In), ops.Product(w.Out)
			s := c.step(n, func(f *Frame) {
				conv.MaxPoolForward(f.pool, p, ops.Of[float32](f.p[x], in), ops.Of[float32](f.p[o], out))
			})
			s.op = "MaxPool"
			inTurns(s, p.N, func(f *Frame) conv.ImageJob {
				return conv.MaxPoolImages(p, f.pool.Threads(), ops.Of[float32](f.p[x], in), ops.Of[float32](f.p[o], out))
			})
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
		in, out := ops.Product(w.In), ops.Product(w.Out)
		s := c.step(n, func(f *Frame) {
			conv.MaxPoolBackward(f.pool, p, ops.Of[float32](f.p[x], in), ops.Of[float32](f.p[v], out), ops.Of[float32](f.p[o], in))
		})
		s.op = "MaxPoolGradient"
		inTurns(s, p.N, func(f *Frame) conv.ImageJob {
			return conv.MaxPoolBackwardImages(p, f.pool.Threads(), ops.Of[float32](f.p[x], in), ops.Of[float32](f.p[v], out), ops.Of[float32](f.p[o], in))
		})
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
	ok := len(w.In) == 4 && n.In[0].DType() == dtypes.Float32 && ops.Product(w.Out) > 0
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
