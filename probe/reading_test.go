package probe_test

import (
	"math"
	"testing"

	"foresee/nn"
	"foresee/probe"
)

// Read against what it is defined as, on latents made for it.
func TestReadMonitors(t *testing.T) {
	rng := nn.Rand(4, "monitor")
	const b, f, d = 400, 5, 3
	z := make([]float32, b*f*d)
	for clip := range b {
		own := nn.Normal(rng)
		for k := range f {
			at := z[(clip*f+k)*d:]
			at[0] = float32(2*own) + 1              // differs between clips only
			at[1] = float32(2 * nn.Normal(rng))     // within clips
			at[2] = float32(0.001 * nn.Normal(rng)) // nearly unused
		}
	}
	r := probe.Read(z, b, f, d)
	near := func(name string, got, want, tol float64) {
		if !(math.Abs(got-want) <= tol) {
			t.Errorf("%s = %g, want %g", name, got, want)
		}
	}
	near("StdMean", r.StdMean, 4.001/3, 0.08)
	near("StdMin", r.StdMin, 0.001, 1e-4)
	near("Rank", r.Rank, 2, 0.05)
	near("StaticShare", r.StaticShare, (4+4.0/f)/8, 0.05)
	same := make([]float32, 12)
	if r := probe.Read(same, 2, 2, 3); r.Rank != 0 || r.StdMean != 0 || r.StaticShare != 0 {
		t.Errorf("reading of equal latents = %+v, want zeros", r)
	}
	z[0] = float32(math.NaN())
	if r := probe.Read(z, b, f, d); r.StdMean == r.StdMean {
		t.Errorf("reading with NaN = %+v, want NaN", r)
	}
}
