package jepa

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
)

// UsualFloor is added to errors of which a ratio or a logarithm is taken: an error
// so small, of latents whose mean variance is 1, is none.
const UsualFloor = 0.01

// UsualErrors returns how large Remember's errors usually are where what came, came
// after two such latents, whatever was before: for each horizon below T a node
// [B, T - Horizons[k]] like MemoryErrors', of clips z [B, T, D] with targets
// y [B, T, D] and Brief's guesses. What is hard to guess for everybody, a body whose place at
// its return nobody knows to the pixel, errs much whether it is possible or not; so a net learns
// from possible clips alone what error goes with an outcome, by the deviance of a gamma variable
// (train's stage usual), and errors beyond it are surprise.
//
//	x = [z_t, z_t - z_{t-1}, b_k, y - b_k, ln(e + c)],   h = GELU(x·W + b + position_t),   u = GELU(h·W' + b')
//	usual_k = (e + c)·exp(u·w + v) - c
//
// y is the target at t + Horizons[k], b_k Brief's guess of it, e the mean square of y - b_k, c UsualFloor; z_{-1} is
// z_0; both layers are Width wide, with weights for each horizon. w and v start at 0: untrained, e itself is usual.
// The exponent is held within ±8. Units are squared ones of normalised latents, as of errors. Shapes that do not
// fit together panic, as everywhere in graphs.
//
// Source: the gamma deviance of generalised linear models, McCullagh and Nelder 1989, chapter 8.
func (n Network) UsualErrors(root *model.Scope, z *Node, brief []Guess, y *Node) []*Node {
	p, length := n.Config.Predictor, z.Shape().Dimensions[1]
	moved := Sub(z, previous(z))
	usual := n.errors(brief, y, 0)
	for k, e := range usual {
		scope, ahead := root.At(ScopeUsual).At("horizon%d", k), p.Horizons[k]
		before, after := AxisRange(0, length-ahead), AxisRange(ahead, length)
		guess := brief[k].Mean()
		e = AddScalar(e, UsualFloor)
		x := Concatenate([]*Node{
			Slice(z, AxisRange(), before), Slice(moved, AxisRange(), before),
			guess, Sub(Slice(y, AxisRange(), after), guess), InsertAxes(Log(e), -1),
		}, -1)
		place := nn.Variable(scope, "position", nn.Zeros(), z.DType(), p.Context, p.Width).NodeValue(z)
		h := Add(nn.Dense(scope.At("in"), x, p.Width), InsertAxes(Slice(place, before), 0))
		u := nn.GELU(nn.Dense(scope.At("hidden"), nn.GELU(h), p.Width))
		o := nn.DenseWith(scope.At("out"), u, 1, nn.DenseConfig{Weight: nn.Zeros(), Bias: nn.Zeros()})
		o = MinScalar(MaxScalar(Reshape(o, e.Shape().Dimensions...), -8), 8)
		usual[k] = AddScalar(Mul(e, Exp(o)), -UsualFloor)
	}
	return usual
}
