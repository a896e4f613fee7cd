package data

import "iter"

// Stretch is N consecutive frames of a dataset from global step First on: Pixels
// [N, H, W, C] uint8.
type Stretch struct {
	First, N int
	Pixels   []uint8
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
