package jepa

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
)

// Guess is what a memory expects at each of T positions: M latents that may come, and how likely it takes each to be.
// Of a thing that is hidden nobody knows when to the frame it comes back; the mean of all that may come is blurred
// and near to none of it, while one of several guesses can be right.
type Guess struct {
	Modes  *Node // [B, T, M, D]
	Shares *Node // [B, T, M], ln of each mode's share, whose sum is 1; nil with one mode
}

// Recall is what is remembered at every position of clips [B, T, ..], from which guesses are read while the graph is
// built that it belongs to. The zero value is of no use.
type Recall struct {
	net   Network
	scope *model.Scope
	h, z  *Node // what is known, [B, T, Width], nil where no guess copies; and what is seen, [B, T, D]
	m     *Node // what guesses are read from, [B, T, Hidden[1]]
	modes int
}

// Guess reads the guess of horizon k at positions [from, to), see Network.Remember; T of the guess is to - from. Other
// than 0 <= from < to <= T, or a k that is no index of the config's horizons, panics.
func (r Recall) Guess(k, from, to int) (g Guess) {
	at := func(x *Node) *Node { return Slice(x, AxisRange(), AxisRange(from, to)) }
	m, zero := at(r.m), nn.DenseConfig{Weight: nn.Zeros(), Bias: nn.Zeros()}
	apart := nn.DenseConfig{Weight: nn.Zeros(), Bias: nn.NormalInit(0.05)} // equal ones would learn the same
	d, rank := r.net.Config.Latent(), r.net.Config.Predictor.Rank
	split := func(x *Node) *Node { return Reshape(x, r.z.Shape().Dim(0), to-from, -1, d) }
	horizon := r.scope.At("horizon%d", k)
	switch {
	case r.modes == 1:
		g.Modes = split(nn.DenseWith(horizon, m, d, zero))
	case rank == 0:
		g.Modes = split(nn.DenseWith(horizon, m, r.modes*d, apart))
	default:
		few := nn.DenseWith(horizon.At("few"), m, rank, nn.DenseConfig{NoBias: true})
		g.Modes = Add(split(nn.DenseWith(horizon, m, d, zero)), split(nn.DenseWith(horizon.At("apart"), few, r.modes*d, apart)))
	}
	if r.modes > 1 {
		g.Shares = LogSoftmax(nn.DenseWith(r.scope.At("share%d", k), m, r.modes, zero), -1)
	}
	switch {
	case r.h != nil:
		g.Modes = Add(nn.Copies(horizon.At("copies"), r.h, r.z, nn.CopiesConfig{From: from, To: to, Count: r.modes, Lags: r.net.Config.Context()}), g.Modes)
	case r.net.Config.Predictor.Target == TargetLatent:
		g.Modes = Add(InsertAxes(at(r.z), 2), g.Modes)
	}
	return g
}

// Guesses returns, for each horizon below T, what is guessed with Remember of clips z [B, T, D], hidden [B, T] or nil, at
// all positions [0, T - Horizons[k]) whose target is in the clip; nil if none is. Later positions, an eighth of them in a
// clip of eight, are not computed.
func (n Network) Guesses(root *model.Scope, z, hidden *Node) []Guess {
	known, ok := n.known(z)
	if !ok {
		return nil
	}
	if hidden != nil {
		hidden = Slice(hidden, AxisRange(), AxisRange(0, known.Shape().Dim(1)))
	}
	return n.Remember(root, known, hidden).guesses(z.Shape().Dim(1))
}

// BriefGuesses returns the same with Brief.
func (n Network) BriefGuesses(root *model.Scope, z *Node) []Guess {
	known, ok := n.known(z)
	if !ok {
		return nil
	}
	return n.Brief(root, known).guesses(z.Shape().Dim(1))
}

// known returns the latents of clips z [B, T, D] after which something is to come that is in the clip, if there are any.
func (n Network) known(z *Node) (known *Node, ok bool) {
	t := z.Shape().Dim(1) - slices.Min(n.Config.Predictor.Horizons)
	if t <= 0 {
		return nil, false
	}
	return Slice(z, AxisRange(), AxisRange(0, t)), true
}

// guesses returns the guesses of all positions whose target is among t.
func (r Recall) guesses(t int) (all []Guess) {
	for k, ahead := range r.net.Config.Predictor.Horizons {
		if ahead < t {
			all = append(all, r.Guess(k, 0, t-ahead))
		}
	}
	return all
}

// Mean returns the mean of the modes by their shares, [B, T, D].
func (g Guess) Mean() *Node {
	if g.Shares == nil {
		return Squeeze(g.Modes, 2)
	}
	return ReduceSum(Mul(InsertAxes(Exp(g.Shares), -1), g.Modes), 2)
}

// freeEnergy returns what remains of the modes' energies e [B, T, M] when the mode, which nobody sees, is left open:
//
//	F = -τ·ln Σ_m share_m·exp(-e_m/τ),   [B, T]
//
// It is at least the least energy, at most the mean by shares, and e itself with one mode. τ > 0, in units of e: at a
// high one F is the mean, at a low one the least energy plus what the mode's share costs, -τ·ln share.
//
// Source: latent-variable energy-based models, LeCun 2022 (A Path Towards Autonomous Machine Intelligence), equations 4
// and 5, there at temperature 0; with its shares a mixture density network, Bishop 1994.
func (g Guess) freeEnergy(e *Node, temperature float64) *Node {
	if g.Shares == nil {
		return Squeeze(e, 2)
	}
	x := Sub(g.Shares, DivScalar(e, temperature))
	most := StopGradient(ReduceMax(x, -1))
	sum := ReduceSum(Exp(Sub(x, InsertAxes(most, -1))), -1)
	return MulScalar(Add(most, Log(sum)), -temperature)
}

// errors returns the free energy of guesses, of Network.Guesses, against targets y [B, T, D]: for each horizon below T a
// node [B, T - Horizons[k]] whose column t judges position t + Horizons[k]. A mode's energy is its mean squared error
// over D, less the share along of what of it lies along how y moves, see errorsAlong.
func (n Network) errors(guesses []Guess, y *Node, along float64) []*Node {
	errs := make([]*Node, len(guesses))
	for k, guess := range guesses {
		ahead := n.Config.Predictor.Horizons[k]
		off := Sub(guess.Modes, InsertAxes(Slice(y, AxisRange(), AxisRange(ahead)), 2))
		energy := ReduceMean(Square(off), -1)
		if along > 0 {
			energy = Sub(energy, MulScalar(errorsAlong(off, y, ahead), along))
		}
		errs[k] = guess.freeEnergy(energy, n.Config.Predictor.Temperature)
	}
	return errs
}
