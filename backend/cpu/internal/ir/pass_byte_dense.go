package ir

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// ByteDense is the argument of a DotGeneral that became a dense layer on bytes. Its operands are q [M, K] and w [K, N] of
// int8, and of float32 rows, M of them, and columns [N], and with Bias a bias [N].
type ByteDense struct{ Bias bool }

// FuseByteDense lets a product of bytes, see ReadBytes, write the scaled sums.
//
//	s = q·w; y = (float32(s) · rows) · columns + b   →   y = dense(q, w, rows, columns, b)
//
// The sums are then scaled in registers. Factors and summands may stand in any order; the bits are those of the graph.
func FuseByteDense(f *Func) {
	uses := countUses(f)
	for i, n := range f.Nodes {
		var attr ByteDense
		in := scaledProduct(f, n, uses)
		if in == nil {
			if in, attr.Bias = biasedProduct(f, n, uses), true; in == nil {
				continue
			}
		}
		m := f.Make(compute.OpTypeDotGeneral, attr, in, n.Out[0].Shape)
		f.Nodes[i] = m
		n.Out[0].Node, m.Out[0] = m, n.Out[0]
	}
	RemoveDead(f)
}

// scaledProduct returns q, w, rows and columns if n is the product of q·w with them, or nil.
func scaledProduct(f *Func, n *Node, uses map[*Value]int) (in []*Value) {
	if n.Op != compute.OpTypeMul || n.Out[0].DType() != dtypes.Float32 || n.Out[0].Shape.Rank() != 2 {
		return nil
	}
	eitherOrder(n, func(byRow, c *Value) bool {
		columns, m := lastAxisVector(c, n.Out[0]), onlyUser(f, byRow, uses)
		if columns == nil || m == nil || m.Op != compute.OpTypeMul {
			return false
		}
		return eitherOrder(m, func(sums, r *Value) bool {
			rows, convert := firstAxisVector(r, n.Out[0]), onlyUser(f, sums, uses)
			if rows == nil || convert == nil || convert.Op != compute.OpTypeConvertDType {
				return false
			}
			dot := onlyUser(f, convert.In[0], uses)
			if dot == nil || dot.Op != compute.OpTypeDotGeneral || dot.In[0].DType() != dtypes.Int8 || dot.Out[0].DType() != dtypes.Int32 ||
				!slices.Equal(dot.Out[0].Dims(), n.Out[0].Dims()) {
				return false
			}
			in = []*Value{dot.In[0], dot.In[1], rows, columns}
			return true
		})
	})
	return in
}

// biasedProduct returns the operands of a ByteDense that n adds a bias to, and the bias, or nil.
func biasedProduct(f *Func, n *Node, uses map[*Value]int) (in []*Value) {
	if n.Op != compute.OpTypeAdd || n.Out[0].Shape.Rank() != 2 {
		return nil
	}
	eitherOrder(n, func(v, b *Value) bool {
		p, bias := onlyUser(f, v, uses), lastAxisVector(b, n.Out[0])
		if p == nil || bias == nil || p.Attr != (ByteDense{}) || !slices.Equal(p.Out[0].Dims(), n.Out[0].Dims()) {
			return false
		}
		in = append(slices.Clone(p.In), bias)
		return true
	})
	return in
}

// firstAxisVector returns the vector that v repeats along the second axis of out, a matrix, or nil.
func firstAxisVector(v, out *Value) *Value {
	rows := out.Dims()[0]
	if v.Node.Op == compute.OpTypeBroadcastInDim && slices.Equal(v.Dims(), out.Dims()) {
		axes, from := v.Node.Attr.(Axes).Axes, v.Node.In[0]
		if from.Size() == rows && len(axes) > 0 && axes[0] == 0 && from.Dims()[0] == rows {
			return from
		}
		return nil
	}
	if slices.Equal(v.Dims(), []int{rows, 1}) {
		return v
	}
	return nil
}
