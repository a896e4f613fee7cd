package probe

import "math"

// Reading is one look at the latents of a training batch, cheap enough for every few steps.
type Reading struct {
	StdMean     float64 `json:"std_mean"`     // mean over dimensions of the std of z over the batch
	StdMin      float64 `json:"std_min"`      // the smallest
	Rank        float64 `json:"rank"`         // participation ratio (Σλ)²/Σλ² of cov(z), 1..D
	StaticShare float64 `json:"static_share"` // share of the variance of z that lies between episodes
	CopyRatio   float64 `json:"copy_ratio"`   // prediction error over that of repeating the first latent
	StaticStd   float64 `json:"static_std"`   // mean std of w across the batch, 0 without a static code
}

// Read measures latents z [B, F, D], B clips of F frames. NaN in, NaN out.
//
//	Rank = (tr C)² / tr C²,   StaticShare = Var_b(mean_f z) / Var(z), both summed over D
func Read(z []float32, b, f, d int) Reading {
	n := float64(b * f)
	mean := make([]float64, d)
	clip := make([]float64, b*d)
	for i, v := range z {
		mean[i%d] += float64(v) / n
		clip[i/(f*d)*d+i%d] += float64(v) / float64(f)
	}
	cov := make([]float64, d*d)
	row := make([]float64, d)
	for s := 0; s < len(z); s += d {
		for i := range row {
			row[i] = float64(z[s+i]) - mean[i]
		}
		for i, x := range row {
			for j, y := range row[:i+1] {
				cov[i*d+j] += x * y / n
			}
		}
	}
	r := Reading{StdMin: math.Inf(1)}
	var trace, square, between float64
	for i := range d {
		v := cov[i*d+i]
		trace += v
		square += v * v
		for j := range i {
			square += 2 * cov[i*d+j] * cov[i*d+j]
		}
		r.StdMean += math.Sqrt(v) / float64(d)
		r.StdMin = min(r.StdMin, math.Sqrt(v))
	}
	for i, v := range clip {
		e := v - mean[i%d]
		between += e * e / float64(b)
	}
	if trace > 0 {
		r.Rank, r.StaticShare = trace*trace/square, between/trace
	}
	return r
}
