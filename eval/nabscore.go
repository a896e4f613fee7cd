package eval

import (
	"fmt"
	"math"
)

// NABProfile weighs the outcomes of NAB's rules. A window found scores up to
// TP, one missed costs FN, and every alarm outside costs up to FP.
type NABProfile struct {
	Name       string
	TP, FP, FN float64
}

// NABProfiles returns the three profiles of NAB v1.1, config/profiles.json.
func NABProfiles() []NABProfile {
	return []NABProfile{
		{"standard", 1, 0.11, 1}, {"low_fp", 1, 0.22, 1}, {"low_fn", 1, 0.11, 2},
	}
}

// NABWindow is one labelled stretch of rows, both ends included.
type NABWindow struct{ First, Last int }

// NABSeries is what the rules see of one series: which rows raised an alarm,
// and where the anomalies were, windows in order and apart.
type NABSeries struct {
	Alarms  []bool
	Windows []NABWindow
}

// NABCount says what became of a series or of several.
type NABCount struct {
	Windows, Found int // windows not wholly in the probation; those with an alarm
	False          int // rows with an alarm outside of every window
}

// NABProbation returns the number of leading rows that are not scored, 15 % of
// the rows, rounded down, or 750 if that is less.
func NABProbation(rows int) int {
	return min(int(math.Floor(0.15*float64(rows))), 750)
}

// NABRaw returns the score of one series before normalisation.
//
//	Σ_windows (found: TP·max_i s(-(last-i+1)/len)/s(-1), missed: -FN) + Σ_false FP·s((i-last)/(len-1))
//	s(y) = 2/(1+exp(5y)) - 1, and -1 from y = 3 on or before the first window
//
// with last and len of the window at i, for a false alarm of the last window
// before it. Rows in the probation count for nothing. It panics when windows are
// not in order or not within the series.
//
// Source: Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms",
// ICMLA 2015, section III; the rules of NAB v1.1, nab/sweeper.py, where they differ.
func NABRaw(s NABSeries, p NABProfile) (float64, NABCount) {
	n, probation := len(s.Alarms), NABProbation(len(s.Alarms))
	score, count, row := 0.0, NABCount{}, 0
	position := func(i int) float64 { return 3 }
	outside := func(end int) {
		for ; row < end; row++ {
			if row >= probation && s.Alarms[row] {
				score += p.FP * nabSigmoid(position(row))
				count.False++
			}
		}
	}
	for k, w := range s.Windows {
		if w.First < row || w.Last < w.First || w.Last >= n {
			panic(fmt.Sprintf("eval: NAB: window %d is rows %d to %d, after row %d of %d", k, w.First, w.Last, row, n))
		}
		outside(w.First)
		length, best, scored := float64(w.Last-w.First+1), -p.FN, false
		found := false
		for ; row <= w.Last; row++ {
			if row < probation {
				continue
			}
			scored = true
			if s.Alarms[row] {
				found = true
				best = max(best, p.TP*nabSigmoid(-(float64(w.Last-row)+1)/length)/nabSigmoid(-1))
			}
		}
		if scored {
			score += best
			count.Windows++
		}
		if found {
			count.Found++
		}
		position = func(i int) float64 { return float64(i-w.Last) / (length - 1) }
	}
	outside(n)
	return score, count
}

// NABScore returns the normalised score over several series, 100 for an alarm
// at the first row of every window and nowhere else, 0 for none at all, below 0
// for worse than none; NaN without windows.
//
//	100·(raw - null)/(perfect - null),   null = -FN·windows, perfect = TP·windows
func NABScore(series []NABSeries, p NABProfile) (float64, NABCount) {
	raw, total := 0.0, NABCount{}
	for _, s := range series {
		r, c := NABRaw(s, p)
		raw += r
		total.Windows += c.Windows
		total.Found += c.Found
		total.False += c.False
	}
	null, perfect := -p.FN*float64(total.Windows), p.TP*float64(total.Windows)
	return 100 * (raw - null) / (perfect - null), total
}

// nabSigmoid is s of NABRaw.
func nabSigmoid(y float64) float64 {
	if y >= 3 {
		return -1
	}
	return 2/(1+math.Exp(5*y)) - 1
}
