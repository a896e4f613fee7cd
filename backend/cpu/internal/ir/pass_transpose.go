package ir

import (
	"slices"

	"github.com/gomlx/compute"
)

// FoldTransposes lets products read and write transposed: a Transpose before a DotGeneral becomes
// other axis numbers, and one after it a swap of the operands.
//
//	y = transpose(a)·b   →   y = dot(a, b) contracting a's first axis
//	y = transpose(a·b)   →   y = dot(b, a)
func FoldTransposes(f *Func) {
	for _, n := range f.Nodes {
		if a, ok := n.Attr.(Dot); ok && n.Op == compute.OpTypeDotGeneral {
			n.In = slices.Clone(n.In)
			n.In[0], a.LHSContract, a.LHSBatch = readThrough(f, n.In[0], a.LHSContract, a.LHSBatch)
			n.In[1], a.RHSContract, a.RHSBatch = readThrough(f, n.In[1], a.RHSContract, a.RHSBatch)
			n.Attr = a
		}
	}
	uses := countUses(f)
	for i, n := range f.Nodes {
		if n.Op != compute.OpTypeTranspose || uses[n.In[0]] != 1 {
			continue
		}
		p := n.In[0].Node
		a, ok := p.Attr.(Dot)
		if !ok || p.Op != compute.OpTypeDotGeneral || p.Func != f || a.Epilogue != (Epilogue{}) || !swapsSides(n, p, a) {
			continue
		}
		m := f.Make(p.Op, Dot{LHSContract: a.RHSContract, LHSBatch: a.RHSBatch, RHSContract: a.LHSContract, RHSBatch: a.LHSBatch},
			[]*Value{p.In[1], p.In[0]}, n.Out[0].Shape)
		f.Nodes[i] = m
		n.Out[0].Node, m.Out[0] = m, n.Out[0]
	}
	RemoveDead(f)
}

// readThrough returns the input of a Transpose in its stead, and the axes by its numbers, if the
// free axes stay in order: they are the order of the result.
func readThrough(f *Func, v *Value, contract, batch []int) (*Value, []int, []int) {
	t := v.Node
	if t.Op != compute.OpTypeTranspose || t.Func != f {
		return v, contract, batch
	}
	permutation := t.Attr.(Axes).Axes
	last := -1
	for i, axis := range permutation {
		if slices.Contains(contract, i) || slices.Contains(batch, i) {
			continue
		}
		if axis < last {
			return v, contract, batch
		}
		last = axis
	}
	through := func(axes []int) []int {
		out := make([]int, len(axes))
		for i, a := range axes {
			out[i] = permutation[a]
		}
		return out
	}
	return t.In[0], through(contract), through(batch)
}

// swapsSides says whether the transpose t of the product p keeps the batch axes and puts the
// free axes of the right side before those of the left.
func swapsSides(t, p *Node, a Dot) bool {
	batch := len(a.LHSBatch)
	left := len(p.In[0].Dims()) - batch - len(a.LHSContract)
	right := len(p.In[1].Dims()) - batch - len(a.RHSContract)
	var want []int
	for i := range batch {
		want = append(want, i)
	}
	for i := range right {
		want = append(want, batch+left+i)
	}
	for i := range left {
		want = append(want, batch+i)
	}
	return slices.Equal(t.Attr.(Axes).Axes, want)
}
