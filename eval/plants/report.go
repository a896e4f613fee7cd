package plants

import (
	"fmt"
	"math"
	"slices"

	"foresee/env/plant"
	"foresee/report"
	"foresee/watch/sensor"
)

// plantReport turns what the kinds did on a plant into rows; the first kind is
// foresee's own, the others are baselines.
func plantReport(cfg Config, name string, results []*plantResult) []report.Row {
	var rows []report.Row
	for _, r := range results {
		prefix := "watch/plants/" + name + "/"
		if r.kind != sensor.KindJEPA {
			prefix += "baseline/" + r.kind + "/"
		}
		rows = append(rows, plantKindRows(cfg, prefix, name, r)...)
	}
	chance := 1 - math.Exp(-cfg.Budget.Alarms*plantFaultHours/cfg.Budget.Per.Hours())
	rows = append(rows, report.Row{Name: "watch/plants/" + name + "/floor/found", Value: chance, Unit: "ratio",
		Note: "of a fault by a clock that spends the budget and looks at nothing; its median delay is " + fmt.Sprintf("%.1f h", math.Ln2*cfg.Budget.Per.Hours()/cfg.Budget.Alarms)})
	return append(rows, aheadRow(name, results))
}

func plantKindRows(cfg Config, prefix, name string, r *plantResult) []report.Row {
	note := fmt.Sprintf("a reading every %v; fitted to %d days, calibrated on %d", plant.Step(name), cfg.Train, cfg.Calibrate)
	if _, certain := r.calibration.Threshold(0); !certain {
		note += ", threshold extrapolated"
	}
	rows := []report.Row{ratePerDay(prefix+"alarms_per_day", r.alarms, cfg.Normal, note)}
	rows = append(rows, report.Row{Name: prefix + "open_share", Value: r.open, Unit: "ratio", N: cfg.Normal, Note: "of the normal readings, n in days, in an alarm; a fault that begins in one is not found"})
	found, runs, early, late := 0, 0, 0, 0
	var vus []float64
	for _, fault := range plant.Faults(name) {
		k, caused := 0, map[string]int{}
		for _, o := range r.outcomes[fault] {
			runs++
			early, late = early+o.early, late+min(1, o.late)
			vus = append(vus, o.vus)
			if o.found {
				k++
				caused[o.caused]++
			}
		}
		found += k
		rows = append(rows, report.Ratio(prefix+fault+"/found", k, len(r.outcomes[fault]), fmt.Sprintf("an alarm within %d h; channel blamed most: %s", plantFaultHours, most(caused))),
			report.Row{Name: prefix + fault + "/delay", Value: medianDelay(r.outcomes[fault]), Unit: "h", N: k, Note: "median, a fault not found is later than any"})
	}
	rows = append(rows, report.Ratio(prefix+"recall", found, runs, "runs of all faults"),
		report.Ratio(prefix+"precision", late, late+early, fmt.Sprintf("found faults among them and the alarms in the %d normal hours before each", plantLeadHours)),
		report.Mean(prefix+"vus_pr", "ratio", vus, "buffers of 0, 20, ..., 100 readings; chance about 0.8, the share of faulty readings"))
	if r.kind == sensor.KindJEPA {
		named := 0
		for _, o := range r.outcomes["freeze"] {
			if o.named {
				named++
			}
		}
		rows = append(rows, report.Ratio(prefix+"freeze/named", named, len(r.outcomes["freeze"]), "the stream's own event, with any model"))
	}
	return rows
}

// most returns the key of the largest count, the first by name among equals.
func most(counts map[string]int) string {
	best, n := "none", 0
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if counts[k] > n {
			best, n = k, counts[k]
		}
	}
	return best
}

// aheadRow counts faults that the first kind finds no less often than PCA and
// EWMA, and no later in the median.
func aheadRow(name string, results []*plantResult) report.Row {
	ahead, all := 0, plant.Faults(name)
	for _, fault := range all {
		won := true
		for _, r := range results[1:] {
			if r.kind == sensor.KindPersistence {
				continue
			}
			won = won && !behind(results[0].outcomes[fault], r.outcomes[fault])
		}
		if won {
			ahead++
		}
	}
	return report.Row{Name: "watch/plants/" + name + "/ahead", Value: float64(ahead) / float64(len(all)), Unit: "ratio", N: len(all),
		Note: "faults found no less often than by PCA and by EWMA, and no later in the median"}
}

func behind(ours, theirs []plantOutcome) bool {
	count := func(o []plantOutcome) (n int) {
		for _, v := range o {
			if v.found {
				n++
			}
		}
		return n
	}
	if a, b := count(ours), count(theirs); a != b {
		return a < b
	}
	a, b := medianDelay(ours), medianDelay(theirs)
	if math.IsNaN(a) {
		return !math.IsNaN(b)
	}
	return !math.IsNaN(b) && a > b
}
