package bench

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"foresee/report"
)

// warmRuns are made and thrown away before anything is measured.
const warmRuns = 2

// minRuns is the least number of measured runs behind a figure, defaultRuns what
// is made unless another number is asked for.
const (
	minRuns     = 10
	defaultRuns = 20
)

// blockRuns are measured one after the other before it is the peer's turn, and
// settle is the pause before each block: worker threads spin for a while after
// their last work, OpenBLAS's for 0.1 s, and would take a core from the other.
const (
	blockRuns = 5
	settle    = 200 * time.Millisecond
)

// sample is a set of measured durations of the same work.
type sample []time.Duration

// time runs work once and adds how long it took.
func (s *sample) time(work func() error) error {
	start := time.Now()
	if err := work(); err != nil {
		return err
	}
	*s = append(*s, time.Since(start))
	return nil
}

// block lets the machine settle, runs work once unmeasured, then n times measured.
func (s *sample) block(ctx context.Context, n int, work func() error) error {
	time.Sleep(settle)
	if err := work(); err != nil {
		return err
	}
	for range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.time(work); err != nil {
			return err
		}
	}
	return nil
}

// median returns the median in seconds and the bounds of its 95 % interval.
//
//	bounds: the order statistics k and n+1-k, k = max(1, ⌊(n − 1.96·√n)/2⌋)
//
// It panics if the sample is empty.
func (s sample) median() (mid, lo, hi float64) {
	if len(s) == 0 {
		panic("bench: median of no runs")
	}
	sorted := slices.Clone(s)
	slices.Sort(sorted)
	n := len(sorted)
	mid = (sorted[(n-1)/2].Seconds() + sorted[n/2].Seconds()) / 2
	k := max(1, int(math.Floor((float64(n)-1.96*math.Sqrt(float64(n)))/2)))
	return mid, sorted[k-1].Seconds(), sorted[n-k].Seconds()
}

// rate returns the row of work/median, in unit, where work is the amount that
// one run does: 10^9 floating-point operations for a rate in gflops.
func (s sample) rate(name, unit string, work float64, note string) report.Row {
	mid, slow, fast := s.median()
	lo, hi := work/fast, work/slow
	return report.Row{Name: name, Value: work / mid, Unit: unit, N: len(s), Lo: &lo, Hi: &hi, Note: note}
}

// seconds returns the row of the median duration.
func (s sample) seconds(name, note string) report.Row {
	mid, lo, hi := s.median()
	return report.Row{Name: name, Value: mid, Unit: "s", N: len(s), Lo: &lo, Hi: &hi, Note: note}
}

// enoughRuns returns runs, or defaultRuns for 0; fewer than minRuns is an error.
func enoughRuns(runs int) (int, error) {
	if runs == 0 {
		return defaultRuns, nil
	}
	if runs < minRuns {
		return 0, fmt.Errorf("bench: %d runs, want at least %d for a median", runs, minRuns)
	}
	return runs, nil
}
