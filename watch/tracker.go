package watch

import (
	"context"

	"foresee/jepa"
)

// tracker carries what the model remembers from one batch to the next.
type tracker struct {
	m       *jepa.Model
	recent  [][]float32 // codes of the last frames of the episode, the newest first, at most Context
	action  []float32   // taken at the newest of them
	episode int
}

// score is the surprise of a frame, if it could be predicted.
type score struct {
	value float64
	known bool // enough frames of the episode came before it
}

// score returns the surprise of each frame of a batch.
func (t *tracker) score(ctx context.Context, batch []frame) ([]score, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	cfg := t.m.Config()
	width, latent := cfg.Latent()+cfg.Encoder.Static, cfg.Latent()
	pixels := make([]uint8, 0, len(batch)*cfg.Pixels())
	for _, f := range batch {
		pixels = append(pixels, f.pixels...)
	}
	codes := make([]float32, len(batch)*width)
	if err := t.m.Encode(ctx, len(batch), pixels, codes); err != nil {
		return nil, err
	}
	scores := make([]score, len(batch))
	var states, actions []float32
	var predicted []int // frames with a prediction
	state := make([]float32, cfg.State())
	for i, f := range batch {
		if f.episode != t.episode {
			t.recent, t.episode = nil, f.episode
		}
		if len(t.recent) == cfg.Context() {
			t.m.StateAt(state, t.recent...)
			states, actions = append(states, state...), append(actions, t.action...)
			predicted = append(predicted, i)
		}
		t.push(codes[i*width:(i+1)*width], f.action, cfg.Context())
	}
	guesses, err := t.predict(ctx, len(predicted), states, actions)
	if err != nil {
		return nil, err
	}
	for j, i := range predicted {
		sum := 0.0
		for k, z := range codes[i*width : i*width+latent] {
			e := float64(guesses[j*latent+k]) - float64(z)
			sum += e * e
		}
		scores[i] = score{sum / float64(latent), true}
	}
	return scores, nil
}

// push puts a code in front of recent; the batch's memory is not kept.
func (t *tracker) push(code, action []float32, keep int) {
	t.recent = append([][]float32{append([]float32{}, code...)}, t.recent...)
	t.recent = t.recent[:min(keep, len(t.recent))]
	t.action = append(t.action[:0], action...)
}

// predict returns the next latents [n, D] of n states. The engine sees a power
// of two of them, so that it compiles few shapes.
func (t *tracker) predict(ctx context.Context, n int, states, actions []float32) ([]float32, error) {
	if n == 0 {
		return nil, nil
	}
	cfg, size := t.m.Config(), 1
	for size < n {
		size *= 2
	}
	states = append(states, make([]float32, (size-n)*cfg.State())...)
	actions = append(actions, make([]float32, (size-n)*cfg.ActionDim)...)
	out := make([]float32, size*cfg.Latent())
	return out, t.m.Rollout(ctx, jepa.Shape{B: size, N: 1, L: 1}, states, actions, out)
}
