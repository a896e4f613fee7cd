package jepa

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// Guess is what a memory expects at each position: M latents that may come, and how likely it takes each to be.
// Of a thing that is hidden nobody knows when to the frame it comes back; the mean of all that may come is blurred
// and near to none of it, while one of several guesses can be right.
type Guess struct {
	Modes  *Node // [B, T, M, D]
	Shares *Node // [B, T, M], ln of each mode's share, whose sum is 1; nil with one mode
}

// single makes every one of means [B, T, D] the guess of one mode.
func single(means []*Node) []Guess {
	guesses := make([]Guess, len(means))
	for k, z := range means {
		guesses[k].Modes = InsertAxes(z, 2)
	}
	return guesses
}

// Mean returns the mean of the modes by their shares, [B, T, D].
func (g Guess) Mean() *Node {
	if g.Shares == nil {
		return Squeeze(g.Modes, 2)
	}
	return ReduceSum(Mul(InsertAxes(Exp(g.Shares), -1), g.Modes), 2)
}

// between returns the guesses of positions [from, to).
func (g Guess) between(from, to int) Guess {
	cut := func(x *Node) *Node {
		if x == nil {
			return nil
		}
		return Slice(x, AxisRange(), AxisRange(from, to))
	}
	return Guess{cut(g.Modes), cut(g.Shares)}
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

// errors returns the free energy of what is judged of guesses against targets y [B, T, D]: for each horizon below T a
// node [B, T - Horizons[k]] whose column t judges position t + Horizons[k]. A mode's energy is its mean squared error
// over D, less the share along of what of it lies along how y moves, see errorsAlong.
func (n Network) errors(guesses []Guess, y *Node, along float64) []*Node {
	p, t := n.Config.Predictor, y.Shape().Dimensions[1]
	var errs []*Node
	for k, guess := range guesses {
		ahead := p.Horizons[k]
		if ahead >= t {
			continue
		}
		guess = guess.between(0, t-ahead)
		off := Sub(guess.Modes, InsertAxes(Slice(y, AxisRange(), AxisRange(ahead, t)), 2))
		energy := ReduceMean(Square(off), -1)
		if along > 0 {
			energy = Sub(energy, MulScalar(errorsAlong(off, y, ahead), along))
		}
		errs = append(errs, guess.freeEnergy(energy, p.Temperature))
	}
	return errs
}
