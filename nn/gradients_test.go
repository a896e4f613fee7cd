package nn_test

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
	"foresee/nn/gradcheck"
)

// gradient is one layer's gradient check.
type gradient struct {
	name   string
	f      gradcheck.Func
	inputs []gradcheck.Tensor
	// pools says that the graph has a max-pool, whose gradient GoMLX's own backend lacks.
	pools bool
}

func layerGradients() []gradient {
	one := func(f layer) gradcheck.Func {
		return func(scope *model.Scope, in []*graph.Node) *graph.Node { return f(nn.WithSeed(scope, 3), in[0]) }
	}
	on := func(dims ...int) []gradcheck.Tensor { return []gradcheck.Tensor{gradcheck.Random(dims...)} }
	act := func(a nn.Activation) gradcheck.Func {
		return one(func(_ *model.Scope, x *graph.Node) *graph.Node { return a(x) })
	}
	conv := func(kernel, stride, padding int) gradcheck.Func {
		return one(func(s *model.Scope, x *graph.Node) *graph.Node {
			return nn.Conv2D(s, x, nn.ConvConfig{Out: 3, Kernel: kernel, Stride: stride, Padding: padding})
		})
	}
	gru := func(scope *model.Scope, in []*graph.Node) *graph.Node {
		return nn.GRU(nn.WithSeed(scope, 3), in[0], in[1])
	}
	return []gradient{
		{name: "Dense", f: one(func(s *model.Scope, x *graph.Node) *graph.Node { return nn.Dense(s, x, 3) }), inputs: on(2, 3, 4)},
		{name: "MLP", f: one(func(s *model.Scope, x *graph.Node) *graph.Node { return nn.MLP(s, x, []int{7, 5, 2}, nn.ReLU) }), inputs: on(3, 4)},
		{name: "InverseDynamics", f: func(scope *model.Scope, in []*graph.Node) *graph.Node {
			return nn.InverseDynamics(nn.WithSeed(scope, 3), in[0], in[1], 2)
		}, inputs: []gradcheck.Tensor{gradcheck.Random(2, 3), gradcheck.Random(2, 3)}},
		{name: "ReLU", f: act(nn.ReLU), inputs: on(9)},
		{name: "GELU", f: act(nn.GELU), inputs: on(9)},
		{name: "SiLU", f: act(nn.SiLU), inputs: on(9)},
		{name: "Tanh", f: act(nn.Tanh), inputs: on(9)},
		{name: "Conv2D k3 s1 p1", f: conv(3, 1, 1), inputs: on(2, 4, 5, 2)},
		{name: "Conv2D k5 s4 p2", f: conv(5, 4, 2), inputs: on(1, 9, 9, 2)},
		{name: "Conv2D k3 s2 p1 even", f: conv(3, 2, 1), inputs: on(1, 6, 5, 2)},
		{name: "Conv2D k1 s1 p0", f: conv(1, 1, 0), inputs: on(2, 2, 2, 2)},
		{name: "LayerNorm", f: one(nn.LayerNorm), inputs: on(2, 3, 5)},
		{name: "SpatialSoftmax learnt temperature", f: one(func(s *model.Scope, x *graph.Node) *graph.Node {
			return nn.SpatialSoftmax(x, nn.LearntTemperature(s, x))
		}), inputs: on(2, 3, 4, 2)},
		{name: "GRU", f: gru, inputs: []gradcheck.Tensor{gradcheck.Random(3, 2), gradcheck.Random(3, 4)}},
		{name: "Carry", f: one(func(s *model.Scope, x *graph.Node) *graph.Node { return nn.Carry(s, x, 5) }), inputs: on(2, 3, 4)},
		{name: "Copies", f: func(s *model.Scope, in []*graph.Node) *graph.Node {
			return nn.Copies(nn.WithSeed(s, 3), in[0], in[1], nn.CopiesConfig{From: 1, To: 3, Count: 2, Lags: 4})
		}, inputs: []gradcheck.Tensor{gradcheck.Random(2, 4, 3), gradcheck.Random(2, 4, 5)}},
		{name: "ResidualBlock", f: one(nn.ResidualBlock), inputs: on(1, 4, 3, 2)},
		{name: "Attention", f: one(func(s *model.Scope, x *graph.Node) *graph.Node {
			return nn.Attention(s, x, nn.AttentionConfig{Heads: 2})
		}), inputs: on(2, 3, 4)},
		{name: "TransformerBlock", f: one(func(s *model.Scope, x *graph.Node) *graph.Node {
			return nn.TransformerBlock(s, x, nn.BlockConfig{AttentionConfig: nn.AttentionConfig{Heads: 2, Causal: true}, Hidden: 8})
		}), inputs: on(2, 3, 4)},
		{name: "gated TransformerBlock", f: one(func(s *model.Scope, x *graph.Node) *graph.Node {
			return nn.TransformerBlock(s, x, nn.BlockConfig{AttentionConfig: nn.AttentionConfig{Heads: 2, Causal: true}, Hidden: 8, Gate: true})
		}), inputs: on(2, 3, 4)},
		{name: "MaxPool", pools: true, f: one(func(_ *model.Scope, x *graph.Node) *graph.Node {
			return nn.MaxPool(x, nn.PoolConfig{Kernel: 3, Stride: 2, Padding: 1})
		}), inputs: on(2, 5, 6, 2)},
		{name: "IMPALA", pools: true, f: one(func(s *model.Scope, x *graph.Node) *graph.Node {
			return nn.IMPALA(s, x, []int{3, 2}, 4)
		}), inputs: on(2, 6, 5, 2)},
	}
}

// checkLayers runs the layers' gradient checks on backend, those with a max-pool only where pools is true.
func checkLayers(t *testing.T, backend compute.Backend, pools bool) {
	ran := 0
	for _, c := range layerGradients() {
		if c.pools && !pools {
			continue
		}
		ran++
		t.Run(c.name, func(t *testing.T) { gradcheck.Check(t, backend, c.f, c.inputs...) })
	}
	want := 20
	if pools {
		want = 22
	}
	if ran != want {
		t.Errorf("%d gradient checks ran, want %d", ran, want)
	}
}

func TestGradientsPortable(t *testing.T) { checkLayers(t, portable(t), false) }
