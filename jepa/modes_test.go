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
			}, gradcheck.Random(2, 3, 4, 5), gradcheck.Random(2, 3, 4), gradcheck.Random(2, 3, 5))
		}
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
