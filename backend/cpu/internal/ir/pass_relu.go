package ir

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// RecogniseReLU turns a selection by sign into a maximum, and lets later users of the sign test
// the result, so that the gradient needs no second copy of the input.
//
//	c = x ≤ 0; y = c ? 0 : x; dx = c ? 0 : dy   →   y = max(x, 0); dx = (y ≤ 0) ? 0 : dy
//
// The maximum of NaN and 0 is NaN, and x ≤ 0 exactly when max(x, 0) ≤ 0, NaN included.
func RecogniseReLU(f *Func) {
	old := f.Nodes
	f.Nodes = make([]*Node, 0, len(old))
	same := map[*Value]*Value{}
	for _, n := range old {
		for i, v := range n.In {
			if w := same[v]; w != nil {
				n.In[i] = w
			}
		}
		for _, s := range n.Subs() {
			replaceUses(s, same)
		}
		f.Nodes = append(f.Nodes, n)
		if n.Op != compute.OpTypeWhere || !n.Out[0].DType().IsFloat() {
			continue
		}
		cond, x := n.In[0], n.In[2]
		test := cond.Node
		if test.Op != compute.OpTypeLessOrEqual || test.In[0] != x || !isZero(test.In[1]) || !isZero(n.In[1]) ||
			!slices.Equal(cond.Dims(), n.Out[0].Dims()) || !slices.Equal(x.Dims(), n.Out[0].Dims()) {
			continue
		}
		n.Op, n.In = compute.OpTypeMax, []*Value{x, test.In[1]}
		same[cond] = f.Add(compute.OpTypeLessOrEqual, nil, []*Value{n.Out[0], test.In[1]}, cond.Shape).Out[0]
	}
	for i, v := range f.Results {
		if w := same[v]; w != nil {
			f.Results[i] = w
		}
	}
	RemoveDead(f)
}

// isZero says whether v is the constant +0, repeated or not.
func isZero(v *Value) bool {
	for {
		switch v.Node.Op {
		case compute.OpTypeReshape, compute.OpTypeBroadcastInDim, compute.OpTypeIdentity:
			v = v.Node.In[0]
			continue
		case compute.OpTypeConstant:
			for _, b := range v.Node.Attr.(Const).Data {
				if b != 0 {
					return false
				}
			}
			return v.DType() != dtypes.Bool
		}
		return false
	}
}
