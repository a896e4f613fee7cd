package cpu

import (
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"foresee/backend/cpu/internal/ir"
)

// FusedScaledDotProductAttention implements compute.FusedOps for float32 without a mask, bias or
// lengths; what it does not do it refuses with ErrNotImplemented, and GoMLX decomposes it. Queries may
// have more heads than keys, a multiple. The state is the logarithm of each query's sum of exponentials.
func (f *Function) FusedScaledDotProductAttention(query, key, value compute.Value, axesLayout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig) (output compute.Value, statesForVJP []compute.Value, err error) {
	in, err := f.values("FusedScaledDotProductAttention", query, key, value)
	if err != nil {
		return nil, nil, err
	}
	a, err := attentionOf(in, axesLayout, options)
	if err != nil {
		return nil, nil, err
	}
	s := a.Sizes(in)
	mass := shapes.Make(dtypes.Float32, s.Batch, s.Heads, s.Queries)
	n := f.fn.Add(compute.OpTypeFusedScaledDotProductAttention, a, in, in[0].Shape, mass)
	return n.Out[0], []compute.Value{n.Out[1]}, nil
}

// FusedScaledDotProductAttentionVJP implements compute.FusedOps: the gradients of query, key and value.
func (f *Function) FusedScaledDotProductAttentionVJP(query, key, value compute.Value, axesLayout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig, output compute.Value, statesForVJP []compute.Value,
	dOutput compute.Value) (dQuery, dKey, dValue compute.Value, err error) {
	if len(statesForVJP) != 1 {
		return nil, nil, nil, errors.Errorf("cpu: FusedScaledDotProductAttentionVJP: %d states, want 1", len(statesForVJP))
	}
	in, err := f.values("FusedScaledDotProductAttentionVJP", query, key, value, output, dOutput, statesForVJP[0])
	if err != nil {
		return nil, nil, nil, err
	}
	a, err := attentionOf(in[:3], axesLayout, options)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, v := range in[3:5] {
		if !v.Shape.Equal(in[0].Shape) {
			return nil, nil, nil, errors.Errorf("cpu: FusedScaledDotProductAttentionVJP: output or gradient is %s, the query %s", v.Shape, in[0].Shape)
		}
	}
	n := f.fn.Add(compute.OpTypeFusedScaledDotProductAttentionVJP, a, in, in[0].Shape, in[1].Shape, in[2].Shape)
	return n.Out[0], n.Out[1], n.Out[2], nil
}

// attentionOf checks query, key and value and returns what the backend computes for them.
func attentionOf(in []*ir.Value, layout compute.AttentionAxesLayout, o *compute.ScaledDotProductAttentionConfig) (ir.Attention, error) {
	if o == nil {
		o = &compute.ScaledDotProductAttentionConfig{}
	}
	q, k, v := in[0].Shape, in[1].Shape, in[2].Shape
	a := ir.Attention{TokensFirst: layout == compute.AttentionAxesLayoutBSHD, Scale: float32(o.Scale), Causal: o.Causal}
	if q.Rank() != 4 || k.Rank() != 4 || !k.Equal(v) || q.DType != k.DType {
		return a, errors.Errorf("cpu: attention of query %s, key %s and value %s", q, k, v)
	}
	s := a.Sizes(in)
	if s.Batch != k.Dimensions[0] || s.Width != k.Dimensions[3] || s.KVHeads == 0 || s.Heads%s.KVHeads != 0 {
		return a, errors.Errorf("cpu: attention of query %s and key %s", q, k)
	}
	if a.Scale == 0 {
		a.Scale = float32(1 / math.Sqrt(float64(s.Width)))
	}
	if o.Mask != nil || o.Bias != nil || o.QuerySeqLen != nil || o.KeyValueSeqLen != nil || a.Scale < 0 ||
		q.DType != dtypes.Float32 || q.Size() == 0 || k.Size() == 0 {
		return a, errors.Wrapf(compute.ErrNotImplemented, "cpu: attention of %s with a mask, bias, lengths or a negative scale, or no elements", q)
	}
	return a, nil
}
