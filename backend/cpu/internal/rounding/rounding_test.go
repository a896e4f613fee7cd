package rounding_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"foresee/backend/cpu/internal/rounding"
)

// TestScale: rounded numbers fit 16 bits and the norm that sums can take, the greatest is exact, and nothing is left unused.
func TestScale(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		row := make([]float32, 1+rng.IntN(1024))
		size := math.Exp(20 * rng.NormFloat64() / 3)
		for i := range row {
			row[i] = float32(size * rng.NormFloat64())
		}
		squares, high := rounding.Norms(row)
		scale, inverse, ok := rounding.Scale(squares, high)
		if !ok {
			t.Fatalf("%d numbers of %g: no scale", len(row), size)
		}
		norm, most := 0.0, 0.0
		for _, x := range row {
			q := float64(rounding.Quant(x, inverse))
			if gap := math.Abs(q*float64(scale) - float64(x)); gap > 0.51*float64(scale) {
				t.Fatalf("%g becomes %g times %g", x, q, scale)
			}
			norm, most = norm+q*q, max(most, math.Abs(q))
		}
		if norm = math.Sqrt(norm); norm >= 46340 || most > math.MaxInt16 || norm < 45000 && most < 32000 {
			t.Errorf("%d numbers have the norm %g and the greatest %g", len(row), norm, most)
		}
		if got := float32(most) * scale; math.Abs(float64(got-high)) > 2e-7*float64(high) {
			t.Errorf("the greatest, %g, becomes %g", high, got)
		}
	}
}

// TestScaleOfOddNumbers: nothing but zeros has the scale 0, and what float32 cannot tell is said.
func TestScaleOfOddNumbers(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		row  []float32
		want bool
	}{{nil, true}, {[]float32{0, 0}, true}, {[]float32{1e-30}, false}, {[]float32{1e30}, false}, {[]float32{1, inf}, false}, {[]float32{nan, 1}, false}} {
		scale, inverse, ok := rounding.Scale(rounding.Norms(c.row))
		if ok != c.want || scale != 0 || inverse != 0 {
			t.Errorf("%v: %g, %g, %t", c.row, scale, inverse, ok)
		}
	}
	if q := rounding.Quant(nan, 1); q != 0 {
		t.Errorf("NaN becomes %d", q)
	}
}
