package alarm

import (
	"math"
	"slices"

	"foresee/surprise"
)

// debounce gives the need-th highest of the last of scores: it reaches a
// threshold exactly when need of them do.
type debounce struct {
	need int
	ring []float64
	next int
	sort []float64
}

func newDebounce(need, of int) *debounce {
	d := &debounce{need: need, ring: make([]float64, of), sort: make([]float64, of)}
	d.reset()
	return d
}

// reset forgets all scores: none has been seen.
func (d *debounce) reset() {
	for i := range d.ring {
		d.ring[i] = math.Inf(-1)
	}
}

// add takes a score and returns the debounced one; -Inf until need were seen.
func (d *debounce) add(score float64) float64 {
	if len(d.ring) == 1 {
		return score
	}
	d.ring[d.next] = score
	d.next = (d.next + 1) % len(d.ring)
	copy(d.sort, d.ring)
	slices.Sort(d.sort)
	return d.sort[len(d.sort)-d.need]
}

// slow watches for evidence that no single block holds: it opens when the
// restarted martingale reaches exp(level) and closes when it has fallen to
// exp(level/2). The martingale is kept at or below exp(level), so that the way
// back is not longer than the way there.
type slow struct {
	level float64 // log M
	m     surprise.Martingale
	open  bool
}

// add takes the p-value of a block and reports whether slow evidence begins.
func (s *slow) add(p float64) (begins bool) {
	log := s.m.Observe(p)
	switch {
	case s.open && log < s.level/2:
		s.open = false
	case !s.open && log >= s.level:
		s.open, begins = true, true
	}
	s.m.Cap(s.level)
	return begins
}

// ks returns sqrt(n·m/(n+m)) times the largest distance between the distribution
// of sample, which it sorts, and that of base, ascending; 0 if one is empty.
func ks(base, sample []float64) float64 {
	if len(base) == 0 || len(sample) == 0 {
		return 0
	}
	slices.Sort(sample)
	n, m := float64(len(base)), float64(len(sample))
	most := 0.0
	for i := 0; i < len(sample); {
		j := i + 1
		for j < len(sample) && sample[j] == sample[i] {
			j++
		}
		below, _ := slices.BinarySearch(base, sample[i])
		upto, _ := slices.BinarySearch(base, math.Nextafter(sample[i], math.Inf(1)))
		most = max(most, math.Abs(float64(below)/n-float64(i)/m), math.Abs(float64(upto)/n-float64(j)/m))
		i = j
	}
	return most * math.Sqrt(n*m/(n+m))
}
