package street

import (
	"bytes"
	"math"
	"testing"
)

// A day is a function of its seed, before one camera.
func TestDays(t *testing.T) {
	a, again, other := New(1), New(1), New(2)
	same, apart := 0, 0.0
	const frames = 200
	for range frames {
		x, y, z := a.Next(), again.Next(), other.Next()
		if bytes.Equal(x, y) {
			same++
		}
		for i := range x {
			apart += math.Abs(float64(x[i])-float64(z[i])) / float64(len(x)*frames)
		}
	}
	if same != frames {
		t.Errorf("%d of %d frames of one seed are the same twice", same, frames)
	}
	if apart < 2 || apart > 12 { // noise of two days is 2.3 apart, other places would be 20 and more
		t.Errorf("frames of two days are %.1f steps of gray apart, want the same place with other people", apart)
	}
}

// How many come, how fast, and what the camera adds.
func TestWhoPasses(t *testing.T) {
	s := New(3)
	const frames = 40000
	came, lawn, fast := 0, 0, 0
	for range frames {
		n := len(s.passer)
		s.walk()
		for _, p := range s.passer[min(n, len(s.passer)):] {
			came++
			if p.y >= 62 {
				lawn++
			}
			if math.Abs(p.dx) >= 3 {
				fast++
			}
		}
	}
	// Whoever comes in the frame in which another goes is not counted, so fewer than frames/25 + frames/50.
	if came < 2000 || came > 2500 {
		t.Errorf("%d come in %d frames, want about 2,400", came, frames)
	}
	if lawn < 15 || lawn > 70 || fast < 6 || fast > 40 {
		t.Errorf("%d over the lawn and %d bicycles, want about 40 and 20", lawn, fast)
	}
}

// The sensor's noise is what two frames of an empty street differ by.
func TestNoise(t *testing.T) {
	s := New(4)
	s.ways, s.passer = nil, nil
	a, b := s.Next(), s.Next()
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	if got := math.Sqrt(sum / float64(len(a)) / 2); got < 1.8 || got > 2.2 {
		t.Errorf("noise of %.2f steps of gray, want 2", got)
	}
}
