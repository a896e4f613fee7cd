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
	show := func(gain float64, loudAt ...int) watch.Seen {
		cells := make([]float64, side*side)
		for i := range cells {
			cells[i] = gain
		}
		for k, at := range loudAt {
			cells[at] = loud + float64(k)
		}
		s, err := p.Observe(cells)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	// what walks lifts what is usual by 4 %
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 0.04*want {
			t.Errorf("%s %.3f, want %.3f", what, got, want)
		}
	}
	for range 60 {
		show(1)
	}
	near("an ordinary frame's", show(1).Sudden, 1)
	stand := func(row, col int) []int { // who stands there fills two rows and three columns
		i := row*side + col
		return []int{i, i + 1, i + 2, i + side, i + side + 1, i + side + 2}
	}
	show(1, stand(0, 0)...)
	for _, at := range [][2]int{{0, 1}, {0, 2}, {1, 3}, {2, 4}} { // a step at a time
		if s := show(1, stand(at[0], at[1])...); !(s.Cells[at[0]*side+at[1]] > 80) || s.Sudden > 1.01 {
			t.Errorf("a walker's step to %v is %.1f above the usual and %.2f sudden, want 85 or more and no more than 1", at, s.Cells[at[0]*side+at[1]], s.Sudden)
		}
	}
	show(1)
	s := show(1, stand(6, 0)...)
	near("what appears in rows 6 and 7 is sudden by", s.Sudden, loud+2.5) // in the middle below, six neighbours, all of them loud
	if s.SuddenAt == nil || *s.SuddenAt != [2]float64{2.5 / side, 7.5 / side} {
		t.Errorf("it is at %v, want the loudest of them, column 2, row 7", s.SuddenAt)
	}
	show(1)
	s = show(1, 5*side+1)
	near("one place alone is sudden by", s.Sudden, 1)
	near("half of the picture, one place being loud,", s.Whole, 1)
	near("half of the picture, all of it doubled,", show(2).Whole, 2)
	p.Break()
	if s := show(1, 3*side); s.Sudden != 0 || s.SuddenAt != nil {
		t.Errorf("after a missing frame %.2f at %v, want nothing", s.Sudden, s.SuddenAt)
	}
}
