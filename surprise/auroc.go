package surprise

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Separation says how well scores tell positives from negatives.
type Separation struct {
	AUROC     float64 // 0.5 = chance, 1 = every positive above every negative
	Lo, Hi    float64 // 95 % interval, Lo <= AUROC <= Hi
	Positives int
	Negatives int
}

// AUROC returns the probability that a random positive scores above a random
// negative, ties counting one half, with a 95 % interval.
//
//	AUROC = U / (m·n),   U = Σ_ij [p_i > q_j] + [p_i = q_j]/2
//	interval: all θ with |θ - AUROC| <= 1.96·sqrt(V(θ)),
//	V(θ) = θ(1-θ)·(1 + ((m+n)/2 - 1)·((1-θ)/(2-θ) + θ/(1+θ))) / (m·n)
//
// The variance is taken at the bound, not at the estimate, so that the interval
// keeps its width when the separation is perfect. Positives and negatives are
// taken as independent: for matched pairs it is on the wide side. No positives
// or no negatives, or a score that is NaN or infinite, is an error.
//
// Source: Newcombe, "Confidence intervals for an effect size measure based on
// the Mann-Whitney statistic, part 2", Statistics in Medicine 25 (2006),
// method 5.
func AUROC(positives, negatives []float64) (Separation, error) {
	m, n := len(positives), len(negatives)
	if m == 0 || n == 0 {
		return Separation{}, fmt.Errorf("surprise: AUROC of %d positives and %d negatives: %w", m, n, errNothing)
	}
	for i, s := range slices.Concat(positives, negatives) {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return Separation{}, fmt.Errorf("surprise: AUROC: score %d of %d: %w: %g", i, m+n, ErrNotFinite, s)
		}
	}
	theta := twiceU(positives, negatives) / (2 * float64(m) * float64(n))
	return Separation{
		AUROC: theta, Lo: bound(theta, 0, m, n), Hi: bound(theta, 1, m, n),
		Positives: m, Negatives: n,
	}, nil
}

var errNothing = errors.New("nothing to compare")

// twiceU returns 2·U, a whole number, by one pass over the sorted scores.
func twiceU(positives, negatives []float64) float64 {
	p, q := slices.Clone(positives), slices.Clone(negatives)
	slices.Sort(p)
	slices.Sort(q)
	below, upto, sum := 0, 0, 0 // negatives < s and <= s
	for _, s := range p {
		for below < len(q) && q[below] < s {
			below++
		}
		for upto < len(q) && q[upto] <= s {
			upto++
		}
		sum += below + upto
	}
	return float64(sum)
}

// bound returns the end of the interval between theta and limit, 0 or 1, by
// bisection: towards the limit the variance falls to 0 and the gap grows.
func bound(theta, limit float64, m, n int) float64 {
	const z = 1.959963984540054
	within := func(t float64) bool {
		v := t * (1 - t) * (1 + (float64(m+n)/2-1)*((1-t)/(2-t)+t/(1+t))) / (float64(m) * float64(n))
		return math.Abs(t-theta) <= z*math.Sqrt(v)
	}
	if theta == limit {
		return limit
	}
	in, out := theta, limit
	if !within(theta + 1e-9*(limit-theta)) { // theta is the other limit, where the variance is 0
		return theta
	}
	for range 60 {
		mid := (in + out) / 2
		if within(mid) {
			in = mid
		} else {
			out = mid
		}
	}
	return in
}
