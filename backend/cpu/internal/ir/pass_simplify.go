package ir

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// Simplify replaces operations that move no element by reshapes, which cost nothing, and drops
// products with 1.
//
//	y = transpose(x [5, 1, 3], 1, 0, 2)   →   y = reshape(x, 1, 5, 3)
//	y = reduce sum(x [5, 1], axis 1)      →   y = reshape(x, 5)
func Simplify(f *Func) {
	same := map[*Value]*Value{}
	for _, n := range f.Nodes {
		for i, v := range n.In {
			if w := same[v]; w != nil {
				n.In[i] = w
			}
		}
		if movesNothing(n) {
			n.Op, n.Attr, n.In = compute.OpTypeReshape, nil, n.In[:1]
		}
		if n.Op == compute.OpTypeMul {
			for side, v := range n.In {
				if other := n.In[1-side]; isOne(v) && slices.Equal(other.Dims(), n.Out[0].Dims()) {
					same[n.Out[0]] = other
					break
				}
			}
		}
	}
	replaceUses(f, same)
	RemoveDead(f)
}

func movesNothing(n *Node) bool {
	switch n.Op {
	case compute.OpTypeTranspose:
		last := -1
		for _, axis := range n.Attr.(Axes).Axes {
			if n.In[0].Dims()[axis] == 1 {
				continue
			}
			if axis < last {
				return false
			}
			last = axis
		}
		return true
	case compute.OpTypeBroadcastInDim, compute.OpTypeSlice:
		return n.In[0].Size() == n.Out[0].Size()
	case compute.OpTypeReduceSum, compute.OpTypeReduceProduct, compute.OpTypeReduceMax, compute.OpTypeReduceMin:
		return n.In[0].Size() == n.Out[0].Size() && n.In[0].Size() > 0
	case compute.OpTypeConcatenate:
		return len(n.In) == 1
	case compute.OpTypePad: // as of the gradient of a slice of all
		return !slices.ContainsFunc(n.Attr.(Pad).Axes, func(a compute.PadAxis) bool { return a != compute.PadAxis{} })
	}
	return false
}

// isOne says whether v is the constant 1, repeated or not, of a float type.
func isOne(v *Value) bool {
	for v.Node.Op == compute.OpTypeReshape || v.Node.Op == compute.OpTypeBroadcastInDim {
		v = v.Node.In[0]
	}
	c, ok := v.Node.Attr.(Const)
	if !ok || v.Size() != 1 {
		return false
	}
	switch v.DType() {
	case dtypes.Float32:
		return slices.Equal(c.Data, []byte{0, 0, 0x80, 0x3f})
	case dtypes.Float64:
		return slices.Equal(c.Data, []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f})
	}
	return false
}
