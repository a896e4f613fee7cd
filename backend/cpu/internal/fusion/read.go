package fusion

import (
	"github.com/gomlx/compute"

	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
)

// Domain returns the number of elements that a loop for n runs over.
func Domain(n *ir.Node) int {
	if Elementwise(n) {
		return n.Out[0].Size()
	}
	return n.In[0].Size()
}

// Source returns the value that a loop over so many elements reads where it uses v: v without
// what only renames it, and what a repetition or a strided cut takes its elements from.
func Source(fn *ir.Func, v *ir.Value, domain int) *ir.Value {
	u := Base(fn, v)
	if from, _, ok := ReadThrough(fn, u); ok && u.Size() == domain {
		return Base(fn, from)
	}
	return u
}

// Reading returns the pattern in which a loop over dims reads the source of v.
func Reading(fn *ir.Func, v *ir.Value, dims []int) Pattern {
	if _, through, ok := ReadThrough(fn, Base(fn, v)); ok && v.Size() == ops.Product(dims) {
		return through.simplify()
	}
	return aligned(v.Dims(), dims).simplify()
}

// RepeatsRows says whether a pattern is one element a row of cols.
func RepeatsRows(p Pattern, cols int) bool {
	return p.At == 0 && len(p.Dims) == 2 && p.Dims[1] == cols && p.Strides[0] == 1 && p.Strides[1] == 0
}

// ReadThrough returns, for a value that is a repetition or a strided cut of another, that other
// value and how a loop over v's elements finds them in it.
func ReadThrough(fn *ir.Func, v *ir.Value) (*ir.Value, Pattern, bool) {
	if v.Node.Func != fn {
		return nil, Pattern{}, false
	}
	switch v.Node.Op {
	case compute.OpTypeBroadcastInDim:
		from := v.Node.In[0]
		return from, Pattern{Dims: v.Dims(), Strides: BroadcastStrides(from.Dims(), v.Dims(), v.Node.Attr.(ir.Axes).Axes)}, true
	case compute.OpTypeSlice:
		m := SourceMove(v.Node)
		if Contiguous(m) {
			break // a view
		}
		return v.Node.In[0], Pattern{Dims: m.Dims, Strides: m.Src, At: m.SrcAt}, true
	}
	return nil, Pattern{}, false
}

// Strided returns a tensor that holds the elements of v, the first one's place in it and the distance
// of neighbours along each axis of v; false if there is no such distance.
func Strided(fn *ir.Func, v *ir.Value) (from *ir.Value, strides []int, at int, ok bool) {
	u := Base(fn, v)
	from, p, cut := ReadThrough(fn, u)
	if !cut || u.Node.Op != compute.OpTypeSlice {
		return u, ops.Strides(v.Dims()), 0, u.Size() == v.Size()
	}
	strides, ok = p.simplify().split(v.Dims())
	return Base(fn, from), strides, p.At, ok
}

// split returns the strides of axes dims over the positions of p, or false if one has none.
func (p Pattern) split(dims []int) ([]int, bool) {
	out := make([]int, len(dims))
	axis, done := len(p.Dims)-1, 1
	for i := len(dims) - 1; i >= 0; i-- {
		if dims[i] == 1 {
			continue
		}
		if axis < 0 || p.Dims[axis]%(done*dims[i]) != 0 {
			return nil, false
		}
		out[i] = p.Strides[axis] * done
		if done *= dims[i]; done == p.Dims[axis] {
			axis, done = axis-1, 1
		}
	}
	return out, true
}

// SourceMove is the copy into the dense output of n from its input's strided elements.
func SourceMove(n *ir.Node) ops.Move {
	in, out := n.In[0], n.Out[0]
	s := ops.Strides(in.Dims())
	rank := len(out.Dims())
	m := ops.Move{Size: in.DType().Size(), Dims: out.Dims(), Dst: ops.Strides(out.Dims()), Src: make([]int, rank)}
	switch n.Op {
	case compute.OpTypeBroadcastInDim:
		m.Src = BroadcastStrides(in.Dims(), out.Dims(), n.Attr.(ir.Axes).Axes)
	case compute.OpTypeTranspose:
		for i, axis := range n.Attr.(ir.Axes).Axes {
			m.Src[i] = s[axis]
		}
	case compute.OpTypeReverse:
		copy(m.Src, s)
		for _, axis := range n.Attr.(ir.Axes).Axes {
			m.Src[axis] = -s[axis]
			m.SrcAt += s[axis] * (in.Dims()[axis] - 1)
		}
	case compute.OpTypeSlice:
		a := n.Attr.(ir.Slice)
		for i := range s {
			m.Src[i] = s[i] * a.Strides[i]
			m.SrcAt += s[i] * a.Starts[i]
		}
	}
	return m.Simplify()
}

// BroadcastStrides returns, per output axis, the step in the input, 0 where it repeats.
func BroadcastStrides(in, out, axes []int) []int {
	s := ops.Strides(in)
	r := make([]int, len(out))
	for i, axis := range axes {
		if in[i] == out[axis] && in[i] != 1 {
			r[axis] = s[i]
		}
	}
	return r
}

// Contiguous says whether the elements that m copies lie side by side.
func Contiguous(m ops.Move) bool {
	return len(m.Dims) == 0 || len(m.Dims) == 1 && m.Src[0] == 1
}

// aligned is the implicit broadcast of an operand to dims: a scalar, or equal rank with
// axes of size 1.
func aligned(in, dims []int) Pattern {
	p := Pattern{Dims: dims, Strides: make([]int, len(dims))}
	if len(in) != len(dims) {
		if len(dims) == 0 {
			return Pattern{Dims: []int{1}, Strides: []int{0}}
		}
		return p
	}
	for i, s := range ops.Strides(in) {
		if in[i] == dims[i] && in[i] != 1 {
			p.Strides[i] = s
		}
	}
	return p
}
