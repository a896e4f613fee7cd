package report

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// z95 is the 97.5 % quantile of the standard normal distribution.
const z95 = 1.959963984540054

// Wilson returns the 95 % score interval of a success probability after k successes in n trials.
//
//	(p + z²/2n ± z·sqrt(p(1−p)/n + z²/4n²)) / (1 + z²/n),  p = k/n, z = 1.96
//
// Both bounds lie in [0, 1] and hold p between them; n = 0 gives [0, 1].
// Wilson panics if k is not in [0, n].
//
// Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
// JASA 22 (1927), 209-212.
func Wilson(k, n int) (lo, hi float64) {
	if k < 0 || n < 0 || k > n {
		panic(fmt.Sprintf("report: Wilson of %d in %d", k, n))
	}
	if n == 0 {
		return 0, 1
	}
	p, m := float64(k)/float64(n), float64(n)
	mid := p + z95*z95/(2*m)
	half := z95 * math.Sqrt(p*(1-p)/m+z95*z95/(4*m*m))
	scale := 1 + z95*z95/m
	return max(0, min(p, (mid-half)/scale)), min(1, max(p, (mid+half)/scale))
}

// Ratio returns the row of k successes in n trials with its Wilson interval; NaN if n = 0.
func Ratio(name string, k, n int, note string) Row {
	lo, hi := Wilson(k, n)
	if n == 0 {
		return Row{Name: name, Value: math.NaN(), Unit: "ratio", Lo: &lo, Hi: &hi, Note: note}
	}
	return Row{Name: name, Value: float64(k) / float64(n), Unit: "ratio", N: n, Lo: &lo, Hi: &hi, Note: note}
}

// Mean returns the row of the mean of values with the normal 95 % interval mean ± 1.96·std/√n;
// std is unbiased. Fewer than two values give no interval, none gives NaN.
func Mean(name, unit string, values []float64, note string) Row {
	r := Row{Name: name, Value: math.NaN(), Unit: unit, N: len(values), Note: note}
	if len(values) == 0 {
		return r
	}
	var sum, sq float64
	for _, v := range values {
		sum += v
	}
	n := float64(len(values))
	r.Value = sum / n
	if len(values) < 2 {
		return r
	}
	for _, v := range values {
		sq += (v - r.Value) * (v - r.Value)
	}
	half := z95 * math.Sqrt(sq/(n-1)/n)
	lo, hi := r.Value-half, r.Value+half
	r.Lo, r.Hi = &lo, &hi
	return r
}

// Poisson returns the exact 95 % interval of the mean of a Poisson count k.
//
//	lo = χ²(0.025; 2k)/2 (0 for k = 0),   hi = χ²(0.975; 2k+2)/2
//
// Poisson panics if k is below 0.
//
// Source: Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936).
func Poisson(k int) (lo, hi float64) {
	if k < 0 {
		panic(fmt.Sprintf("report: Poisson of %d", k))
	}
	if k > 0 {
		lo = distuv.ChiSquared{K: float64(2 * k)}.Quantile(0.025) / 2
	}
	return lo, distuv.ChiSquared{K: float64(2*k + 2)}.Quantile(0.975) / 2
}
