package jepa

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
)

// Scopes of the variables of a model, below the root of its store.
const (
	ScopeEncoder      = "encoder"
	ScopePredictor    = "predictor"
	ScopeShort        = "short"        // stage-1 predictor, where Config.Short names one
	ScopeInverse      = "inverse"      // inverse-dynamics head
	ScopeDisplacement = "displacement" // G
	ScopeUsual        = "usual"        // usual errors of a predictor with a memory
)

// Network builds the graphs of one Config. It holds no weights: they live in
// the store of the scope that each method is given, under the scopes above. The
// zero value is not usable; set Config to a valid one. Methods panic on shapes
// that do not fit the config.
type Network struct{ Config Config }

// Encode maps raw frames pixels [N, H, W, C] uint8 to latents z [N, D] and
// static codes w [N, W]; w is nil without a static code.
func (n Network) Encode(root *model.Scope, pixels *Node) (z, w *Node) {
	scope := root.At(ScopeEncoder)
	e := n.Config.Encoder
	if e.Kind == EncoderCells {
		return n.encodeCells(root, pixels), nil
	}
	x := n.normalise(pixels)
	if e.Kind == EncoderGrid {
		return n.encodeGrid(scope, x), nil
	}
	if e.Kind == EncoderIMPALA {
		h := nn.ReLU(nn.IMPALATrunk(scope.At("trunk"), x, e.Channels))
		z = n.latentHead(scope, nn.Flatten(h))
		return z, nil
	}
	var first *Node
	h := x
	for i, channels := range e.Channels {
		h = nn.ReLU(nn.Conv2D(scope.At("conv%d", i), h, nn.ConvConfig{Out: channels, Kernel: e.Kernels[i], Stride: e.Strides[i], Padding: (e.Kernels[i] - 1) / 2}))
		if i == 0 {
			first = h
		}
	}
	if e.SoftmaxMaps > 0 {
		z = n.latentHead(scope, n.coordinates(scope.At("maps"), first, e.SoftmaxMaps))
	} else {
		z = n.latentHead(scope, nn.Flatten(h))
	}
	if e.Static > 0 {
		u := nn.Dense(scope.At("static_hidden"), nn.Flatten(h), e.StaticHidden)
		if e.StaticMaps > 0 {
			u = Add(u, nn.Dense(scope.At("static_where"), n.coordinates(scope.At("static_maps"), first, e.StaticMaps), e.StaticHidden))
		}
		w = nn.Dense(scope.At("static"), nn.ReLU(u), e.Static)
	}
	return z, w
}

// coordinates returns where count learnt maps of h [N, h, w, C] respond, scaled
// by SoftmaxScale: [N, 2·count].
func (n Network) coordinates(scope *model.Scope, h *Node, count int) *Node {
	maps := nn.Conv2D(scope, h, nn.ConvConfig{Out: count, Kernel: 3, Stride: 1, Padding: 1})
	return MulScalar(nn.SpatialSoftmax(maps, nil), n.Config.Encoder.SoftmaxScale)
}

func (n Network) latentHead(scope *model.Scope, h *Node) *Node {
	e := n.Config.Encoder
	if e.Hidden > 0 && e.SoftmaxMaps == 0 {
		h = nn.ReLU(nn.Dense(scope.At("latent_hidden"), h, e.Hidden))
	}
	z := nn.Dense(scope.At("latent"), h, e.Latent)
	if e.LayerNorm {
		z = nn.LayerNorm(scope.At("latent_norm"), z)
	}
	return z
}

// normalise turns uint8 pixels into the encoder's input [N, H, W, C] float32.
//
// InputMinMax: per frame and channel y = (x - min) / (max - min + 1e-6), then
// (y - mean) / std with the constants of jepa reference 2.1.
func (n Network) normalise(pixels *Node) *Node {
	dims := pixels.Shape().Dimensions
	// A row of the image as one axis: what differs by channel then repeats along a long axis, not one of C.
	rows := Reshape(pixels, dims[0], dims[1], dims[2]*dims[3])
	x := ConvertDType(rows, dtypes.Float32)
	switch n.Config.Input {
	case InputUnit:
		return Reshape(n.standardise(x, dims[2]), dims...)
	case InputMix:
		return n.mix(n.centred(pixels))
	}
	bound := func(reduce func(*Node, ...int) *Node) *Node { // [N, C] of the bytes
		return ConvertDType(reduce(Reshape(reduce(rows, 1), dims[0], dims[2], dims[3]), 1), dtypes.Float32)
	}
	low, high := bound(ReduceMin), bound(ReduceMax)
	std := Const(pixels.Graph(), [][]float32{{0.0369, 0.2986}})
	scale := Reciprocal(Mul(AddScalar(Sub(high, low), 255e-6), std))
	perRow := func(v *Node) *Node { // [N, C] to [N, 1, W·C]
		v = BroadcastToDims(Reshape(v, dims[0], 1, dims[3]), dims[0], dims[2], dims[3])
		return Reshape(v, dims[0], 1, dims[2]*dims[3])
	}
	x = Mul(Sub(x, perRow(low)), perRow(scale))
	return Reshape(Sub(x, repeated(pixels.Graph(), []float64{0.0026 / 0.0369, 0.0989 / 0.2986}, dims[2])), dims...)
}

