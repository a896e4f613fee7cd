package quads

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"foresee/env/physics"
	"foresee/report"
)

// clipSeconds is the time that a clip counts as experience, at the 10 frames a second that pictures without a clock
// are taken to have.
const clipSeconds = physics.Frames / 10.

// Assembled is what many runs say together.
type Assembled struct {
	Rows   []report.Row // means over seeds, see docs/figures.md
	Tables []report.Table
	Charts []report.Chart
}

// Assemble pools runs over seeds into rows, tables and charts: the scores, by family, unseen colours and so on, the
// noise axis, hours of experience, hidden time and surprise around the splice. usual is the number of clips that runs
// whose name has none were trained on. There must be a run, all of plain clips or none; two runs of one name panic.
func Assemble(runs []Run, usual int) Assembled {
	a := assembling{usual: usual, plain: runs[0].Plain, groups: map[string]*group{}}
	for _, r := range runs {
		a.add(r)
	}
	slices.Sort(a.kinds)
	out := Assembled{}
	for _, kind := range a.kinds {
		for _, name := range a.settings {
			if g := a.groups[kind+"/"+name]; g != nil {
				out.Rows = append(out.Rows, g.rows()...)
			}
		}
	}
	out.Tables = slices.DeleteFunc(a.tables(), func(t report.Table) bool { return len(t.Rows) == 0 })
	out.Charts = slices.DeleteFunc(a.charts(), func(c report.Chart) bool { return len(c.Series) == 0 })
	return out
}

// assembling holds runs by kind and setting.
type assembling struct {
	usual    int
	plain    bool // all runs are, or none
	kinds    []string
	settings []string          // in order of first appearance
	groups   map[string]*group // by kind/setting
}

// group is the runs that differ in their seed alone.
type group struct {
	name string // kind/setting
	run  Run    // the first
	runs []Run
}

func (a *assembling) add(r Run) {
	name := r.Kind + "/" + r.setting()
	if !slices.Contains(a.kinds, r.Kind) {
		a.kinds = append(a.kinds, r.Kind)
	}
	if !slices.Contains(a.settings, r.setting()) {
		a.settings = append(a.settings, r.setting())
	}
	g := a.groups[name]
	if g == nil {
		g = &group{name: name, run: r}
		a.groups[name] = g
	}
	for _, o := range g.runs {
		if o.Seed == r.Seed {
			panic(fmt.Sprintf("quads: two runs of %s, seed %d", name, r.Seed))
		}
	}
	g.runs = append(g.runs, r)
}

// pooled is a row's mean over seeds.
type pooled struct {
	mean, lo, hi float64 // lo to hi: mean of the seeds' intervals over quadruplets
	least, most  float64 // of the seeds
	n, seeds     int
	hasIntervals bool
}

// pool returns the mean of a row over the seeds that have it; ok is whether one does.
func (g *group) pool(name string) (p pooled, ok bool) {
	if g == nil {
		return pooled{mean: math.NaN()}, false
	}
	p = pooled{least: math.Inf(1), most: math.Inf(-1), hasIntervals: true}
	for _, r := range g.runs {
		row, found := r.Document.Find(name)
		if !found || math.IsNaN(row.Value) {
			continue
		}
		p.seeds++
		p.n += row.N
		p.mean += row.Value
		p.least, p.most = min(p.least, row.Value), max(p.most, row.Value)
		if row.Lo == nil {
			p.hasIntervals = false
			continue
		}
		p.lo, p.hi = p.lo+*row.Lo, p.hi+*row.Hi
	}
	if p.seeds == 0 {
		return pooled{mean: math.NaN()}, false
	}
	k := float64(p.seeds)
	p.mean, p.lo, p.hi = p.mean/k, p.lo/k, p.hi/k
	return p, true
}

// interval shows the interval in percent.
func (p pooled) interval() string {
	if !p.hasIntervals {
		return "–"
	}
	return fmt.Sprintf("%.1f to %.1f", 100*p.lo, 100*p.hi)
}

// percent shows a mean, and the least and greatest seed where they differ.
func (g *group) percent(row string) string {
	p, ok := g.pool(row)
	switch {
	case !ok:
		return "–"
	case p.least == p.most:
		return fmt.Sprintf("%.1f", 100*p.mean)
	}
	return fmt.Sprintf("%.1f (%.1f–%.1f)", 100*p.mean, 100*p.least, 100*p.most)
}

