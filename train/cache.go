package train

import (
	"context"
	"fmt"

	"foresee/jepa"
)

// cache holds the latents of the dataset's frames, of a memory model those half a
// stride apart, with Sparse a whole one, S steps in E episodes; with Mirror, the mirror images follow.
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

// layout returns a cache without codes: which rows are whose.
func (t *trainer) layout() *cache {
	d, cfg, plan := t.opts.Data, t.cfg.Model, t.plan()
	c := &cache{width: cfg.Latent() + cfg.Encoder.Static, dims: cfg.ActionDim}
	for e := range t.views() * d.Episodes() {
		_, frames := d.Episode(e % d.Episodes())
		rows := max(0, frames-plan.From(e%d.Episodes(), e/d.Episodes())+plan.Every()-1) / plan.Every()
		c.first, c.length = append(c.first, len(c.episode)), append(c.length, rows)
		for range rows {
			c.episode = append(c.episode, int32(e))
		}
	}
	return c
}

// latents returns the cache, made on first use: its frames encoded with the
// frozen encoder, the normaliser measured on them and set in the model. Without
// a stage 2 nothing is normalised.
func (t *trainer) latents(ctx context.Context) (*cache, error) {
	if t.cached != nil {
		return t.cached, nil
	}
	d, cfg, c := t.opts.Data, t.cfg.Model, t.layout()
	t.opts.Log.Info("encoding frames", "frames", len(c.episode))
	t.model.SetNormalizer(jepa.Normalizer{})
	c.codes = make([]float32, len(c.episode)*c.width)
	c.actions = make([]float32, len(c.episode)*c.dims)
	for frames := range t.stretches(c) {
		lo := frames.First * c.width
		if err := t.model.Encode(ctx, frames.N, frames.Pixels, c.codes[lo:lo+frames.N*c.width]); err != nil {
			return nil, fmt.Errorf("train: cache: %w", err)
		}
	}
	if column, ok := d.Column("action"); ok && c.dims > 0 {
		copy(c.actions, column.Rows(0, d.Steps()))
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
