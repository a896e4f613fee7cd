package watch

import (
	"context"

	"foresee/jepa"
)

// tracker carries what the model remembers from one batch to the next.
type tracker struct {
	m       *jepa.Model
	recent  [][]float32 // codes of the last frames of the episode, the newest first, at most Context·Stride
	action  []float32   // taken at the newest of them
	episode int
	number  int // that the next frame has if none was dropped
}

// score is the surprise of a frame, if it could be predicted.
type score struct {
	value float64
	cells []float64 // the same cell by cell, [rows·cols] of Config.Grid; their mean is value
	code  []float32 // [D + W] of the frame
	known bool      // enough frames of the episode came before it
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
		if f.episode != t.episode || f.number != t.number {
			t.recent, t.episode = nil, f.episode
		}
		t.number = f.number + 1
		if len(t.recent) == cfg.Context()*cfg.Stride() {
			t.m.StateAt(state, every(t.recent, cfg.Stride())...)
			states, actions = append(states, state...), append(actions, t.action...)
			predicted = append(predicted, i)
		}
		t.push(codes[i*width:(i+1)*width], f.action, cfg.Context()*cfg.Stride())
	}
	guesses, err := t.predict(ctx, len(predicted), states, actions)
	if err != nil {
		return nil, err
	}
	for i := range scores {
		scores[i].code = codes[i*width : (i+1)*width]
	}
	for j, i := range predicted {
		scores[i].measure(guesses[j*latent:(j+1)*latent], cfg.CellWidth())
	}
	return scores, nil
}

// every returns the latents that lie stride, 2·stride, ... frames before the next
// one, of codes with the newest first.
func every(codes [][]float32, stride int) [][]float32 {
	if stride == 1 {
		return codes
	}
	var out [][]float32
	for i := stride - 1; i < len(codes); i += stride {
		out = append(out, codes[i])
	}
	return out
}

// measure compares a frame's latent with what was predicted.
func (s *score) measure(guess []float32, width int) {
	s.cells = make([]float64, len(guess)/width)
	total := 0.0
	for i := range s.cells {
		sum := 0.0
		for k, z := range s.code[i*width : (i+1)*width] {
			e := float64(guess[i*width+k]) - float64(z)
			sum += e * e
		}
		total += sum
		s.cells[i] = sum / float64(width)
	}
	s.value, s.known = total/float64(len(guess)), true
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
