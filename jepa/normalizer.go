package jepa

import "math"

// Normalizer puts raw encoder outputs on the scale that predictors see:
//
//	z' = (z - LatentMean) / LatentStd        one scalar scale for all dimensions
//	w' = (w - StaticMean) / StaticStd        by dimension
//
// The zero value changes nothing. Empty means count as 0, a zero LatentStd and
// empty StaticStd as 1.
type Normalizer struct {
	LatentMean []float32 `json:"latent_mean"` // [D]
	LatentStd  float32   `json:"latent_std"`
	StaticMean []float32 `json:"static_mean"` // [W]
	StaticStd  []float32 `json:"static_std"`  // [W]
}

// MeasureNormalizer returns the normaliser of raw codes [n, width], latents of so
// many numbers followed by static codes, over the rows that keep admits: the
// mean of z by dimension and one std for all; mean and std of w by dimension. What
// never varies gets std 1.
func MeasureNormalizer(codes []float32, latent, width int, keep func(row int) bool) Normalizer {
	mean, sq := make([]float64, width), make([]float64, width)
	n := 0.0
	for r := range len(codes) / width {
		if !keep(r) {
			continue
		}
		n++
		for i, v := range codes[r*width : (r+1)*width] {
			mean[i] += float64(v)
			sq[i] += float64(v) * float64(v)
		}
	}
	norm := Normalizer{LatentMean: make([]float32, latent), StaticMean: make([]float32, width-latent), StaticStd: make([]float32, width-latent)}
	total := 0.0
	for i := range mean {
		mean[i] /= n
		variance := max(0, sq[i]/n-mean[i]*mean[i])
		if i < latent {
			norm.LatentMean[i] = float32(mean[i])
			total += variance / float64(latent)
			continue
		}
		norm.StaticMean[i-latent] = float32(mean[i])
		norm.StaticStd[i-latent] = float32(math.Sqrt(variance))
		if norm.StaticStd[i-latent] < 1e-6 {
			norm.StaticStd[i-latent] = 1
		}
	}
	norm.LatentStd = float32(math.Sqrt(total))
	if norm.LatentStd < 1e-6 {
		norm.LatentStd = 1
	}
	return norm
}

// Apply normalises raw codes [n, width] in place by a normaliser as
// MeasureNormalizer returns it.
func (n Normalizer) Apply(codes []float32, latent, width int) {
	for i := range codes {
		if at := i % width; at < latent {
			codes[i] = (codes[i] - n.LatentMean[at]) / n.LatentStd
		} else {
			codes[i] = (codes[i] - n.StaticMean[at-latent]) / n.StaticStd[at-latent]
		}
	}
}
