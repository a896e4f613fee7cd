// Package replay draws what a training step learns from, the more often the worse
// it was last predicted.
package replay

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"foresee/nn"
)

// Sampler draws from P clips: a share Hard of the draws in proportion to
// error^Power of a clip's last seen error, the others uniformly.
//
//	p_i = (1 - Hard)/P + Hard · e_i^Power / Σ_j e_j^Power
//
// Proportions change at Refresh only. A clip never seen counts as the mean of
// those that were. Not for concurrent use.
//
// Source: prioritised replay, Schaul et al., arXiv 1511.05952, section 3.3, without
// its importance weights.
type Sampler struct {
	Hard, Power float64

	Errors []float32 // [P] last seen error, 0 = never seen
	Drawn  []float32 // [P] Errors at the last Refresh

	sums  []float64 // [P] running sum of Drawn^Power
	batch []int     // of the last Draw
}

// New returns a sampler of clips that have not been seen, at least one.
func New(clips int, hard, power float64) *Sampler {
	s := &Sampler{Hard: hard, Power: power, Errors: make([]float32, clips), Drawn: make([]float32, clips)}
	s.accumulate()
	return s
}

// Restore takes over the Errors and Drawn of an earlier sampler of as many clips;
// those of another number are not taken.
func (s *Sampler) Restore(errors, drawn []float32) {
	if len(errors) != len(s.Errors) || len(drawn) != len(s.Drawn) {
		return
	}
	copy(s.Errors, errors)
	copy(s.Drawn, drawn)
	s.accumulate()
}

// Refresh makes the last seen errors the proportions of the draws to come.
func (s *Sampler) Refresh() {
	copy(s.Drawn, s.Errors)
	s.accumulate()
}

func (s *Sampler) accumulate() {
	sum, seen := 0.0, 0
	for _, e := range s.Drawn {
		if e > 0 {
			sum += math.Pow(float64(e), s.Power)
			seen++
		}
	}
	mean := 1.0
	if seen > 0 {
		mean = sum / float64(seen)
	}
	s.sums = slices.Grow(s.sums[:0], len(s.Drawn))
	total := 0.0
	for _, e := range s.Drawn {
		if e > 0 {
			total += math.Pow(float64(e), s.Power)
		} else {
			total += mean
		}
		s.sums = append(s.sums, total)
	}
}

// Draw chooses n clips, in an order that says nothing; the result is valid until
// the next call.
func (s *Sampler) Draw(rng *rand.Rand, n int) []int {
	s.batch = slices.Grow(s.batch[:0], n)
	total := s.sums[len(s.sums)-1]
	for range n {
		if nn.Uniform(rng) < s.Hard {
			at := sort.SearchFloat64s(s.sums, nn.Uniform(rng)*total)
			s.batch = append(s.batch, min(at, len(s.sums)-1))
		} else {
			s.batch = append(s.batch, int(nn.Uniform(rng)*float64(len(s.Errors))))
		}
	}
	return s.batch
}

// Note keeps the errors of the clips of the last Draw, in its order.
func (s *Sampler) Note(each []float32) {
	for i, clip := range s.batch {
		s.Errors[clip] = each[i]
	}
}
