// Package views divides the frames of a dataset among views of its episodes: as they are, and left for right.
package views

import (
	"iter"
	"slices"

	"foresee/data"
)

// Plan says which frames are taken of every episode.
type Plan struct {
	Views  int  // of an episode: 1, or 2 with mirror images
	Phase  int  // frames from one that may be taken to the next, at least 1
	Sparse bool // every second of those alone: the first and the second begin by turns, over episodes and views
}

// Every returns how many frames apart the taken ones lie.
func (p Plan) Every() int {
	if p.Sparse {
		return 2 * p.Phase
	}
	return p.Phase
}

// From returns which frame of a view of an episode is the first taken one.
func (p Plan) From(episode, view int) int { return (episode + view) * p.Phase % p.Every() }

// Stretches returns the frames that p takes from d; First is the row of a stretch's first one, the others follow. row says
// where the n-th taken frame of an episode's view belongs. The dataset is read once. A stretch's Pixels are valid until the next one.
func (p Plan) Stretches(d *data.Dataset, row func(episode, view, n int) int) iter.Seq[data.Stretch] {
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
					if part := &parts[view]; at%p.Every() == p.From(episode, view) {
						if part.N == 0 {
							part.First = row(episode, view, at/p.Every())
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
