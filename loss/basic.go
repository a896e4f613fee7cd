package loss

import (
	"github.com/gomlx/gomlx/core/graph"
)

// MSE returns the mean of (a-b)² over all elements; a and b have one shape.
func MSE(a, b *graph.Node) *graph.Node {
	mustSame("MSE", a, b)
	return graph.ReduceAllMean(graph.Square(graph.Sub(a, b)))
}

// Huber returns the mean over all elements of e²/2 where |e| <= delta and delta·(|e| - delta/2) beyond, e = a-b.
// delta is > 0; a and b have one shape.
//
// Source: Huber, "Robust Estimation of a Location Parameter", 1964; PyTorch's torch.nn.HuberLoss.
func Huber(a, b *graph.Node, delta float64) *graph.Node {
	mustSame("Huber", a, b)
	return graph.ReduceAllMean(HuberEach(a, b, delta))
}

// HuberEach is Huber for each element, not averaged: the shape of a and b.
func HuberEach(a, b *graph.Node, delta float64) *graph.Node {
	mustSame("Huber", a, b)
	must(delta > 0, "Huber", "delta > 0", "delta %g", delta)
	e := graph.Sub(a, b)
	size := graph.Abs(e)
	far := graph.GreaterThan(size, graph.Scalar(e.Graph(), e.DType(), delta))
	return graph.Where(far,
		graph.MulScalar(graph.AddScalar(size, -delta/2), delta),
		graph.MulScalar(graph.Square(e), 0.5))
}

// MaskedMean returns the mean of x's elements where valid is true. valid is bool, of x's shape or a
// prefix of it ([B] for x [B, D]). Elements that are not valid count nothing, even if NaN; with none
// valid the result is NaN.
func MaskedMean(x, valid *graph.Node) *graph.Node {
	valid = spread("MaskedMean", valid, x)
	zero := graph.ScalarZero(x.Graph(), x.DType())
	sum := graph.ReduceAllSum(graph.Where(valid, x, zero))
	return graph.Div(sum, graph.ReduceAllSum(graph.ConvertDType(valid, x.DType())))
}

// WeightedMean returns Σ w·x / Σ w. weight has x's shape or a prefix of it, [B] for x [B, D];
// it is >= 0 and not 0 everywhere. Gradients flow into weight too; wrap it in graph.StopGradient
// where it depends on the model.
func WeightedMean(x, weight *graph.Node) *graph.Node {
	weight = spread("WeightedMean", weight, x)
	return graph.Div(graph.ReduceAllSum(graph.Mul(x, weight)), graph.ReduceAllSum(weight))
}

// spread broadcasts w, whose axes are the first ones of x, to x's shape.
func spread(op string, w, x *graph.Node) *graph.Node {
	dims := x.Shape().Dimensions
	ok := w.Rank() <= len(dims) && x.DType().IsFloat()
	for i := 0; ok && i < w.Rank(); i++ {
		ok = w.Shape().Dimensions[i] == dims[i]
	}
	must(ok, op, "a weight or mask whose axes are the first of x", "%s for x %s", w.Shape(), x.Shape())
	if w.Rank() == len(dims) {
		return w
	}
	shape := make([]int, len(dims))
	for i := range shape {
		shape[i] = 1
	}
	copy(shape, w.Shape().Dimensions)
	return graph.BroadcastToDims(graph.Reshape(w, shape...), dims...)
}
