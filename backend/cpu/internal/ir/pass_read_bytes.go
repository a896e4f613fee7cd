package ir

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// ReadBytes lets a product of two int8 matrices with int32 sums read them as they lie.
//
//	y = int32(x)·int32(w), x int8 [M, K], w int8 [K, N]   →   y = x·w, y int32
func ReadBytes(f *Func) {
	for _, n := range f.Nodes {
		a, ok := n.Attr.(Dot)
		if !ok || n.Op != compute.OpTypeDotGeneral || n.Out[0].DType() != dtypes.Int32 || n.Out[0].Size() == 0 ||
			len(a.LHSBatch) > 0 || !slices.Equal(a.LHSContract, []int{1}) || !slices.Equal(a.RHSContract, []int{0}) {
			continue
		}
		if x, w := bytesBehind(f, n.In[0]), bytesBehind(f, n.In[1]); x != nil && w != nil {
			n.In = []*Value{x, w}
		}
	}
	RemoveDead(f)
}

// bytesBehind returns the int8 matrix that v is made from by a conversion, or nil.
func bytesBehind(f *Func, v *Value) *Value {
	if v.Node.Op != compute.OpTypeConvertDType || v.Node.Func != f || v.Shape.Rank() != 2 || v.Node.In[0].DType() != dtypes.Int8 {
		return nil
	}
	return v.Node.In[0]
}
