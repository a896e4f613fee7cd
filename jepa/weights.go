package jepa

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
)

// RoundWeights rounds matrices of the model to fewer bits and keeps them so. Sums keep all theirs.
//
//   - 16: the matrices [in, out] of dense layers, to bfloat16, a relative error of 2^-8 at most. A product of one row, as
//     when one state is predicted, waits for its matrix, and so for half as long; products of many rows, as of a
//     planner's candidates, convert the matrix first and take longer.
//   - 8: those and the state's matrix of recurrent cells, if they have inputs enough (leastInputs), to signed bytes with a
//     scale for each output, its largest number / 127; what they multiply is rounded to bytes too, row by row, see
//     nn.ByteProduct. Products of many rows are several times as fast where the processor has instructions for it
//     (AVX-512 VNNI), and take a quarter of the memory everywhere.
//
// Biases, norms, convolutions and fixed projections stay as they are.
//
// It is for a model that acts, not for one that learns; Save writes the rounded numbers as float32. The variables must
// have values, as after Load. Other bits, and a model without such a matrix or rounded before, are errors. Compiled graphs
// are dropped, so it may not run beside any other method.
func (m *Model) RoundWeights(bits int) error {
	if bits != 16 && bits != 8 {
		return fmt.Errorf("jepa: weights of %d bits: want 16 or 8", bits)
	}
	rounded := 0
	for _, v := range slices.Collect(m.store.IterVariables()) {
		if !rounds(v, bits) {
			continue
		}
		if err := m.round(v, bits); err != nil {
			return fmt.Errorf("jepa: round %s to %d bits: %w", v.Path(), bits, err)
		}
		rounded++
	}
	if rounded == 0 {
		return fmt.Errorf("jepa: weights of %d bits: the model has no dense layer or, at 8, recurrent cell in float32 for it; at 8 with %d inputs or more", bits, leastInputs)
	}
	m.SetNormalizer(m.norm)
	return nil
}

// leastInputs is the number of inputs of a matrix from which bytes are worth rounding what it multiplies.
const leastInputs = 32

// rounds says whether a variable is a matrix that RoundWeights rounds.
func rounds(v *model.Variable, bits int) bool {
	if v.Shape().Rank() != 2 || v.DType() != dtypes.Float32 || !v.HasValue() {
		return false
	}
	dense, state := strings.HasSuffix(v.Path(), "/weight"), strings.HasSuffix(v.Path(), "/weight_hh")
	return bits == 16 && dense || bits == 8 && (dense || state) && v.Shape().Dimensions[0] >= leastInputs
}

func (m *Model) round(v *model.Variable, bits int) error {
	path, dims := v.Path(), slices.Clone(v.Shape().Dimensions)
	value, err := v.Value()
	if err != nil {
		return err
	}
	flat, err := tensors.CopyFlatData[float32](value)
	if err != nil {
		return err
	}
	if err := m.store.DeleteVariable(path); err != nil {
		return err
	}
	if bits == 16 {
		half := make([]bfloat16.BFloat16, len(flat))
		for i, x := range flat {
			half[i] = bfloat16.FromFloat32(x)
		}
		return m.keep(path, tensors.FromFlatDataAndDimensions(half, dims...))
	}
	bytes, scale := nn.SignedBytes(flat, dims[1])
	if err := m.keep(path, tensors.FromFlatDataAndDimensions(bytes, dims...)); err != nil {
		return err
	}
	return m.keep(path+nn.ScaleSuffix, tensors.FromFlatDataAndDimensions(scale, dims[1]))
}

// keep makes a variable that does not learn.
func (m *Model) keep(path string, value *tensors.Tensor) error {
	v, err := m.store.CreateVariable(path, value)
	if err == nil {
		v.SetTrainable(false)
	}
	return err
}

// WeightBits returns the bits of a number in the matrices that RoundWeights rounds: 32 before.
func (m *Model) WeightBits() int {
	bits := 32
	for v := range m.store.IterVariables() {
		switch v.DType() {
		case dtypes.BFloat16:
			bits = min(bits, 16)
		case dtypes.Int8:
			bits = min(bits, 8)
		}
	}
	return bits
}

// widened returns the numbers of a variable of store in float32, copied; false for a scale, which is in its matrix's.
func widened(store *model.Store, v *model.Variable) (flat []float32, ok bool, err error) {
	value, err := v.Value()
	if err != nil {
		return nil, false, err
	}
	switch v.DType() {
	case dtypes.BFloat16:
		half, err := tensors.CopyFlatData[bfloat16.BFloat16](value)
		for _, x := range half {
			flat = append(flat, x.Float32())
		}
		return flat, true, err
	case dtypes.Int8:
		bytes, err := tensors.CopyFlatData[int8](value)
		if err != nil {
			return nil, false, err
		}
		scale, err := store.GetVariable(v.Path() + nn.ScaleSuffix).Value()
		if err != nil {
			return nil, false, err
		}
		err = tensors.ConstFlatData(scale, func(s []float32) { flat = nn.FromSignedBytes(bytes, s) })
		return flat, true, err
	}
	if of, is := strings.CutSuffix(v.Path(), nn.ScaleSuffix); is {
		if w := store.GetVariable(of); w != nil && w.DType() == dtypes.Int8 {
			return nil, false, nil
		}
	}
	flat, err = tensors.CopyFlatData[float32](value)
	return flat, true, err
}
