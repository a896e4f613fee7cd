package nn

import (
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// AttentionConfig describes multi-head self-attention.
type AttentionConfig struct {
	Heads  int  // must divide D
	Causal bool // step t sees steps 0 to t only
	Window int  // with Causal, how many steps are seen, t included; 0 means all
}

// Attention returns multi-head self-attention over the steps of x [B, T, D]:
//
//	head = softmax(q·kᵀ/sqrt(D/Heads))·v,   [q, k, v] = x·W_qkv + b_qkv,   y = heads·W_out + b_out
//
// Variables below qkv [D, 3D] and out [D, D]; heads are contiguous slices of D.
//
// Source: Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.2.
func Attention(scope *model.Scope, x *graph.Node, cfg AttentionConfig) *graph.Node {
	mustRank("Attention", x, 3, "float [B, T, D]")
	dims := x.Shape().Dimensions
	b, t, d := dims[0], dims[1], dims[2]
	must(cfg.Heads > 0 && d%cfg.Heads == 0, "Attention", "heads that divide D", "%s, %d heads", x.Shape(), cfg.Heads)
	width := d / cfg.Heads
	qkv := graph.Reshape(Dense(scope.At("qkv"), x, 3*d), b, t, 3, cfg.Heads, width)
	part := func(i int) *graph.Node { // [B, T, heads, width]
		return graph.Squeeze(graph.SliceAxis(qkv, 2, graph.AxisElem(i)), 2)
	}
	heads := attend(part(0), part(1), part(2), cfg)
	return Dense(scope.At("out"), graph.Reshape(heads, b, t, d), d)
}

// attend returns softmax(q·kᵀ/sqrt(width))·v of [B, T, heads, width] each, by the backend's own operation
// if it has one with a gradient and the window is endless.
func attend(q, k, v *graph.Node, cfg AttentionConfig) *graph.Node {
	decomposed := func() *graph.Node { return attendSteps(q, k, v, cfg) }
	can := q.Graph().Backend().Capabilities().Operations
	if cfg.Window > 0 || !can[compute.OpTypeFusedScaledDotProductAttention] || !can[compute.OpTypeFusedScaledDotProductAttentionVJP] {
		return decomposed()
	}
	y, _ := graph.InternalFusedOpCaller(func() *graph.Node {
		y, _ := graph.BackendFusedScaledDotProductAttention(q, k, v, compute.AttentionAxesLayoutBSHD,
			&compute.ScaledDotProductAttentionConfig{Causal: cfg.Causal})
		return y
	}, decomposed, false)
	return y
}

// attendSteps is attend in single operations.
func attendSteps(q, k, v *graph.Node, cfg AttentionConfig) *graph.Node {
	dims := q.Shape().Dimensions
	scores := graph.Einsum("bqhd,bkhd->bhqk", q, k)
	scores = graph.MulScalar(scores, 1/math.Sqrt(float64(dims[3])))
	if cfg.Causal {
		scores = maskFuture(scores, dims[1], cfg.Window)
	}
	top := graph.StopGradient(graph.ReduceAndKeep(scores, graph.ReduceMax, -1))
	mass := graph.Exp(graph.Sub(scores, top))
	p := graph.Div(mass, graph.ReduceAndKeep(mass, graph.ReduceSum, -1))
	return graph.Einsum("bhqk,bkhd->bqhd", p, v)
}

// maskFuture sets scores [B, heads, T, T] of keys after the query, and of keys window or more steps before it, so
// low that they get no mass; a window of 0 is endless.
func maskFuture(scores *graph.Node, t, window int) *graph.Node {
	g := scores.Graph()
	seen := make([]bool, t*t)
	for q := range t {
		for k := range q + 1 {
			seen[q*t+k] = window == 0 || q-k < window
		}
	}
	mask := graph.ConstTensor(g, tensors.FromFlatDataAndDimensions(seen, 1, 1, t, t))
	return graph.Where(graph.BroadcastToDims(mask, scores.Shape().Dimensions...), scores,
		graph.Scalar(g, scores.DType(), -1e30))
}

// BlockConfig describes TransformerBlock.
type BlockConfig struct {
	AttentionConfig
	Hidden int  // width of the hidden layer, at least 1
	Gate   bool // the hidden layer is Gated, not a dense one with GELU
}

// TransformerBlock returns y + MLP(LN(y)) with y = x + Attention(LN(x)), for x [B, T, D]: the pre-norm
// form, with one hidden layer. Variables below norm0, attention, norm1, mlp.
func TransformerBlock(scope *model.Scope, x *graph.Node, cfg BlockConfig) *graph.Node {
	mustRank("TransformerBlock", x, 3, "float [B, T, D]")
	x = graph.Add(x, Attention(scope.At("attention"), LayerNorm(scope.At("norm0"), x), cfg.AttentionConfig))
	y, d, mlp := LayerNorm(scope.At("norm1"), x), x.Shape().Dimensions[2], scope.At("mlp")
	if !cfg.Gate {
		return graph.Add(x, MLP(mlp, y, []int{cfg.Hidden, d}, GELU))
	}
	return graph.Add(x, Dense(mlp.At("out"), Gated(mlp.At("hidden"), y, y, cfg.Hidden), d))
}

// Gated returns GELU(by·W_g + b_g) ∘ (x·W + b), for by [..., D'] and x [..., D]: [..., out]. It is linear
// in x, and what is passed on of x depends on by. Variables below gate and value.
//
// Source: Shazeer, "GLU Variants Improve Transformer", arXiv 2002.05202, GEGLU.
func Gated(scope *model.Scope, by, x *graph.Node, out int) *graph.Node {
	return graph.Mul(GELU(Dense(scope.At("gate"), by, out)), Dense(scope.At("value"), x, out))
}
