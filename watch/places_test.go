package watch_test

import (
	"math"
	"testing"

	"foresee/surprise"
	"foresee/watch"
)

// TestHalfLife lets the surprise of a place double: HalfLife frames later half of
// that is expected, 2/1.5, with the defaults that foresee watch, calibrate and eval
// watch all use.
func TestHalfLife(t *testing.T) {
	p, err := watch.NewPlaces(1, 1, surprise.Config{})
	if err != nil {
		t.Fatal(err)
	}
	observe := func(n int, score float64) (s watch.Seen) {
		for range n {
			if s, err = p.Observe([]float64{score}); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	observe(20*watch.HalfLife, 1)
	if s := observe(watch.HalfLife+1, 2); math.Abs(s.Relative-2/1.5) > 1e-3 {
		t.Errorf("relative surprise %.4f, want %.4f: half of the change is expected", s.Relative, 2/1.5)
	}
}

// TestSudden lets the same surprise walk from place to place, and then come out of nowhere: for a place both are as far
// above the usual, all at once is the second only.
func TestSudden(t *testing.T) {
	const side, loud = 8, 100.0
	p, err := watch.NewPlaces(side, side, surprise.Config{})
	if err != nil {
		t.Fatal(err)
	}
	show := func(at int, gain float64) watch.Seen {
		cells := make([]float64, side*side)
		for i := range cells {
			cells[i] = gain
		}
		if at >= 0 {
			cells[at] = loud
		}
		s, err := p.Observe(cells)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 0.01*want {
			t.Errorf("%s %.3f, want %.3f", what, got, want)
		}
	}
	for range 60 {
		show(-1, 1)
	}
	near("an ordinary frame's", show(-1, 1).Sudden, 1)
	show(0, 1)
	for _, at := range []int{1, 2, side + 3, 2*side + 4} { // a step at a time
		if s := show(at, 1); !(s.Cells[at] > 90) || s.Sudden > 1.01 {
			t.Errorf("a walker's step to %d is %.1f above the usual and %.2f sudden, want 99 and no more than 1", at, s.Cells[at], s.Sudden)
		}
	}
	show(-1, 1)
	s := show(7*side+1, 1) // the corner beside it is judged with three neighbours, of which it is one
	near("what appears in row 7, column 1, is sudden by", s.Sudden, (loud+3)/4)
	if s.SuddenAt == nil || *s.SuddenAt != [2]float64{1.5 / side, 7.5 / side} {
		t.Errorf("it is at %v, want column 1, row 7", s.SuddenAt)
	}
	near("half of the picture, one place being loud,", s.Whole, 1)
	near("half of the picture, all of it doubled,", show(-1, 2).Whole, 2)
	p.Break()
	if s := show(3*side, 1); s.Sudden != 0 || s.SuddenAt != nil {
		t.Errorf("after a missing frame %.2f at %v, want nothing", s.Sudden, s.SuddenAt)
	}
}