// rows are the group's means over seeds.
func (g *group) rows() []report.Row {
	var seeds []string
	for _, r := range g.runs {
		seeds = append(seeds, strconv.Itoa(r.Seed))
	}
	var rows []report.Row
	put := func(name, from string) {
		p, ok := g.pool(from)
		if !ok {
			return
		}
		r := report.Row{Name: "physics/" + g.name + "/" + name, Value: p.mean, Unit: "ratio", N: p.n,
			Note: fmt.Sprintf("mean of seeds %s, %.3f to %.3f", strings.Join(seeds, ", "), p.least, p.most)}
		if p.hasIntervals {
			lo, hi := min(p.lo, p.mean), max(p.hi, p.mean)
			r.Lo, r.Hi = &lo, &hi
		}
		rows = append(rows, r)
	}
	for _, what := range []string{"prefix", "suffix", "auroc"} {
		put(what, "surprise/mean/"+what)
	}
	put("ceiling/auroc", "surprise/mean/ceiling/auroc")
	put("floor/untrained", "surprise/mean/floor/untrained")
	put("memory", "surprise/memory/prefix")
	put("laws", "surprise/physics/prefix")
	put("null", "null/worst/prefix")
	for _, f := range physics.AllFamilies() {
		put("family/"+f.String(), "surprise/"+f.String()+"/prefix")
	}
	for h := 4; h <= 16; h += 4 {
		put(fmt.Sprintf("hidden/%d", h), fmt.Sprintf("surprise/mean/hidden/%d/prefix", h))
	}
	return rows
}

// at returns the runs of a kind in a setting, nil without any.
func (a *assembling) at(kind string, r Run) *group {
	r.Plain = a.plain // all are or none is
	return a.groups[kind+"/"+r.setting()]
}

// tables lists all tables; those without rows have nothing to say.
func (a *assembling) tables() []report.Table {
	tables := []report.Table{a.scores(), a.families(), a.singles()}
	for _, kind := range a.kinds {
		tables = append(tables, a.unseen(kind))
	}
	return append(tables, a.noise(), a.experience(), a.hidden())
}

const seedsNote = "Percent, mean of seeds; in brackets the lowest and the highest seed."

// scores is the table of kinds on clips without noise.
func (a *assembling) scores() report.Table {
	t := report.Table{
		Title: "Scores without noise",
		Head:  []string{"model", "seeds", "pairs", "prefix", "95 % interval", "suffix", "memory", "physics", "AUROC", "its ceiling", "untrained", "worst null"},
		Note:  seedsNote + " The interval is over quadruplets, the mean of the seeds'. Memory and physics: prefix pairs of those families. AUROC: single clips by their greatest surprise; its ceiling is that of trivial scores.",
	}
	if a.plain {
		t.Note += " All clips are plain: of one look, with two colours and one time."
	}
	for _, kind := range a.kinds {
		g := a.at(kind, Run{})
		p, ok := g.pool("surprise/mean/prefix")
		if !ok {
			continue
		}
		t.Rows = append(t.Rows, []string{kind, strconv.Itoa(p.seeds), strconv.Itoa(p.n), g.percent("surprise/mean/prefix"),
			p.interval(), g.percent("surprise/mean/suffix"), g.percent("surprise/memory/prefix"),
			g.percent("surprise/physics/prefix"), g.percent("surprise/mean/auroc"), g.percent("surprise/mean/ceiling/auroc"),
			g.percent("surprise/mean/floor/untrained"), g.percent("null/worst/prefix")})
	}
	return t
}

// grid is a table of kinds by something; rows without a value are left out.
func (a *assembling) grid(title, what, note string, rows []string, cell func(kind string, row int) string) report.Table {
	t := report.Table{Title: title, Head: append([]string{what}, a.kinds...), Note: note}
	for i, name := range rows {
		line, some := []string{name}, false
		for _, kind := range a.kinds {
			text := cell(kind, i)
			some = some || text != "–"
			line = append(line, text)
		}
		if some {
			t.Rows = append(t.Rows, line)
		}
	}
	return t
}

func familyNames() []string {
	var names []string
	for _, f := range physics.AllFamilies() {
		names = append(names, f.String())
	}
	return names
}

// families is prefix accuracy by family, without noise.
func (a *assembling) families() report.Table {
	names := familyNames()
	return a.grid("Prefix pairs by family, without noise", "family", seedsNote+" Support and the visible families are in no mean.", names,
		func(kind string, i int) string { return a.at(kind, Run{}).percent("surprise/" + names[i] + "/prefix") })
}

// singles is the AUROC by family beside its ceiling, without noise.
func (a *assembling) singles() report.Table {
	names := familyNames()
	t := a.grid("Single clips by family, AUROC of the greatest surprise, without noise", "family", seedsNote+" The ceiling is that of the best trivial score.", names,
		func(kind string, i int) string { return a.at(kind, Run{}).percent("surprise/" + names[i] + "/auroc") })
	t.Head = append(t.Head, "ceiling")
	for i, row := range t.Rows {
		text := "–"
		for _, kind := range a.kinds {
			if text == "–" {
				text = a.at(kind, Run{}).percent("surprise/" + row[0] + "/ceiling/auroc")
			}
		}
		t.Rows[i] = append(row, text)
	}
	return t
}

