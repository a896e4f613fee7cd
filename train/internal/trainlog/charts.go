package trainlog

import (
	"math"
	"sort"

	"foresee/report"
)

// Loss draws, for each stage of a log, the loss and its terms; values of 0
// and below have no place on the logarithmic axis.
func Loss(entries []Entry) []report.Chart {
	var charts []report.Chart
	for from := 0; from < len(entries); {
		to := from
		for to < len(entries) && entries[to].Stage == entries[from].Stage {
			to++
		}
		part := entries[from:to]
		from = to
		c := report.Chart{Title: "stage " + part[0].Stage, XLabel: "step", YLabel: "loss (dashed), its unweighted terms", LogY: true}
		steps := make([]float64, len(part))
		total := make([]float64, len(part))
		for i, e := range part {
			steps[i], total[i] = float64(e.StageStep), positive(float64(e.Loss))
		}
		c.Series = append(c.Series, report.Series{Name: "loss", X: steps, Y: total, Reference: true})
		names := make([]string, 0, len(part[0].Terms))
		for name := range part[0].Terms {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			if name == "copy_ratio" || name == "grad_norm" || name == "grad_norm_1" {
				continue
			}
			y := make([]float64, len(part))
			for i, e := range part {
				y[i] = positive(float64(e.Terms[name]))
			}
			c.Series = append(c.Series, report.Series{Name: name, X: steps, Y: y})
		}
		charts = append(charts, c)
	}
	return charts
}

// positive keeps a value on a logarithmic axis: what is 0 or below is left out.
func positive(v float64) float64 {
	if v <= 0 {
		return math.NaN()
	}
	return v
}

// Monitors draws the collapse monitors, nothing where none were taken.
func Monitors(entries []Entry) []report.Chart {
	var steps, std, rank, share, copyRatio []float64
	for _, e := range entries {
		if e.Monitor != nil {
			steps = append(steps, float64(e.Step))
			std, rank = append(std, e.Monitor.StdMean), append(rank, e.Monitor.Rank)
			share, copyRatio = append(share, e.Monitor.StaticShare), append(copyRatio, positive(e.Monitor.CopyRatio))
		}
	}
	if len(steps) == 0 {
		return nil
	}
	one := func(title, y string, log bool, values []float64) report.Chart {
		return report.Chart{Title: title, XLabel: "step", YLabel: y, LogY: log, YZero: !log, Series: []report.Series{{Name: y, X: steps, Y: values}}}
	}
	return []report.Chart{
		one("Spread of the latent", "mean std of z", false, std),
		one("Dimensions in use", "participation ratio", false, rank),
		one("Share of the variance that lies between episodes", "static share", false, share),
		one("Prediction error over that of repeating the last latent", "copy ratio", true, copyRatio),
	}
}
