package watch

import "math"

const (
	replayFrames = 600  // pictures that are remembered: a minute at 10 a second
	replaySide   = 16   // cells a side of what is remembered of one
	replayNoise  = 0.02 // root of the mean squared difference, in steps of gray, that two pictures have at least
)

// replay knows the pictures of the last minute and sees whether one of them comes back, as in a loop, or in a
// recording that runs backwards. What moves is nearest to where it just was; with d_k the mean squared difference
// of the cells of a picture, at most 16 a side, to those of k pictures before,
//
//	replay = (d_1 + 0.02²)/(min_{k≥2} d_k + 0.02²)
//
// is about 1 or below it for pictures that are new, and large for one that was here before. What is periodic,
// a turning wheel or a lamp that flickers, comes back by nature: a calibration learns that.
type replay struct {
	h, w, c int
	kept    [][]float32 // [rows·cols] means, a ring
	next    int         // where the oldest is once the ring is full
}

// see notes a picture [h, w, c], follows telling whether the last one came just before it, and returns its replay,
// 1 without two pictures before it.
func (r *replay) see(picture []uint8, follows bool) float64 {
	if !follows {
		r.kept, r.next = r.kept[:0], 0
	}
	cells := r.cells(picture)
	last := (r.next + len(r.kept) - 1) % max(1, len(r.kept))
	least, before := math.Inf(1), 0.0
	for i, k := range r.kept {
		if i == last {
			before = meanSquare(cells, k, math.Inf(1))
		} else {
			least = min(least, meanSquare(cells, k, least))
		}
	}
	out := 1.0
	if len(r.kept) > 1 {
		out = (before + replayNoise*replayNoise) / (least + replayNoise*replayNoise)
	}
	r.keep(cells)
	return out
}

// keep remembers cells in place of the oldest.
func (r *replay) keep(cells []float32) {
	if len(r.kept) < replayFrames {
		r.kept = append(r.kept, cells)
		return
	}
	r.kept[r.next] = cells
	r.next = (r.next + 1) % replayFrames
}

// cells returns the mean of each cell of a picture, over its channels too.
func (r *replay) cells(picture []uint8) []float32 {
	rows, cols := min(replaySide, r.h), min(replaySide, r.w)
	sums, counts := make([]float32, rows*cols), make([]float32, rows*cols)
	for y := range r.h {
		row := picture[y*r.w*r.c:][:r.w*r.c]
		at := y * rows / r.h * cols
		for col := range cols {
			// pixels x with x·cols/w = col
			from, to := (col*r.w+cols-1)/cols*r.c, ((col+1)*r.w+cols-1)/cols*r.c
			sum := 0
			for _, v := range row[from:to] {
				sum += int(v)
			}
			sums[at+col] += float32(sum)
			counts[at+col] += float32(to - from)
		}
	}
	for i := range sums {
		sums[i] /= counts[i]
	}
	return sums
}

// meanSquare returns the mean squared difference of two slices, or anything of at least enough.
func meanSquare(a, b []float32, enough float64) float64 {
	stop, n, sum := float32(enough*float64(len(a))), len(a), float32(0)
	for i := 0; i < n && !(sum >= stop); i += replaySide {
		for j := i; j < min(i+replaySide, n); j++ {
			d := a[j] - b[j]
			sum += d * d
		}
	}
	return float64(sum) / float64(n)
}
