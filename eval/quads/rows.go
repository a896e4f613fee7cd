package quads

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"foresee/env/physics"
	"foresee/report"
)

// tally sums up the outcomes of a set.
type tally struct {
	set      quadSet
	seed     uint64
	outcomes [][]judged // by family, in order
	nets     []tally    // of untrained nets, over the first quadruplets of each family
}

func (t *tally) add(o judged) { t.outcomes[o.family] = append(t.outcomes[o.family], o) }

// pool is a group of families of tier T0 that is reported as one.
type pool struct {
	name     string
	families []int
}

// pools returns mean, over all families of tier T0, and for built-in ones memory and physics apart.
func (t *tally) pools() []pool {
	mean, memory, laws := pool{name: "mean"}, pool{name: "memory"}, pool{name: "physics"}
	for i, f := range t.set.families {
		switch {
		case f.tier != 0:
			continue
		case f.memory:
			memory.families = append(memory.families, i)
		default:
			laws.families = append(laws.families, i)
		}
		mean.families = append(mean.families, i)
	}
	if !t.set.builtin {
		memory, laws = pool{}, pool{}
	}
	return slices.DeleteFunc([]pool{mean, memory, laws}, func(p pool) bool { return len(p.families) == 0 })
}

// measure is a figure of one family's outcomes.
type measure struct {
	name string
	of   func(outcomes []judged) sample
	note string
}

// share pools one share of pairs a quadruplet.
func share(of func(o *judged) float64) func(outcomes []judged) sample {
	return func(outcomes []judged) sample {
		values := make([]float64, len(outcomes))
		for i := range outcomes {
			values[i] = of(&outcomes[i])
		}
		return meanOf(values, 2*len(values))
	}
}

// single is the AUROC of single clips by the value that of gives each of the four.
func single(of func(o *judged) [4]float64) func(outcomes []judged) sample {
	return func(outcomes []judged) sample {
		values := make([][4]float64, len(outcomes))
		for i := range outcomes {
			values[i] = of(&outcomes[i])
		}
		return sample{len(values), 4 * len(values), func(pick []int) float64 { return auroc(values, pick) }}
	}
}

// auroc of the clips of the quadruplets picked.
func auroc(values [][4]float64, pick []int) float64 {
	possible, impossible := make([]float64, 0, 2*len(pick)), make([]float64, 0, 2*len(pick))
	for _, i := range pick {
		v := values[i]
		possible, impossible = append(possible, v[0], v[1]), append(impossible, v[2], v[3])
	}
	return physics.Single(possible, impossible)
}

// measures lists the figures of each family and pool.
func (t *tally) measures() []measure {
	ms := []measure{
		{"prefix", share(func(o *judged) float64 { return o.model.Prefix }), "pairs of one past, by the mean over the clip"},
		{"suffix", share(func(o *judged) float64 { return o.model.Suffix }), "pairs of one future, by the mean from the splice on"},
		{"prefix_max", share(func(o *judged) float64 { return o.model.PrefixMax }), "pairs of one past, by the greatest value"},
		{"auroc", single(func(o *judged) [4]float64 { return o.model.Max }), "single clips, by the greatest value"},
		{"auroc_mean", single(func(o *judged) [4]float64 { return o.model.Mean }), "single clips, by the mean"},
	}
	ms = append(ms, ceilings()...)
	if !t.set.builtin {
		return ms
	}
	return append(ms,
		measure{"oracle/prefix", share(func(o *judged) float64 { return o.oracle.Prefix }), "sees the state behind screens and knows the laws"},
		measure{"oracle/suffix", share(func(o *judged) float64 { return o.oracle.Suffix }), "the same"},
		measure{"oracle/auroc", single(func(o *judged) [4]float64 { return o.oracle.Max }), "the same"},
		measure{"floor/still", share(func(o *judged) float64 { return o.still.Prefix }), "remembers what was where, knows no law; prefix pairs"},
		measure{"floor/still_suffix", share(func(o *judged) float64 { return o.still.Suffix }), "the same, suffix pairs"},
	)
}

