package nn

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// ResidualBlock returns relu(conv1(relu(conv0(x))) + x) for x [B, H, W, C], both convolutions
// 3×3, stride 1, C to C channels. Variables below conv0 and conv1.
//
// Source: eb_jepa, the IMPALA encoder of examples/ac_video_jepa; there is no ReLU before conv0.
func ResidualBlock(scope *model.Scope, x *graph.Node) *graph.Node {
	mustRank("ResidualBlock", x, 4, "float [B, H, W, C]")
	conv := ConvConfig{Out: x.Shape().Dimensions[3], Kernel: 3, Padding: 1}
	y := ReLU(Conv2D(scope.At("conv0"), x, conv))
	return ReLU(graph.Add(Conv2D(scope.At("conv1"), y, conv), x))
}

// IMPALATrunk returns the feature maps of stacks, each a 3×3 convolution, a 3×3 max-pool of
// stride 2 and two residual blocks: [B, H, W, C] to [B, h, w, channels[last]], 65 to 33, 17, 9.
// Variables below 0, 1, ...: conv, block0, block1.
//
// Source: Espeholt et al., "IMPALA", ICML 2018, figure 3 (right), in eb_jepa's form, without normalisation.
func IMPALATrunk(scope *model.Scope, x *graph.Node, channels []int) *graph.Node {
	for i, c := range channels {
		stack := scope.At("%d", i)
		x = Conv2D(stack.At("conv"), x, ConvConfig{Out: c, Kernel: 3, Padding: 1})
		x = MaxPool(x, PoolConfig{Kernel: 3, Stride: 2, Padding: 1})
		x = ResidualBlock(stack.At("block0"), x)
		x = ResidualBlock(stack.At("block1"), x)
	}
	return x
}

// IMPALA returns latents [B, d] of images [B, H, W, C]: the trunk, ReLU, flatten in row, column,
// channel order, a dense layer and a layer norm. With channels 16, 32, 32, d = 512 and 65×65×2
// images it has 1,426,096 parameters. Variables below trunk, head and norm; the norm can be
// shared with a predictor through scope.At("norm").
//
// Source: eb_jepa, examples/ac_video_jepa; PyTorch flattens channel first.
func IMPALA(scope *model.Scope, x *graph.Node, channels []int, d int) *graph.Node {
	must(len(channels) > 0 && d > 0, "IMPALA", "at least one stack, d > 0", "%v, d %d", channels, d)
	y := ReLU(IMPALATrunk(scope.At("trunk"), x, channels))
	return LayerNorm(scope.At("norm"), Dense(scope.At("head"), Flatten(y), d))
}

// Flatten keeps the first axis of x and joins the others: [B, ...] to [B, n].
func Flatten(x *graph.Node) *graph.Node {
	dims := x.Shape().Dimensions
	n := 1
	for _, d := range dims[1:] {
		n *= d
	}
	return graph.Reshape(x, dims[0], n)
}
