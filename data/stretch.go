package data

import (
	"iter"
	"slices"
)

// Stretch is N consecutive frames of a dataset from global step First on: Pixels
// [N, H, W, C] uint8.
type Stretch struct {
	First, N int
	Pixels   []uint8
}

// Mirror turns every frame of s left for right, in place; width and channels are
// W and C.
func (s Stretch) Mirror(width, channels int) {
	for row := range slices.Chunk(s.Pixels, width*channels) {
		for left, right := 0, (width-1)*channels; left < right; left, right = left+channels, right-channels {
			for c := range channels {
				row[left+c], row[right+c] = row[right+c], row[left+c]
			}
		}
	}
}

// MoveChannels gives every channel c of s the values of channel by + c, counted around, in place: a picture in other colours.
func (s Stretch) MoveChannels(channels, by int) {
	pixel := make([]uint8, channels)
	for to := range slices.Chunk(s.Pixels, channels) {
		copy(pixel, to)
		for c := range to {
			to[c] = pixel[(c+by)%channels]
		}
	}
}

// Stretches returns all frames of d in order, each stretch read while the one
// before is in use; a stretch's Pixels are valid until the next one. The last may
// be shorter than the others.
func (d *Dataset) Stretches() iter.Seq[Stretch] {
	return func(yield func(Stretch) bool) {
		const chunk = 2048
		h, w, c := d.FrameShape()
		buffers := [2][]uint8{make([]uint8, chunk*h*w*c), make([]uint8, chunk*h*w*c)}
		next := make(chan Stretch, 1)
		read := func(first, buffer int) {
			n := min(chunk, d.Steps()-first)
			copy(buffers[buffer], d.FrameRange(first, n))
			next <- Stretch{first, n, buffers[buffer][:n*h*w*c]}
		}
		go read(0, 0)
		for i, lo := 1, chunk; ; i, lo = 1-i, lo+chunk {
			s := <-next
			more := lo < d.Steps()
			if more {
				go read(lo, i)
			}
			if !yield(s) {
				if more {
					<-next
				}
				return
			}
			if !more {
				return
			}
		}
	}
}

// Sparse is Stretches of the frames that lie a multiple of every, at least 1, behind
// the first of their episode; First counts these alone.
func (d *Dataset) Sparse(every int) iter.Seq[Stretch] {
	return func(yield func(Stretch) bool) {
		h, w, c := d.FrameShape()
		size, given, episode, at := h*w*c, 0, 0, 0
		for s := range d.Stretches() {
			n := 0
			for i := range s.N {
				for _, length := d.Episode(episode); at == length; _, length = d.Episode(episode) {
					episode, at = episode+1, 0
				}
				if at%every == 0 {
					copy(s.Pixels[n*size:(n+1)*size], s.Pixels[i*size:])
					n++
				}
				at++
			}
			if n > 0 && !yield(Stretch{First: given, N: n, Pixels: s.Pixels[:n*size]}) {
				return
			}
			given += n
		}
	}
}
