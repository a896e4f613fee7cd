package nn

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// DenseConfig holds the rarer choices of a dense layer; the zero value is PyTorch's nn.Linear.
type DenseConfig struct {
	NoBias       bool
	Weight, Bias Init // default FanIn(in) for both
}

// Dense returns x·weight + bias over the last axis: [..., in] to [..., out].
// Variables: weight [in, out], bias [out]. A weight whose value is stored in bfloat16 is converted to x's type; one in
// int8 has a variable weight_scale [out] beside it, and the product is one of bytes, see ByteProduct.
func Dense(scope *model.Scope, x *graph.Node, out int) *graph.Node {
	return DenseWith(scope, x, out, DenseConfig{})
}

// DenseWith is Dense with the choices of cfg.
func DenseWith(scope *model.Scope, x *graph.Node, out int, cfg DenseConfig) *graph.Node {
	must(x.Rank() >= 1 && x.DType().IsFloat() && out > 0, "Dense", "float [..., in], out > 0", "%s, out %d", x.Shape(), out)
	dims := x.Shape().Dimensions
	in := dims[len(dims)-1]
	weight := matrixOf(scope, "weight", x, cfg.Weight.or(FanIn(in)), out)
	var bias *graph.Node
	if !cfg.NoBias {
		bias = Variable(scope, "bias", cfg.Bias.or(FanIn(in)), x.DType(), out).NodeValue(x)
	}
	return affine(x, weight, bias)
}

// affine returns x·weight + bias over the last axis of x, [..., in] to [..., out]; bias may be nil.
func affine(x *graph.Node, weight matrix, bias *graph.Node) *graph.Node {
	dims := x.Shape().Dimensions
	flat := x
	if x.Rank() != 2 {
		flat = graph.Reshape(x, -1, dims[len(dims)-1])
	}
	y := weight.times(flat)
	if bias != nil {
		y = addBias(y, bias)
	}
	if x.Rank() == 2 {
		return y
	}
	return graph.Reshape(y, append(append([]int{}, dims[:len(dims)-1]...), weight.w.Shape().Dimensions[1])...)
}

// addBias adds bias [C] along the last axis of y.
func addBias(y, bias *graph.Node) *graph.Node {
	return graph.Add(y, graph.ExpandLeftToRank(bias, y.Rank()))
}

// MLPConfig describes a multi-layer perceptron.
type MLPConfig struct {
	Widths     []int       // outputs of each layer, the last is the result's
	Activation Activation  // between layers, not after the last; nil means identity
	Dense      DenseConfig // of every layer
}

// MLP returns dense layers of the given widths with act between them: [..., in] to [..., widths[last]].
// Variables: 0/weight, 0/bias, 1/weight, ...
func MLP(scope *model.Scope, x *graph.Node, widths []int, act Activation) *graph.Node {
	return MLPWith(scope, x, MLPConfig{Widths: widths, Activation: act})
}

// MLPWith is MLP with the choices of cfg.
func MLPWith(scope *model.Scope, x *graph.Node, cfg MLPConfig) *graph.Node {
	must(len(cfg.Widths) > 0, "MLP", "at least one width", "none")
	for i, width := range cfg.Widths {
		if i > 0 {
			x = cfg.Activation.apply(x)
		}
		x = DenseWith(scope.At("%d", i), x, width, cfg.Dense)
	}
	return x
}

// InverseDynamics returns the action that leads from latent z to next, [..., D] each, as EB-JEPA's head:
// an MLP 2D-256-256-actions with ReLU on [z; next], weights truncated normal 0.02, biases 0.
//
// Source: eb_jepa, examples/ac_video_jepa, the inverse-dynamics head.
func InverseDynamics(scope *model.Scope, z, next *graph.Node, actions int) *graph.Node {
	return MLPWith(scope, graph.Concatenate([]*graph.Node{z, next}, -1), MLPConfig{
		Widths:     []int{256, 256, actions},
		Activation: ReLU,
		Dense:      DenseConfig{Weight: TruncNormal(0.02), Bias: Zeros()},
	})
}
