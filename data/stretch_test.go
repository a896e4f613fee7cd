package data_test

import (
	"bytes"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"foresee/data"
)

// Stretches give every frame once, in order; one that is left early leaves nothing running.
func TestStretches(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for _, lengths := range [][]int{{3}, {2048}, {2000, 2100, 50}} {
		d := openDataset(t, writeDataset(t, lengths...))
		step := 0
		for s := range d.Stretches() {
			if s.First != step || s.N < 1 || len(s.Pixels)/s.N != len(d.Frame(0)) {
				t.Fatalf("%v: stretch of %d frames from %d, %d bytes, after %d frames", lengths, s.N, s.First, len(s.Pixels), step)
			}
			for i, v := range s.Pixels {
				at, in := i/len(d.Frame(0)), i%len(d.Frame(0))
				if want := pixel(step+at, in); v != want {
					t.Fatalf("%v: frame %d has pixel %d, want %d", lengths, step+at, v, want)
				}
			}
			step += s.N
		}
		if step != d.Steps() {
			t.Errorf("%v: %d frames, want %d", lengths, step, d.Steps())
		}
		for range d.Stretches() {
			break
		}
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// Every row of every frame is turned, colours stay what they are.
func TestStretchMoveChannels(t *testing.T) {
	for _, c := range []struct {
		channels, by int
		pixels, want []uint8
	}{
		{3, 1, []uint8{1, 2, 3, 4, 5, 6}, []uint8{2, 3, 1, 5, 6, 4}}, {3, 2, []uint8{1, 2, 3}, []uint8{3, 1, 2}},
		{3, 0, []uint8{1, 2, 3}, []uint8{1, 2, 3}}, {1, 1, []uint8{7, 8}, []uint8{7, 8}}, {2, 1, nil, nil},
	} {
		s := data.Stretch{Pixels: slices.Clone(c.pixels)}
		if s.MoveChannels(c.channels, c.by); !slices.Equal(s.Pixels, c.want) {
			t.Errorf("%v in %d channels by %d: %v, want %v", c.pixels, c.channels, c.by, s.Pixels, c.want)
		}
	}
}

func TestStretchMirror(t *testing.T) {
	for _, c := range []struct {
		width, channels int
		in, want        string
	}{
		{3, 2, "aAbBcC" + "dDeEfF", "cCbBaA" + "fFeEdD"},
		{4, 1, "abcd" + "efgh" + "ijkl", "dcba" + "hgfe" + "lkji"},
		{1, 3, "abc" + "def", "abc" + "def"},
		{2, 3, "", ""},
	} {
		s := data.Stretch{Pixels: []uint8(c.in)}
		s.Mirror(c.width, c.channels)
		if string(s.Pixels) != c.want {
			t.Errorf("%q of width %d, %d channels, is mirrored to %q, want %q", c.in, c.width, c.channels, s.Pixels, c.want)
		}
	}
}

// Of every episode the first frame and those a multiple of so many behind it, in order.
func TestSparse(t *testing.T) {
	for _, lengths := range [][]int{{3}, {1, 2, 1, 5}, {2000, 2101, 50}} {
		for _, every := range []int{1, 2, 3, 2500} {
			d := openDataset(t, writeDataset(t, lengths...))
			var want []int
			for e := range d.Episodes() {
				first, length := d.Episode(e)
				for s := first; s < first+length; s += every {
					want = append(want, s)
				}
			}
			at := 0
			for s := range d.Sparse(every) {
				if s.First != at || s.N < 1 || len(s.Pixels) != s.N*len(d.Frame(0)) {
					t.Fatalf("%v, every %d: stretch of %d frames from %d, %d bytes, after %d", lengths, every, s.N, s.First, len(s.Pixels), at)
				}
				for frame := range slices.Chunk(s.Pixels, len(d.Frame(0))) {
					if !bytes.Equal(frame, d.Frame(want[at])) {
						t.Fatalf("%v, every %d: frame %d is not that of step %d", lengths, every, at, want[at])
					}
					at++
				}
			}
			if at != len(want) {
				t.Errorf("%v, every %d: %d frames, want %d", lengths, every, at, len(want))
			}
		}
	}
}
