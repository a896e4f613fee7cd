package surprise

import (
	"fmt"
	"math"
)

// Blocks gathers scores into blocks and gives the highest of each. Scores that
// follow each other are alike, so that a sample of n is worth fewer; the maxima
// of blocks longer than the correlation are nearly exchangeable, and one
// p-value a block is what a budget counts.
type Blocks struct {
	size, seen int
	highest    float64
}

// NewBlocks returns blocks of so many scores; it panics below 1.
func NewBlocks(size int) *Blocks {
	if size < 1 {
		panic(fmt.Sprintf("surprise: blocks of %d scores", size))
	}
	return &Blocks{size: size}
}

// Add takes a score and returns the highest of the block and true when the
// block is full with it. NaN makes the maximum of its block NaN.
func (b *Blocks) Add(score float64) (highest float64, full bool) {
	if b.seen == 0 {
		b.highest = score
	} else {
		b.highest = max(b.highest, score)
	}
	if b.seen++; b.seen < b.size {
		return b.highest, false
	}
	b.seen = 0
	return b.highest, true
}

// BlockMaxima returns the maxima of consecutive blocks; scores left over at the
// end are dropped.
func BlockMaxima(scores []float64, size int) []float64 {
	b, out := NewBlocks(size), make([]float64, 0, len(scores)/size)
	for _, s := range scores {
		if m, full := b.Add(s); full {
			out = append(out, m)
		}
	}
	return out
}

// CorrelationTime returns how many scores carry as much news as one independent
// score, at least 1.
//
//	τ = 1 + 2·Σ_k ρ_k,   k = 1, 2, ... until k >= 5·τ_k or ρ_k <= 0
//
// with ρ_k the autocorrelation at lag k and τ_k the sum so far. Scores that are
// all equal, or fewer than 3, give 1. Heavy tails hide correlation: give it
// ranks or logarithms of the scores.
//
// Source: Sokal, "Monte Carlo methods in statistical mechanics", 1996, section 3,
// the self-consistent window; the stop at ρ <= 0 is ours.
func CorrelationTime(scores []float64) float64 {
	n := len(scores)
	mean := 0.0
	for _, s := range scores {
		mean += s / float64(n)
	}
	at := func(k int) float64 {
		sum := 0.0
		for i := k; i < n; i++ {
			sum += (scores[i] - mean) * (scores[i-k] - mean)
		}
		return sum
	}
	zero, tau := at(0), 1.0
	if n < 3 || !(zero > 0) || math.IsInf(zero, 1) {
		return 1
	}
	for k := 1; k < n/2 && float64(k) < 5*tau; k++ {
		r := at(k) / zero
		if r <= 0 {
			break
		}
		tau += 2 * r
	}
	return tau
}
