package quads

import (
	"math"
	"math/rand/v2"
	"slices"

	"foresee/report"
)

// draws is how many times the bootstrap draws.
const draws = 1000

// estimate is a figure and what it would have been on resampled groups of clips.
type estimate struct {
	value float64
	drawn []float64 // draws of them; none of fewer than two groups
	n     int       // trials
}

// sample is a statistic of groups, such as quadruplets, whose members depend on each other.
type sample struct {
	groups int
	trials int                      // comparisons in all groups
	of     func(pick []int) float64 // the statistic of the groups picked
}

// meanOf is the mean of one value a group.
func meanOf(values []float64, trials int) sample {
	return sample{len(values), trials, func(pick []int) float64 {
		sum := 0.
		for _, i := range pick {
			sum += values[i]
		}
		return sum / float64(len(pick))
	}}
}

// point is the statistic of all groups, NaN of none.
func (s sample) point() float64 {
	if s.groups == 0 {
		return math.NaN()
	}
	pick := make([]int, s.groups)
	for i := range pick {
		pick[i] = i
	}
	return s.of(pick)
}

// resample estimates the statistic and how it varies with the groups.
func (s sample) resample(seed uint64) estimate {
	e := estimate{value: s.point(), n: s.trials}
	if s.groups < 2 { // one group says nothing of how groups vary
		return e
	}
	pick := make([]int, s.groups)
	e.drawn = make([]float64, draws)
	r := rand.New(rand.NewPCG(seed, 0x626f6f74))
	for k := range e.drawn {
		for i := range pick {
			pick[i] = r.IntN(s.groups)
		}
		e.drawn[k] = s.of(pick)
	}
	return e
}

// eitherWay is what a score reaches if its sign is chosen with the answers at hand.
func (s sample) eitherWay() sample {
	if s.point() >= 0.5 {
		return s
	}
	of := s.of
	s.of = func(pick []int) float64 { return 1 - of(pick) }
	return s
}

// average is the mean of independent estimates, each resampled by itself: a stratified bootstrap. It has draws where all
// of them have.
func average(parts []estimate) estimate {
	if len(parts) == 0 {
		return estimate{value: math.NaN()}
	}
	sum := estimate{drawn: make([]float64, draws)}
	for _, p := range parts {
		sum.value += p.value
		sum.n += p.n
		if len(p.drawn) == 0 {
			sum.drawn = nil
		}
		for k := range sum.drawn {
			sum.drawn[k] += p.drawn[k]
		}
	}
	count := float64(len(parts))
	sum.value /= count
	for k := range sum.drawn {
		sum.drawn[k] /= count
	}
	return sum
}

// row reports a ratio with the percentile interval of its draws, widened to hold the value itself.
func (e estimate) row(name, note string) report.Row {
	r := report.Row{Name: name, Value: e.value, Unit: "ratio", N: e.n, Note: note}
	if len(e.drawn) == 0 {
		return r
	}
	sorted := slices.Sorted(slices.Values(e.drawn))
	lo, hi := min(sorted[draws*25/1000], e.value), max(sorted[draws*975/1000-1], e.value)
	r.Lo, r.Hi = &lo, &hi
	return r
}
