package jepa

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/gomlx/core/tensors"
)

// HalveWeights rounds the matrices [in, out] of dense layers to bfloat16 (to nearest, a relative error of 2^-8 at most)
// and keeps them so. Sums stay in float32. A product of one row, as when one state is predicted, waits for its matrix,
// and so for half as long; products of many rows, as of a planner's candidates, convert the matrix first and take longer.
// Biases, norms, convolutions, recurrent cells and fixed projections stay as they are.
//
// It is for a model that acts, not for one that learns; Save writes the rounded numbers as float32. The variables must
// have values, as after Load: a model without such a matrix is an error. Compiled graphs are dropped, so it may not run
// beside any other method.
func (m *Model) HalveWeights() error {
	halved := 0
	for _, v := range slices.Collect(m.store.IterVariables()) {
		if !strings.HasSuffix(v.Path(), "/weight") || v.Shape().Rank() != 2 || v.DType() != dtypes.Float32 || !v.HasValue() {
			continue
		}
		path, dims := v.Path(), slices.Clone(v.Shape().Dimensions)
		value, err := v.Value()
		if err != nil {
			return fmt.Errorf("jepa: halve %s: %w", path, err)
		}
		half := make([]bfloat16.BFloat16, value.Shape().Size())
		err = tensors.ConstFlatData(value, func(flat []float32) {
			for i, x := range flat {
				half[i] = bfloat16.FromFloat32(x)
			}
		})
		if err == nil {
			err = m.store.DeleteVariable(path)
		}
		if err == nil {
			_, err = m.store.CreateVariable(path, tensors.FromFlatDataAndDimensions(half, dims...))
		}
		if err != nil {
			return fmt.Errorf("jepa: halve %s: %w", path, err)
		}
		m.store.GetVariable(path).SetTrainable(false)
		halved++
	}
	if halved == 0 {
		return fmt.Errorf("jepa: halve: the model has no dense layer with weights in float32")
	}
	m.SetNormalizer(m.norm)
	return nil
}

// WeightBits returns the bits of a number in the matrices of dense layers: 32, or 16 after HalveWeights.
func (m *Model) WeightBits() int {
	for v := range m.store.IterVariables() {
		if v.DType() == dtypes.BFloat16 {
			return 16
		}
	}
	return 32
}

// widened returns the float32 of a tensor of float32 or bfloat16, copied.
func widened(value *tensors.Tensor) ([]float32, error) {
	if value.DType() != dtypes.BFloat16 {
		return tensors.CopyFlatData[float32](value)
	}
	half, err := tensors.CopyFlatData[bfloat16.BFloat16](value)
	wide := make([]float32, len(half))
	for i, x := range half {
		wide[i] = x.Float32()
	}
	return wide, err
}
