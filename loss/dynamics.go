package loss

import (
	"github.com/gomlx/gomlx/core/graph"
)

// TemporalSimilarity returns mean (z[b, t+1, d] - z[b, t, d])² over all b, d and t < T-1; z is [B, T, D], T >= 2.
//
// Source: eb_jepa, TemporalSimilarityLoss; PLDM's sim_t.
func TemporalSimilarity(z *graph.Node) *graph.Node {
	must(z.Rank() == 3 && z.DType().IsFloat() && z.Shape().Size() > 0 && z.Shape().Dimensions[1] >= 2,
		"TemporalSimilarity", "float [B, T, D], T >= 2", "%s", z.Shape())
	t := z.Shape().Dimensions[1]
	return MSE(steps(z, 1, t), steps(z, 0, t-1))
}

// InverseDynamics returns the mean squared error of predicted actions, [..., A] both: eb_jepa's L_idm
// with predicted made from z_t and z_{t+1} by a head such as nn.InverseDynamics.
func InverseDynamics(predicted, actions *graph.Node) *graph.Node {
	mustSame("InverseDynamics", predicted, actions)
	return MSE(predicted, actions)
}

// InverseDynamicsGaps returns the mean over pairs p of MSE_p/gaps[p], where pair p spans gaps[p] >= 1
// steps and actions holds the sum of the actions between its frames; both are [B, P, A].
// Dividing makes a long pair, whose sum varies more, count no more than a short one.
func InverseDynamicsGaps(predicted, actions *graph.Node, gaps []int) *graph.Node {
	mustSame("InverseDynamicsGaps", predicted, actions)
	must(predicted.Rank() == 3 && predicted.Shape().Dimensions[1] == len(gaps), "InverseDynamicsGaps",
		"[B, P, A] with a gap for each pair", "%s, %d gaps", predicted.Shape(), len(gaps))
	shares := make([]float64, len(gaps))
	for p, gap := range gaps {
		must(gap >= 1, "InverseDynamicsGaps", "gaps >= 1", "%v", gaps)
		shares[p] = 1 / float64(gap)
	}
	byPair := graph.ReduceMean(graph.Square(graph.Sub(predicted, actions)), 0, 2)
	return graph.ReduceAllMean(graph.Mul(byPair, graph.ConstAs(byPair, shares)))
}

// MultiStep returns the mean over k of MSE(rollout[at[k]-1], targets[:, k]): how well an open-loop
// rollout predicts the latents of chosen steps.
//
// rollout[i] is the prediction [B, D] after i+1 steps; targets [B, K, D] are the latents of steps
// at[0..K-1], counted from 1 and at most len(rollout). For eb_jepa's loss at is 1..8; jepa.md 7.5 takes
// 1, 2, 4, 8. Gradients flow into the targets too, as in both.
//
// Source: eb_jepa, the prediction loss of examples/ac_video_jepa.
func MultiStep(rollout []*graph.Node, targets *graph.Node, at []int) *graph.Node {
	must(targets.Rank() == 3 && len(at) > 0 && targets.Shape().Dimensions[1] == len(at), "MultiStep",
		"targets [B, K, D] with a step for each", "%s, %d steps", targets.Shape(), len(at))
	var total *graph.Node
	for k, step := range at {
		must(step >= 1 && step <= len(rollout), "MultiStep", "steps from 1 to the rollout's length", "step %d of %d", step, len(rollout))
		e := MSE(rollout[step-1], graph.Squeeze(steps(targets, k, k+1), 1))
		if total == nil {
			total = e
		} else {
			total = graph.Add(total, e)
		}
	}
	return graph.MulScalar(total, 1/float64(len(at)))
}

// steps returns z[:, from:to] of z [B, T, D].
func steps(z *graph.Node, from, to int) *graph.Node {
	return graph.SliceAxis(z, 1, graph.AxisRange(from, to))
}

// GammaDeviance returns how far errors e are from the expected ones u, as gamma variables, whose spread grows with
// their mean: least where u is the mean of e. e, u and both results have one shape; floor > 0 bounds r where u is 0.
//
//	r = (e + floor)/(u + floor),   deviance = 2·(r - 1 - ln r)
//
// Source: McCullagh and Nelder, Generalized Linear Models, section 2.3: the unit deviance of the gamma distribution.
func GammaDeviance(e, u *graph.Node, floor float64) (r, deviance *graph.Node) {
	mustSame("GammaDeviance", e, u)
	r = graph.Div(graph.AddScalar(e, floor), graph.AddScalar(u, floor))
	return r, graph.MulScalar(graph.Sub(graph.AddScalar(r, -1), graph.Log(r)), 2)
}
