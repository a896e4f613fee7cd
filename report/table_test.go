package report_test

import (
	"bytes"
	"strings"
	"testing"

	"foresee/report"
)

func TestTable(t *testing.T) {
	table := report.Table{Title: "a < b", Head: []string{"who", "how", "far"}, Rows: [][]string{{"x|y", "1", ""}, {"<z>", "2", "3"}}, Note: "n & m"}
	want := "## a < b\n\n| who | how | far |\n|---|---:|---:|\n| x\\|y | 1 |  |\n| <z> | 2 | 3 |\n\nn & m\n\n"
	if got := table.Markdown(2); got != want {
		t.Errorf("markdown\n%q, want\n%q", got, want)
	}
	p := report.NewPage("page", "", report.Document{})
	p.Table(table)
	var b bytes.Buffer
	if _, err := p.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"a &lt; b", `<th>who</th><th class="r">how</th>`, `<td>&lt;z&gt;</td><td class="r">2</td><td class="r">3</td>`, "n &amp; m"} {
		if !strings.Contains(b.String(), s) {
			t.Errorf("the page does not hold %q", s)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a row with a cell too few passes")
		}
	}()
	table.Rows[0] = table.Rows[0][:2]
	table.Markdown(1)
}

// A logarithmic x axis: equal ratios are equally far apart, powers of ten are labelled, 0 breaks the line.
func TestLogX(t *testing.T) {
	c := report.Chart{Title: "t", LogX: true, Series: []report.Series{{Name: "s", X: []float64{1, 10, 0, 100}, Y: []float64{0, 1, 1, 2}, Dots: true}},
		Marks: []report.Mark{{X: 10, Label: "ten"}}}
	svg := c.SVG()
	// 62 and 702 are the edges of the plot, 382 its middle.
	for _, s := range []string{`d="M62 `, "L382 ", "M702 ", `>1</text>`, `>10</text>`, `>100</text>`, `<circle cx="382"`, `x1="382" x2="382"`} {
		if !strings.Contains(svg, s) {
			t.Errorf("the chart does not hold %q:\n%s", s, svg)
		}
	}
	c.Series = append(c.Series, report.Series{Name: "third", X: []float64{1}, Y: []float64{1}, Colour: 3}, report.Series{Name: "second", X: []float64{1}, Y: []float64{1}})
	for name, stroke := range map[string]string{"s": "#1f6feb", "third": "#2b8a3e", "second": "#d9480f"} {
		if !strings.Contains(c.SVG(), stroke+`" stroke-width="1.8" stroke-linejoin="round"><title>`+name) {
			t.Errorf("series %s is not drawn in %s:\n%s", name, stroke, c.SVG())
		}
	}
	if n := strings.Count(svg, "<circle"); n != 3 {
		t.Errorf("%d dots, want 3", n)
	}
}
