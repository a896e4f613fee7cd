package quads

import (
	"testing"

	"foresee/report"
)

// find returns the row of that name.
func find(t *testing.T, rows []report.Row, name string) report.Row {
	t.Helper()
	d := report.Document{Rows: rows}
	r, ok := d.Find(name)
	if !ok {
		t.Fatalf("there is no row %s", name)
	}
	return r
}
