package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"foresee/report"
)

// figures reads the table rows of docs/figures.md: a pattern for each row name
// and its unit. Angle brackets stand for one part of a name.
func figures(t *testing.T) map[*regexp.Regexp]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/figures.md")
	if err != nil {
		t.Fatal(err)
	}
	cell := regexp.MustCompile("^`([a-z][^`]*)`$")
	hole := regexp.MustCompile(`<[a-z]+>`)
	found := map[*regexp.Regexp]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 5 {
			continue
		}
		name := cell.FindStringSubmatch(strings.TrimSpace(cells[1]))
		if name == nil {
			continue
		}
		pattern := hole.ReplaceAllString(regexp.QuoteMeta(name[1]), `[^/]+`)
		found[regexp.MustCompile("^"+pattern+"$")] = strings.TrimSpace(cells[3])
	}
	if len(found) < 40 {
		t.Fatalf("docs/figures.md lists %d rows, want all of them", len(found))
	}
	return found
}

// documented wants every row of a document in docs/figures.md, with its unit.
func documented(t *testing.T, d report.Document) {
	t.Helper()
	if len(d.Rows) == 0 {
		t.Errorf("%s: the document has no rows", d.Command)
	}
	for _, fault := range undocumented(figures(t), d) {
		t.Errorf("%s: %s", d.Command, fault)
	}
}

func undocumented(known map[*regexp.Regexp]string, d report.Document) (faults []string) {
	for _, r := range d.Rows {
		unit, holes := "", -1 // of the pattern with the fewest holes
		for pattern, u := range known {
			n := strings.Count(pattern.String(), "[^/]+")
			if pattern.MatchString(r.Name) && (holes < 0 || n < holes) {
				unit, holes = u, n
			}
		}
		switch {
		case holes < 0:
			faults = append(faults, "row "+r.Name+" is not in docs/figures.md")
		case unit != r.Unit:
			faults = append(faults, "row "+r.Name+" has unit "+r.Unit+", docs/figures.md says "+unit)
		}
	}
	return faults
}

// document decodes what a successful call with --json printed and wants its
// rows documented.
func (r result) document(t *testing.T) report.Document {
	t.Helper()
	r.want(t, ExitDone)
	d, err := report.Decode(strings.NewReader(r.stdout))
	if err != nil {
		t.Fatalf("stdout is not one document: %v\n%s", err, r.stdout)
	}
	documented(t, d)
	return d
}

// TestUndocumentedRowsAreSeen plants a row that nobody lists and one in
// another unit.
func TestUndocumentedRowsAreSeen(t *testing.T) {
	d := report.Document{Rows: []report.Row{
		{Name: "bench/sgemm/64/gflops", Unit: "gflops"},
		{Name: "bench/sgemm/64/gflops", Unit: "s"},
		{Name: "bench/sgemm/6/4/gflops", Unit: "gflops"},
	}}
	got := undocumented(figures(t), d)
	if len(got) != 2 || !strings.Contains(got[0], "has unit s") || !strings.Contains(got[1], "6/4/gflops is not in") {
		t.Errorf("faults %q, want one about a unit and one about a name", got)
	}
}

func TestBenchSgemm(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for seconds; not in -short")
	}
	d := call(t, "bench", "sgemm", "--json", "--seed", "3").document(t)
	for _, name := range []string{"bench/sgemm/1024/gflops", "bench/sgemm/2048/gflops"} {
		if r, ok := d.Find(name); !ok || !(r.Value > 0) || r.N < 10 {
			t.Errorf("row %s = %+v, want a positive rate of at least 10 runs", name, r)
		}
	}
	if !(d.Machine.SgemmGFLOPS > 0) || d.Seed != 3 {
		t.Errorf("machine %+v, seed %d; want the measured sgemm rate and 3", d.Machine, d.Seed)
	}
	call(t, "bench", "abacus").want(t, ExitUsage, "abacus", "sgemm")
}
