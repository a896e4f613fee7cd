package train

import (
	"context"
	"fmt"
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
	"foresee/loss"
	"foresee/nn"
)

// displacementStage prepares stage 3: G(z_i, z_j) on pairs of cached latents of
// an episode, the target being the sum of the effective actions between them.
func (t *trainer) displacementStage(ctx context.Context) (*stage, error) {
	cfg := t.cfg.Train.Displacement
	c, err := t.latents(ctx)
	if err != nil {
		return nil, err
	}
	effective := effectiveSums(c, t.cfg.Model.Latent(), cfg.Effective)
	var episodes []int
	for e := range c.first {
		if t.training(e) && c.length[e] > cfg.MaxGap {
			episodes = append(episodes, e)
		}
	}
	if len(episodes) == 0 {
		return nil, fmt.Errorf("train: displacement: no episode is longer than max_gap %d", cfg.MaxGap)
	}
	d, a := t.cfg.Model.Latent(), t.cfg.Model.ActionDim
	s := &stage{name: "displacement", opt: cfg.Optimizer, frames: 2 * cfg.Batch, scopes: []string{jepa.ScopeDisplacement}, names: []string{"rms"}}
	s.feed = func(_ context.Context, step int) ([]*tensors.Tensor, error) {
		rng := nn.Rand(t.cfg.Seed, fmt.Sprintf("displacement/%d", step))
		from, to, sum := make([]float32, cfg.Batch*d), make([]float32, cfg.Batch*d), make([]float32, cfg.Batch*a)
		for i := range cfg.Batch {
			e := episodes[int(nn.Uniform(rng)*float64(len(episodes)))]
			gap := int(nn.Uniform(rng) * float64(cfg.MaxGap+1))
			at := c.first[e] + int(nn.Uniform(rng)*float64(c.length[e]-gap))
			copy(from[i*d:], c.row(at)[:d])
			copy(to[i*d:], c.row(at + gap)[:d])
			for k := range a {
				sum[i*a+k] = float32(effective[(at+gap)*a+k] - effective[at*a+k])
			}
		}
		return []*tensors.Tensor{
			jepa.Input(t.devices, t.opts.Backend, from, cfg.Batch, d), jepa.Input(t.devices, t.opts.Backend, to, cfg.Batch, d),
			jepa.Input(t.devices, t.opts.Backend, sum, cfg.Batch, a),
		}, nil
	}
	net := jepa.Network{Config: t.cfg.Model}
	s.build = func(root *model.Scope, in []*Node) (*Node, []*Node, []*Node) {
		guess := net.Displacement(root, in[0], in[1])
		return loss.Huber(guess, in[2], 1), []*Node{Sqrt(loss.MSE(guess, in[2]))}, nil
	}
	return s, nil
}

// effectiveSums returns for each step [S, A] the sum of the effective actions
// before it, within its episode. An action is effective if it moved the latent
// by at least share times the median move per unit of action.
func effectiveSums(c *cache, latent int, share float64) []float64 {
	moves := make([]float64, len(c.episode)) // |Δz| / |a|, NaN at the end of episodes
	var all []float64
	for s := range moves {
		moves[s] = math.NaN()
		if s+1 == len(moves) || c.episode[s+1] != c.episode[s] {
			continue
		}
		var dz, size float64
		for i, v := range c.row(s)[:latent] {
			e := float64(c.row(s + 1)[i] - v)
			dz += e * e
		}
		for _, v := range c.action(s) {
			size += float64(v) * float64(v)
		}
		if size > 0 {
			moves[s] = math.Sqrt(dz / size)
			all = append(all, moves[s])
		}
	}
	slices.Sort(all)
	threshold := 0.0
	if len(all) > 0 {
		threshold = share * all[len(all)/2]
	}
	sums := make([]float64, len(moves)*c.dims)
	for s := 1; s < len(moves); s++ {
		if c.episode[s] != c.episode[s-1] {
			continue
		}
		for k, v := range c.action(s - 1) {
			sums[s*c.dims+k] = sums[(s-1)*c.dims+k]
			if moves[s-1] >= threshold { // false for NaN: a zero action adds nothing anyway
				sums[s*c.dims+k] += float64(v)
			}
		}
	}
	return sums
}
