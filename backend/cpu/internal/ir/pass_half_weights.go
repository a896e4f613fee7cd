package ir

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// ReadHalf lets a product of one float32 row read a matrix kept in bfloat16 as it lies: what such a product waits
// for is the matrix, and so it is half as much. Products of more rows convert it once for all of them.
//
//	y = x·float32(w), x [1, K], w bf16 [K, N]   →   y = x·w
func ReadHalf(f *Func) {
	for _, n := range f.Nodes {
		a, ok := n.Attr.(Dot)
		if !ok || n.Op != compute.OpTypeDotGeneral || n.In[0].DType() != dtypes.Float32 || n.Out[0].Size() == 0 {
			continue
		}
		w := n.In[1]
		if w.Node.Op != compute.OpTypeConvertDType || w.Node.Func != f || w.Node.In[0].DType() != dtypes.BFloat16 ||
			w.Shape.Rank() != 2 || len(a.RHSBatch) > 0 || !slices.Equal(a.RHSContract, []int{0}) || n.In[0].Size() != w.Dims()[0] {
			continue
		}
		n.In = slices.Clone(n.In)
		n.In[1] = w.Node.In[0]
	}
	RemoveDead(f)
}
