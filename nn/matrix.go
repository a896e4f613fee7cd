package nn

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// matrix is the weight [in, out] of a layer: of the type of what it multiplies, or of bytes with a scale [out].
type matrix struct{ w, scale *graph.Node }

// ScaleSuffix makes the name of a scale from that of its matrix of bytes.
const ScaleSuffix = "_scale"

// matrixOf returns the matrix name [in, out] of scope for x [..., in], by the type its variable has.
func matrixOf(scope *model.Scope, name string, x *graph.Node, init Init, out int) matrix {
	dims := x.Shape().Dimensions
	dtype := x.DType()
	if v := scope.GetVariable(name); v != nil && (v.DType() == dtypes.BFloat16 || v.DType() == dtypes.Int8) {
		dtype = v.DType()
	}
	m := matrix{w: Variable(scope, name, init, dtype, dims[len(dims)-1], out).NodeValue(x)}
	switch {
	case dtype == dtypes.Int8:
		m.scale = Variable(scope, name+ScaleSuffix, Zeros(), x.DType(), out).NodeValue(x)
	case dtype != x.DType():
		m.w = graph.ConvertDType(m.w, x.DType())
	}
	return m
}

// times returns x·m for x [M, in].
func (m matrix) times(x *graph.Node) *graph.Node {
	if m.scale == nil {
		return graph.DotProduct(x, m.w)
	}
	return ByteProduct(x, m.w, m.scale)
}

// ByteProduct multiplies rows, each rounded to signed bytes by its largest number, with a matrix of signed bytes:
// x [M, K] float, w [K, N] int8 and scale [N] to [M, N]
//
//	s_i = max_k |x_ik| / 127,   q_ik = round(x_ik / s_i),   y_ij = (Σ_k q_ik·w_kj)·s_i·scale_j
//
// The sum is exact, in int32, so it has the same bits on every backend. A number is off by s_i/2 at most. A row of zeros
// gives zeros; one with NaN or infinity gives NaN. It panics with a ShapeError if the operands do not fit.
//
// Source: Jacob et al., arXiv 1712.05877, equation 1, with zero point 0 and a scale for each row and each column.
func ByteProduct(x, w, scale *graph.Node) *graph.Node {
	must(x.Rank() == 2 && x.DType().IsFloat(), "ByteProduct", "float [M, K]", "%s", x.Shape())
	must(w.Rank() == 2 && w.DType() == dtypes.Int8 && w.Shape().Dimensions[0] == x.Shape().Dimensions[1], "ByteProduct", "int8 [K, N]", "%s for %s", w.Shape(), x.Shape())
	must(scale.Rank() == 1 && scale.DType() == x.DType() && scale.Shape().Dimensions[0] == w.Shape().Dimensions[1], "ByteProduct", "scale [N] in the type of x", "%s for %s", scale.Shape(), w.Shape())
	most := graph.ReduceAndKeep(graph.Abs(x), graph.ReduceMax, -1)
	inverse := graph.Div(graph.Scalar(x.Graph(), x.DType(), 127), graph.Max(most, graph.Scalar(x.Graph(), x.DType(), leastMost)))
	q := graph.ConvertDType(graph.Round(graph.Mul(x, inverse)), dtypes.Int8)
	sum := graph.Dot(q, w).WithAccumulatorDType(dtypes.Int32).WithOutputDType(dtypes.Int32).Product()
	y := graph.Mul(graph.ConvertDType(sum, x.DType()), graph.MulScalar(most, 1.0/127))
	return graph.Mul(y, graph.ExpandLeftToRank(scale, 2))
}

// leastMost stands for the largest number of a row of zeros, so that they are not divided by 0.
const leastMost = 1e-30

// SignedBytes rounds a matrix [in, columns], each column by its largest number: w_ij ≈ bytes_ij·scale_j. A column of zeros
// has scale 0. w must be finite.
func SignedBytes(w []float32, columns int) (bytes []int8, scale []float32) {
	bytes, scale = make([]int8, len(w)), make([]float32, columns)
	for i, x := range w {
		scale[i%columns] = max(scale[i%columns], float32(math.Abs(float64(x)))/math.MaxInt8)
	}
	for i, x := range w {
		if s := scale[i%columns]; s > 0 {
			bytes[i] = int8(math.RoundToEven(float64(x / s)))
		}
	}
	return bytes, scale
}

// FromSignedBytes returns the matrix that bytes and the scales of its columns stand for.
func FromSignedBytes(bytes []int8, scale []float32) []float32 {
	w := make([]float32, len(bytes))
	for i, b := range bytes {
		w[i] = float32(b) * scale[i%len(scale)]
	}
	return w
}
