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

// every is how many frames apart the cached ones lie: half a stride of a memory
// model, which judges such frames, and else 1.
func (t *trainer) every() int {
	if stride := t.cfg.Model.Stride(); t.cfg.Model.Remembers() && stride%2 == 0 {
		return stride / 2
	}
	return 1
}

// stretches returns the cached frames of all views in the order of the cache.
func (t *trainer) stretches() iter.Seq[data.Stretch] {
	return func(yield func(data.Stretch) bool) {
		_, w, ch := t.opts.Data.FrameShape()
		row := 0
		for view := range t.views() {
			for s := range t.opts.Data.Sparse(t.every()) {
				if view == 1 {
					s.Mirror(w, ch)
				}
				s.First, row = row, row+s.N
				if !yield(s) {
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
