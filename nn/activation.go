package nn

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"
)

// Activation is an element-wise function; nil means identity.
type Activation func(x *graph.Node) *graph.Node

// apply returns a(x), or x if a is nil.
func (a Activation) apply(x *graph.Node) *graph.Node {
	if a == nil {
		return x
	}
	return a(x)
}

// ActivationByName returns the activation called "relu", "gelu", "silu", "tanh" or "identity".
func ActivationByName(name string) (Activation, error) {
	switch name {
	case "relu":
		return ReLU, nil
	case "gelu":
		return GELU, nil
	case "silu":
		return SiLU, nil
	case "tanh":
		return Tanh, nil
	case "identity":
		return nil, nil
	}
	return nil, fmt.Errorf("nn: activation %q is not one of relu, gelu, silu, tanh, identity", name)
}

// ReLU returns max(x, 0). Its gradient at 0 is 0, as PyTorch's. NaN stays NaN.
func ReLU(x *graph.Node) *graph.Node {
	zero := graph.ScalarZero(x.Graph(), x.DType())
	return graph.Where(graph.LessOrEqual(x, zero), zero, x)
}

// GELU returns x·Φ(x), with the error function, not the tanh approximation.
func GELU(x *graph.Node) *graph.Node {
	return graph.Mul(graph.MulScalar(x, 0.5), graph.OnePlus(graph.Erf(graph.MulScalar(x, 1/math.Sqrt2))))
}

// SiLU returns x·sigmoid(x).
func SiLU(x *graph.Node) *graph.Node { return graph.Mul(x, graph.Logistic(x)) }

// Tanh returns the hyperbolic tangent of x.
func Tanh(x *graph.Node) *graph.Node { return graph.Tanh(x) }
