package nn

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// CopiesConfig says what Copies mixes. The zero value is of no use.
type CopiesConfig struct {
	From, To int // positions to copy for, From < To ≤ T
	Count    int // mixtures at each position
	Lags     int // positions that a clip has at the most, at least To
}

// copiesWidth is how many numbers say where Copies look.
const copiesWidth = 32

// Copies returns Count mixtures of what z [B, T, D] was up to t, for each position t in [From, To), by where
// h [B, T, W] at t looks among h up to t: [B, To - From, Count, D].
//
//	a_tms = softmax over s ≤ t of (q_m(h_t)·k(h_s)/√32 + β_t-s,m + (4 where s = t)),   copy_tm = Σ_s a_tms·z_s
//
// q is an affine, k a linear map to 32 numbers, q_m one for each mixture; q and β begin at 0, so a copy begins as little
// more than z_t. Unlike the values of attention, what is copied goes through no weights: all of it comes along, be it
// ever so fine. Variables: query/weight [W, 32·Count], query/bias, key/weight [W, 32], lag [Lags, Count]. A config
// that does not fit panics with a ShapeError.
//
// Source: pointer networks, Vinyals, Fortunato and Jaitly 2015 (arXiv 1506.03134); a bias by distance as Raffel et al.
// 2020 (arXiv 1910.10683), section 2.1.
func Copies(scope *model.Scope, h, z *graph.Node, c CopiesConfig) *graph.Node {
	mustRank("Copies", h, 3, "float [B, T, W]")
	mustRank("Copies", z, 3, "float [B, T, D]")
	b, t := h.Shape().Dimensions[0], h.Shape().Dimensions[1]
	must(0 <= c.From && c.From < c.To && c.To <= t && t <= c.Lags && c.Count > 0, "Copies", "0 <= From < To <= T <= Lags and Count > 0", "%+v, T %d", c, t)
	until := func(x *graph.Node, from int) *graph.Node {
		return graph.Slice(x, graph.AxisRange(), graph.AxisRange(from, c.To))
	}
	q := DenseWith(scope.At("query"), until(h, c.From), copiesWidth*c.Count, DenseConfig{Weight: Zeros(), Bias: Zeros()})
	q = graph.Reshape(q, b, c.To-c.From, c.Count, copiesWidth)
	k := DenseWith(scope.At("key"), until(h, 0), copiesWidth, DenseConfig{NoBias: true}) // one would add as much for every s
	near := graph.MulScalar(graph.Einsum("btmd,bsd->btms", q, k), 1/math.Sqrt(copiesWidth))
	a := graph.Softmax(graph.Add(near, graph.InsertAxes(c.bias(scope, h), 0)), -1)
	return graph.Einsum("btms,bsd->btmd", a, until(z, 0))
}

// bias returns what Copies adds for where s lies from t, [To - From, Count, To]: far below all where it is later.
func (c CopiesConfig) bias(scope *model.Scope, h *graph.Node) *graph.Node {
	fixed, lags := make([][]float64, c.To-c.From), make([][][]float64, c.To-c.From)
	for i := range fixed {
		fixed[i], lags[i] = make([]float64, c.To), make([][]float64, c.To)
		for s := range c.To {
			lags[i][s] = make([]float64, c.Lags)
			lag := c.From + i - s
			if lag < 0 {
				fixed[i][s] = -1e9
				continue
			}
			lags[i][s][lag] = 1
			if lag == 0 {
				fixed[i][s] = 4
			}
		}
	}
	constant := func(x any) *graph.Node { return graph.ConvertDType(graph.Const(h.Graph(), x), h.DType()) }
	lag := Variable(scope, "lag", Zeros(), h.DType(), c.Lags, c.Count).NodeValue(h)
	return graph.Add(graph.InsertAxes(constant(fixed), 1), graph.Einsum("tsl,lm->tms", constant(lags), lag))
}
