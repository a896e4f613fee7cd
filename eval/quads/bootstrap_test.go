package quads

import (
	"math"
	"testing"
)

// Against the normal interval of a mean, and of a mean of two strata of unequal spread.
func TestResample(t *testing.T) {
	half, sure := make([]float64, 400), make([]float64, 400)
	for i := range half {
		half[i], sure[i] = float64(i/200)/2, 1 // half of the quadruplets one pair, half none; all
	}
	check := func(name string, e estimate, value, spread float64, n int) {
		t.Helper()
		r := e.row(name, "")
		if r.Value != value || r.N != n || math.Abs(*r.Lo-value+1.96*spread) > 0.004 || math.Abs(*r.Hi-value-1.96*spread) > 0.004 {
			t.Errorf("%s = %v of %d in [%v, %v], want %v ± %v of %d", name, r.Value, r.N, *r.Lo, *r.Hi, value, 1.96*spread, n)
		}
	}
	a, b := meanOf(half, 800).resample(1), meanOf(sure, 800).resample(1)
	check("half", a, 0.25, 0.25/20, 800)
	check("sure", b, 1, 0, 800)
	check("both", average([]estimate{a, b}), 0.625, 0.25/40, 1600)
	check("either way", meanOf(half, 800).eitherWay().resample(1), 0.75, 0.25/20, 800)
	if r := meanOf(nil, 0).resample(1).row("none", ""); !math.IsNaN(r.Value) || r.Lo != nil || r.Validate() != nil {
		t.Errorf("of nothing: %+v (%v)", r, r.Validate())
	}
	one := meanOf([]float64{0.5}, 2).resample(1)
	for name, e := range map[string]estimate{"one group": one, "one group and many": average([]estimate{a, one})} {
		if r := e.row(name, ""); r.Lo != nil || r.Hi != nil || math.IsNaN(r.Value) {
			t.Errorf("%s: %+v, want a value without an interval", name, r)
		}
	}
	if r := average(nil).row("none", ""); !math.IsNaN(r.Value) {
		t.Errorf("average of nothing: %+v", r)
	}
}