// unseen is what a kind makes of what training did not show.
func (a *assembling) unseen(kind string) report.Table {
	t := report.Table{Title: "Unseen in training, " + kind + ": prefix pairs by family", Head: []string{"family", "seen"}, Note: seedsNote}
	var groups []*group
	for s := physics.UnseenColours; s <= physics.UnseenSizes; s++ {
		if g := a.at(kind, Run{Split: s}); g != nil {
			t.Head, groups = append(t.Head, strings.TrimPrefix(s.String(), "unseen-")), append(groups, g)
		}
	}
	if len(groups) == 0 {
		return t
	}
	for _, name := range append([]string{"mean", "memory", "physics"}, familyNames()...) {
		line := []string{name, a.at(kind, Run{}).percent("surprise/" + name + "/prefix")}
		for _, g := range groups {
			line = append(line, g.percent("surprise/"+name+"/prefix"))
		}
		if slices.ContainsFunc(line[1:], func(s string) bool { return s != "–" }) {
			t.Rows = append(t.Rows, line)
		}
	}
	return t
}

// noiseRuns lists the settings of the noise axis that some kind has.
func (a *assembling) noiseRuns() []Run {
	out := []Run{{}}
	for n := 1; n <= int(physics.N7); n++ {
		for level := 1; level <= physics.MaxLevel; level++ {
			out = append(out, Run{Noise: n, Level: level})
		}
	}
	return slices.DeleteFunc(out, func(r Run) bool {
		return !slices.ContainsFunc(a.kinds, func(kind string) bool { return a.at(kind, r) != nil })
	})
}

// noise is the noise axis, with the difference of the model and its pixel twin where both are there.
func (a *assembling) noise() report.Table {
	runs := a.noiseRuns()
	if len(runs) < 2 {
		return report.Table{}
	}
	var names []string
	for _, r := range runs {
		name := fmt.Sprintf("N%d", r.Noise)
		if r.Noise > 0 && r.Level != 2 {
			name += fmt.Sprintf(", level %d", r.Level)
		}
		names = append(names, name)
	}
	const row = "surprise/mean/prefix"
	t := a.grid("The noise axis: prefix pairs, mean of ten families", "noise", seedsNote, names,
		func(kind string, i int) string { return a.at(kind, runs[i]).percent(row) })
	if !slices.Contains(a.kinds, "jepa") || !slices.Contains(a.kinds, "pixels") {
		return t
	}
	t.Head = append(t.Head, "jepa − pixels, points")
	for i := range t.Rows {
		text := "–"
		p, ok := a.at("jepa", runs[i]).pool(row)
		if q, both := a.at("pixels", runs[i]).pool(row); ok && both {
			text = fmt.Sprintf("%+.1f", 100*(p.mean-q.mean))
		}
		t.Rows[i] = append(t.Rows[i], text)
	}
	return t
}

// clipCounts lists the numbers of clips that some kind was trained on, without noise.
func (a *assembling) clipCounts() []int {
	counts := []int{}
	for _, g := range a.groups {
		if g.run.Noise == 0 && g.run.Split == physics.Seen {
			counts = append(counts, a.clips(g.run))
		}
	}
	slices.Sort(counts)
	return slices.Compact(counts)
}

func (a *assembling) clips(r Run) int {
	if r.Clips == 0 {
		return a.usual
	}
	return r.Clips
}

// trainedOn returns a kind's runs on so many clips.
func (a *assembling) trainedOn(kind string, clips int) *group {
	if g := a.at(kind, Run{Clips: clips}); g != nil {
		return g
	}
	if clips == a.usual {
		return a.at(kind, Run{})
	}
	return nil
}

func hours(clips int) float64 { return float64(clips) * clipSeconds / 3600 }

// experience is accuracy by hours of experience.
func (a *assembling) experience() report.Table {
	counts := a.clipCounts()
	if len(counts) < 2 {
		return report.Table{}
	}
	var names []string
	for _, n := range counts {
		names = append(names, fmt.Sprintf("%d clips, %.2g h", n, hours(n)))
	}
	return a.grid("Experience: prefix pairs, mean of ten families, without noise", "trained on", seedsNote+" Hours at 10 frames a second.", names,
		func(kind string, i int) string { return a.trainedOn(kind, counts[i]).percent("surprise/mean/prefix") })
}

// hidden is accuracy by hidden time.
func (a *assembling) hidden() report.Table {
	names := []string{"4", "8", "12", "16"}
	return a.grid("Hidden time: prefix pairs by frames for which the cut is hidden, without noise", "frames", seedsNote+" Mean of the families that have room.", names,
		func(kind string, i int) string {
			return a.at(kind, Run{}).percent("surprise/mean/hidden/" + names[i] + "/prefix")
		})
}
