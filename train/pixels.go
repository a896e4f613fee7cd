package train

import (
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
	"foresee/loss"
)

// clip is one batch of encoded frames inside the graph of stage 1.
type clip struct {
	z, w    *Node // [B, F, D], [B, F, W] (nil without a static code)
	actions *Node // [B, T, A], nil when action-free
	offsets []int // of the F frames; with Settings.Pixels.Context one more frame follows
}

// frame returns the latent of the frame at an offset, [B, D].
func (c clip) frame(x *Node, offset int) *Node {
	return at(x, slices.Index(c.offsets, offset))
}

// contextFrame returns the latent or code of the context frame.
func (c clip) contextFrame(x *Node) *Node { return at(x, len(c.offsets)) }

// term is one weighted summand of the loss, with its name in train.jsonl.
type term struct {
	name   string
	weight float64
	value  *Node
}

// at returns x[:, i] of x [B, F, D] as [B, D].
func at(x *Node, i int) *Node {
	dims := x.Shape().Dimensions
	return Reshape(Slice(x, AxisRange(), AxisRange(i, i+1), AxisRange()), dims[0], dims[2])
}

// pixelLoss builds the loss of stage 1 from pixels [B, F, H, W, C] uint8,
// actions [B, T, A] and SIGReg directions [D, M] (nil where unused). Besides the
// terms it returns the copy-last ratio (prediction error over that of repeating
// the first latent) and the clip, for the monitors.
func pixelLoss(root *model.Scope, cfg Config, pixels, actions, directions *Node) (terms []term, copyRatio *Node, c clip) {
	net := jepa.Network{Config: cfg.Model}
	p := cfg.Train.Pixels
	dims := pixels.Shape().Dimensions
	b, f := dims[0], dims[1]
	z, w := net.Encode(root, Reshape(pixels, b*f, dims[2], dims[3], dims[4]))
	c = clip{z: Reshape(z, b, f, cfg.Model.Latent()), actions: actions, offsets: p.Offsets}
	if w != nil {
		c.w = Reshape(w, b, f, cfg.Model.Encoder.Static)
	}
	add := func(name string, weight float64, value func() *Node) {
		if weight > 0 {
			terms = append(terms, term{name, weight, value()})
		}
	}
	pred, still := predictionLoss(root, net, p, c)
	terms = append(terms, term{"pred", p.Weights.Pred, pred})
	add("idm", p.Weights.InverseDynamics, func() *Node { return inverseLoss(root, net, p, c) })
	rows := Reshape(regularized(p, c), -1, cfg.Model.CellWidth()) // a latent of cells: place by place
	add("std", p.Weights.Std, func() *Node { return loss.HingeStd(rows, loss.HingeConfig{}) })
	add("cov", p.Weights.Cov, func() *Node { return loss.Covariance(rows, loss.PerPair) })
	add("sim", p.Weights.Sim, func() *Node { return loss.TemporalSimilarity(c.z) })
	add("sigreg", p.Weights.SIGReg, func() *Node { return loss.SIGReg(rows, directions) })
	if c.w != nil {
		first, other := c.frame(c.w, 0), c.contextFrame(c.w)
		add("static_std", p.Weights.StaticStd, func() *Node {
			return mean2(loss.HingeStd(first, loss.HingeConfig{}), loss.HingeStd(other, loss.HingeConfig{}))
		})
		add("static_cov", p.Weights.StaticCov, func() *Node {
			return mean2(loss.Covariance(first, loss.PerDimension), loss.Covariance(other, loss.PerDimension))
		})
		add("static_inv", p.Weights.StaticInv, func() *Node {
			frames := Slice(c.w, AxisRange(), AxisRange(0, f-1), AxisRange())
			return loss.MSE(frames, BroadcastToShape(InsertAxes(other, 1), frames.Shape()))
		})
	}
	return terms, Div(pred, AddScalar(still, 1e-12)), c
}

// predictionLoss is the mean over PredSteps of the squared error of a rollout
// from the clip's first latents; still is that of a rollout that never moves.
// No gradient is stopped.
func predictionLoss(root *model.Scope, net jepa.Network, p PixelStage, c clip) (pred, still *Node) {
	cfg := net.Config
	predictor := net.Short()
	newest := cfg.Context() - 1
	var parts []*Node
	for i := newest; i >= 0; i-- {
		parts = append(parts, c.frame(c.z, i))
	}
	start := parts[0]
	z := start
	if len(parts) > 1 {
		z = Concatenate(parts, -1)
	}
	var bias *Node
	if c.w != nil {
		bias = net.StaticBias(root, predictor, c.contextFrame(c.w))
	}
	last := p.PredSteps[len(p.PredSteps)-1]
	var errs, stills []*Node
	for k := 1; k <= last; k++ {
		var a *Node
		if c.actions != nil {
			a = at(c.actions, newest+k-1)
		}
		next := net.Predict(root, predictor, z, a, bias)
		z = net.Shift(z, next)
		if slices.Contains(p.PredSteps, k) {
			target := c.frame(c.z, newest+k)
			errs = append(errs, loss.MSE(next, target))
			stills = append(stills, StopGradient(loss.MSE(start, target)))
		}
	}
	return meanOf(errs), meanOf(stills)
}

// inverseLoss is the mean over Pairs of the squared error of the summed action,
// divided by the gap.
func inverseLoss(root *model.Scope, net jepa.Network, p PixelStage, c clip) *Node {
	b := c.z.Shape().Dimensions[0]
	var from, to, sums []*Node
	var weights []float64
	for _, pair := range p.Pairs {
		from = append(from, c.frame(c.z, pair[0]))
		to = append(to, c.frame(c.z, pair[1]))
		sums = append(sums, ReduceSum(Slice(c.actions, AxisRange(), AxisRange(pair[0], pair[1]), AxisRange()), 1))
		weights = append(weights, 1/float64(pair[1]-pair[0]))
	}
	guess := net.Inverse(root, Concatenate(from, 0), Concatenate(to, 0))
	var errs []*Node
	for i, sum := range sums {
		own := Slice(guess, AxisRange(i*b, (i+1)*b), AxisRange())
		errs = append(errs, MulScalar(loss.InverseDynamics(own, sum), weights[i]))
	}
	return meanOf(errs)
}

// regularized returns the rows [N, D] that keep z from collapsing: (z_c - z_0)/√2
// within episodes, or every frame of the batch.
func regularized(p PixelStage, c clip) *Node {
	if p.Within {
		return MulScalar(Sub(c.contextFrame(c.z), c.frame(c.z, 0)), 1/math.Sqrt2)
	}
	dims := c.z.Shape().Dimensions
	return Reshape(c.z, dims[0]*dims[1], dims[2])
}

func mean2(a, b *Node) *Node { return MulScalar(Add(a, b), 0.5) }

func meanOf(x []*Node) *Node {
	sum := x[0]
	for _, v := range x[1:] {
		sum = Add(sum, v)
	}
	return MulScalar(sum, 1/float64(len(x)))
}
