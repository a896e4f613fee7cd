package train

import (
	"context"

	"foresee/train/internal/views"
)

// colourClips is how many clips say whether the world looks alike in other colours.
const colourClips = 64

// settleColours lets a model that judges clips in other colours too do so only if it can, see jepa.Model.SettleColours:
// by clips of training episodes, evenly spread.
func (t *trainer) settleColours(ctx context.Context) error {
	m, d := t.cfg.Model, t.opts.Data
	if !m.Predictor.Colours {
		return nil
	}
	from, length := views.Clips(d, m.Context()*m.Stride(), t.training)
	n := min(colourClips, len(from))
	var frames []uint8
	for i := range n {
		frames = append(frames, d.FrameRange(from[i*len(from)/n], length)...)
	}
	ratio, err := t.model.SettleColours(ctx, n, length, frames)
	if err != nil {
		return err
	}
	t.opts.Log.Info("other colours", "error_ratio", ratio, "read", t.model.Config().Predictor.Colours)
	return nil
}
