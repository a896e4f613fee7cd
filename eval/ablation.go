package eval

import (
	"fmt"
	"math"

	"foresee/report"
	"foresee/train"
)

// ablation is a training config with one group of regularizers switched off.
type ablation struct {
	off       string // what is switched off, "none" for the full loss
	change    func(*train.Config)
	published float64 // success in percent that was published, NaN if none was
}

// ablations returns what is switched off for a preset, the full loss first.
//
// Source of the published success rates: EB-JEPA, random wall (jepa reference
// 1.1: 97 ± 2, 47 ± 3, 46 ± 3, 61 ± 2, 1 ± 1).
func ablations(preset string) ([]ablation, error) {
	unknown := math.NaN()
	weights := func(f func(*train.Weights)) func(*train.Config) {
		return func(c *train.Config) { f(&c.Train.Pixels.Weights) }
	}
	nothing := func(*train.Config) {}
	std := weights(func(w *train.Weights) { w.Std = 0 })
	inverse := weights(func(w *train.Weights) { w.InverseDynamics = 0 })
	switch preset {
	case "eb-jepa":
		return []ablation{
			{"none", nothing, 97}, {"std", std, 47}, {"cov", weights(func(w *train.Weights) { w.Cov = 0 }), 46},
			{"sim", weights(func(w *train.Weights) { w.Sim = 0 }), 61}, {"idm", inverse, 1},
		}, nil
	case "tworooms":
		return []ablation{
			{"none", nothing, unknown}, {"std", std, unknown}, {"idm", inverse, unknown},
			{"static", weights(func(w *train.Weights) { w.StaticStd, w.StaticCov = 0, 0 }), unknown},
			{"invariance", weights(func(w *train.Weights) { w.StaticInv = 0 }), unknown},
			{"within", func(c *train.Config) { c.Train.Pixels.Within = false }, unknown},
		}, nil
	}
	return nil, fmt.Errorf("there are no ablations of preset %q, only of tworooms and eb-jepa", preset)
}

// publishedError bounds what a published difference may be by chance: of two
// rates given as ± 3 at most, 6 points.
const publishedError = 6

// verdict compares a published difference of two success rates with ours.
type verdict int

const (
	undecided verdict = iota // our interval of the difference holds 0
	reproduced
	contradicted
)

func (v verdict) String() string {
	return [...]string{"undecided at this size", "reproduced", "contradicted"}[v]
}

// judge says whether a success rate of ka in na above kb in nb, or below it, has
// the sign of the published difference.
func judge(published float64, a, b rate) verdict {
	lo, hi := difference(a, b)
	switch {
	case lo <= 0 && hi >= 0:
		return undecided
	case (lo > 0) == (published > 0):
		return reproduced
	}
	return contradicted
}

// rate is k successes in n episodes.
type rate struct{ k, n int }

func (r rate) share() float64 { return float64(r.k) / float64(r.n) }

// difference returns the 95 % interval of the difference a - b of two success
// probabilities, from the Wilson intervals [la, ua] and [lb, ub] of both.
//
//	d - sqrt((a-la)² + (ub-b)²)  ..  d + sqrt((ua-a)² + (b-lb)²),   d = a - b
//
// Source: Newcombe, "Interval estimation for the difference between independent
// proportions", Statistics in Medicine 17, 1998, method 10.
func difference(a, b rate) (lo, hi float64) {
	la, ua := report.Wilson(a.k, a.n)
	lb, ub := report.Wilson(b.k, b.n)
	pa, pb := a.share(), b.share()
	return pa - pb - math.Hypot(pa-la, ub-pb), pa - pb + math.Hypot(ua-pa, pb-lb)
}

// ordering judges every pair of ablations whose published success differs by
// more than chance, and returns the row of the share that is reproduced. Without
// such a pair there is no row.
func ordering(preset string, found []outcome) (report.Row, bool) {
	var counts [3]int
	pairs := 0
	for i, a := range found {
		for _, b := range found[:i] {
			d := a.published - b.published
			if !(math.Abs(d) > publishedError) || a.success.n == 0 || b.success.n == 0 {
				continue
			}
			pairs++
			counts[judge(d, a.success, b.success)]++
		}
	}
	if pairs == 0 {
		return report.Row{}, false
	}
	note := fmt.Sprintf("pairs whose published order is reproduced; %d contradicted, %d undecided at this size (interval of the difference holds 0)",
		counts[contradicted], counts[undecided])
	return report.Ratio("collapse/"+preset+"/ordering", counts[reproduced], pairs, note), true
}
