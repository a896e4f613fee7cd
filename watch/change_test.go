package watch

import (
	"math"
	"testing"

	"foresee/surprise"
)

// alternating are n pictures of so many numbers, every second one raised by step.
func alternating(n, size int, step uint8) [][]uint8 {
	out := make([][]uint8, n)
	for i := range out {
		out[i] = make([]uint8, size)
		for k := range out[i] {
			out[i][k] = 100 + uint8(i%2)*step
		}
	}
	return out
}

// A picture that changes twice as far as usual jumps by a factor of 4, one that stands still is still, and after
// missing pictures nothing is compared.
func TestChange(t *testing.T) {
	c, err := newChange(surprise.Config{WarmUp: 3, HalfLife: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	see := func(picture []uint8, follows bool) changed {
		t.Helper()
		s, err := c.see(picture, follows)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-3*(1+math.Abs(want)) {
			t.Errorf("%s is %g, want %g", what, got, want)
		}
	}
	ordinary := alternating(60, 12, 10)
	for i, p := range ordinary {
		s := see(p, i > 0)
		if s.Ready != (i > 3) {
			t.Errorf("picture %d: ready %v", i, s.Ready)
		}
		if s.Ready {
			near("an ordinary jump", math.Log(s.Whole), 0)
		}
	}
	farther := make([]uint8, 12) // 90 in place of 100, after 110
	for k := range farther {
		farther[k] = 90
	}
	near("a jump", math.Log(see(farther, true).Whole), math.Log(400.0/100))
	still := 0.0
	for range calmFrames + 1 {
		still = see(farther, true).Calm
	}
	if want := math.Log(100 * 12 / 0.5); math.Abs(still-want) > 0.3 { // what is usual has moved a little
		t.Errorf("a picture that stands still is still by %g, want %g", still, want)
	}
	if s := see(farther, false); s.Ready || s.Calm != 0 || s.rush != 0 {
		t.Errorf("after missing pictures: %+v", s)
	}
	if s := see(make([]uint8, 24), true); s.Ready {
		t.Errorf("a picture of another size: %+v", s)
	}
}

// TestRush has everything go at twice its speed: one such picture is a jump and no rush, ten in a row are.
func TestRush(t *testing.T) {
	c, err := newChange(surprise.Config{WarmUp: 3, HalfLife: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	pictures := append(alternating(600, 12, 10), alternating(rushFrames+2, 12, 20)[1:]...)
	var rush []float64
	for i, p := range pictures {
		s, err := c.see(p, i > 0)
		if err != nil {
			t.Fatal(err)
		}
		rush = append(rush, s.rush)
	}
	// the first picture of the second kind is 20 from the one before it, like all that follow
	want := math.Log(4)
	for faster := range rushFrames + 1 {
		if got := rush[600+faster]; math.Abs(got-want*float64(faster)/rushFrames) > 0.1 { // what is usual moves a little
			t.Errorf("after %d faster pictures a rush of %g, want %g", faster, got, want*float64(faster)/rushFrames)
		}
	}
	for i, v := range rush[:3+rushFrames] {
		if v != 0 {
			t.Errorf("picture %d: a rush of %g before there are %d changes", i, v, rushFrames)
		}
	}
	for i, p := range alternating(rushFrames, 12, 40) { // after missing pictures nine changes are no rush
		if s, err := c.see(p, i > 0); err != nil || s.rush != 0 {
			t.Errorf("picture %d after missing ones: a rush of %g, %v", i, s.rush, err)
		}
	}
}
