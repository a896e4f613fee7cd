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

func constantShape(flat any, dims []int) (shapes.Shape, error) {
	d := elementType(flat)
	if !supported[d] {
		return shapes.Invalid(), errors.Wrapf(compute.ErrNotImplemented, "cpu: constant of %T", flat)
	}
	for _, n := range dims {
		if n < 0 {
			return shapes.Invalid(), errors.Errorf("cpu: constant of dimensions %v", dims)
		}
	}
	return shapes.Make(d, dims...), nil
}

func (f *Function) unary(op compute.OpType, x compute.Value) (compute.Value, error) {
	in, err := f.values(op.String(), x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.UnaryOp(op, in[0].Shape)
	if err != nil {
		return nil, err
	}
	return f.add(op, nil, in, shape)
}

func (f *Function) binary(op compute.OpType, lhs, rhs compute.Value) (compute.Value, error) {
	in, err := f.values(op.String(), lhs, rhs)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.BinaryOp(op, in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	return f.add(op, nil, in, shape)
}

func (f *Function) compare(op compute.OpType, lhs, rhs compute.Value) (compute.Value, error) {
	in, err := f.values(op.String(), lhs, rhs)
	if err != nil {
		return nil, err
	}
	if in[0].DType() == dtypes.Bool && (op != compute.OpTypeEqual && op != compute.OpTypeNotEqual) {
		return nil, errors.Errorf("cpu: %s of bool", op)
	}
	// NotEqualTotalOrder is missing in shapeinference's tables; its shape is NotEqual's.
	infer := op
	if op == compute.OpTypeNotEqualTotalOrder || op == compute.OpTypeNotEqual {
		infer = compute.OpTypeEqual
	}
	shape, err := shapeinference.ComparisonOp(infer, in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	return f.add(op, nil, in, shape)
}

func (f *Function) reduce(op compute.OpType, x compute.Value, axes []int) (compute.Value, error) {
	in, err := f.values(op.String(), x)
	if err != nil {
		return nil, err
	}
	axes = slices.Clone(axes)
	if len(axes) == 0 {
		for i := range in[0].Dims() {
			axes = append(axes, i)
		}
	}
	shape, err := shapeinference.Reduce(in[0].Shape, axes)
	if err != nil {
		return nil, err
	}
	return f.add(op, ir.Axes{Axes: axes}, in, shape)
}

// predicate is an element-wise test with bool results.
func (f *Function) predicate(op compute.OpType, x compute.Value) (compute.Value, error) {
	in, err := f.values(op.String(), x)
	if err != nil {
		return nil, err
	}
	if d := in[0].DType(); !d.IsFloat() && !d.IsInt() {
		return nil, errors.Errorf("cpu: %s of %s", op, in[0].Shape)
	}
	shape := in[0].Shape.Clone()
	shape.DType = dtypes.Bool
	return f.add(op, nil, in, shape)
}

// IsFinite implements compute.StandardOps.
func (f *Function) IsFinite(x compute.Value) (compute.Value, error) {
	return f.predicate(compute.OpTypeIsFinite, x)
}

// IsNaN implements compute.StandardOps.
func (f *Function) IsNaN(x compute.Value) (compute.Value, error) {
	return f.predicate(compute.OpTypeIsNaN, x)
}

// Identity implements compute.StandardOps.
func (f *Function) Identity(x compute.Value) (compute.Value, error) {
	in, err := f.values("Identity", x)
	if err != nil {
		return nil, err
	}
	return f.add(compute.OpTypeIdentity, nil, in, in[0].Shape)
}

// Where implements compute.StandardOps.
func (f *Function) Where(condition, onTrue, onFalse compute.Value) (compute.Value, error) {
	in, err := f.values("Where", condition, onTrue, onFalse)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Where(in[0].Shape, in[1].Shape, in[2].Shape)
	if err != nil {
		return nil, err
	}
	return f.add(compute.OpTypeWhere, nil, in, shape)
}

// Clamp implements compute.StandardOps.
func (f *Function) Clamp(minimum, x, maximum compute.Value) (compute.Value, error) {
	in, err := f.values("Clamp", minimum, x, maximum)
	if err != nil {
		return nil, err
	}
	for _, v := range []*ir.Value{in[0], in[2]} {
		if v.DType() != in[1].DType() || !v.Shape.IsScalar() && !v.Shape.EqualDimensions(in[1].Shape) {
			return nil, errors.Errorf("cpu: Clamp of %s to [%s, %s]", in[1].Shape, in[0].Shape, in[2].Shape)
		}
	}
	if in[1].DType() == dtypes.Bool {
		return nil, errors.Errorf("cpu: Clamp of bool")
	}
	return f.add(compute.OpTypeClamp, nil, in, in[1].Shape)
}

// ConvertDType implements compute.StandardOps.
func (f *Function) ConvertDType(x compute.Value, dtype dtypes.DType) (compute.Value, error) {
	in, err := f.values("ConvertDType", x)
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape.Clone()
	shape.DType = dtype
	if err := checkShape(shape); err != nil {
		return nil, err
	}
	if dtype == in[0].DType() {
		return in[0], nil
	}
	return f.add(compute.OpTypeConvertDType, nil, in, shape)
}

// Bitcast implements compute.StandardOps.
func (f *Function) Bitcast(x compute.Value, dtype dtypes.DType) (compute.Value, error) {
	in, err := f.values("Bitcast", x)
	if err != nil {
		return nil, err
	}
	if !supported[dtype] {
		return nil, errors.Wrapf(compute.ErrNotImplemented, "cpu: Bitcast to %s", dtype)
	}
	if in[0].Shape.IsScalar() && dtype.Size() > in[0].DType().Size() {
		return nil, errors.Errorf("cpu: Bitcast of the scalar %s to %s", in[0].Shape, dtype)
	}
	shape, err := shapeinference.Bitcast(in[0].Shape, dtype)
	if err != nil {
		return nil, err
	}
	return f.add(compute.OpTypeBitcast, nil, in, shape)
}

// ArgMinMax implements compute.StandardOps: the first of equals, the first NaN if there is one.
func (f *Function) ArgMinMax(x compute.Value, axis int, outputDType dtypes.DType, isMin bool) (compute.Value, error) {
	in, err := f.values("ArgMinMax", x)
	if err != nil {
		return nil, err
	}
	numbers := in[0].Shape.Clone()
	if numbers.DType == dtypes.Bool {
		numbers.DType = dtypes.Uint8 // false before true
	}
	shape, err := shapeinference.ArgMinMax(numbers, axis, outputDType)
	if err != nil {
		return nil, err
	}
	if in[0].Dims()[axis] == 0 {
		return nil, errors.Errorf("cpu: ArgMinMax over the empty axis %d of %s", axis, in[0].Shape)
	}
	return f.add(compute.OpTypeArgMinMax, ir.ArgMinMax{Axis: axis, IsMin: isMin}, in, shape)
}

// Iota implements compute.StandardOps.
func (f *Function) Iota(shape shapes.Shape, axis int) (compute.Value, error) {
	if err := checkShape(shape); err != nil {
		return nil, err
	}
	if axis < 0 || axis >= shape.Rank() || shape.DType == dtypes.Bool {
		return nil, errors.Errorf("cpu: Iota of %s along axis %d", shape, axis)
	}
	return f.add(compute.OpTypeIota, ir.Axis{Axis: axis}, nil, shape.Clone())
}

// RNGBitGenerator implements compute.StandardOps by Philox 4x32-10.
func (f *Function) RNGBitGenerator(state compute.Value, shape shapes.Shape) (newState, values compute.Value, err error) {
	in, err := f.values("RNGBitGenerator", state)
	if err != nil {
		return nil, nil, err
	}
	if !in[0].Shape.Equal(compute.RNGStateShape) {
		return nil, nil, errors.Errorf("cpu: RNGBitGenerator state is %s, want %s", in[0].Shape, compute.RNGStateShape)
	}
	if err := checkShape(shape); err != nil {
		return nil, nil, err
	}
	if shape.DType == dtypes.Bool {
		return nil, nil, errors.Errorf("cpu: RNGBitGenerator of bool")
	}
	n := f.fn.Add(compute.OpTypeRNGBitGenerator, nil, in, in[0].Shape, shape.Clone())
	return n.Out[0], n.Out[1], nil
}

// OptimizationBarrier implements compute.StandardOps.
func (f *Function) OptimizationBarrier(operands ...compute.Value) ([]compute.Value, error) {
	in, err := f.values("OptimizationBarrier", operands...)
	if err != nil {
		return nil, err
	}
	var outs []shapes.Shape
	for _, v := range in {
		outs = append(outs, v.Shape)
	}
	return asValues(f.fn.Add(compute.OpTypeOptimizationBarrier, nil, in, outs...).Out), nil
}

// SchedulingBarrier implements compute.StandardOps. Kernels run one after the other and have no
// side effects, so only the operand matters; the dependencies are still computed before.
func (f *Function) SchedulingBarrier(operand compute.Value, dependencies ...compute.Value) (compute.Value, error) {
	in, err := f.values("SchedulingBarrier", append([]compute.Value{operand}, dependencies...)...)
	if err != nil {
		return nil, err
	}
	return f.add(compute.OpTypeSchedulingBarrier, nil, in, in[0].Shape)
}

func asValues(in []*ir.Value) []compute.Value {
	out := make([]compute.Value, len(in))
	for i, v := range in {
		out[i] = v
	}
	return out
}
