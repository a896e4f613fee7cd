package ir

import (
	"cmp"
	"slices"

	"github.com/gomlx/compute"
)

// StackGradients undoes what the gradient of slices spells: a sum of tensors that are padded with zeros to
// adjoining places is their concatenation. Of the gradients of an attention whose query, key and value
// were slices of one tensor, the attention then makes the concatenation itself.
//
//	y = pad(a, 0, 2) + (pad(b, 1, 1) + pad(c, 2, 0))                      →   y = concatenate(a, b, c)
//	dq, dk, dv = attention gradient(...); y = concatenate(dq, dk, dv)   →   y = attention gradient(...)
//
// A concatenation keeps a -0 that the sum with 0 would make +0.
func StackGradients(f *Func) {
	uses := countUses(f)
	for _, n := range f.Nodes {
		if axis, parts := paddedParts(f, n, uses); parts != nil {
			n.Op, n.Attr, n.In = compute.OpTypeConcatenate, Axis{axis}, parts
		}
	}
	RemoveDead(f)
	uses = countUses(f)
	for i, n := range f.Nodes {
		if m := stackedAttention(f, n, uses); m != nil {
			f.Nodes[i] = m
			n.Out[0].Node, m.Out[0] = m, n.Out[0]
		}
	}
	RemoveDead(f)
}

// padded is a tensor and where it lies along the padded axis.
type padded struct {
	v     *Value
	start int
}

// paddedParts returns the axis and the tensors that the sum n puts side by side, or nil.
func paddedParts(f *Func, n *Node, uses map[*Value]int) (int, []*Value) {
	if n.Op != compute.OpTypeAdd {
		return 0, nil
	}
	axis := -1
	var parts []padded
	var collect func(v *Value) bool
	collect = func(v *Value) bool {
		p := v.Node
		if p != n && (p.Func != f || uses[v] != 1) || !slices.Equal(v.Dims(), n.Out[0].Dims()) {
			return false
		}
		switch p.Op {
		case compute.OpTypeAdd:
			return collect(p.In[0]) && collect(p.In[1])
		case compute.OpTypePad:
			a, start, ok := padsOneAxis(p)
			if !ok || axis >= 0 && a != axis {
				return false
			}
			axis = a
			parts = append(parts, padded{p.In[0], start})
			return true
		}
		return false
	}
	if !collect(n.Out[0]) {
		return 0, nil
	}
	slices.SortFunc(parts, func(a, b padded) int { return cmp.Compare(a.start, b.start) })
	end := 0
	var out []*Value
	for _, p := range parts {
		if p.start != end {
			return 0, nil
		}
		end += p.v.Dims()[axis]
		out = append(out, p.v)
	}
	if end != n.Out[0].Dims()[axis] {
		return 0, nil
	}
	return axis, out
}

// padsOneAxis returns the axis along which a Pad adds zeros, at the ends only, and how many come before.
func padsOneAxis(n *Node) (axis, start int, ok bool) {
	axis = -1
	for i, p := range n.Attr.(Pad).Axes {
		if p == (compute.PadAxis{}) {
			continue
		}
		if axis >= 0 || p.Interior != 0 || p.Start < 0 || p.End < 0 {
			return 0, 0, false
		}
		axis, start = i, p.Start
	}
	return axis, start, axis >= 0 && isZero(n.In[1])
}

// stackedAttention returns the gradient of an attention that makes n, or nil.
func stackedAttention(f *Func, n *Node, uses map[*Value]int) *Node {
	if n.Op != compute.OpTypeConcatenate || len(n.In) != 3 {
		return nil
	}
	var vjp *Node
	for i, v := range n.In {
		for v.Node.Op == compute.OpTypeReshape && uses[v] == 1 && v.Node.Func == f {
			v = v.Node.In[0]
		}
		p := v.Node
		if p.Op != compute.OpTypeFusedScaledDotProductAttentionVJP || p.Func != f || v.Index != i || uses[v] != 1 || vjp != nil && p != vjp {
			return nil
		}
		vjp = p
	}
	a := vjp.Attr.(Attention)
	d, want := n.Out[0].Dims(), slices.Insert(slices.Clone(vjp.In[0].Dims()), 2, 3)
	if a.Joined || n.Attr.(Axis).Axis != 2 || !slices.Equal(d, want) || !slices.Equal(vjp.In[0].Dims(), vjp.In[1].Dims()) {
		return nil
	}
	a.Joined = true
	return f.Make(vjp.Op, a, vjp.In, n.Out[0].Shape)
}
