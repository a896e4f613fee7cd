package train

import (
	"iter"
	"slices"

	"foresee/data"
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

// from is which frame of an episode's view is the first cached one. With Sparse the first phase and the second take
// turns, so that neither a view nor an episode has one alone.
func (t *trainer) from(episode, view int) int {
	return (episode + view) * t.phase() % t.every()
}

// stretches returns the frames of all views of which the rows of c are the codes; First is the row of the first one.
// The dataset is read once. A stretch's Pixels are valid until the next one.
func (t *trainer) stretches(c *cache) iter.Seq[data.Stretch] {
	return func(yield func(data.Stretch) bool) {
		d, phase := t.opts.Data, t.phase()
		h, w, ch := d.FrameShape()
		size, episode, at := h*w*ch, 0, 0
		parts := make([]data.Stretch, t.views())
		for s := range d.Sparse(phase) {
			for view := range parts {
				parts[view] = data.Stretch{Pixels: parts[view].Pixels[:0]}
			}
			for pixels := range slices.Chunk(s.Pixels, size) {
				for _, length := d.Episode(episode); at >= length; _, length = d.Episode(episode) {
					episode, at = episode+1, 0
				}
				for view := range parts {
					if part, from := &parts[view], t.from(episode, view); at%t.every() == from {
						if part.N == 0 {
							part.First = c.first[view*d.Episodes()+episode] + at/t.every()
						}
						part.N, part.Pixels = part.N+1, append(part.Pixels, pixels...)
					}
				}
				at += phase
			}
			for view, part := range parts {
				if view == 1 {
					part.Mirror(w, ch)
				}
				if part.N > 0 && !yield(part) {
					return
				}
			}
		}
	}
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
