package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/pkg/errors"

	"foresee/backend/cpu/internal/ir"
)

// Products, convolutions and windows, as compute.StandardOps defines them.

// DotGeneral implements compute.StandardOps. Half-precision operands are multiplied and summed
// in float32.
func (f *Function) DotGeneral(lhs compute.Value, lhsContractingAxes, lhsBatchAxes []int,
	rhs compute.Value, rhsContractingAxes, rhsBatchAxes []int, config compute.DotGeneralConfig) (compute.Value, error) {
	in, err := f.values("DotGeneral", lhs, rhs)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.DotGeneral(in[0].Shape, lhsContractingAxes, lhsBatchAxes,
		in[1].Shape, rhsContractingAxes, rhsBatchAxes, config)
	if err != nil {
		return nil, err
	}
	out := shape.DType
	if config.AccumulatorDType != dtypes.InvalidDType && config.AccumulatorDType != in[0].DType() {
		for i, v := range in {
			wide, err := f.ConvertDType(v, config.AccumulatorDType)
			if err != nil {
				return nil, err
			}
			in[i] = wide.(*ir.Value)
		}
	}
	shape.DType = in[0].DType()
	a := ir.Dot{LHSContract: slices.Clone(lhsContractingAxes), LHSBatch: slices.Clone(lhsBatchAxes),
		RHSContract: slices.Clone(rhsContractingAxes), RHSBatch: slices.Clone(rhsBatchAxes)}
	y, err := f.add(compute.OpTypeDotGeneral, a, in, shape)
	if err != nil || out == shape.DType {
		return y, err
	}
	return f.ConvertDType(y, out)
}

// ConvGeneral implements compute.StandardOps.
func (f *Function) ConvGeneral(input, kernel compute.Value, axes compute.ConvolveAxesConfig,
	strides []int, paddings [][2]int, inputDilations, kernelDilations []int,
	channelGroupCount, batchGroupCount int) (compute.Value, error) {
	in, err := f.values("ConvGeneral", input, kernel)
	if err != nil {
		return nil, err
	}
	channelGroupCount, batchGroupCount = max(channelGroupCount, 1), max(batchGroupCount, 1)
	if in[0].DType() != in[1].DType() || in[0].DType() == dtypes.Bool {
		return nil, errors.Errorf("cpu: ConvGeneral of %s with %s", in[0].Shape, in[1].Shape)
	}
	shape, err := shapeinference.ConvGeneral(in[0].Shape, in[1].Shape, axes, nilIfEmpty(strides), nilIfEmpty(paddings),
		nilIfEmpty(inputDilations), nilIfEmpty(kernelDilations), channelGroupCount, batchGroupCount)
	if err != nil {
		return nil, err
	}
	a := ir.Conv{Axes: axes.Clone(), Strides: slices.Clone(strides), InDilations: slices.Clone(inputDilations),
		KerDilations: slices.Clone(kernelDilations), Paddings: slices.Clone(paddings),
		ChannelGroups: channelGroupCount, BatchGroups: batchGroupCount}
	return f.add(compute.OpTypeConvGeneral, a, in, shape)
}

func nilIfEmpty[T any](x []T) []T {
	if len(x) == 0 {
		return nil
	}
	return x
}

// ReduceWindow implements compute.StandardOps.
func (f *Function) ReduceWindow(input compute.Value, reductionType compute.ReduceOpType,
	windowDimensions, strides, inputDilations, windowDilations []int, paddings [][2]int) (compute.Value, error) {
	in, err := f.values("ReduceWindow", input)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.ReduceWindow(in[0].Shape, windowDimensions, strides,
		nilIfEmpty(inputDilations), nilIfEmpty(windowDilations), paddings)
	if err != nil {
		return nil, err
	}
	a := ir.Window{Reduce: reductionType, Dims: slices.Clone(windowDimensions), Strides: slices.Clone(strides),
		InDilations: slices.Clone(inputDilations), Dilations: slices.Clone(windowDilations), Paddings: slices.Clone(paddings)}
	return f.add(compute.OpTypeReduceWindow, a, in, shape)
}

// selectArguments are the arguments that the SelectAndScatter operations share.
type selectArguments struct {
	operand, source compute.Value
	window          ir.Window
}

func (f *Function) selectAndScatter(op compute.OpType, s selectArguments) (compute.Value, error) {
	in, err := f.values(op.String(), s.operand, s.source)
	if err != nil {
		return nil, err
	}
	w := s.window
	windows, err := shapeinference.ReduceWindow(in[0].Shape, w.Dims, w.Strides, nil, nil, w.Paddings)
	if err != nil {
		return nil, err
	}
	if !windows.Equal(in[1].Shape) || in[0].DType() == dtypes.Bool {
		return nil, errors.Errorf("cpu: %s: source is %s, the windows of %s are %s", op, in[1].Shape, in[0].Shape, windows)
	}
	w.Dims, w.Strides, w.Paddings = slices.Clone(w.Dims), slices.Clone(w.Strides), slices.Clone(w.Paddings)
	return f.add(op, w, in, in[0].Shape)
}

// SelectAndScatterMax implements compute.StandardOps: of equals in a window, the first in
// row-major order is selected.
func (f *Function) SelectAndScatterMax(operand, source compute.Value, windowDimensions, windowStrides []int,
	paddings [][2]int) (compute.Value, error) {
	return f.selectAndScatter(compute.OpTypeSelectAndScatterMax, selectArguments{operand, source,
		ir.Window{Dims: windowDimensions, Strides: windowStrides, Paddings: paddings}})
}

// SelectAndScatterMin implements compute.StandardOps: of equals in a window, the first in
// row-major order is selected.
func (f *Function) SelectAndScatterMin(operand, source compute.Value, windowDimensions, windowStrides []int,
	paddings [][2]int) (compute.Value, error) {
	return f.selectAndScatter(compute.OpTypeSelectAndScatterMin, selectArguments{operand, source,
		ir.Window{Dims: windowDimensions, Strides: windowStrides, Paddings: paddings}})
}
