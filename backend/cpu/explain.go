package cpu

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"foresee/backend/cpu/internal/profile"
)

// StepTime is the time spent in one step of a compiled graph: the graph's name, the step's
// position, its kernel, shapes, calls, their total and least time, and the arithmetic operations and
// bytes of one call. A convolution's operations are those of the direct algorithm, also where
// it takes a faster one.
type StepTime = profile.StepTime

// Explainer is implemented by the backend, for all its executables, and by each executable.
type Explainer interface {
	Profiler
	// Explain returns the time of each step since SetProfile(true), the longest first.
	Explain() []StepTime
}

var _, _ Explainer = (*Executable)(nil), (*Backend)(nil)

// Explain implements Explainer.
func (e *Executable) Explain() []StepTime { return e.prog.Profile.Steps() }

// Explain implements Explainer.
func (b *Backend) Explain() []StepTime { return b.machine.Profile.Steps() }

// WriteSteps writes a table with a row for the steps of each kernel and shapes, such as those of an unrolled recurrence, the
// longest time first, most of them or all if most is 0: the share of the total time, mean and least microseconds of a
// call, calls, GFLOP/s and GB/s of the shortest call, kernel and shapes; below it what the other rows took.
func WriteSteps(w io.Writer, rows []StepTime, most int) error {
	rows = alike(rows)
	var total, rest time.Duration
	for _, r := range rows {
		total += r.Time
	}
	if most <= 0 || most > len(rows) {
		most = len(rows)
	}
	for _, r := range rows[most:] {
		rest += r.Time
	}
	share := func(d time.Duration) float64 { return 100 * d.Seconds() / max(total.Seconds(), 1e-12) }
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "share\tmean us\tleast us\tcalls\tGFLOP/s\tGB/s\t  kernel and shapes")
	for _, r := range rows[:most] {
		sec := max(r.Least.Seconds(), 1e-9)
		fmt.Fprintf(t, "%.1f%%\t%.0f\t%.0f\t%d\t%.1f\t%.1f\t  %s %s\n", share(r.Time), r.Time.Seconds()/float64(max(1, r.Calls))*1e6,
			sec*1e6, r.Calls, float64(r.FLOP)/sec/1e9, float64(r.Bytes)/sec/1e9, r.Kernel, r.Shape)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if more := len(rows) - most; more > 0 {
		_, err := fmt.Fprintf(w, "%d more rows: %.1f%%\n", more, share(rest))
		return err
	}
	return nil
}

// alike adds up the steps of the same kernel and shapes.
func alike(steps []StepTime) []StepTime {
	type key struct{ graph, kernel, shape string }
	var rows []StepTime
	at := map[key]int{}
	for _, s := range steps {
		k := key{s.Graph, s.Kernel, s.Shape}
		i, ok := at[k]
		if !ok {
			at[k], rows = len(rows), append(rows, s)
			continue
		}
		r := &rows[i]
		r.Calls, r.Time, r.Least = r.Calls+s.Calls, r.Time+s.Time, min(r.Least, s.Least)
	}
	slices.SortStableFunc(rows, func(a, b StepTime) int { return cmp.Compare(b.Time, a.Time) })
	return rows
}
