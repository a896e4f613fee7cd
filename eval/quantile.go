package eval

import (
	"math"
	"slices"

	"foresee/report"
)

// quantile returns the row of the q-quantile of values (the smallest value with
// at least a share q of all at or below it), with the 95 % interval of order
// statistics: ranks n·q ± 1.96·sqrt(n·q·(1−q)), cut to the sample. No values
// give NaN and no interval.
func quantile(name, unit string, values []float64, q float64, note string) report.Row {
	row := report.Row{Name: name, Value: math.NaN(), Unit: unit, N: len(values), Note: note}
	if len(values) == 0 {
		return row
	}
	sorted := slices.Sorted(slices.Values(values))
	n := float64(len(sorted))
	at := func(rank float64) float64 {
		return sorted[min(len(sorted)-1, max(0, int(math.Ceil(rank))-1))]
	}
	half := 1.959963984540054 * math.Sqrt(n*q*(1-q))
	lo, hi := at(n*q-half), at(n*q+half)
	row.Value, row.Lo, row.Hi = at(n*q), &lo, &hi
	return row
}
