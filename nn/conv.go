package nn

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// ConvConfig describes a square two-dimensional convolution.
type ConvConfig struct {
	Out     int // output channels
	Kernel  int // side of the kernel
	Stride  int // default 1
	Padding int // zeros added on each side

	NoBias       bool
	Weight, Bias Init // default FanIn(Kernel·Kernel·in) for both

	Mix *graph.Node // [in, in]: the kernel sees x·Mix instead of x; nil = x itself. It is folded into the kernel
}

// Conv2D returns the cross-correlation of x [B, H, W, in] with a kernel, plus a bias:
//
//	y[b, i, j, o] = bias[o] + Σ_uvc x[b, i·s+u-p, j·s+v-p, c] · weight[u, v, c, o]
//
// The result is [B, (H+2p-k)/s+1, (W+2p-k)/s+1, Out]. Variables: weight [k, k, in, out], bias [out].
func Conv2D(scope *model.Scope, x *graph.Node, cfg ConvConfig) *graph.Node {
	mustRank("Conv2D", x, 4, "float [B, H, W, C]")
	k, s, p := cfg.Kernel, max(cfg.Stride, 1), cfg.Padding
	dims := x.Shape().Dimensions
	must(cfg.Out > 0 && k > 0 && p >= 0 && dims[1]+2*p >= k && dims[2]+2*p >= k, "Conv2D",
		"out > 0 and a kernel inside the padded image", "%s, out %d, kernel %d, padding %d", x.Shape(), cfg.Out, k, p)
	fan := FanIn(k * k * dims[3])
	weight := Variable(scope, "weight", cfg.Weight.or(fan), x.DType(), k, k, dims[3], cfg.Out).NodeValue(x)
	if cfg.Mix != nil {
		weight = graph.DotGeneral(cfg.Mix, []int{1}, nil, weight, []int{2}, nil) // [in, k, k, out]
		weight = graph.TransposeAllDims(weight, 1, 2, 0, 3)
	}
	y := graph.Convolve(x, weight).Strides(s).PaddingPerDim([][2]int{{p, p}, {p, p}}).Done()
	if cfg.NoBias {
		return y
	}
	return addBias(y, Variable(scope, "bias", cfg.Bias.or(fan), x.DType(), cfg.Out).NodeValue(x))
}

// PoolConfig describes a square pooling window.
type PoolConfig struct {
	Kernel  int // side of the window
	Stride  int // default Kernel
	Padding int // cells on each side that never win, at most Kernel/2
}

// MaxPool returns the largest value of each window of x [B, H, W, C]: [B, (H+2p-k)/s+1, (W+2p-k)/s+1, C].
// Of equal values the gradient goes to the first in row-major order if the backend keeps that rule,
// as backend/cpu does.
func MaxPool(x *graph.Node, cfg PoolConfig) *graph.Node {
	mustRank("MaxPool", x, 4, "float [B, H, W, C]")
	k, s, p := cfg.Kernel, cfg.Stride, cfg.Padding
	if s == 0 {
		s = k
	}
	dims := x.Shape().Dimensions
	must(k > 0 && s > 0 && p >= 0 && 2*p <= k && dims[1]+2*p >= k && dims[2]+2*p >= k, "MaxPool",
		"a window inside the padded image", "%s, kernel %d, stride %d, padding %d", x.Shape(), k, s, p)
	return graph.MaxPool(x).Window(k).Strides(s).PaddingPerDim([][2]int{{p, p}, {p, p}}).Done()
}

// SpatialSoftmax returns for each map of [B, H, W, C] the expected column and row under a softmax
// over its cells: [B, 2C], first the C columns x, then the C rows y.
//
//	p[b, ij, c] = softmax_ij(maps[b, i, j, c] / temperature)
//	x[b, c] = Σ_ij p · (2j/(W-1) - 1),   y[b, c] = Σ_ij p · (2i/(H-1) - 1)
//
// Coordinates are in [-1, 1] and 0 along an axis of length 1. temperature is a scalar or [C] node;
// nil means 1. LearntTemperature makes one that is trained.
//
// Source: Levine, Finn, Darrell, Abbeel, "End-to-End Training of Deep Visuomotor Policies", JMLR 2016, section 5.1.
func SpatialSoftmax(maps, temperature *graph.Node) *graph.Node {
	mustRank("SpatialSoftmax", maps, 4, "float [B, H, W, C]")
	g, dims := maps.Graph(), maps.Shape().Dimensions
	b, h, w, c := dims[0], dims[1], dims[2], dims[3]
	cells := h * w
	must(cells > 0, "SpatialSoftmax", "at least one cell", "%s", maps.Shape())
	weights := make([]float64, 0, 3*cells) // x, y and 1 of each cell
	for i := range h {
		for j := range w {
			weights = append(weights, coordinate(j, w), coordinate(i, h), 1)
		}
	}
	// One row of cells for each map: the softmax and its gradient then run along the last axis, and the
	// three sums are one matrix product.
	logits := graph.TransposeAllAxes(graph.Reshape(maps, b, cells, c), 0, 2, 1)
	if temperature != nil {
		if temperature.Rank() == 1 {
			temperature = graph.Reshape(temperature, 1, c, 1)
		}
		logits = graph.Div(logits, temperature)
	}
	top := graph.StopGradient(graph.ReduceAndKeep(logits, graph.ReduceMax, -1))
	mass := graph.Reshape(graph.Exp(graph.Sub(logits, top)), b*c, cells)
	sums := graph.DotProduct(mass, constant(g, maps.DType(), weights, cells, 3))
	sum := func(i int) *graph.Node {
		return graph.Reshape(graph.Slice(sums, graph.AxisRange(), graph.AxisElem(i)), b, c)
	}
	total := sum(2)
	return graph.Concatenate([]*graph.Node{graph.Div(sum(0), total), graph.Div(sum(1), total)}, -1)
}

// coordinate returns where cell i of n lies in [-1, 1].
func coordinate(i, n int) float64 {
	if n == 1 {
		return 0
	}
	return 2*float64(i)/float64(n-1) - 1
}

// LearntTemperature returns the trained scalar variable temperature of scope, at first 1, for SpatialSoftmax on maps.
func LearntTemperature(scope *model.Scope, maps *graph.Node) *graph.Node {
	return Variable(scope, "temperature", Ones(), maps.DType()).NodeValue(maps)
}
