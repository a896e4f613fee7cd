// Package views divides the frames of a dataset among views of its episodes: as they are, and left for right.
package views

import (
	"iter"
	"slices"

	"foresee/data"
)

// Plan says which frames are taken. All functions and numbers count frames from the first of an episode.
type Plan struct {
	Views        int                            // 1, or 2 with mirror images
	Phase, Every int                            // frames are looked at Phase apart, and taken Every apart, a multiple of Phase
	From         func(episode, view int) int    // the first frame taken, a multiple of Phase below Every
	Row          func(episode, view, n int) int // where the n-th frame taken belongs
}

// Stretches returns the frames that p takes from d; First is the row of a stretch's first one, the others follow.
// The dataset is read once. A stretch's Pixels are valid until the next one.
func (p Plan) Stretches(d *data.Dataset) iter.Seq[data.Stretch] {
	return func(yield func(data.Stretch) bool) {
		h, w, ch := d.FrameShape()
		size, episode, at := h*w*ch, 0, 0
		parts := make([]data.Stretch, p.Views)
		for s := range d.Sparse(p.Phase) {
			for view := range parts {
				parts[view] = data.Stretch{Pixels: parts[view].Pixels[:0]}
			}
			for pixels := range slices.Chunk(s.Pixels, size) {
				for _, length := d.Episode(episode); at >= length; _, length = d.Episode(episode) {
					episode, at = episode+1, 0
				}
				for view := range parts {
					if part := &parts[view]; at%p.Every == p.From(episode, view) {
						if part.N == 0 {
							part.First = p.Row(episode, view, at/p.Every)
						}
						part.N, part.Pixels = part.N+1, append(part.Pixels, pixels...)
					}
				}
				at += p.Phase
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
