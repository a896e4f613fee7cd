package train

import (
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/tensors"
)

// ErrCollapsed is wrapped by the error of Run when the latents have collapsed.
var ErrCollapsed = errors.New("the latents have collapsed")

// Limits of a healthy run, checked after the warm-up.
const (
	leastStd  = 0.02 // mean std of z by dimension, in the encoder's raw units
	leastRank = 1.2  // participation ratio where D > 2
)

// MonitorReading is one look at the latents of a training batch.
type MonitorReading struct {
	StdMean     float64 `json:"std_mean"`     // mean over dimensions of the std of z over the batch
	StdMin      float64 `json:"std_min"`      // the smallest
	Rank        float64 `json:"rank"`         // participation ratio (Σλ)²/Σλ² of cov(z), 1..D
	StaticShare float64 `json:"static_share"` // share of the variance of z that lies between episodes
	CopyRatio   float64 `json:"copy_ratio"`   // prediction error over that of repeating the first latent
	StaticStd   float64 `json:"static_std"`   // mean std of w across the batch, 0 without a static code
}

// watchCollapse reads the latents of a step of stage 1 every MonitorEvery steps
// and ends a collapsed run.
func (t *trainer) watchCollapse(step int, scalars []float32, extras []*tensors.Tensor) error {
	every := t.cfg.Train.MonitorEvery
	if every == 0 || step%every != 0 {
		return nil
	}
	dims := extras[0].Shape().Dimensions
	z, err := tensors.CopyFlatData[float32](extras[0])
	if err != nil {
		return err
	}
	width := t.cfg.Model.CellWidth() // a latent of cells is read place by place
	r := Read(z, dims[0], len(z)/(dims[0]*width), width)
	r.CopyRatio = float64(scalars[len(t.pixelTerms())])
	if len(extras) > 1 {
		w, err := tensors.CopyFlatData[float32](extras[1])
		if err != nil {
			return err
		}
		wd := extras[1].Shape().Dimensions
		r.StaticStd = Read(w, wd[0], wd[1], wd[2]).StdMean
	}
	t.reading = &r
	p := t.cfg.Train.Pixels
	if !t.cfg.Train.StopOnCollapse || step < max(every, min(p.WarmUp, p.Steps/2)) {
		return nil
	}
	if r.StdMean < leastStd {
		return fmt.Errorf("%w at step %d: the mean std of z is %.4f, below %.2f; strengthen std or inverse_dynamics", ErrCollapsed, step, r.StdMean, leastStd)
	}
	if width > 2 && r.Rank < leastRank {
		return fmt.Errorf("%w at step %d: the participation ratio is %.2f of %d dimensions, below %.1f; strengthen cov or inverse_dynamics", ErrCollapsed, step, r.Rank, width, leastRank)
	}
	return nil
}

// Read measures latents z [B, F, D], B clips of F frames. NaN in, NaN out.
//
//	Rank = (tr C)² / tr C²,   StaticShare = Var_b(mean_f z) / Var(z), both summed over D
func Read(z []float32, b, f, d int) MonitorReading {
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
	r := MonitorReading{StdMin: math.Inf(1)}
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
