package quads

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foresee/env/physics"
	"foresee/report"
)

func TestParseRun(t *testing.T) {
	for name, want := range map[string]Run{
		"jepa.n0.s1.json":                            {Kind: "jepa", Seed: 1},
		"pixels.n3.s2.json":                          {Kind: "pixels", Noise: 3, Level: 2, Seed: 2},
		"no-memory.n7l4.s12.unseen-screens.e64.json": {Kind: "no-memory", Noise: 7, Level: 4, Seed: 12, Split: physics.UnseenScreens, Clips: 64},
	} {
		got, err := ParseRun(name)
		if err != nil || got.Kind != want.Kind || got.Noise != want.Noise || got.Level != want.Level || got.Seed != want.Seed || got.Split != want.Split || got.Clips != want.Clips {
			t.Errorf("ParseRun(%s) = %+v, %v", name, got, err)
		}
	}
	for _, name := range []string{"jepa.json", "jepa.n8.s1.json", "jepa.n0l3.s1.json", "jepa.n1l5.s1.json", "Jepa.n0.s1.json", "jepa.n0.json",
		"jepa.n0.s1.unseen-taste.json", "jepa.n0.s1.e0.json", "jepa.n0.s1.html", "jepa.n0.s1.e5.unseen-colours.json", ""} {
		if r, err := ParseRun(name); err == nil {
			t.Errorf("ParseRun(%s) = %+v, want an error", name, r)
		}
	}
}

// document is what a run with these values would have written.
func document(r Run, prefix float64) report.Document {
	lo, hi := prefix-0.1, prefix+0.02
	row := func(name string, v float64) report.Row {
		return report.Row{Name: name, Value: v, Unit: "ratio", N: 100, Lo: &lo, Hi: &hi}
	}
	d := report.Document{Rows: []report.Row{
		row("surprise/mean/prefix", prefix), row("surprise/shape/prefix", prefix), row("surprise/shape/auroc", prefix),
		{Name: "surprise/shape/ceiling/auroc", Value: 0.55, Unit: "ratio", N: 200},
		row("surprise/mean/hidden/4/prefix", prefix), row("surprise/mean/hidden/8/prefix", prefix),
		{Name: "surprise/setting/noise", Value: float64(r.Noise), Unit: "1"},
		{Name: "surprise/setting/level", Value: float64(r.Level), Unit: "1"},
		{Name: "surprise/setting/split", Value: float64(r.Split), Unit: "1"},
		{Name: "surprise/setting/development", Unit: "1"},
	}}
	if r.Plain {
		d.Add(report.Row{Name: "surprise/setting/plain", Value: 1, Unit: "1"})
	}
	for k := -1; k <= 1; k++ {
		d.Add(report.Row{Name: fmt.Sprintf("surprise/memory/curve/impossible/%d", k), Value: prefix + float64(k), Unit: "1", N: 3})
	}
	return d
}

