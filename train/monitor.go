package train

import (
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"

	"foresee/probe"
)

// ErrCollapsed is wrapped by the error of Run when the latents have collapsed.
var ErrCollapsed = errors.New("the latents have collapsed")

// Limits of a healthy run, checked after the warm-up.
const (
	leastStd  = 0.02 // mean std of z by dimension, in the encoder's raw units
	leastRank = 1.2  // participation ratio where D > 2
)

// watchCollapse returns a function that reads the latents of a step of stage 1,
// places of width numbers, every MonitorEvery steps and ends a collapsed run.
// names are the stage's, the copy-last ratio the last of them.
func (t *trainer) watchCollapse(width int, names []string) func(step int, scalars []float32, extras []*tensors.Tensor) error {
	return func(step int, scalars []float32, extras []*tensors.Tensor) error {
		if every := t.cfg.Train.MonitorEvery; every == 0 || step%every != 0 {
			return nil
		}
		return t.checkCollapse(step, width, scalars[len(names)], extras)
	}
}

func (t *trainer) checkCollapse(step, width int, copyRatio float32, extras []*tensors.Tensor) error {
	every := t.cfg.Train.MonitorEvery
	dims := extras[0].Shape().Dimensions
	z, err := tensors.CopyFlatData[float32](extras[0])
	if err != nil {
		return err
	}
	r := probe.Read(z, dims[0], len(z)/(dims[0]*width), width)
	r.CopyRatio = float64(copyRatio)
	if len(extras) > 1 {
		w, err := tensors.CopyFlatData[float32](extras[1])
		if err != nil {
			return err
		}
		wd := extras[1].Shape().Dimensions
		r.StaticStd = probe.Read(w, wd[0], wd[1], wd[2]).StdMean
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
