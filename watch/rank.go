package watch

import "math"

// rankLatents is how many latents Rank looks at.
const rankLatents = 128

// Rank measures how many dimensions the last 128 latents of a stream use. The zero
// value has seen none. It is for one goroutine at a time.
type Rank struct {
	latents [][]float32
	next    int
}

// Add takes a copy of a latent [D]. It panics if it has another length than those
// before.
func (r *Rank) Add(latent []float32) {
	if len(r.latents) < rankLatents {
		r.latents = append(r.latents, append([]float32{}, latent...))
		return
	}
	if len(latent) != len(r.latents[0]) {
		panic("watch: Rank: latents of two lengths")
	}
	copy(r.latents[r.next], latent)
	r.next = (r.next + 1) % rankLatents
}

// Value returns the participation ratio of the latents at hand, which is at most one
// less than their number; NaN for fewer than 16, and for latents that are all alike.
//
//	(tr C)²/tr C² = (tr K)²/Σ_ij K_ij²,   C their covariance [D, D], K_ij = (z_i - z̄)·(z_j - z̄)
//
// K has the eigenvalues of C, times their number, and is small where D is large.
func (r *Rank) Value() float64 {
	n := len(r.latents)
	if n < 16 {
		return math.NaN()
	}
	first := r.latents[0] // taken off first, so that what is all alike stays exactly so
	mean := make([]float64, len(first))
	for _, z := range r.latents {
		for d, v := range z {
			mean[d] += (float64(v) - float64(first[d])) / float64(n)
		}
	}
	centred := make([]float64, n*len(mean))
	for i, z := range r.latents {
		row := centred[i*len(mean) : (i+1)*len(mean)]
		for d, v := range z {
			row[d] = float64(v) - float64(first[d]) - mean[d]
		}
	}
	trace, square := 0.0, 0.0
	for i := range n {
		a := centred[i*len(mean) : (i+1)*len(mean)]
		for j := range i + 1 {
			k := 0.0
			for d, v := range centred[j*len(mean) : (j+1)*len(mean)] {
				k += a[d] * v
			}
			if i == j {
				trace += k
				square += k * k
			} else {
				square += 2 * k * k
			}
		}
	}
	return trace * trace / square
}
