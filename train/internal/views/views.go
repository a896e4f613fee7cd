// Package views divides the frames of a dataset among views of its episodes: as they are, and left for right. It says
// which are encoded, where clips of them start, and on which pairs something is measured.
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

// Starts lists the first rows of all clips of context rows a stride apart, of the episodes that keep admits, whose rows are
// length[e] from first[e] on: any row, the first ones of an episode included where it is shorter.
func Starts(first, length []int, context, stride int, keep func(episode int) bool) []int {
	var starts []int
	for e := range first {
		last := length[e] - (context-1)*stride // first start whose clip is cut short by the end
		for i := 0; keep(e) && i < max(min(stride, length[e]-stride), last); i++ {
			starts = append(starts, first[e]+i)
		}
	}
	return starts
}

// Pairs lists the frames of up to most pairs, half an episode apart, one frame behind the other, of the episodes that keep
// admits: as global steps of d, d.Steps() further on for the second view. The pairs are of as many episodes as can be, and
// of the same ones in every view.
func (p Plan) Pairs(d *data.Dataset, most int, keep func(episode int) bool) (frames []int) {
	var episodes []int
	for e := range d.Episodes() {
		if keep(e) {
			episodes = append(episodes, e)
		}
	}
	n := min(len(episodes), most/p.Views)
	for i := range n * p.Views {
		first, length := d.Episode(episodes[i%n*len(episodes)/n])
		half := length / 2
		pairs := max(1, min(half, most/p.Views/n))
		for j := range pairs {
			at := i/n*d.Steps() + first + (2*j+1)*half/(2*pairs)
			frames = append(frames, at, at+half)
		}
	}
	return frames
}