// standardise is (x/255 - PixelMean) / PixelScale by channel, x [N, H, W·C] in bytes.
func (n Network) standardise(x *Node, width int) *Node {
	c := n.Config.Frame.Channels
	mean, factor := make([]float64, c), make([]float64, c)
	for i := range c {
		factor[i] = 1.0 / 255
		if len(n.Config.PixelScale) > 0 {
			factor[i] /= n.Config.PixelScale[i]
		}
		if len(n.Config.PixelMean) > 0 {
			mean[i] = 255 * n.Config.PixelMean[i]
		}
	}
	if len(n.Config.PixelMean) > 0 {
		x = Sub(x, repeated(x.Graph(), mean, width))
	}
	return Mul(x, repeated(x.Graph(), factor, width))
}

// repeated returns the values by channel count times, [1, 1, count·C].
func repeated(g *Graph, values []float64, count int) *Node {
	row := make([]float32, 0, count*len(values))
	for range count {
		for _, v := range values {
			row = append(row, float32(v))
		}
	}
	return Const(g, [][][]float32{{row}})
}

// Predictor is one predictor of a network: where its variables lie, below the
// root, and its config.
type Predictor struct {
	Scope  string
	Config PredictorConfig
}

// Predictor returns the predictor that rollouts use.
func (n Network) Predictor() Predictor { return Predictor{ScopePredictor, n.Config.Predictor} }

// Short returns the predictor that learns beside the encoder: Config.Short, or
// Predictor itself where the config has none.
func (n Network) Short() Predictor {
	if n.Config.Short.Kind == "" {
		return n.Predictor()
	}
	return Predictor{ScopeShort, n.Config.Short}
}

// StaticBias returns what the static code w [N, W] adds to the first layer of
// predictor p, [N, Hidden[0]], or nil for a nil w and for any but an MLP. It is apart
// from Predict because w is the same at every step of a rollout.
func (n Network) StaticBias(root *model.Scope, p Predictor, w *Node) *Node {
	if w == nil || p.Config.Kind != PredictorMLP {
		return nil
	}
	return nn.Dense(root.At("%s", p.Scope).At("static"), w, p.Config.Hidden[0])
}

// Predict returns the next latent [N, D] of predictor p from the context
// latents z [N, D·Context] (the newest first), actions a [N, A] (nil when
// action-free) and the bias that StaticBias returned.
func (n Network) Predict(root *model.Scope, predictor Predictor, z, a, bias *Node) *Node {
	scope, p := root.At("%s", predictor.Scope), predictor.Config
	d := n.Config.Latent()
	if p.Kind == PredictorConv {
		return n.predictGrid(scope, p, z, a)
	}
	if p.Kind == PredictorTransformer {
		return n.newest(root, z)
	}
	if p.Kind == PredictorGRU {
		next := nn.GRU(scope.At("gru"), a, z)
		if n.Config.Encoder.LayerNorm {
			next = nn.LayerNorm(root.At(ScopeEncoder).At("latent_norm"), next)
		}
		return next
	}
	in := z
	if a != nil {
		in = Concatenate([]*Node{z, a}, -1)
	}
	h := nn.Dense(scope.At("hidden0"), in, p.Hidden[0])
	if bias != nil {
		h = Add(h, bias)
	}
	h = nn.ReLU(h)
	for i, width := range p.Hidden[1:] {
		h = nn.ReLU(nn.Dense(scope.At("hidden%d", i+1), h, width))
	}
	latest := z
	if z.Shape().Dimensions[1] > d {
		latest = Slice(z, AxisRange(), AxisRange(0, d))
	}
	if !p.Gate {
		return Add(latest, nn.Dense(scope.At("out"), h, d))
	}
	out := nn.Dense(scope.At("out"), h, d+1)
	move := Slice(out, AxisRange(), AxisRange(0, d))
	gate := Sigmoid(Slice(out, AxisRange(), AxisRange(d, d+1)))
	return Add(latest, Mul(move, BroadcastToShape(gate, move.Shape())))
}

// Shift puts latent next [N, D] in front of the context z [N, D·Context] and
// drops the oldest.
func (n Network) Shift(z, next *Node) *Node {
	d := n.Config.Latent()
	keep := z.Shape().Dimensions[1] - d
	if keep == 0 {
		return next
	}
	return Concatenate([]*Node{next, Slice(z, AxisRange(), AxisRange(0, keep))}, -1)
}

// Inverse returns the inverse-dynamics head's guess [N, A] of the summed
// actions between latents from and to [N, D].
func (n Network) Inverse(root *model.Scope, from, to *Node) *Node {
	return n.pairHead(root.At(ScopeInverse), n.Config.Inverse, from, to)
}

// Displacement returns G(from, to) [N, A]: the sum of effective actions that
// leads from latent from to latent to, both [N, D].
func (n Network) Displacement(root *model.Scope, from, to *Node) *Node {
	return n.pairHead(root.At(ScopeDisplacement), n.Config.Displacement.Hidden, from, to)
}

func (n Network) pairHead(scope *model.Scope, hidden []int, from, to *Node) *Node {
	h := Concatenate([]*Node{from, to}, -1)
	for i, width := range hidden {
		h = nn.ReLU(nn.Dense(scope.At("hidden%d", i), h, width))
	}
	return nn.Dense(scope.At("out"), h, n.Config.ActionDim)
}
