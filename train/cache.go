package train

import (
	"context"
	"fmt"

	"foresee/jepa"
)

// cache holds the latents of every frame of the dataset, and where clips of
// them may start.
type cache struct {
	codes   []float32 // [S, D + W], as Model.Encode gives them
	width   int       // D + W
	actions []float32 // [S, A]
	dims    int       // A
	episode []int32   // [S]
	first   []int     // [E] first step
	length  []int     // [E]
}

// row returns the code of a global step, [D + W].
func (c *cache) row(step int) []float32 { return c.codes[step*c.width : (step+1)*c.width] }

// action returns the action taken at a global step, [A].
func (c *cache) action(step int) []float32 { return c.actions[step*c.dims : (step+1)*c.dims] }

// latents returns the cache, made on first use: all frames encoded with the
// frozen encoder, the normaliser measured on them and set in the model. Without
// a stage 2 nothing is normalised.
func (t *trainer) latents(ctx context.Context) (*cache, error) {
	if t.cached != nil {
		return t.cached, nil
	}
	t.opts.Log.Info("encoding all frames", "frames", t.opts.Data.Steps())
	t.model.SetNormalizer(jepa.Normalizer{})
	d := t.opts.Data
	cfg := t.cfg.Model
	c := &cache{width: cfg.Latent() + cfg.Encoder.Static, dims: cfg.ActionDim, episode: make([]int32, d.Steps())}
	c.codes = make([]float32, d.Steps()*c.width)
	c.actions = make([]float32, d.Steps()*c.dims)
	for frames := range d.Stretches() {
		lo := frames.First * c.width
		if err := t.model.Encode(ctx, frames.N, frames.Pixels, c.codes[lo:lo+frames.N*c.width]); err != nil {
			return nil, fmt.Errorf("train: cache: %w", err)
		}
	}
	if column, ok := d.Column("action"); ok && c.dims > 0 {
		copy(c.actions, column.Rows(0, d.Steps()))
	}
	for e := range d.Episodes() {
		first, length := d.Episode(e)
		c.first, c.length = append(c.first, first), append(c.length, length)
		for s := first; s < first+length; s++ {
			c.episode[s] = int32(e)
		}
	}
	if t.cfg.Train.Latents.Steps == 0 { // the predictor of stage 1 knows raw latents
		t.cached = c
		return c, nil
	}
	norm := jepa.MeasureNormalizer(c.codes, cfg.Latent(), c.width, func(row int) bool { return t.training(int(c.episode[row])) })
	norm.Apply(c.codes, cfg.Latent(), c.width)
	t.model.SetNormalizer(norm)
	t.cached = c
	return c, nil
}
