package loss_test

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/loss"
	"foresee/nn/gradcheck"
)

// gradient is one loss's gradient check.
type gradient struct {
	name   string
	f      func(in []*graph.Node) *graph.Node
	inputs []gradcheck.Tensor
}

func lossGradients() []gradient {
	random := gradcheck.Random
	// Small columns keep every std under the hinge, where its gradient lives.
	narrow := gradcheck.Tensor{Dims: []int{5, 3}, Values: []float64{.1, .5, -.3, .4, -.2, .3, -.6, .7, .2, .3, -.1, .5, -.4, .1, -.7}}
	directions := gradcheck.Tensor{Dims: []int{3, 2}, Values: []float64{.6, 0, .8, .6, 0, .8}, Constant: true}
	two := []gradcheck.Tensor{random(4, 3), random(4, 3)}
	return []gradient{
		{"MSE", func(in []*graph.Node) *graph.Node { return loss.MSE(in[0], in[1]) }, two},
		{"Huber", func(in []*graph.Node) *graph.Node { return loss.Huber(in[0], in[1], 0.7) }, two},
		{"HuberEach", func(in []*graph.Node) *graph.Node { return loss.HuberEach(in[0], in[1], 0.7) }, two},
		{"HingeStd", func(in []*graph.Node) *graph.Node { return loss.HingeStd(in[0], loss.HingeConfig{}) }, []gradcheck.Tensor{narrow}},
		{"HingeStd, some above", func(in []*graph.Node) *graph.Node { return loss.HingeStd(in[0], loss.HingeConfig{}) }, []gradcheck.Tensor{random(4, 9)}},
		{"Covariance pair", func(in []*graph.Node) *graph.Node { return loss.Covariance(in[0], loss.PerPair) }, []gradcheck.Tensor{random(5, 3)}},
		{"Covariance dim", func(in []*graph.Node) *graph.Node { return loss.Covariance(in[0], loss.PerDimension) }, []gradcheck.Tensor{random(5, 3)}},
		{"VICReg official", func(in []*graph.Node) *graph.Node { return loss.VICReg(in[0], in[1], loss.OfficialVICReg()).Total }, two},
		{"VICReg EB-JEPA", func(in []*graph.Node) *graph.Node { return loss.VICReg(in[0], in[1], loss.EBJEPAVICReg(16, 8)).Total }, two},
		{"SIGReg", func(in []*graph.Node) *graph.Node { return loss.SIGReg(in[0], in[1]) }, []gradcheck.Tensor{random(4, 3), directions}},
		{"SIGReg clips", func(in []*graph.Node) *graph.Node { return loss.SIGReg(in[0], in[1]) }, []gradcheck.Tensor{random(4, 2, 3), directions}},
		{"EppsPulley", func(in []*graph.Node) *graph.Node { return loss.EppsPulley(in[0], in[1]) }, []gradcheck.Tensor{random(4, 3), directions}},
		{"TemporalSimilarity", func(in []*graph.Node) *graph.Node { return loss.TemporalSimilarity(in[0]) }, []gradcheck.Tensor{random(2, 4, 3)}},
		{"InverseDynamics", func(in []*graph.Node) *graph.Node { return loss.InverseDynamics(in[0], in[1]) }, two},
		{"InverseDynamicsGaps", func(in []*graph.Node) *graph.Node { return loss.InverseDynamicsGaps(in[0], in[1], []int{1, 2, 4}) },
			[]gradcheck.Tensor{random(2, 3, 2), random(2, 3, 2)}},
		{"MultiStep", func(in []*graph.Node) *graph.Node { return loss.MultiStep(in[:3], in[3], []int{1, 2, 3}) },
			[]gradcheck.Tensor{random(2, 3), random(2, 3), random(2, 3), random(2, 3, 3)}},
		{"MaskedMean", func(in []*graph.Node) *graph.Node {
			return loss.MaskedMean(graph.Square(in[0]), graph.Const(in[0].Graph(), []bool{true, false, true}))
		}, []gradcheck.Tensor{random(3, 2)}},
		{"WeightedMean", func(in []*graph.Node) *graph.Node { return loss.WeightedMean(graph.Square(in[0]), graph.Square(in[1])) },
			[]gradcheck.Tensor{random(3, 2), random(3)}},
		{"Sum", func(in []*graph.Node) *graph.Node {
			return loss.Sum(loss.Term{Weight: 2, Loss: loss.MSE(in[0], in[1])}, loss.Term{Weight: 0}, loss.Term{Weight: 1, Loss: loss.Huber(in[0], in[1], 1)})
		}, two},
	}
}

func checkLosses(t *testing.T, backend compute.Backend) {
	for _, c := range lossGradients() {
		t.Run(c.name, func(t *testing.T) {
			gradcheck.Check(t, backend, func(_ *model.Scope, in []*graph.Node) *graph.Node { return c.f(in) }, c.inputs...)
		})
	}
}

func TestGradientsPortable(t *testing.T) { checkLosses(t, portable(t)) }
