package watch

import (
	"math"
	"math/rand/v2"
	"testing"
)

// walk is n pictures [24, 20, 2] of a bright square that walks over noise.
func walk(rng *rand.Rand, n int) [][]uint8 {
	out := make([][]uint8, n)
	for i := range out {
		out[i] = make([]uint8, 24*20*2)
		for k := range out[i] {
			out[i][k] = uint8(100 + 2*rng.NormFloat64())
		}
		for y := 6; y < 12; y++ {
			for x := i % 14; x < i%14+6; x++ {
				out[i][(y*20+x)*2], out[i][(y*20+x)*2+1] = 200, 180
			}
		}
	}
	return out
}

// TestReplay sees nothing in new pictures, a picture that comes back to the last bit, and one that comes back with new noise.
func TestReplay(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	r := replay{h: 24, w: 20, c: 2}
	pictures := walk(rng, 12) // the square does not get back to where it was
	for i, p := range pictures {
		got := r.see(p, i > 0)
		if i < 2 && got != 1 || !(got > 0 && got < 1.2) {
			t.Errorf("new picture %d: a replay of %g", i, got)
		}
	}
	if got := r.see(pictures[11], true); got >= 1 {
		t.Errorf("a picture that stands still: a replay of %g, want less than 1", got)
	}
	if got := r.see(pictures[7], true); got < 1e5 {
		t.Errorf("a picture of four before: a replay of %g", got)
	}
	if got := r.see(walk(rng, 4)[3], true); got < 10 {
		t.Errorf("a picture like one of before, with noise of its own: a replay of %g", got)
	}
	if got := r.see(pictures[8], false); got != 1 {
		t.Errorf("after missing pictures: a replay of %g, want 1", got)
	}
	if got := r.see(pictures[7], true); got != 1 {
		t.Errorf("with one picture before: a replay of %g, want 1", got)
	}
}

// TestReplayForgets remembers replayFrames pictures and no more.
func TestReplayForgets(t *testing.T) {
	r := replay{h: 1, w: 3, c: 1}
	at := func(i int) []uint8 { return []uint8{uint8(i), uint8(i >> 8), uint8(i % 7 * 20)} }
	for i := range replayFrames + 5 {
		r.see(at(i), i > 0)
	}
	if got := r.see(at(6), true); got < 1e6 {
		t.Errorf("the oldest but one: a replay of %g", got)
	}
	for i := range 3 {
		r.see(at(1000+i), true)
	}
	if got := r.see(at(4), true); got > 1e5 {
		t.Errorf("a picture that was forgotten: a replay of %g", got)
	}
	if len(r.kept) != replayFrames {
		t.Errorf("%d pictures kept, want %d", len(r.kept), replayFrames)
	}
}

// TestReplayCells compares the means of cells with those that pixels one by one give, for sides above, at and below 16.
func TestReplayCells(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	for _, shape := range [][3]int{{24, 20, 2}, {96, 96, 1}, {37, 16, 3}, {5, 17, 1}, {1, 1, 1}} {
		r := replay{h: shape[0], w: shape[1], c: shape[2]}
		picture := make([]uint8, r.h*r.w*r.c)
		for i := range picture {
			picture[i] = uint8(rng.IntN(256))
		}
		rows, cols := min(16, r.h), min(16, r.w)
		sums, counts := make([]float64, rows*cols), make([]float64, rows*cols)
		for i, v := range picture {
			y, x := i/r.c/r.w, i/r.c%r.w
			at := y*rows/r.h*cols + x*cols/r.w
			sums[at], counts[at] = sums[at]+float64(v), counts[at]+1
		}
		for i, got := range r.cells(picture) {
			if want := sums[i] / counts[i]; math.Abs(float64(got)-want) > 1e-4 {
				t.Errorf("%v: cell %d is %g, want %g", shape, i, got, want)
			}
		}
	}
}
