package jepa

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn/gradcheck"
)

// The free energy of modes, what lies along the target's motion taken off or not, has the gradients of its values,
// for the modes, their shares and the target.
func TestModesGradients(t *testing.T) {
	for _, along := range []float64{0, 0.5} {
		for _, temperature := range []float64{0.1, 2} {
			net := Network{Config: Config{Predictor: PredictorConfig{Horizons: []int{1}, Modes: 4, Temperature: temperature}}}
			gradcheck.Check(t, testBackend(t), func(_ *model.Scope, in []*Node) *Node {
				return net.errors([]Guess{{Modes: in[0], Shares: LogSoftmax(in[1], -1)}}, in[2], along)[0]
			}, gradcheck.Random(2, 2, 4, 5), gradcheck.Random(2, 2, 4), gradcheck.Random(2, 3, 5))
		}
	}
}

// The mean of modes 1 and 3 in shares of a quarter and three quarters, and of one mode itself.
func TestGuessMean(t *testing.T) {
	mean := func(g func(*Graph) Guess) float32 {
		e := model.MustNewExec(testBackend(t), model.NewStore(), func(_ *model.Scope, x *Node) *Node { return g(x.Graph()).Mean() })
		defer e.Finalize()
		out := e.MustCall(float32(0))[0]
		if dims := out.Shape().Dimensions; len(dims) != 3 {
			t.Errorf("the mean has shape %v, want [B, T, D]", dims)
		}
		return tensors.MustCopyFlatData[float32](out)[0]
	}
	two := mean(func(g *Graph) Guess {
		return Guess{Modes: Const(g, [][][][]float32{{{{1}, {3}}}}), Shares: Log(Const(g, [][][]float32{{{0.25, 0.75}}}))}
	})
	if !(two > 2.4999 && two < 2.5001) {
		t.Errorf("mean %g of two modes, want 2.5", two)
	}
	if one := mean(func(g *Graph) Guess { return Guess{Modes: Const(g, [][][][]float32{{{{7}}}})} }); one != 7 {
		t.Errorf("mean %g of one mode, want 7", one)
	}
}

// A high temperature averages over modes by their shares, a low one takes the best; far energies do not overflow.
func TestFreeEnergyLimits(t *testing.T) {
	for _, c := range []struct {
		temperature float64
		energies    []float32
		want        float32
	}{
		{1e4, []float32{1, 2, 5}, 0.5*1 + 0.25*2 + 0.25*5},
		{1e-4, []float32{3, 2, 5}, 2},
		{1e-3, []float32{3e4, 2e4, 5e4}, 2e4},
		{1, []float32{7, 7, 7}, 7},
	} {
		e := model.MustNewExec(testBackend(t), model.NewStore(), func(_ *model.Scope, e *Node) *Node {
			return Guess{Shares: Log(Const(e.Graph(), [][][]float32{{{0.5, 0.25, 0.25}}}))}.freeEnergy(e, c.temperature)
		})
		got := tensors.MustCopyFlatData[float32](e.MustCall(tensors.FromFlatDataAndDimensions(c.energies, 1, 1, 3))[0])[0]
		e.Finalize()
		if gap := got - c.want; !(gap*gap <= 1e-6*c.want*c.want) {
			t.Errorf("temperature %g, energies %v: free energy %g, want %g", c.temperature, c.energies, got, c.want)
		}
	}
}
