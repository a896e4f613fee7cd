package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"foresee/backend/cpu/internal/ir"
)

// Operations that move elements, as compute.StandardOps defines them.

// Reshape implements compute.StandardOps.
func (f *Function) Reshape(x compute.Value, dimensions ...int) (compute.Value, error) {
	in, err := f.values("Reshape", x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Reshape(in[0].Shape, dimensions)
	if err != nil {
		return nil, err
	}
	return f.add(compute.OpTypeReshape, nil, in, shape)
}

// Transpose implements compute.StandardOps.
func (f *Function) Transpose(x compute.Value, permutation ...int) (compute.Value, error) {
	in, err := f.values("Transpose", x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Transpose(in[0].Shape, permutation)
	if err != nil {
		return nil, err
	}
	return f.add(compute.OpTypeTranspose, ir.Axes{Axes: slices.Clone(permutation)}, in, shape)
}

// BroadcastInDim implements compute.StandardOps.
func (f *Function) BroadcastInDim(x compute.Value, outputShape shapes.Shape, broadcastAxes []int) (compute.Value, error) {
	in, err := f.values("BroadcastInDim", x)
	if err != nil {
		return nil, err
	}
	if err := checkShape(outputShape); err != nil {
		return nil, err
	}
	if err := shapeinference.BroadcastInDim(in[0].Shape, outputShape, broadcastAxes, nil); err != nil {
		return nil, err
	}
	if in[0].DType() != outputShape.DType {
		return nil, errors.Errorf("cpu: BroadcastInDim of %s to %s", in[0].Shape, outputShape)
	}
	return f.add(compute.OpTypeBroadcastInDim, ir.Axes{Axes: slices.Clone(broadcastAxes)}, in, outputShape.Clone())
}

// Reverse implements compute.StandardOps.
func (f *Function) Reverse(x compute.Value, axes ...int) (compute.Value, error) {
	in, err := f.values("Reverse", x)
	if err != nil {
		return nil, err
	}
	for i, axis := range axes {
		if axis < 0 || axis >= in[0].Shape.Rank() || slices.Contains(axes[:i], axis) {
			return nil, errors.Errorf("cpu: Reverse of %s along axes %v", in[0].Shape, axes)
		}
	}
	return f.add(compute.OpTypeReverse, ir.Axes{Axes: slices.Clone(axes)}, in, in[0].Shape)
}

// Slice implements compute.StandardOps.
func (f *Function) Slice(x compute.Value, starts, limits, strides []int) (compute.Value, error) {
	in, err := f.values("Slice", x)
	if err != nil {
		return nil, err
	}
	strides = onesIfEmpty(strides, in[0].Shape.Rank())
	limits = slices.Clone(limits)
	for i, l := range limits {
		if l == shapes.DynamicDim && i < in[0].Shape.Rank() {
			limits[i] = in[0].Dims()[i]
		}
	}
	shape, err := shapeinference.Slice(in[0].Shape, starts, limits, strides)
	if err != nil {
		return nil, err
	}
	return f.add(compute.OpTypeSlice, ir.Slice{Starts: slices.Clone(starts), Limits: limits, Strides: strides}, in, shape)
}

func onesIfEmpty(x []int, n int) []int {
	if len(x) > 0 || n == 0 {
		return slices.Clone(x)
	}
	x = make([]int, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

// Concatenate implements compute.StandardOps.
func (f *Function) Concatenate(axis int, operands ...compute.Value) (compute.Value, error) {
	in, err := f.values("Concatenate", operands...)
	if err != nil {
		return nil, err
	}
	if len(in) == 1 {
		return in[0], nil
	}
	var all []shapes.Shape
	for _, v := range in {
		all = append(all, v.Shape)
	}
	shape, err := shapeinference.Concatenate(all, axis)
	if err != nil {
		return nil, err
	}
	return f.add(compute.OpTypeConcatenate, ir.Axis{Axis: axis}, in, shape)
}

// Pad implements compute.StandardOps. Negative paddings cut.
func (f *Function) Pad(x, fillValue compute.Value, axesConfig ...compute.PadAxis) (compute.Value, error) {
	in, err := f.values("Pad", x, fillValue)
	if err != nil {
		return nil, err
	}
	if !in[1].Shape.IsScalar() || in[1].DType() != in[0].DType() {
		return nil, errors.Errorf("cpu: Pad of %s with %s", in[0].Shape, in[1].Shape)
	}
	shape, err := shapeinference.Pad(in[0].Shape, axesConfig...)
	if err != nil {
		return nil, err
	}
	axes := make([]compute.PadAxis, in[0].Shape.Rank())
	copy(axes, axesConfig)
	return f.add(compute.OpTypePad, ir.Pad{Axes: axes}, in, shape)
}

// scalars checks one integer scalar per axis.
func scalars(op string, starts []*ir.Value, rank int) error {
	if len(starts) != rank {
		return errors.Errorf("cpu: %s: %d start indices for rank %d", op, len(starts), rank)
	}
	for i, v := range starts {
		if !v.Shape.IsScalar() || !v.DType().IsInt() {
			return errors.Errorf("cpu: %s: start index %d is %s, want an integer scalar", op, i, v.Shape)
		}
	}
	return nil
}

// startScalars splits start indices given as one vector, which GoMLX allows, into scalars.
func (f *Function) startScalars(starts []compute.Value, rank int) ([]compute.Value, error) {
	if len(starts) != 1 {
		return starts, nil
	}
	in, err := f.values("start indices", starts...)
	if err != nil || in[0].Shape.Rank() != 1 || in[0].Dims()[0] != rank {
		return starts, err
	}
	out := make([]compute.Value, rank)
	for i := range out {
		one, err := f.Slice(in[0], []int{i}, []int{i + 1}, nil)
		if err != nil {
			return nil, err
		}
		if out[i], err = f.Reshape(one); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// rankOf is the rank of a value of this backend, else -1.
func rankOf(v compute.Value) int {
	if x, ok := v.(*ir.Value); ok && x != nil {
		return x.Shape.Rank()
	}
	return -1
}

// DynamicSlice implements compute.StandardOps.
func (f *Function) DynamicSlice(operand compute.Value, startIndices []compute.Value, sliceDims []int) (compute.Value, error) {
	startIndices, err := f.startScalars(startIndices, rankOf(operand))
	if err != nil {
		return nil, err
	}
	in, err := f.values("DynamicSlice", append([]compute.Value{operand}, startIndices...)...)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.DynamicSlice(in[0].Shape, sliceDims)
	if err != nil {
		return nil, err
	}
	if err := scalars("DynamicSlice", in[1:], in[0].Shape.Rank()); err != nil {
		return nil, err
	}
	return f.add(compute.OpTypeDynamicSlice, ir.Sizes{Sizes: slices.Clone(sliceDims)}, in, shape)
}

// DynamicUpdateSlice implements compute.StandardOps.
func (f *Function) DynamicUpdateSlice(operand, update compute.Value, startIndices []compute.Value) (compute.Value, error) {
	startIndices, err := f.startScalars(startIndices, rankOf(operand))
	if err != nil {
		return nil, err
	}
	in, err := f.values("DynamicUpdateSlice", append([]compute.Value{operand, update}, startIndices...)...)
	if err != nil {
		return nil, err
	}
	if _, err := shapeinference.DynamicUpdateSlice(in[0].Shape, in[1].Shape); err != nil {
		return nil, err
	}
	ok := in[0].DType() == in[1].DType() && in[0].Shape.Rank() == in[1].Shape.Rank()
	for i := 0; ok && i < in[0].Shape.Rank(); i++ {
		ok = in[1].Dims()[i] <= in[0].Dims()[i]
	}
	if !ok {
		return nil, errors.Errorf("cpu: DynamicUpdateSlice of %s by %s", in[0].Shape, in[1].Shape)
	}
	if err := scalars("DynamicUpdateSlice", in[2:], in[0].Shape.Rank()); err != nil {
		return nil, err
	}
	return f.add(compute.OpTypeDynamicUpdateSlice, nil, in, in[0].Shape)
}

// Gather implements compute.StandardOps.
func (f *Function) Gather(operand, startIndices compute.Value, indexVectorAxis int,
	offsetOutputAxes, collapsedSliceAxes, startIndexMap, sliceSizes []int, indicesAreSorted bool) (compute.Value, error) {
	in, err := f.values("Gather", operand, startIndices)
	if err != nil {
		return nil, err
	}
	if !in[1].DType().IsInt() {
		return nil, errors.Errorf("cpu: Gather with indices %s", in[1].Shape)
	}
	index := in[1].Shape
	if indexVectorAxis == index.Rank() { // an axis of size 1 is implied
		index = shapes.Make(index.DType, append(slices.Clone(index.Dimensions), 1)...)
	}
	shape, err := shapeinference.Gather(in[0].Shape, index, indexVectorAxis, offsetOutputAxes, collapsedSliceAxes,
		startIndexMap, sliceSizes, indicesAreSorted)
	if err != nil {
		return nil, err
	}
	a := ir.Gather{IndexVectorAxis: indexVectorAxis, OffsetOutput: slices.Clone(offsetOutputAxes),
		CollapsedSlice: slices.Clone(collapsedSliceAxes), StartMap: slices.Clone(startIndexMap), Sizes: slices.Clone(sliceSizes)}
	return f.add(compute.OpTypeGather, a, in, shape)
}

// scatterArguments are the arguments that the Scatter operations share.
type scatterArguments struct {
	operand, indices, updates compute.Value
	axes                      ir.Scatter
}

func (f *Function) scatter(op compute.OpType, s scatterArguments) (compute.Value, error) {
	in, err := f.values(op.String(), s.operand, s.indices, s.updates)
	if err != nil {
		return nil, err
	}
	a := s.axes
	a.UpdateWindow, a.InsertedWindow = slices.Clone(a.UpdateWindow), slices.Clone(a.InsertedWindow)
	a.ToOperand = slices.Clone(a.ToOperand)
	shape, err := shapeinference.Scatter(in[0].Shape, in[1].Shape, in[2].Shape, a.IndexVectorAxis,
		a.UpdateWindow, a.InsertedWindow, a.ToOperand)
	if err != nil {
		return nil, err
	}
	if in[0].DType() == dtypes.Bool {
		return nil, errors.Wrapf(compute.ErrNotImplemented, "cpu: %s of bool", op)
	}
	return f.add(op, a, in, shape)
}

// ScatterSum implements compute.StandardOps. Updates that leave the operand are dropped.
func (f *Function) ScatterSum(operand, indices, updates compute.Value, indexVectorAxis int,
	updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes []int, _, _ bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterSum, scatterArguments{operand, indices, updates,
		ir.Scatter{IndexVectorAxis: indexVectorAxis, UpdateWindow: updateWindowAxes, InsertedWindow: insertedWindowAxes, ToOperand: scatterAxesToOperandAxes}})
}

// ScatterMax implements compute.StandardOps. Updates that leave the operand are dropped.
func (f *Function) ScatterMax(operand, indices, updates compute.Value, indexVectorAxis int,
	updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes []int, _, _ bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterMax, scatterArguments{operand, indices, updates,
		ir.Scatter{IndexVectorAxis: indexVectorAxis, UpdateWindow: updateWindowAxes, InsertedWindow: insertedWindowAxes, ToOperand: scatterAxesToOperandAxes}})
}

// ScatterMin implements compute.StandardOps. Updates that leave the operand are dropped.
func (f *Function) ScatterMin(operand, indices, updates compute.Value, indexVectorAxis int,
	updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes []int, _, _ bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterMin, scatterArguments{operand, indices, updates,
		ir.Scatter{IndexVectorAxis: indexVectorAxis, UpdateWindow: updateWindowAxes, InsertedWindow: insertedWindowAxes, ToOperand: scatterAxesToOperandAxes}})
}
