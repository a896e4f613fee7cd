package ir

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// GELU is the argument of a FusedGelu of one operand, x·Φ(x), or of its derivative Φ(x) + x·φ(x).
type GELU struct{ Slope bool }

// RecogniseGELU finds the exact GELU of float32 and its gradient in the products that spell them, in any order:
//
//	y = (x·0.5)·(1 + erf(x·√½))                                    →   y = gelu(x)
//	d = g·(1 + erf(x·√½))·0.5 + g·(x·0.5)·(2/√π·exp(-(x·√½)²))·√½   →   d = g·slope(x)
//
// One exponential does for the erf and the exp of the gradient, and none of the parts is kept between.
func RecogniseGELU(f *Func) {
	old := f.Nodes
	f.Nodes = make([]*Node, 0, len(old))
	for _, n := range old {
		f.Nodes = append(f.Nodes, n)
		if len(n.Out) != 1 || n.Out[0].DType() != dtypes.Float32 {
			continue
		}
		if x := geluOf(n); x != nil {
			n.Op, n.Attr, n.In = compute.OpTypeFusedGelu, GELU{}, []*Value{x}
		} else if g, x := geluGradient(n); x != nil {
			s := f.Make(compute.OpTypeFusedGelu, GELU{Slope: true}, []*Value{x}, n.Out[0].Shape)
			f.Nodes = slices.Insert(f.Nodes, len(f.Nodes)-1, s)
			n.Op, n.Attr, n.In = compute.OpTypeMul, nil, []*Value{g, s.Out[0]}
		}
	}
	RemoveDead(f)
}

// geluOf returns x if n is its GELU, or nil.
func geluOf(n *Node) *Value {
	if n.Op != compute.OpTypeMul {
		return nil
	}
	for side, v := range n.In {
		x := onePlusErf(v)
		if x == nil || !slices.Equal(x.Dims(), n.Out[0].Dims()) {
			continue
		}
		k, rest := factors(n.In[1-side], x)
		if about(k, 0.5) && len(rest) == 1 && rest[0] == x {
			return x
		}
	}
	return nil
}

// geluGradient returns g and x if n is g times the slope of the GELU of x.
func geluGradient(n *Node) (g, x *Value) {
	if n.Op != compute.OpTypeAdd {
		return nil, nil
	}
	for side, v := range n.In {
		g, x = besideErf(v)
		if x == nil || !slices.Equal(x.Dims(), n.Out[0].Dims()) || !slices.Equal(g.Dims(), n.Out[0].Dims()) {
			continue
		}
		k, parts := factors(n.In[1-side], x, g)
		if !about(k, math.Sqrt2/2/math.Sqrt(math.Pi)) || len(parts) != 3 {
			continue
		}
		parts = slices.DeleteFunc(parts, func(p *Value) bool { return gaussian(p, x) })
		if len(parts) == 2 && (parts[0] == x && parts[1] == g || parts[0] == g && parts[1] == x) {
			return g, x
		}
	}
	return nil, nil
}

// besideErf returns g and x if v is the product of g, 1 + erf(x·√½) and ½, in any order.
func besideErf(v *Value) (g, x *Value) {
	scale := 1.0
	for v.Node.Op == compute.OpTypeMul {
		a, b := v.Node.In[0], v.Node.In[1]
		if _, ok := number(a); ok {
			a, b = b, a
		}
		if k, ok := number(b); ok {
			scale, v = scale*k, a
			continue
		}
		if x = onePlusErf(b); x == nil {
			a, b = b, a
			x = onePlusErf(b)
		}
		if about(scale, 0.5) && x != nil {
			return a, x
		}
		return nil, nil
	}
	return nil, nil
}

// onePlusErf returns x if v is 1 + erf(x·√½), or nil.
func onePlusErf(v *Value) *Value {
	if v.Node.Op != compute.OpTypeAdd {
		return nil
	}
	for side, w := range v.Node.In {
		if k, ok := number(v.Node.In[1-side]); !ok || k != 1 || w.Node.Op != compute.OpTypeErf {
			continue
		}
		arg := w.Node.In[0].Node
		if arg.Op != compute.OpTypeMul {
			return nil
		}
		for i, x := range arg.In {
			if k, ok := number(arg.In[1-i]); ok && about(k, math.Sqrt2/2) {
				return x
			}
		}
	}
	return nil
}

// gaussian says whether v is exp(-x²/2).
func gaussian(v, x *Value) bool {
	if v.Node.Op != compute.OpTypeExp {
		return false
	}
	k, rest := factors(v.Node.In[0], x)
	return about(k, -0.5) && len(rest) == 2 && rest[0] == x && rest[1] == x
}

// factors takes a product apart, down to the values given: its number and its other factors.
func factors(v *Value, whole ...*Value) (k float64, rest []*Value) {
	if x, ok := number(v); ok {
		return x, nil
	}
	switch {
	case slices.Contains(whole, v):
	case v.Node.Op == compute.OpTypeNeg:
		k, rest = factors(v.Node.In[0], whole...)
		return -k, rest
	case v.Node.Op == compute.OpTypeMul:
		a, first := factors(v.Node.In[0], whole...)
		b, second := factors(v.Node.In[1], whole...)
		if len(first)+len(second) <= 4 {
			return a * b, append(first, second...)
		}
	}
	return 1, []*Value{v}
}

// number returns the float32 constant that v is, repeated or not.
func number(v *Value) (float64, bool) {
	for v.Node.Op == compute.OpTypeReshape || v.Node.Op == compute.OpTypeBroadcastInDim {
		v = v.Node.In[0]
	}
	c, ok := v.Node.Attr.(Const)
	if !ok || v.Size() != 1 || v.DType() != dtypes.Float32 {
		return 0, false
	}
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(c.Data))), true
}

// about says whether a number is another but for float32 rounding.
func about(x, want float64) bool { return math.Abs(x-want) <= 1e-6*math.Abs(want) }
