package replay

import (
	"math"
	"slices"
	"testing"

	"foresee/nn"
)

// Hard draws follow error^power, clips never seen count as the mean; the rest are uniform.
func TestDrawsFollowTheProportions(t *testing.T) {
	s := New(5, 0.6, 0.5)
	copy(s.Errors, []float32{1, 4, 0, 16, 9}) // roots 1 2 ? 4 3, mean 2.5
	s.Refresh()
	copy(s.Errors, []float32{100, 100, 100, 100, 100}) // not yet: only at the next refresh
	counts, n := make([]float64, 5), 0
	rng := nn.Rand(1, "draws")
	for range 200 {
		for _, clip := range s.Draw(rng, 500) {
			counts[clip]++
			n++
		}
	}
	for i, share := range []float64{1, 2, 2.5, 4, 3} {
		want := 0.4/5 + 0.6*share/12.5
		if got := counts[i] / float64(n); math.Abs(got-want) > 0.006 { // 4 standard errors
			t.Errorf("clip %d has share %.4f of the draws, want %.4f", i, got, want)
		}
	}
	s.Refresh()
	if s.Drawn[0] != 100 || s.sums[4] != 50 {
		t.Errorf("after a refresh: drawn %v, sums %v", s.Drawn, s.sums)
	}
	if fresh := New(5, 1, 0.7); !slices.Equal(fresh.sums, []float64{1, 2, 3, 4, 5}) {
		t.Errorf("sums of clips never seen = %v, want equal shares", fresh.sums)
	}
}

// Errors go to the clips that were drawn, and another sampler takes over where one stopped.
func TestNoteAndRestore(t *testing.T) {
	s := New(4, 1, 1)
	copy(s.Drawn, []float32{0, 0, 0, 7})
	s.accumulate() // clips 0 to 2 count as the mean, 7
	batch := slices.Clone(s.Draw(nn.Rand(2, "draws"), 3))
	s.Note([]float32{5, 6, 8})
	want := make([]float32, 4)
	for i, clip := range batch {
		want[clip] = []float32{5, 6, 8}[i]
	}
	if !slices.Equal(s.Errors, want) {
		t.Errorf("clips %v: errors %v, want %v", batch, s.Errors, want)
	}
	next := New(4, 1, 1)
	next.Restore(s.Errors, s.Drawn)
	if !slices.Equal(next.Errors, s.Errors) || !slices.Equal(next.sums, []float64{7, 14, 21, 28}) {
		t.Errorf("restored: errors %v, sums %v", next.Errors, next.sums)
	}
	next.Restore(make([]float32, 3), make([]float32, 3)) // of another run
	if !slices.Equal(next.Errors, s.Errors) {
		t.Errorf("took the errors of another number of clips: %v", next.Errors)
	}
}
