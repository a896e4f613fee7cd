package nn

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Carry returns the states c [B, T, D] of a state that is carried along x [B, T, D]: c_t knows x up to t. One rule takes
// it from each position to the next, so what it learns of how things go on over one step holds for every step, seen or
// unseen; attention learns that for each distance apart.
//
//	p_t = [LN(c_{t-1}), x_t],   u_t = c_{t-1} + (GELU(p_t·W_g + b_g) ∘ (p_t·W_v + b_v))·W_o + b_o
//	f_t = σ(p_t·W_f + b_f + 1),   c_t = f_t ∘ u_t + (1 - f_t) ∘ x_t,   c_{-1} = 0
//
// The gated layer is hidden wide; no position, or hidden below 1, panics with a ShapeError. Variables: in/weight [D, 2·hidden+D] and in/bias for the shares of x in g, v and f,
// state/weight for those of c, norm, out/weight [hidden, D] and out/bias.
//
// Source: the update is a gated residual layer (Shazeer, arXiv 2002.05202, GEGLU) inside the forget gate of Gers,
// Schmidhuber and Cummins 2000, whose bias begins at 1 as Jozefowicz et al. 2015 advise.
func Carry(scope *model.Scope, x *graph.Node, hidden int) *graph.Node {
	mustRank("Carry", x, 3, "float [B, T, D]")
	dims := x.Shape().Dimensions
	must(dims[1] > 0 && hidden > 0, "Carry", "T > 0 and hidden > 0", "%s, hidden %d", x.Shape(), hidden)
	d, wide := dims[2], 2*hidden+dims[2]
	in := DenseWith(scope.At("in"), x, wide, DenseConfig{Weight: FanIn(2 * d), Bias: FanIn(2 * d)})
	at := func(x *graph.Node, t int) *graph.Node {
		return graph.Reshape(graph.Slice(x, graph.AxisRange(), graph.AxisElem(t), graph.AxisRange()), dims[0], -1)
	}
	columns := func(x *graph.Node, from, to int) *graph.Node {
		return graph.Slice(x, graph.AxisRange(), graph.AxisRange(from, to))
	}
	state := graph.ZerosLike(at(x, 0))
	states := make([]*graph.Node, dims[1])
	for t := range states {
		now := at(x, t) // once: each slice has a gradient of its own, as long as x
		p := graph.Add(at(in, t), DenseWith(scope.At("state"), LayerNorm(scope.At("norm"), state), wide, DenseConfig{NoBias: true, Weight: FanIn(2 * d)}))
		gated := graph.Mul(GELU(columns(p, 0, hidden)), columns(p, hidden, 2*hidden))
		next := graph.Add(state, Dense(scope.At("out"), gated, d))
		keep := graph.Logistic(graph.AddScalar(columns(p, 2*hidden, wide), 1))
		state = graph.Add(now, graph.Mul(keep, graph.Sub(next, now)))
		states[t] = graph.InsertAxes(state, 1)
	}
	return graph.Concatenate(states, 1)
}
