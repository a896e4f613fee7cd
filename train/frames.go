package train

import (
	"iter"
	"slices"

	"foresee/data"
	"foresee/train/internal/views"
)

// views is 2 where stage 2 also learns from mirror images, else 1.
func (t *trainer) views() int {
	if t.cfg.Train.Latents.Mirror {
		return 2
	}
	return 1
}

// phase is how many frames apart the frames lie of which some are cached: half a stride of a memory
// model, which judges such frames, and else 1.
func (t *trainer) phase() int {
	if stride := t.cfg.Model.Stride(); t.cfg.Model.Remembers() && stride%2 == 0 {
		return stride / 2
	}
	return 1
}

// every is how many frames apart the cached ones lie: a phase, twice that with Sparse.
func (t *trainer) every() int {
	if t.cfg.Train.Latents.Sparse {
		return 2 * t.phase()
	}
	return t.phase()
}

// from is which frame of an episode's view is the first cached one: with Sparse the two phases take turns.
func (t *trainer) from(episode, view int) int {
	return (episode + view) * t.phase() % t.every()
}

// stretches returns the frames of all views of which the rows of c are the codes; First is the row of the first one.
func (t *trainer) stretches(c *cache) iter.Seq[data.Stretch] {
	row := func(episode, view, n int) int { return c.first[view*t.opts.Data.Episodes()+episode] + n }
	return views.Plan{Views: t.views(), Phase: t.phase(), Every: t.every(), From: t.from, Row: row}.Stretches(t.opts.Data)
}

// frame returns frame step of the dataset, [H, W, C], not to be written to; those of
// its mirror images follow the dataset's last.
func (t *trainer) frame(step int) []uint8 {
	d := t.opts.Data
	if step < d.Steps() {
		return d.Frame(step)
	}
	_, w, ch := d.FrameShape()
	s := data.Stretch{N: 1, Pixels: slices.Clone(d.Frame(step - d.Steps()))}
	s.Mirror(w, ch)
	return s.Pixels
}
