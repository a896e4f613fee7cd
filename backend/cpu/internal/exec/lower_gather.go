package exec

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
)

// lowerGather lowers Gather and Scatter*: both pair boxes of the operand, whose starts are read
// from an index tensor, with boxes of a dense tensor.
func (c *compiler) lowerGather(n *ir.Node) error {
	if n.Op == compute.OpTypeGather {
		a := n.Attr.(ir.Gather)
		window := ops.OtherAxes(len(n.In[0].Dims()), a.CollapsedSlice)
		s := slabs(n, n.Out[0], ops.SlabAxes{Vector: a.IndexVectorAxis, Starts: a.StartMap, Operand: window, Other: a.OffsetOutput, Sizes: a.Sizes})
		c.gather(n, s)
		return nil
	}
	a := n.Attr.(ir.Scatter)
	window := ops.OtherAxes(len(n.In[0].Dims()), a.InsertedWindow)
	sizes := orOnes(nil, len(n.In[0].Dims()))
	for i, axis := range window {
		sizes[axis] = n.In[2].Dims()[a.UpdateWindow[i]]
	}
	s := slabs(n, n.In[2], ops.SlabAxes{Vector: a.IndexVectorAxis, Starts: a.ToOperand, Operand: window, Other: a.UpdateWindow, Sizes: sizes})
	return c.scatter(n, s)
}

func slabs(n *ir.Node, other *ir.Value, axes ops.SlabAxes) *ops.Slabs {
	return ops.NewSlabs(n.In[0].Dims(), n.In[1].Dims(), other.Dims(), n.In[0].DType().Size(), axes)
}

// starts makes the part of a step that turns the index tensor into operand offsets.
func (c *compiler) starts(index *ir.Value, s *ops.Slabs, clamp bool) (at, wide int, run func(f *Frame) []int) {
	id, k, n := c.id(index), ops.Convert(index.DType(), dtypes.Int64), index.Size()
	at, wide = c.temp(8*s.Count), c.temp(8*n)
	return at, wide, func(f *Frame) []int {
		if n > 0 {
			k(f.p[wide], f.p[id], nil, nil, n)
		}
		starts := ops.Of[int](f.p[at], s.Count)
		s.Starts(starts, ops.Of[int64](f.p[wide], n), clamp)
		return starts
	}
}

func (c *compiler) gather(n *ir.Node, s *ops.Slabs) {
	at, wide, starts := c.starts(n.In[1], s, true)
	x, o, size := c.id(n.In[0]), c.out(n.Out[0]), s.Box.Size
	empty := n.Out[0].Size() == 0
	each := max(1, ops.Product(s.Box.Dims))
	box := s.Box.Simplify()
	st := c.step(n, func(f *Frame) {
		from := starts(f)
		if empty {
			return
		}
		f.parallel(s.Count, moveGrain/each, func(_, lo, hi int) {
			rows := 1
			if len(box.Dims) > 0 {
				rows = box.Dims[0]
			}
			for i := lo; i < hi; i++ {
				box.Run(elem(f.p[o], s.Other[i], size), elem(f.p[x], from[i], size), 0, rows)
			}
		})
	})
	st.Temps = []int{at, wide}
}

// scatter applies the updates in order; boxes that leave the operand are dropped.
func (c *compiler) scatter(n *ir.Node, s *ops.Slabs) error {
	k := ops.Scatter(n.Op, n.In[0].DType())
	if k == nil {
		return unsupported(n)
	}
	at, wide, starts := c.starts(n.In[1], s, false)
	x, u, o, bytes, size := c.id(n.In[0]), c.id(n.In[2]), c.out(n.Out[0]), n.Out[0].Bytes(), s.Box.Size
	box := s.Box
	box.Dst, box.Src = box.Src, box.Dst
	st := c.step(n, func(f *Frame) {
		to := starts(f)
		if f.p[o] != f.p[x] && bytes > 0 {
			copy(ops.Of[byte](f.p[o], bytes), ops.Of[byte](f.p[x], bytes))
		}
		for i, d := range to {
			if d >= 0 {
				k(&box, elem(f.p[o], d, size), unsafe.Pointer(elem(f.p[u], s.Other[i], size)))
			}
		}
	})
	st.Temps = []int{at, wide}
	if c.prog.stores.Root(x) != c.prog.stores.Root(u) && c.prog.stores.Root(x) != c.prog.stores.Root(c.id(n.In[1])) {
		st.InPlace = [][2]int{{o, x}}
	}
	return nil
}
