package nn

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// GRU returns the next hidden state of a gated recurrent unit with input x [B, in] and state h [B, D]:
//
//	r = σ(x·W_ir + b_ir + h·W_hr + b_hr),   u = σ(x·W_iz + b_iz + h·W_hz + b_hz)
//	n = tanh(x·W_in + b_in + r ⊙ (h·W_hn + b_hn)),   h' = (1-u) ⊙ n + u ⊙ h
//
// Variables, gates in PyTorch's order r, z (here u), n along the last axis: weight_ih [in, 3D],
// weight_hh [D, 3D], bias_ih and bias_hh [3D], all U(±1/sqrt D); PyTorch's matrices transposed. Weights may be kept in
// fewer bits, as those of Dense.
//
// Source: PyTorch, torch.nn.GRUCell; eb_jepa uses it with the action as x and the latent as h.
func GRU(scope *model.Scope, x, h *graph.Node) *graph.Node {
	mustRank("GRU", h, 2, "state [B, D]")
	return GRUStep(scope, GRUInput(scope, x, h.Shape().Dimensions[1]), h)
}

// GRUInput returns the input's share of the gates, x·weight_ih + bias_ih: [..., in] to [..., 3D].
// For inputs known beforehand, such as the actions of a plan, it is one matrix product for all steps.
func GRUInput(scope *model.Scope, x *graph.Node, d int) *graph.Node {
	return gruDense(scope, "ih", x, d)
}

// GRUStep returns the next hidden state from GRUInput's result gates [B, 3D] and the state h [B, D].
func GRUStep(scope *model.Scope, gates, h *graph.Node) *graph.Node {
	mustRank("GRU", h, 2, "state [B, D]")
	d := h.Shape().Dimensions[1]
	must(gates.Rank() == 2 && gates.Shape().Dimensions[1] == 3*d, "GRU", "gates [B, 3D] for the state's D",
		"%s and %s", gates.Shape(), h.Shape())
	recurrent := gruDense(scope, "hh", h, d)
	part := func(x *graph.Node, gate int) *graph.Node {
		return graph.Slice(x, graph.AxisRange(), graph.AxisRange(gate*d, (gate+1)*d))
	}
	reset := graph.Logistic(graph.Add(part(gates, 0), part(recurrent, 0)))
	update := graph.Logistic(graph.Add(part(gates, 1), part(recurrent, 1)))
	next := graph.Tanh(graph.Add(part(gates, 2), graph.Mul(reset, part(recurrent, 2))))
	return graph.Add(next, graph.Mul(update, graph.Sub(h, next)))
}

// gruDense applies weight_<name> and bias_<name>, [in, 3d] and [3d].
func gruDense(scope *model.Scope, name string, x *graph.Node, d int) *graph.Node {
	weight := matrixOf(scope, "weight_"+name, x, FanIn(d), 3*d)
	bias := Variable(scope, "bias_"+name, FanIn(d), x.DType(), 3*d).NodeValue(x)
	return affine(x, weight, bias)
}
