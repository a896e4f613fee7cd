package watch_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"foresee/probe"
	"foresee/watch"
)

// TestRank compares with the covariance itself, over the last 128 latents alone.
func TestRank(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 8))
	for _, c := range []struct{ width, seen int }{{1, 16}, {7, 40}, {200, 127}, {33, 128}, {33, 300}} {
		var r watch.Rank
		var all []float32
		for i := range c.seen {
			if i == 15 && !math.IsNaN(r.Value()) {
				t.Errorf("15 latents have rank %g, want NaN", r.Value())
			}
			z := make([]float32, c.width)
			for d := range z {
				z[d] = float32(3+rng.NormFloat64()/float64(d+1)) * float32(1+i/100)
			}
			r.Add(z)
			all = append(all, z...)
		}
		all = all[max(0, len(all)-128*c.width):]
		want := probe.ParticipationRatio(probe.Table{Values: all, Width: c.width})
		if got := r.Value(); !(math.Abs(got-want) < 1e-9*want) {
			t.Errorf("%d of %d latents: rank %.12g, the covariance says %.12g", c.seen, c.width, got, want)
		}
	}
	var still watch.Rank
	for range 20 {
		still.Add([]float32{1, 2})
	}
	if v := still.Value(); !math.IsNaN(v) {
		t.Errorf("latents that never move have rank %g", v)
	}
}
