package train

import (
	"context"
	"fmt"

	"foresee/nn"
	"foresee/plan/graph"
)

// chooseLandmarks is stage 4: Landmarks latents spread over Remembered random
// ones of the training episodes.
func (t *trainer) chooseLandmarks(ctx context.Context) error {
	if t.cfg.Train.Landmarks == 0 {
		return nil
	}
	c, err := t.latents(ctx)
	if err != nil {
		return err
	}
	d := t.cfg.Model.Latent()
	var steps []int
	for s, e := range c.episode {
		if t.training(int(e)) {
			steps = append(steps, s)
		}
	}
	rng := nn.Rand(t.cfg.Seed, "landmarks")
	n := min(t.cfg.Train.Remembered, len(steps))
	remembered := make([]float32, 0, n*d)
	for i := range n {
		j := i + int(nn.Uniform(rng)*float64(len(steps)-i))
		steps[i], steps[j] = steps[j], steps[i]
		remembered = append(remembered, c.row(steps[i])[:d]...)
	}
	chosen, err := graph.Landmarks(remembered, d, min(t.cfg.Train.Landmarks, n), rng.Uint64())
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	t.model.SetLandmarks(chosen)
	return nil
}