// saveRuns writes documents under their names.
func saveRuns(t *testing.T, values map[string]float64) string {
	t.Helper()
	dir := t.TempDir()
	for name, v := range values {
		r, err := ParseRun(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := document(r, v).WriteFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// cell returns what a table has in the row of that name under that head.
func cell(t *testing.T, tables []report.Table, title, row, head string) string {
	t.Helper()
	for _, table := range tables {
		if !strings.Contains(table.Title, title) {
			continue
		}
		for i, h := range table.Head {
			for _, r := range table.Rows {
				if h == head && r[0] == row {
					return r[i]
				}
			}
		}
		t.Fatalf("table %q has no row %q under %q: %q", table.Title, row, head, table)
	}
	t.Fatalf("no table %q", title)
	return ""
}

// Runs of plain clips have rows and tables of their own.
func TestAssemblePlain(t *testing.T) {
	runs, err := ReadRuns(saveRuns(t, map[string]float64{"jepa.n0.plain.s1.json": 0.96, "jepa.n0.plain.s2.json": 0.98}))
	if err != nil {
		t.Fatal(err)
	}
	a := Assemble(runs, 12000)
	if r := find(t, a.Rows, "physics/jepa/n0.plain/prefix"); math.Abs(r.Value-0.97) > 1e-12 {
		t.Errorf("pooled row %s", bare(r))
	}
	if !strings.Contains(a.Tables[0].Note, "plain") {
		t.Errorf("the scores' note %q does not say that clips are plain", a.Tables[0].Note)
	}
	if got := cell(t, a.Tables, "Prefix pairs by family", "shape", "jepa"); got != "97.0 (96.0–98.0)" {
		t.Errorf("shape in the table is %q, want 97.0 (96.0–98.0)", got)
	}
}

// Seeds are pooled, settings are not; every table and chart shows what the files say.
func TestAssemble(t *testing.T) {
	runs, err := ReadRuns(saveRuns(t, map[string]float64{
		"jepa.n0.s1.json": 0.96, "jepa.n0.s2.json": 0.98, "pixels.n0.s1.json": 0.9, "jepa.n3.s1.json": 0.7, "pixels.n3.s1.json": 0.75,
		"pixels.n3l4.s1.json": 0.6, "jepa.n0.s1.unseen-colours.json": 0.8, "jepa.n0.s1.e1500.json": 0.65, "random.n2.s1.json": 0.5,
	}))
	if err != nil {
		t.Fatal(err)
	}
	a := Assemble(runs, 12000)
	d := report.Document{Rows: a.Rows}
	if err := d.Validate(); err != nil {
		t.Fatal(err)
	}
	r := find(t, a.Rows, "physics/jepa/n0/prefix")
	if math.Abs(r.Value-0.97) > 1e-12 || r.N != 200 || math.Abs(*r.Lo-0.87) > 1e-12 || math.Abs(*r.Hi-0.99) > 1e-12 || !strings.Contains(r.Note, "seeds 1, 2, 0.960 to 0.980") {
		t.Errorf("pooled row %s, note %q", bare(r), r.Note)
	}
	wantRow(t, a.Rows, "physics/pixels/n3l4/family/shape", 0.6, 100)
	wantRow(t, a.Rows, "physics/jepa/n0.e1500/hidden/8", 0.65, 100)
	for _, c := range []struct{ title, row, head, want string }{
		{"Scores without noise", "jepa", "prefix", "97.0 (96.0–98.0)"},
		{"Scores without noise", "jepa", "95 % interval", "87.0 to 99.0"},
		{"Scores without noise", "jepa", "pairs", "200"},
		{"Scores without noise", "pixels", "suffix", "–"},
		{"Prefix pairs by family", "shape", "pixels", "90.0"},
		{"Single clips by family", "shape", "ceiling", "55.0"},
		{"Unseen in training, jepa", "shape", "colours", "80.0"},
		{"Unseen in training, jepa", "mean", "seen", "97.0 (96.0–98.0)"},
		{"noise axis", "N3", "jepa − pixels, points", "-5.0"},
		{"noise axis", "N0", "jepa − pixels, points", "+7.0"},
		{"noise axis", "N3, level 4", "jepa", "–"},
		{"noise axis", "N2", "random", "50.0"},
		{"Experience", "1500 clips, 1.3 h", "jepa", "65.0"},
		{"Experience", "12000 clips, 11 h", "pixels", "90.0"},
		{"Hidden time", "8", "jepa", "97.0 (96.0–98.0)"},
	} {
		if got := cell(t, a.Tables, c.title, c.row, c.head); got != c.want {
			t.Errorf("%s, row %s, %s: %q, want %q", c.title, c.row, c.head, got, c.want)
		}
	}
	series := map[string]string{}
	for _, c := range a.Charts {
		for _, s := range c.Series {
			series[c.Title] += fmt.Sprintf("%s %.3v %.3v; ", s.Name, s.X, s.Y)
		}
	}
	for title, want := range map[string]string{
		"jepa: surprise around the splice, without noise": "impossible, memory families [-1 0 1] [-0.03 0.97 1.97]; ",
		"The noise axis, level 2":                         "jepa [0 3] [97 70]; pixels [0 3] [90 75]; chance [0 7] [50 50]; ",
		"Hours of experience, without noise":              "jepa [1.33 10.7] [65 97]; chance [1.33 10.7] [50 50]; ",
		"Accuracy against hidden time, without noise":     "jepa [4 8] [97 97]; pixels [4 8] [90 90]; chance [4 16] [50 50]; ",
	} {
		if series[title] != want {
			t.Errorf("%s: %q, want %q", title, series[title], want)
		}
	}
	text := a.Markdown("Title", "Lead.")
	for _, s := range []string{"# Title\n\nLead.\n\n## Scores without noise", "| shape | 97.0 (96.0–98.0) | 90.0 | – |"} {
		if !strings.Contains(text, s) {
			t.Errorf("the Markdown does not hold %q:\n%s", s, text)
		}
	}
}

// One run of one kind leaves out what it says nothing of.
func TestAssembleOne(t *testing.T) {
	runs, err := ReadRuns(saveRuns(t, map[string]float64{"jepa.n0.s1.json": 0.9}))
	if err != nil {
		t.Fatal(err)
	}
	a := Assemble(runs, 12000)
	for _, table := range a.Tables {
		for _, absent := range []string{"noise axis", "Experience", "Unseen"} {
			if strings.Contains(table.Title, absent) {
				t.Errorf("a table %q of one run", table.Title)
			}
		}
	}
	if len(a.Tables) != 4 || len(a.Charts) != 2 {
		t.Errorf("%d tables and %d charts, want 4 and 2", len(a.Tables), len(a.Charts))
	}
}

func TestReadRunsRefuses(t *testing.T) {
	good := Run{Kind: "jepa", Noise: 3, Level: 2, Seed: 1}
	for _, c := range []struct {
		name, file string
		change     func(d *report.Document)
		want       []string
	}{
		{"another noise", "jepa.n2.s1.json", nil, []string{"setting/noise is 3", "says 2"}},
		{"another level", "jepa.n3l4.s1.json", nil, []string{"setting/level is 2", "says 4"}},
		{"another split", "jepa.n3.s1.unseen-colours.json", nil, []string{"setting/split is 0"}},
		{"other clips", "jepa.n3.plain.s1.json", nil, []string{"setting/plain is 0"}},
		{"plain clips", "jepa.n3.s1.json", func(d *report.Document) {
			d.Add(report.Row{Name: "surprise/setting/plain", Value: 1, Unit: "1"})
		}, []string{"setting/plain is 1"}},
		{"tuning clips", "jepa.n3.s1.json", func(d *report.Document) { d.Rows[9].Value = 1 }, []string{"tuning"}},
		{"own clips", "jepa.n3.s1.json", func(d *report.Document) { d.Rows = d.Rows[:3] }, []string{"built-in"}},
		{"no score", "jepa.n3.s1.json", func(d *report.Document) { d.Rows = d.Rows[1:] }, []string{"surprise/mean/prefix"}},
		{"an odd name", "final.json", nil, []string{"final.json", "jepa.n0.s1.json"}},
	} {
		dir := t.TempDir()
		d := document(good, 0.9)
		if c.change != nil {
			c.change(&d)
		}
		if err := d.WriteFile(filepath.Join(dir, c.file)); err != nil {
			t.Fatal(err)
		}
		_, err := ReadRuns(dir)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, w := range append(c.want, c.file) {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v; want it to say %q", c.name, err, w)
			}
		}
	}
	dir := saveRuns(t, map[string]float64{"jepa.n0.plain.s1.json": 0.9, "jepa.n0.s2.json": 0.9})
	if _, err := ReadRuns(dir); err == nil || !strings.Contains(err.Error(), "a folder for each") {
		t.Errorf("plain clips beside others: %v", err)
	}
	dir = t.TempDir()
	if _, err := ReadRuns(dir); err == nil || !strings.Contains(err.Error(), "holds no run") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "jepa.n0.s1.json"), []byte(`{"rows": [`), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadRuns(dir); err == nil || !strings.Contains(err.Error(), "jepa.n0.s1.json") {
		t.Errorf("a truncated file: %v", err)
	}
	if _, err := ReadRuns(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("no folder: no error")
	}
}
