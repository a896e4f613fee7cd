package ir

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// Epilogue is what a product or convolution does to its result before it writes it: add a bias
// along the last axis, add a tensor of the result's shape, take the maximum with 0, in this
// order. The bias and the tensor follow the node's own operands.
type Epilogue struct{ Bias, Residual, ReLU bool }

// FuseEpilogues moves a bias, a residual and a ReLU into the float32 product or forward
// convolution that feeds them and nothing else.
//
//	y = x·w; z = y + b; r = max(z, 0)   →   r = max(x·w + b, 0), one kernel
func FuseEpilogues(f *Func) {
	uses := countUses(f)
	for i, n := range f.Nodes {
		if m := withEpilogue(f, n, uses); m != nil {
			f.Nodes[i] = m
			for k, v := range n.Out {
				// The new node takes over the old one's outputs.
				v.Node, m.Out[k] = m, v
			}
		}
	}
	RemoveDead(f)
}

func countUses(f *Func) map[*Value]int {
	uses := map[*Value]int{}
	for _, n := range f.Nodes {
		for _, v := range n.In {
			uses[v]++
		}
		for _, s := range n.Subs() {
			for _, v := range s.Captures() {
				uses[v]++
			}
		}
	}
	for _, v := range f.Results {
		uses[v]++
	}
	return uses
}

// withEpilogue returns the node that does n's work inside the product before it, or nil.
func withEpilogue(f *Func, n *Node, uses map[*Value]int) *Node {
	if n.Op != compute.OpTypeAdd && n.Op != compute.OpTypeMax || n.Out[0].DType() != dtypes.Float32 {
		return nil
	}
	for side, v := range n.In {
		p := onlyUser(f, v, uses)
		if p == nil || v.Size() != n.Out[0].Size() {
			continue
		}
		e, ok := epilogueOf(p)
		other := n.In[1-side]
		switch {
		case !ok || e.ReLU:
			continue
		case n.Op == compute.OpTypeMax:
			if !isZero(other) {
				continue
			}
			e.ReLU = true
			return f.Make(p.Op, setEpilogue(p.Attr, e), p.In, n.Out[0].Shape)
		case !e.Bias && !e.Residual:
			if b := lastAxisVector(other, n.Out[0]); b != nil && b.Size() == columns(p) {
				e.Bias = true
				return f.Make(p.Op, setEpilogue(p.Attr, e), append(slices.Clone(p.In), b), n.Out[0].Shape)
			}
		}
		if _, conv := p.Attr.(FastConv); conv && !e.Residual && n.Op == compute.OpTypeAdd &&
			slices.Equal(other.Dims(), n.Out[0].Dims()) && other.Node != p {
			e.Residual = true
			return f.Make(p.Op, setEpilogue(p.Attr, e), append(slices.Clone(p.In), other), n.Out[0].Shape)
		}
	}
	return nil
}

// onlyUser returns the node that makes v, through reshapes, if nothing else reads its result.
func onlyUser(f *Func, v *Value, uses map[*Value]int) *Node {
	for uses[v] == 1 && v.Node.Func == f {
		if v.Node.Op != compute.OpTypeReshape {
			return v.Node
		}
		v = v.Node.In[0]
	}
	return nil
}

// epilogueOf returns what a node that can have an epilogue does already.
func epilogueOf(n *Node) (Epilogue, bool) {
	switch a := n.Attr.(type) {
	case Dot:
		return a.Epilogue, n.Op == compute.OpTypeDotGeneral && n.In[0].DType() == dtypes.Float32 && n.Out[0].Size() > 0
	case FastConv:
		return a.Epilogue, a.Role == ConvForward && a.Out.Dense()
	}
	return Epilogue{}, false
}

func setEpilogue(attr any, e Epilogue) any {
	switch a := attr.(type) {
	case Dot:
		a.Epilogue = e
		return a
	case FastConv:
		a.Epilogue = e
		return a
	}
	return attr
}

// columns returns the length of a bias of n: the output channels or the columns of the product.
func columns(n *Node) int {
	switch a := n.Attr.(type) {
	case FastConv:
		return a.Cout
	case Dot:
		free := 1
		rhs := n.In[1]
		for i, d := range rhs.Dims() {
			if !slices.Contains(a.RHSContract, i) && !slices.Contains(a.RHSBatch, i) {
				free *= d
			}
		}
		return free
	}
	return 0
}

// lastAxisVector returns the vector that v repeats along all axes of out but the last, or nil.
func lastAxisVector(v, out *Value) *Value {
	dims := out.Dims()
	if len(dims) == 0 {
		return nil
	}
	last := dims[len(dims)-1]
	for v.Node.Op == compute.OpTypeReshape && v.Size() == last && lastAxis(v) == last {
		v = v.Node.In[0]
	}
	if v.Node.Op == compute.OpTypeBroadcastInDim && slices.Equal(v.Dims(), dims) {
		axes, from := v.Node.Attr.(Axes).Axes, v.Node.In[0]
		if k := len(axes); k > 0 && from.Size() == last && lastAxis(from) == last && axes[k-1] == len(dims)-1 {
			return from
		}
		return nil
	}
	if v.Size() == last && last > 1 && lastAxis(v) == last {
		return v
	}
	return nil
}

// lastAxis returns the length of the last axis of v, 0 if it has none.
func lastAxis(v *Value) int {
	dims := v.Dims()
	if len(dims) == 0 {
		return 0
	}
	return dims[len(dims)-1]
}
