package ir

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// GRU is the argument of a DotGeneral that became a step of a gated recurrent unit. Its operands are the state
// h [B, D], the weights U [D, 3D] and bias c [3D] of the state, then, with Input, x [B, K], W [K, 3D] and b [3D],
// else g [B, 3D]. With Bytes those of a ByteDense with a bias stand in place of U and c.
type GRU struct{ Input, Bytes bool }

// RecogniseGRU finds the step of a float32 recurrent unit in the products, slices and gates that spell it, the
// operands of a sum or product in any order. It comes after FuseEpilogues, which puts the biases into the products.
//
//	p = h·U + c;  g = x·W + b, or any other value
//	r = σ(g[0:D] + p[0:D]);  u = σ(g[D:2D] + p[D:2D])
//	n = tanh(g[2D:3D] + r·p[2D:3D]);  y = n + u·(h - n)       →   y = gru(h, U, c, x, W, b) or gru(h, U, c, g)
//
// The gates are then computed where the product still lies in the cache, and neither p nor g is a tensor. Where
// something else needs p or a gate, as the gradient of a training step does, the graph is left alone. p may also be a
// dense layer on bytes, see FuseByteDense, whatever of.
func RecogniseGRU(f *Func) {
	uses := countUses(f)
	for i, n := range f.Nodes {
		s := gruSearch{f: f, uses: uses}
		if !s.step(n) {
			continue
		}
		in, attr := slices.Clone(s.p.Node.In), GRU{Bytes: isByteDense(s.p)}
		if attr.Bytes {
			in = append([]*Value{s.h}, in...)
		}
		if s.input() {
			in, attr.Input = append(in, s.g.Node.In...), true
		} else {
			in = append(in, s.g)
		}
		m := f.Make(compute.OpTypeDotGeneral, attr, in, n.Out[0].Shape)
		f.Nodes[i] = m
		n.Out[0].Node, m.Out[0] = m, n.Out[0]
	}
	RemoveDead(f)
}

// gruSearch is what is known of a step while its nodes are matched.
type gruSearch struct {
	f    *Func
	uses map[*Value]int
	h    *Value
	p, g *Value // the products that the gates are cut from
	d    int    // width of the state
}

// step says whether n is the last operation of a step: n + u·(h - n).
func (s *gruSearch) step(n *Node) bool {
	if n.Op != compute.OpTypeAdd || n.Out[0].DType() != dtypes.Float32 || n.Out[0].Shape.Rank() != 2 {
		return false
	}
	s.d = n.Out[0].Dims()[1]
	return eitherOrder(n, func(next, move *Value) bool {
		if !s.is(next, compute.OpTypeTanh, 2) || !s.is(move, compute.OpTypeMul, 1) {
			return false
		}
		return eitherOrder(move.Node, func(update, gap *Value) bool {
			if !s.is(gap, compute.OpTypeSub, 1) || gap.Node.In[1] != next {
				return false
			}
			s.h = gap.Node.In[0]
			return s.product(next) && s.gate(update, 1)
		})
	})
}

// product says whether next is tanh(g[2D:3D] + σ(reset)·p[2D:3D]) with p = h·U + c, and keeps p and g.
func (s *gruSearch) product(next *Value) bool {
	sum := next.Node.In[0]
	return s.is(sum, compute.OpTypeAdd, 1) && eitherOrder(sum.Node, func(given, scaled *Value) bool {
		if s.g = s.cut(given, 2); s.g == nil || !s.is(scaled, compute.OpTypeMul, 1) {
			return false
		}
		return eitherOrder(scaled.Node, func(reset, v *Value) bool {
			s.p = s.cut(v, 2)
			return s.p != nil && s.p != s.g && s.owns(s.p) && s.ofState(s.p) && s.gate(reset, 0)
		})
	})
}

// Gates is the number of gates of a recurrent unit.
const Gates = 3

// gate says whether v is the sigmoid of gate i of g and of p.
func (s *gruSearch) gate(v *Value, i int) bool {
	if !s.is(v, compute.OpTypeLogistic, 1) || !s.is(v.Node.In[0], compute.OpTypeAdd, 1) {
		return false
	}
	return eitherOrder(v.Node.In[0].Node, func(a, b *Value) bool { return s.cut(a, i) == s.g && s.cut(b, i) == s.p })
}

// is says whether v is made by an operation of this function, of the state's width, and is used so often.
func (s *gruSearch) is(v *Value, op compute.OpType, uses int) bool {
	return v.Node.Op == op && v.Node.Func == s.f && s.uses[v] == uses && len(v.Dims()) == 2 && v.Dims()[1] == s.d
}

// cut returns what v is columns [i·D, (i+1)·D) of, for a source of 3D columns, or nil. Steps may share a cut of g.
func (s *gruSearch) cut(v *Value, i int) *Value {
	if !s.is(v, compute.OpTypeSlice, s.uses[v]) {
		return nil
	}
	from, a := v.Node.In[0], v.Node.Attr.(Slice)
	if !slices.Equal(from.Dims(), []int{v.Dims()[0], Gates * s.d}) || a.Starts[1] != i*s.d || len(a.Strides) > 1 && a.Strides[1] != 1 {
		return nil
	}
	return from
}

// dense says whether v is a plain product of a matrix with weights, and a bias.
func (s *gruSearch) dense(v *Value) bool {
	a, ok := v.Node.Attr.(Dot)
	return ok && v.Node.Op == compute.OpTypeDotGeneral && v.Node.Func == s.f && v.Shape.Rank() == 2 &&
		a.Epilogue == (Epilogue{Bias: true}) && len(a.LHSBatch) == 0 && slices.Equal(a.LHSContract, []int{1}) && slices.Equal(a.RHSContract, []int{0}) &&
		v.Node.In[0].Shape.Rank() == 2 && v.Node.In[1].Shape.Rank() == 2 && v.Node.In[0].Dims()[1] > 0
}

// ofState says whether v is a product of the state, or one of bytes that stand for it.
func (s *gruSearch) ofState(v *Value) bool {
	return isByteDense(v) && v.Node.Func == s.f || s.dense(v) && v.Node.In[0] == s.h
}

// isByteDense says whether v is a dense layer on bytes with a bias.
func isByteDense(v *Value) bool { return v.Node.Attr == (ByteDense{Bias: true}) }

// input says whether g is a product that nothing else needs.
func (s *gruSearch) input() bool { return s.owns(s.g) && s.dense(s.g) }

// owns says whether v is cut into the gates of one step and has no other use.
func (s *gruSearch) owns(v *Value) bool {
	if s.uses[v] != Gates || v.Node.Func != s.f {
		return false
	}
	for _, n := range s.f.Nodes {
		if slices.Contains(n.In, v) && (n.Op != compute.OpTypeSlice || s.uses[n.Out[0]] != 1) {
			return false
		}
	}
	return true
}

// eitherOrder says whether match holds for the two operands of n in one of the orders.
func eitherOrder(n *Node, match func(a, b *Value) bool) bool {
	return match(n.In[0], n.In[1]) || match(n.In[1], n.In[0])
}