// ceilings are what the best trivial score of a family reaches where the match does not bind it, either way round.
func ceilings() []measure {
	best := func(of func(name string) func(outcomes []judged) sample) func(outcomes []judged) sample {
		return func(outcomes []judged) sample {
			var top sample
			most := math.Inf(-1)
			for _, name := range trivialNames(outcomes) {
				s := of(name)(outcomes).eitherWay()
				if v := s.point(); v > most {
					top, most = s, v
				}
			}
			return top
		}
	}
	const note = "best trivial score, either way round"
	return []measure{
		{"ceiling/auroc", best(func(name string) func(outcomes []judged) sample {
			return single(func(o *judged) [4]float64 { return o.trivial[name].Max })
		}), note},
		{"ceiling/auroc_mean", best(func(name string) func(outcomes []judged) sample {
			return single(func(o *judged) [4]float64 { return o.trivial[name].Mean })
		}), note},
		{"ceiling/prefix_max", best(func(name string) func(outcomes []judged) sample {
			return share(func(o *judged) float64 { return o.trivial[name].PrefixMax })
		}), note},
	}
}

// trivialNames lists the trivial scores that all outcomes have.
func trivialNames(outcomes []judged) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(outcomes[0].trivial)) {
		if !slices.ContainsFunc(outcomes, func(o judged) bool { _, ok := o.trivial[name]; return !ok }) {
			names = append(names, name)
		}
	}
	return names
}

// rows returns all rows but the settings, pools first.
func (t *tally) rows() []report.Row {
	measures := t.measures()
	values := make([][]estimate, len(measures)) // by measure and family
	for m, what := range measures {
		for _, outcomes := range t.outcomes {
			values[m] = append(values[m], what.of(outcomes).resample(t.seed))
		}
	}
	var rows []report.Row
	for _, p := range t.pools() {
		for m, what := range measures {
			var parts []estimate
			for _, f := range p.families {
				parts = append(parts, values[m][f])
			}
			rows = append(rows, average(parts).row("surprise/"+p.name+"/"+what.name, what.note+"; mean of "+plural(len(parts), "family", "families")+"; "+t.set.note))
		}
		rows = append(rows, t.untrainedRows(p)...)
		rows = append(rows, t.hiddenRows(p)...)
	}
	for f, family := range t.set.families {
		for m, what := range measures {
			rows = append(rows, values[m][f].row("surprise/"+family.name+"/"+what.name, what.note))
		}
		rows = append(rows, t.untrainedRows(pool{family.name, []int{f}})...)
		if family.tier > 0 {
			rows = append(rows, t.openRows(f)...)
		}
	}
	rows = append(rows, t.nullRows()...)
	for _, p := range t.pools() {
		rows = append(rows, t.curveRows(p)...)
	}
	return rows
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// hiddenRows reports accuracy by the length of the hidden run, over the families that have quadruplets of it.
func (t *tally) hiddenRows(p pool) []report.Row {
	byRun := map[int]map[int][]judged{}
	for _, f := range p.families {
		for _, o := range t.outcomes[f] {
			if o.hidden == 0 {
				continue
			}
			if byRun[o.hidden] == nil {
				byRun[o.hidden] = map[int][]judged{}
			}
			byRun[o.hidden][f] = append(byRun[o.hidden][f], o)
		}
	}
	var rows []report.Row
	for _, h := range slices.Sorted(maps.Keys(byRun)) {
		for _, m := range t.measures()[:2] { // prefix, suffix
			var parts []estimate
			for _, f := range slices.Sorted(maps.Keys(byRun[h])) {
				parts = append(parts, m.of(byRun[h][f]).resample(t.seed))
			}
			rows = append(rows, average(parts).row(fmt.Sprintf("surprise/%s/hidden/%d/%s", p.name, h, m.name), plural(len(parts), "family", "families")))
		}
	}
	return rows
}

// untrainedRows reports what nets without training reach.
func (t *tally) untrainedRows(p pool) []report.Row {
	if len(t.nets) == 0 {
		return nil
	}
	var rows []report.Row
	for _, m := range t.measures()[:4] {
		if m.name == "prefix_max" {
			continue
		}
		var values []float64
		quads := 0
		for _, net := range t.nets {
			sum := 0.
			quads = 0
			for _, f := range p.families {
				sum += m.of(net.outcomes[f]).point()
				quads += len(net.outcomes[f])
			}
			values = append(values, sum/float64(len(p.families)))
		}
		name := "surprise/" + p.name + "/floor/untrained"
		if m.name != "prefix" {
			name += "_" + m.name
		}
		row := report.Mean(name, "ratio", values, "")
		row.Note = fmt.Sprintf("%s, std %.3f, best %.3f; %d quadruplets each", plural(len(values), "net without training", "nets without training"), spread(values), slices.Max(values), quads)
		rows = append(rows, row)
	}
	return rows
}

// spread is the unbiased standard deviation, 0 of fewer than two values.
func spread(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	mean, sum := 0., 0.
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(values)-1))
}
