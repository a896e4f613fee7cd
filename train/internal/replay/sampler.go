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

// Sampler draws from P clips: a share hard of the draws in proportion to
// error^power of a clip's last seen error, the others uniformly.
//
//	p_i = (1 - hard)/P + hard · e_i^power / Σ_j e_j^power
//
// Proportions change at Refresh only. A clip never seen counts as the mean of
// those that were. Not for concurrent use.
//
// Source: prioritised replay, Schaul et al., arXiv 1511.05952, section 3.3, without
// its importance weights.
type Sampler struct {
	Errors []float32 // [P] last seen error, 0 = never seen
	Drawn  []float32 // [P] Errors at the last Refresh

	hard, power float64
	sums        []float64 // [P] running sum of Drawn^power
	batch       []int     // of the last Draw
}

// New returns a sampler of clips that have not been seen, at least one; hard is in
// [0, 1], power at least 0.
func New(clips int, hard, power float64) *Sampler {
	s := &Sampler{hard: hard, power: power, Errors: make([]float32, clips), Drawn: make([]float32, clips)}
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
			sum += math.Pow(float64(e), s.power)
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
			total += math.Pow(float64(e), s.power)
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
		if nn.Uniform(rng) < s.hard {
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
