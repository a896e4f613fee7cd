package quads

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"foresee/env/physics"
	"foresee/report"
)

// nullRows reports, over the families of tier T0, what each trivial score gets under the mean, and the family and
// score farthest from one half. A score that some family's hidden runs are too short for is pooled over the others.
func (t *tally) nullRows() []report.Row {
	var rows []report.Row
	for _, kind := range []struct {
		name string
		of   func(v physics.Verdict) float64
	}{
		{"prefix", func(v physics.Verdict) float64 { return v.Prefix }},
		{"suffix", func(v physics.Verdict) float64 { return v.Suffix }},
	} {
		parts := map[string][]estimate{}
		worst, where := estimate{value: 0.5}, "all exactly one half"
		for f, family := range t.set.families {
			if family.tier != 0 {
				continue
			}
			for _, name := range trivialNames(t.outcomes[f]) {
				e := share(func(o *judged) float64 { return kind.of(o.trivial[name]) })(t.outcomes[f]).resample(t.seed)
				parts[name] = append(parts[name], e)
				if math.Abs(e.value-0.5) > math.Abs(worst.value-0.5) {
					worst, where = e, name+" in "+family.name
				}
				worst.n = max(worst.n, e.n)
			}
		}
		if len(parts) == 0 {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(parts)) {
			rows = append(rows, average(parts[name]).row("null/"+name+"/"+kind.name, "mean over the clip or from the splice on; "+t.set.note))
		}
		rows = append(rows, worst.row("null/worst/"+kind.name, "farthest from one half: "+where))
	}
	return rows
}

// openRows reports what is particular to families of tiers T1 and T2: what the trivial scores get, which should win in
// full view, and how benign events compare with violations.
func (t *tally) openRows(f int) []report.Row {
	outcomes, at := t.outcomes[f], "surprise/"+t.set.families[f].name
	var rows []report.Row
	for _, name := range trivialNames(outcomes) {
		e := share(func(o *judged) float64 { return o.trivial[name].Prefix })(outcomes).resample(t.seed)
		rows = append(rows, e.row(at+"/floor/"+name, "prefix pairs, by the mean over the clip"))
	}
	if t.set.families[f].tier != 2 {
		return rows
	}
	const note = "impossible clips against such benign ones, by the greatest value"
	for k, event := range []string{"light", "door"} {
		model := benign(outcomes, func(o *judged) (float64, [4]float64) { return o.benign[k], o.model.Max })
		floor := benign(outcomes, func(o *judged) (float64, [4]float64) { return o.benignFloor[k], o.trivial["frame-difference"].Max })
		rows = append(rows, model.resample(t.seed).row(at+"/benign/"+event, note),
			floor.resample(t.seed).row(at+"/benign/floor/"+event, "the same by the frame difference"))
	}
	return rows
}

// benign is the AUROC of impossible clips against benign ones, over the quadruplets that have one. of gives the value
// of the benign clip and those of the four.
func benign(outcomes []judged, of func(o *judged) (benign float64, clips [4]float64)) sample {
	var quiet []float64
	var loud [][2]float64
	for i := range outcomes {
		if b, clips := of(&outcomes[i]); !math.IsNaN(b) {
			quiet, loud = append(quiet, b), append(loud, [2]float64(clips[2:]))
		}
	}
	return sample{len(quiet), 3 * len(quiet), func(pick []int) float64 {
		var q, l []float64
		for _, i := range pick {
			q, l = append(q, quiet[i]), append(l, loud[i][:]...)
		}
		return physics.Single(q, l)
	}}
}

// curveReach is how many frames before and after the splice a curve shows.
const curveReach = 8

// curveRows reports surprise by frame since the splice: the mean over clips, each family's divided by the mean
// absolute surprise of its possible clips over all frames, then over families. Frames that the model does not judge (0)
// count nowhere.
func (t *tally) curveRows(p pool) []report.Row {
	type mean struct {
		sum float64
		n   int
	}
	var rows []report.Row
	for kind, name := range []string{"possible", "impossible"} {
		for k := -curveReach; k <= curveReach; k++ {
			sum, clips := 0., 0
			for _, f := range p.families {
				var unit, here mean
				for _, o := range t.outcomes[f] {
					for c, scores := range o.scores {
						for u, x := range scores {
							if x != 0 && c < 2 {
								unit.sum, unit.n = unit.sum+math.Abs(x), unit.n+1
							}
							if x != 0 && c/2 == kind && u == o.splice+k {
								here.sum, here.n = here.sum+x, here.n+1
							}
						}
					}
				}
				if here.n == 0 || unit.n == 0 {
					sum = math.NaN()
					break
				}
				sum += here.sum / float64(here.n) * float64(unit.n) / unit.sum / float64(len(p.families))
				clips += here.n
			}
			if !math.IsNaN(sum) {
				rows = append(rows, report.Row{Name: fmt.Sprintf("surprise/%s/curve/%s/%d", p.name, name, k), Value: sum, Unit: "1", N: clips})
			}
		}
	}
	return rows
}

// settings reports what the clips were.
func (c Config) settings(t *tally) []report.Row {
	n, matched := 0, 0
	for f, outcomes := range t.outcomes {
		if t.set.families[f].tier != 0 {
			continue
		}
		for _, o := range outcomes {
			n++
			if o.matched {
				matched++
			}
		}
	}
	rows := []report.Row{{Name: "surprise/setting/quads", Value: float64(t.set.n), Unit: "1", Note: t.set.note}}
	if n > 0 {
		rows = append(rows, report.Row{Name: "surprise/setting/matched", Value: float64(matched) / float64(n), Unit: "ratio", N: n,
			Note: "quadruplets whose possible and impossible clips hold the same frames and hide their cut"})
	}
	if c.Clips != "" {
		return rows
	}
	level := c.World.Level
	if level == 0 {
		level = 2
	}
	if c.World.Noise == physics.N0 {
		level = 0
	}
	development := 0.
	if c.Development {
		development = 1
	}
	plain := 0.
	if c.World.Plain {
		plain = 1
	}
	return append(rows,
		report.Row{Name: "surprise/setting/plain", Value: plain, Unit: "1", Note: "1: clips of one look, two colours and one time"},
		report.Row{Name: "surprise/setting/development", Value: development, Unit: "1", Note: "1: clips meant for tuning"},
		report.Row{Name: "surprise/setting/noise", Value: float64(c.World.Noise), Unit: "1", Note: "0 is none, N1 to N7"},
		report.Row{Name: "surprise/setting/level", Value: float64(level), Unit: "1", Note: "strength of the noise"},
		report.Row{Name: "surprise/setting/split", Value: float64(c.World.Split), Unit: "1", Note: c.World.Split.String()},
	)
}
