package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// WriteText prints the document's rows as an aligned table for a terminal, groups apart, a group's
// scores before its floors and oracle (which are indented). A ratio is printed in percent.
func (d Document) WriteText(w io.Writer) error {
	var b strings.Builder
	groups := groupRows(d.Rows)
	lines := [][4]string{{"", "value", "95 % interval", "n"}}
	for _, g := range groups {
		for _, r := range g.rows {
			name := r.Name
			if r.reference() {
				name = "  " + name
			}
			lines = append(lines, [4]string{name, formatValue(r), formatInterval(r), formatN(r.N)})
		}
	}
	var width [4]int
	for _, l := range lines {
		for i, c := range l {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	put := func(l [4]string, note string) {
		var line strings.Builder
		line.WriteString(l[0] + pad(width[0]-utf8.RuneCountInString(l[0])))
		for i := 1; i < 4; i++ {
			line.WriteString("  " + pad(width[i]-utf8.RuneCountInString(l[i])) + l[i])
		}
		if note != "" {
			line.WriteString("  " + note)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	put(lines[0], "")
	i := 1
	for k, g := range groups {
		if k > 0 {
			b.WriteByte('\n')
		}
		for _, r := range g.rows {
			put(lines[i], r.Note)
			i++
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func pad(n int) string { return strings.Repeat(" ", max(0, n)) }

type rowGroup struct {
	name string
	rows []Row
}

// groupRows keeps the order of first appearance; inside a group references come last.
func groupRows(rows []Row) []rowGroup {
	var groups []rowGroup
	at := make(map[string]int)
	for _, pass := range []bool{false, true} {
		for _, r := range rows {
			g := r.group()
			i, ok := at[g]
			if !ok && !pass {
				i, ok = len(groups), true
				at[g] = i
				groups = append(groups, rowGroup{name: g})
			}
			if r.reference() == pass {
				groups[i].rows = append(groups[i].rows, r)
			}
		}
	}
	return groups
}

func formatValue(r Row) string { return formatNumber(r.Value, r.Unit) + unitSuffix(r.Unit) }

func formatNumber(v float64, unit string) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'g', -1, 64)
	case unit == "ratio":
		return strconv.FormatFloat(100*v, 'f', 1, 64)
	case v == math.Trunc(v) && math.Abs(v) < 1e6:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	a := math.Abs(v)
	switch {
	case a >= 100 && a < 1e6:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1 && a < 100:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case a >= 0.001 && a < 1:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return strconv.FormatFloat(v, 'e', 2, 64)
}

func unitSuffix(unit string) string {
	switch unit {
	case "ratio":
		return " %"
	case "1", "":
		return ""
	case "gflops":
		return " GFLOP/s"
	}
	return " " + unit
}

func formatInterval(r Row) string {
	if r.Lo == nil || r.Hi == nil {
		return ""
	}
	return fmt.Sprintf("[%s, %s]", formatNumber(*r.Lo, r.Unit), formatNumber(*r.Hi, r.Unit))
}

func formatN(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
