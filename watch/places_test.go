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
