package surprise

import (
	"fmt"
	"math"
	"slices"
)

// Tail is a generalised-Pareto law of scores beyond a high threshold, for
// p-values below what a sample can show.
//
//	P(score >= s) = Exceed·(1 + Shape·(s - Threshold)/Scale)^(-1/Shape),   s >= Threshold
//
// with the exponential exp(-(s-Threshold)/Scale) at Shape 0. A negative Shape
// ends the tail at Threshold - Scale/Shape, beyond which P is 0.
type Tail struct {
	Threshold float64 `json:"threshold"` // scores from here on are the tail
	Exceed    float64 `json:"exceed"`    // share of normal scores in the tail
	Shape     float64 `json:"shape"`     // ξ; above 0 is heavy
	Scale     float64 `json:"scale"`     // σ > 0, in units of the score
	Count     int     `json:"count"`     // normal scores in the tail that the fit has seen
}

// LeastTail is the number of scores beyond the threshold that FitTail wants.
const LeastTail = 10

// FitTail fits the scores above the given quantile of a sample, 0.9 say, in
// any order; scores is not changed. The shape is pulled towards 0.1 as by 20
// further scores: a fit to few scores is crossed more often than it says, since
// a tail cut too short costs more alarms than one too long saves. Measured with
// 50 exponential scores in the tail, the level of p = 1e-4 is crossed with
// probability 1.7e-4 on average; without the pull towards 0.1, 3.4e-4. A quantile that
// leaves fewer than LeastTail scores is lowered until it leaves so many. Fewer
// than twice LeastTail scores, or one not finite, is an error; so is a sample
// whose highest scores are all equal. It panics unless 0 < quantile < 1.
//
// Source: Zhang and Stephens, "A new and efficient estimation method for the
// generalized Pareto distribution", Technometrics 51 (2009), section 3; the pull
// as in Vehtari et al., arXiv 1507.02646, appendix C, there towards 0.5.
func FitTail(scores []float64, quantile float64) (Tail, error) {
	if !(quantile > 0 && quantile < 1) {
		panic(fmt.Sprintf("surprise: FitTail above quantile %g", quantile))
	}
	if err := checkSample(scores, 2*LeastTail); err != nil {
		return Tail{}, fmt.Errorf("surprise: tail: %w", err)
	}
	sorted := slices.Clone(scores)
	slices.Sort(sorted)
	n := len(sorted)
	from := min(int(quantile*float64(n)), n-LeastTail)
	t := Tail{Threshold: sorted[from-1], Exceed: float64(n-from) / float64(n+1), Count: n - from}
	excess := sorted[from:]
	for i := range excess {
		excess[i] -= t.Threshold
	}
	for len(excess) > 0 && excess[0] == 0 { // ties with the threshold are not beyond it
		excess = excess[1:]
	}
	if len(excess) < LeastTail/2 {
		return Tail{}, fmt.Errorf("surprise: tail: %d of %d scores lie above %g: %w", len(excess), n, t.Threshold, ErrTooFew)
	}
	t.Exceed, t.Count = float64(len(excess))/float64(n+1), len(excess)
	t.Shape, t.Scale = paretoFit(excess)
	return t, nil
}

// paretoFit returns shape and scale of ascending positive excesses: the mean of
// θ = -ξ/σ over a grid, weighed by the profile likelihood.
func paretoFit(x []float64) (shape, scale float64) {
	n := float64(len(x))
	m := 20 + int(math.Sqrt(n))
	quarter := x[max(0, int(n/4+0.5)-1)]
	theta, level := make([]float64, m), make([]float64, m)
	for j := range theta {
		theta[j] = 1/x[len(x)-1] + (1-math.Sqrt(float64(m)/(float64(j)+0.5)))/(3*quarter)
		k := meanLog1p(-theta[j], x)
		level[j] = n * (math.Log(-theta[j]/k) - k - 1)
		if theta[j] == 0 {
			level[j] = math.Inf(-1)
		}
	}
	top := slices.Max(level)
	sum, weight := 0.0, 0.0
	for j, l := range level {
		w := math.Exp(l - top)
		sum, weight = sum+w*theta[j], weight+w
	}
	mean := sum / weight
	shape = meanLog1p(-mean, x)
	scale = -shape / mean
	const prior, toward = 20, 0.1
	return (shape*n + prior*toward) / (n + prior), scale
}

func meanLog1p(t float64, x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Log1p(t * v)
	}
	return sum / float64(len(x))
}

// P returns the probability that a normal score is at least s; Exceed for every
// s up to Threshold, so ask the sample there.
func (t Tail) P(s float64) float64 {
	z := (s - t.Threshold) / t.Scale
	switch {
	case math.IsNaN(z):
		return math.NaN()
	case z <= 0:
		return t.Exceed
	case math.Abs(t.Shape) < 1e-9:
		return t.Exceed * math.Exp(-z)
	case 1+t.Shape*z <= 0:
		return 0
	}
	return t.Exceed * math.Exp(-math.Log1p(t.Shape*z)/t.Shape)
}

// Level returns the score whose P is p, at least Threshold; +Inf for p = 0 when
// the tail has no end. It panics unless p is in [0, 1].
func (t Tail) Level(p float64) float64 {
	if !(p >= 0 && p <= 1) {
		panic(fmt.Sprintf("surprise: Tail: level of p = %g", p))
	}
	r := t.Exceed / p
	switch {
	case r <= 1:
		return t.Threshold
	case math.Abs(t.Shape) < 1e-9:
		return t.Threshold + t.Scale*math.Log(r)
	}
	return t.Threshold + t.Scale*math.Expm1(t.Shape*math.Log(r))/t.Shape
}
