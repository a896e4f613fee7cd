package ir

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// SumProduct is the argument of a ReduceSum with two operands: the sum of their product over
// their last axes, N elements for each result.
type SumProduct struct{ N int }

// FuseSumProduct turns the sum over last axes of a float32 product that nothing else reads into
// one pass over the factors.
//
//	s = x·x; y = reduce sum(s)   →   y = sum product(x, x)
func FuseSumProduct(f *Func) {
	uses := countUses(f)
	for _, n := range f.Nodes {
		a, ok := n.Attr.(Axes)
		if !ok || n.Op != compute.OpTypeReduceSum || n.In[0].DType() != dtypes.Float32 {
			continue
		}
		p := onlyUser(f, n.In[0], uses)
		if p == nil || p.Op != compute.OpTypeMul || !LastAxes(n.In[0].Dims(), a.Axes) || n.Out[0].Size() == 0 {
			continue
		}
		if d := p.Out[0].Dims(); !slices.Equal(p.In[0].Dims(), d) || !slices.Equal(p.In[1].Dims(), d) {
			continue
		}
		n.Attr, n.In = SumProduct{n.In[0].Size() / n.Out[0].Size()}, p.In
	}
	RemoveDead(f)
}

// LastAxes says whether no axis of dims longer than 1 that stays comes after one of axes, which go.
func LastAxes(dims, axes []int) bool {
	reduced := false
	for i, d := range dims {
		switch {
		case slices.Contains(axes, i):
			reduced = reduced || d != 1
		case reduced && d != 1:
			return false
		}
	}
	return true
}
