package probe

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Collapse holds the figures that show whether latents have collapsed.
type Collapse struct {
	StdMean, StdMedian, StdMin float64 // of the standard deviations by dimension
	LowStd                     float64 // share of dimensions with a standard deviation below 0.1
	ParticipationRatio         float64 // 1..D
	RankMe                     float64 // 1..D
	N, D                       int
}

// MeasureCollapse returns all figures of latents [n, D]. An n of 0 or 1, or a
// latent that is not finite, is an error.
func MeasureCollapse(latents Table) (Collapse, error) {
	n := latents.Rows()
	if n < 2 {
		return Collapse{}, fmt.Errorf("probe: collapse of %d latents, want at least 2", n)
	}
	if err := latents.check("latents"); err != nil {
		return Collapse{}, fmt.Errorf("probe: collapse: %w", err)
	}
	std := Std(latents)
	c := Collapse{N: n, D: latents.Width, ParticipationRatio: ParticipationRatio(latents)}
	for _, s := range std {
		c.StdMean += s / float64(len(std))
		if s < 0.1 {
			c.LowStd += 1 / float64(len(std))
		}
	}
	slices.Sort(std)
	c.StdMin, c.StdMedian = std[0], (std[(len(std)-1)/2]+std[len(std)/2])/2
	rank, err := RankMe(latents)
	if err != nil {
		return Collapse{}, fmt.Errorf("probe: collapse: %w", err)
	}
	c.RankMe = rank
	return c, nil
}

// Std returns the standard deviation of each dimension over n latents, divided
// by n, [D]; NaN for n = 0. NaN in, NaN out.
func Std(latents Table) []float64 {
	cov := covariance(latents)
	out := make([]float64, latents.Width)
	for i := range out {
		out[i] = math.Sqrt(cov.At(i, i))
	}
	return out
}

// ParticipationRatio returns how many dimensions share the variance of latents
// [n, D].
//
//	(tr C)² / tr C²,   C the covariance
//
// It is 1 if all variance lies in one direction, D if it is spread evenly, and
// NaN if there is no variance at all.
func ParticipationRatio(latents Table) float64 {
	cov := covariance(latents)
	trace, square := 0.0, 0.0
	for i := range latents.Width {
		trace += cov.At(i, i)
		for j := range latents.Width {
			square += cov.At(i, j) * cov.At(i, j)
		}
	}
	return trace * trace / square
}

// covariance divides by n.
func covariance(latents Table) *mat.SymDense {
	rows := make([]int, latents.Rows())
	for i := range rows {
		rows[i] = i
	}
	s := measure(latents, rows)
	for i := range s.std {
		s.std[i] = 1
	}
	return gram(latents, s.mean)
}

// gram returns (1/n) Σ (z - shift)(z - shift)'.
func gram(latents Table, shift []float64) *mat.SymDense {
	n := latents.Rows()
	out := mat.NewSymDense(latents.Width, nil)
	const chunk = 4096
	for lo := 0; lo < n; lo += chunk {
		hi := min(n, lo+chunk)
		x := make([]float64, 0, (hi-lo)*latents.Width)
		for r := lo; r < hi; r++ {
			for i, v := range latents.Row(r) {
				x = append(x, float64(v)-shift[i])
			}
		}
		var part mat.SymDense
		part.SymOuterK(1/float64(n), mat.NewDense(hi-lo, latents.Width, x).T())
		out.AddSym(out, &part)
	}
	return out
}

// RankMe returns the effective rank of latents [n, D], not centred.
//
//	exp(-Σ_k p_k log p_k),   p_k = σ_k / Σσ + 1e-7,   σ the singular values
//
// The singular values come from the eigenvalues of the Gram matrix, so those
// below about 1e-7 of the largest count as 0. Compare values of one method and one n
// only. Latents that are all 0 have rank NaN; a failed decomposition is an error.
//
// Source: Garrido et al., "RankMe", arXiv 2210.02885, equation 1.
func RankMe(latents Table) (float64, error) {
	var eigen mat.EigenSym
	if !eigen.Factorize(gram(latents, make([]float64, latents.Width)), false) {
		return 0, fmt.Errorf("rankme: the eigenvalues did not converge")
	}
	sigma, total := eigen.Values(nil), 0.0
	largest := slices.Max(sigma)
	for i, v := range sigma {
		sigma[i] = 0
		if v > 1e-16*largest {
			sigma[i] = math.Sqrt(v)
		}
		total += sigma[i]
	}
	entropy := 0.0
	for _, s := range sigma {
		p := s/total + 1e-7
		entropy -= p * math.Log(p)
	}
	return math.Exp(entropy), nil
}
