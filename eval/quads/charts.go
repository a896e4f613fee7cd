package quads

import (
	"fmt"
	"strings"

	"foresee/report"
)

// charts lists all charts; those without series have nothing to show.
func (a *assembling) charts() []report.Chart {
	var charts []report.Chart
	for _, kind := range a.kinds {
		charts = append(charts, a.curves(kind))
	}
	return append(charts, a.hiddenChart(), a.noiseChart(), a.experienceChart())
}

// line is one kind's series of a row's means over seeds, in percent; it has no name without two points.
func (a *assembling) line(kind string, x []float64, of func(i int) *group, row func(i int) string) report.Series {
	s := report.Series{Dots: true}
	for i := range x {
		if p, ok := of(i).pool(row(i)); ok {
			s.X, s.Y = append(s.X, x[i]), append(s.Y, 100*p.mean)
		}
	}
	if len(s.X) > 1 {
		s.Name = kind
	}
	return s
}

// lines draws each kind that has two points, and chance.
func (a *assembling) lines(c report.Chart, x []float64, of func(kind string, i int) *group, row func(i int) string) report.Chart {
	for k, kind := range a.kinds {
		if s := a.line(kind, x, func(i int) *group { return of(kind, i) }, row); s.Name != "" {
			s.Colour = k + 1
			c.Series = append(c.Series, s)
		}
	}
	if len(c.Series) > 0 {
		c.Series = append(c.Series, report.Series{Name: "chance", X: []float64{x[0], x[len(x)-1]}, Y: []float64{50, 50}, Reference: true})
	}
	return c
}

// curves is a kind's surprise around the splice, without noise.
func (a *assembling) curves(kind string) report.Chart {
	c := report.Chart{
		Title: kind + ": surprise around the splice, without noise", XLabel: "frames since the splice",
		YLabel: "surprise / mean size in possible clips", Marks: []report.Mark{{X: 0, Label: "splice"}}, YZero: true,
	}
	g := a.at(kind, Run{})
	for _, line := range []struct{ name, row string }{
		{"impossible, memory families", "surprise/memory/curve/impossible/%d"},
		{"impossible, physics families", "surprise/physics/curve/impossible/%d"},
		{"possible, all families", "surprise/mean/curve/possible/%d"},
	} {
		s := report.Series{Name: line.name, Reference: strings.HasPrefix(line.name, "possible")}
		for k := -curveReach; k <= curveReach; k++ {
			if p, ok := g.pool(fmt.Sprintf(line.row, k)); ok {
				s.X, s.Y = append(s.X, float64(k)), append(s.Y, p.mean)
			}
		}
		if len(s.X) > 1 {
			c.Series = append(c.Series, s)
		}
	}
	return c
}

func (a *assembling) hiddenChart() report.Chart {
	c := report.Chart{Title: "Accuracy against hidden time, without noise", XLabel: "frames for which the cut is hidden", YLabel: "prefix pairs, %"}
	x := []float64{4, 8, 12, 16}
	return a.lines(c, x, func(kind string, _ int) *group { return a.at(kind, Run{}) },
		func(i int) string { return fmt.Sprintf("surprise/mean/hidden/%g/prefix", x[i]) })
}

// noiseChart shows the axis at the usual level.
func (a *assembling) noiseChart() report.Chart {
	c := report.Chart{Title: "The noise axis, level 2", XLabel: "noise N0 to N7", YLabel: "prefix pairs, %"}
	x := []float64{0, 1, 2, 3, 4, 5, 6, 7}
	return a.lines(c, x, func(kind string, i int) *group {
		r := Run{Noise: i, Level: 2}
		if i == 0 {
			r.Level = 0
		}
		return a.at(kind, r)
	}, func(int) string { return "surprise/mean/prefix" })
}

func (a *assembling) experienceChart() report.Chart {
	c := report.Chart{Title: "Hours of experience, without noise", XLabel: "hours at 10 frames a second", YLabel: "prefix pairs, %", LogX: true}
	counts := a.clipCounts()
	x := make([]float64, len(counts))
	for i, n := range counts {
		x[i] = hours(n)
	}
	if len(x) < 2 {
		return c
	}
	return a.lines(c, x, func(kind string, i int) *group { return a.trainedOn(kind, counts[i]) },
		func(int) string { return "surprise/mean/prefix" })
}

// Markdown returns the tables as one Markdown text under a title.
func (a Assembled) Markdown(title, lead string) string {
	text := "# " + title + "\n\n"
	if lead != "" {
		text += lead + "\n\n"
	}
	for _, t := range a.Tables {
		text += t.Markdown(2)
	}
	return text
}

// Page returns the tables and charts as a page.
func (a Assembled) Page(title, lead string, d report.Document) *report.Page {
	p := report.NewPage(title, lead, d)
	p.Section("Scores")
	for _, t := range a.Tables {
		p.Table(t)
	}
	p.Section("Figures")
	for _, c := range a.Charts {
		p.Chart(c)
	}
	return p
}
