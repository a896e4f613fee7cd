package train

import (
	"context"
	"fmt"
	"math"

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
	c := &cache{width: cfg.Latent() + cfg.Encoder.Static, dims: cfg.ActionDim}
	c.codes = make([]float32, d.Steps()*c.width)
	c.actions = make([]float32, d.Steps()*c.dims)
	c.episode = make([]int32, d.Steps())
	const chunk = 4096
	for lo := 0; lo < d.Steps(); lo += chunk {
		n := min(chunk, d.Steps()-lo)
		if err := t.model.Encode(ctx, n, d.FrameRange(lo, n), c.codes[lo*c.width:(lo+n)*c.width]); err != nil {
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
	norm := measure(c, cfg.Latent(), t.training)
	for s := range d.Steps() {
		normalise(c.row(s), cfg.Latent(), norm)
	}
	t.model.SetNormalizer(norm)
	t.cached = c
	return c, nil
}

// measure returns the normaliser of a cache over the episodes that keep admits:
// the mean of z by dimension and one std for all; mean and std of w by dimension.
// A dimension of w that never varies gets std 1.
func measure(c *cache, latent int, keep func(episode int) bool) jepa.Normalizer {
	mean, sq := make([]float64, c.width), make([]float64, c.width)
	n := 0.0
	for s := range c.episode {
		if !keep(int(c.episode[s])) {
			continue
		}
		n++
		for i, v := range c.row(s) {
			mean[i] += float64(v)
			sq[i] += float64(v) * float64(v)
		}
	}
	norm := jepa.Normalizer{LatentMean: make([]float32, latent), StaticMean: make([]float32, c.width-latent), StaticStd: make([]float32, c.width-latent)}
	total := 0.0
	for i := range mean {
		mean[i] /= n
		variance := max(0, sq[i]/n-mean[i]*mean[i])
		if i < latent {
			norm.LatentMean[i] = float32(mean[i])
			total += variance / float64(latent)
			continue
		}
		norm.StaticMean[i-latent] = float32(mean[i])
		norm.StaticStd[i-latent] = float32(math.Sqrt(variance))
		if norm.StaticStd[i-latent] < 1e-6 {
			norm.StaticStd[i-latent] = 1
		}
	}
	norm.LatentStd = float32(math.Sqrt(total))
	if norm.LatentStd < 1e-6 {
		norm.LatentStd = 1
	}
	return norm
}

func normalise(code []float32, latent int, norm jepa.Normalizer) {
	for i := range code {
		if i < latent {
			code[i] = (code[i] - norm.LatentMean[i]) / norm.LatentStd
		} else {
			code[i] = (code[i] - norm.StaticMean[i-latent]) / norm.StaticStd[i-latent]
		}
	}
}
