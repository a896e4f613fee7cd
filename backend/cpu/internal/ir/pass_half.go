package ir

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// movesBits lists the operations that only move elements: they work on 16-bit floats as on
// any two bytes.
var movesBits = map[compute.OpType]bool{
	compute.OpTypeParameter: true, compute.OpTypeConstant: true, compute.OpTypeIdentity: true,
	compute.OpTypeReshape: true, compute.OpTypeTranspose: true, compute.OpTypeBroadcastInDim: true,
	compute.OpTypeSlice: true, compute.OpTypeConcatenate: true, compute.OpTypePad: true,
	compute.OpTypeReverse: true, compute.OpTypeGather: true, compute.OpTypeWhere: true,
	compute.OpTypeDynamicSlice: true, compute.OpTypeDynamicUpdateSlice: true,
	compute.OpTypeBitcast: true, compute.OpTypeConvertDType: true, compute.OpTypeRNGBitGenerator: true,
	compute.OpTypeOptimizationBarrier: true, compute.OpTypeSchedulingBarrier: true,
	compute.OpTypeCall: true, compute.OpTypeWhile: true, compute.OpTypeIf: true, compute.OpTypeSort: true,
}

// WidenHalf lets float16 and bfloat16 arithmetic run in float32: inputs are converted before,
// the result after each operation. Sums, products and convolutions so accumulate in float32.
//
//	c = a·b (bf16)   →   c = bf16(float32(a)·float32(b))
func WidenHalf(f *Func) {
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
		if movesBits[n.Op] || !touchesHalf(n) {
			f.Nodes = append(f.Nodes, n)
			continue
		}
		widenNode(f, n, same)
	}
	for i, v := range f.Results {
		if w := same[v]; w != nil {
			f.Results[i] = w
		}
	}
}

func widenNode(f *Func, n *Node, same map[*Value]*Value) {
	in := make([]*Value, len(n.In))
	for i, v := range n.In {
		in[i] = v
		if v.DType().IsHalfPrecision() {
			in[i] = f.Add(compute.OpTypeConvertDType, nil, []*Value{v}, wide(v.Shape)).Out[0]
		}
	}
	outs := make([]shapes.Shape, len(n.Out))
	for i, v := range n.Out {
		outs[i] = v.Shape
		if v.DType().IsHalfPrecision() {
			outs[i] = wide(v.Shape)
		}
	}
	m := f.Add(n.Op, n.Attr, in, outs...)
	for i, v := range n.Out {
		w := m.Out[i]
		if v.DType().IsHalfPrecision() {
			w = f.Add(compute.OpTypeConvertDType, nil, []*Value{w}, v.Shape).Out[0]
		}
		same[v] = w
	}
}

func touchesHalf(n *Node) bool {
	for _, v := range n.In {
		if v.DType().IsHalfPrecision() {
			return true
		}
	}
	for _, v := range n.Out {
		if v.DType().IsHalfPrecision() {
			return true
		}
	}
	return false
}

func wide(s shapes.Shape) shapes.Shape {
	s = s.Clone()
	s.DType = dtypes.Float32
	return s
}
