package data_test

import (
	"testing"

	"go.uber.org/goleak"
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
