package report

import (
	"fmt"
	"strings"
)

// Table is a table of text: every row has a cell for each of Head, the first of which names the row.
type Table struct {
	Title string
	Head  []string
	Rows  [][]string
	Note  string // beneath it; may be empty
}

// check panics if a row has not as many cells as Head.
func (t Table) check() {
	for _, row := range t.Rows {
		if len(row) != len(t.Head) {
			panic(fmt.Sprintf("report: table %q: row %q of %d cells, want %d", t.Title, row, len(row), len(t.Head)))
		}
	}
}

// Markdown returns the table as Markdown: its title as a heading of the given level, all columns but the first set
// right, and a final empty line. Bars in cells are escaped. It panics if a row has not as many cells as Head.
func (t Table) Markdown(level int) string {
	t.check()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n\n", strings.Repeat("#", level), t.Title)
	line := func(cells []string) {
		b.WriteString("|")
		for _, c := range cells {
			b.WriteString(" " + strings.ReplaceAll(c, "|", `\|`) + " |")
		}
		b.WriteString("\n")
	}
	line(t.Head)
	b.WriteString("|---" + strings.Repeat("|---:", max(0, len(t.Head)-1)) + "|\n")
	for _, row := range t.Rows {
		line(row)
	}
	if t.Note != "" {
		b.WriteString("\n" + t.Note + "\n")
	}
	return b.String() + "\n"
}
