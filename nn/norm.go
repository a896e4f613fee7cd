package nn

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// LayerNormEpsilon is added to the variance under the root, as PyTorch does by default.
const LayerNormEpsilon = 1e-5

// Normalize returns (x - mean)/sqrt(Var + epsilon) over the last axis of [..., D], Var biased.
func Normalize(x *graph.Node, epsilon float64) *graph.Node {
	must(x.Rank() >= 1 && x.DType().IsFloat(), "Normalize", "float [..., D]", "%s", x.Shape())
	centred := graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMean, -1))
	variance := graph.ReduceAndKeep(graph.Square(centred), graph.ReduceMean, -1)
	return graph.Mul(centred, graph.Reciprocal(graph.Sqrt(graph.AddScalar(variance, epsilon))))
}

// LayerNorm returns Normalize(x, LayerNormEpsilon)·weight + bias over the last axis of [..., D].
// Variables: weight [D], at first 1, and bias [D], at first 0.
func LayerNorm(scope *model.Scope, x *graph.Node) *graph.Node {
	y := Normalize(x, LayerNormEpsilon)
	dim := x.Shape().Dimensions[x.Rank()-1]
	weight := Variable(scope, "weight", Ones(), x.DType(), dim).NodeValue(x)
	bias := Variable(scope, "bias", Zeros(), x.DType(), dim).NodeValue(x)
	return addBias(graph.Mul(y, graph.ExpandLeftToRank(weight, y.Rank())), bias)
}
