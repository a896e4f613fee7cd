package jepa

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
)

// Grid returns the shape of the latent as a map of cells, row by row with the
// channels of a cell together: rows, columns and channels, whose product is
// Latent. Only EncoderGrid has cells, each of which sees a part of the frame; any
// other latent is one cell, 1, 1 and Latent.
func (c Config) Grid() (rows, cols, channels int) {
	e := c.Encoder
	if e.Kind != EncoderGrid || len(e.Channels) == 0 || len(e.Kernels) != len(e.Channels) || len(e.Strides) != len(e.Channels) {
		return 1, 1, e.Latent
	}
	rows, cols = c.Frame.Height, c.Frame.Width
	for i, k := range e.Kernels {
		p, s := 2*((k-1)/2), max(1, e.Strides[i])
		rows, cols = (rows+p-k)/s+1, (cols+p-k)/s+1
	}
	return rows, cols, e.Channels[len(e.Channels)-1]
}

// CellWidth returns how many numbers of the latent describe one place: the
// channels of a cell. What keeps a latent from collapsing looks at rows so wide.
func (c Config) CellWidth() int {
	_, _, channels := c.Grid()
	return channels
}

// validateGrid reports what does not fit together in a model of cells.
func (c Config) validateGrid(bad func(string, ...any)) {
	for name, p := range map[string]PredictorConfig{"predictor": c.Predictor, "short": c.Short} {
		if p.Kind == PredictorConv && c.Encoder.Kind != EncoderGrid {
			bad("%s conv needs the cells of encoder grid, the encoder is %q", name, c.Encoder.Kind)
		}
	}
	if c.Encoder.Kind != EncoderGrid {
		return
	}
	rows, cols, channels := c.Grid()
	if rows < 1 || cols < 1 || rows*cols*channels != c.Encoder.Latent {
		bad("encoder latent is %d, a grid of frames %dx%d has %d rows, %d columns and %d channels, so %d",
			c.Encoder.Latent, c.Frame.Height, c.Frame.Width, rows, cols, channels, max(0, rows)*max(0, cols)*channels)
	}
	if e := c.Encoder; e.Hidden > 0 || e.SoftmaxMaps > 0 || e.Static > 0 || e.LayerNorm {
		bad("encoder grid has no hidden, softmax_maps, static or layer_norm")
	}
}

// encodeGrid maps x [N, H, W, C] to the flat cells [N, h·w·c]: convolutions with
// ReLU between them and none after the last.
func (n Network) encodeGrid(scope *model.Scope, x *Node) *Node {
	e := n.Config.Encoder
	for i, channels := range e.Channels {
		if i > 0 {
			x = nn.ReLU(x)
		}
		x = nn.Conv2D(scope.At("conv%d", i), x, nn.ConvConfig{Out: channels, Kernel: e.Kernels[i], Stride: e.Strides[i], Padding: (e.Kernels[i] - 1) / 2})
	}
	return nn.Flatten(x)
}

// predictGrid is Predict of PredictorConv: 3x3 convolutions over the cells of
// the context, so that a place is predicted from its surroundings alone.
//
//	h = ReLU(conv(cells of z, newest first, as channels) + place + action),  ReLU(conv(h)), ...
//	z' = z + conv(h),   gated: z' = z + sigmoid(gate)·move by cell
//
// place [1, h, w, Hidden[0]] is learnt, at first 0: what is usual differs from
// place to place where the camera stands still.
func (n Network) predictGrid(scope *model.Scope, p PredictorConfig, z, a *Node) *Node {
	rows, cols, channels := n.Config.Grid()
	d := n.Config.Latent()
	b := z.Shape().Dimensions[0]
	parts := make([]*Node, z.Shape().Dimensions[1]/d)
	for i := range parts {
		parts[i] = Reshape(Slice(z, AxisRange(), AxisRange(i*d, (i+1)*d)), b, rows, cols, channels)
	}
	latest, h := parts[0], parts[0]
	if len(parts) > 1 {
		h = Concatenate(parts, -1)
	}
	conv := func(name string, x *Node, out int) *Node {
		return nn.Conv2D(scope.At("%s", name), x, nn.ConvConfig{Out: out, Kernel: 3, Stride: 1, Padding: 1})
	}
	h = conv("hidden0", h, p.Hidden[0])
	place := nn.Variable(scope, "place", nn.Zeros(), h.DType(), 1, rows, cols, p.Hidden[0]).NodeValue(h)
	h = Add(h, BroadcastToShape(place, h.Shape()))
	if a != nil {
		push := Reshape(nn.Dense(scope.At("action"), a, p.Hidden[0]), b, 1, 1, p.Hidden[0])
		h = Add(h, BroadcastToShape(push, h.Shape()))
	}
	h = nn.ReLU(h)
	for i, width := range p.Hidden[1:] {
		h = nn.ReLU(conv(fmt.Sprintf("hidden%d", i+1), h, width))
	}
	if !p.Gate {
		return nn.Flatten(Add(latest, conv("out", h, channels)))
	}
	out := conv("out", h, channels+1)
	move := Slice(out, AxisRange(), AxisRange(), AxisRange(), AxisRange(0, channels))
	gate := Sigmoid(Slice(out, AxisRange(), AxisRange(), AxisRange(), AxisRange(channels, channels+1)))
	return nn.Flatten(Add(latest, Mul(move, BroadcastToShape(gate, move.Shape()))))
}
