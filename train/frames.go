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

// plan says which frames are cached: of a memory model those half a stride apart, which it judges, or with Sparse every
// second of them, and else all.
func (t *trainer) plan() views.Plan {
	p := views.Plan{Views: t.views(), Phase: 1, Sparse: t.cfg.Train.Latents.Sparse}
	if stride := t.cfg.Model.Stride(); t.cfg.Model.Remembers() && stride%2 == 0 {
		p.Phase = stride / 2
	}
	return p
}

// every is how many frames apart the cached ones lie.
func (t *trainer) every() int { return t.plan().Every() }

// stretches returns the frames of all views of which the rows of c are the codes; First is the row of the first one.
func (t *trainer) stretches(c *cache) iter.Seq[data.Stretch] {
	d := t.opts.Data
	return t.plan().Stretches(d, func(episode, view, n int) int { return c.first[view*d.Episodes()+episode] + n })
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
