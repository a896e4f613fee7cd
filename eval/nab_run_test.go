package eval

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"foresee/watch/sensor"
)

// tinyNAB writes two series of 900 rows: one with a jump of 20 deviations at row
// 700, window 690 to 719, and one without any anomaly.
func tinyNAB(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	begin := time.Date(2014, 4, 1, 0, 0, 0, 0, time.UTC)
	for i, name := range []string{"a/jump.csv", "b/quiet.csv"} {
		path := filepath.Join(dir, "data", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		text := "timestamp,value\n"
		rng := rand.New(rand.NewPCG(uint64(i), 5))
		for row := range 900 {
			v := rng.NormFloat64()
			if i == 0 && row >= 700 && row < 705 {
				v += 20
			}
			text += fmt.Sprintf("%s,%g\n", begin.Add(time.Duration(row)*5*time.Minute).Format(time.DateTime), v)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stamp := func(row int) string {
		return begin.Add(time.Duration(row)*5*time.Minute).Format(time.DateTime) + ".000000"
	}
	labels, _ := json.Marshal(map[string][][2]string{"a/jump.csv": {{stamp(690), stamp(719)}}, "b/quiet.csv": {}})
	if err := os.WriteFile(filepath.Join(dir, "windows.json"), labels, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestNABFindsAJump(t *testing.T) {
	dir, scores := tinyNAB(t), t.TempDir()
	rows, err := NAB(context.Background(), NABConfig{Dir: dir, Scores: scores})
	if err != nil {
		t.Fatal(err)
	}
	if want := 6 * NABDetectors(); len(rows) != want {
		t.Fatalf("%d rows, want %d", len(rows), want)
	}
	for _, r := range rows {
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
	if r := rows[0]; r.Name != "watch/nab/standard" || r.Value < 60 {
		t.Errorf("%s = %.1f (%s), want watch/nab/standard of at least 60 for a jump of 20 deviations", r.Name, r.Value, r.Note)
	}
	f, err := os.Open(filepath.Join(scores, "foresee", "a", "foresee_jump.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 901 || !slices.Equal(lines[0], []string{"timestamp", "value", "anomaly_score", "label"}) {
		t.Fatalf("%d lines with header %v", len(lines), lines[0])
	}
	alarms, labels := 0, 0
	for i, l := range lines[1:] {
		v, err := strconv.ParseFloat(l[2], 64)
		if err != nil || !(v >= 0 && v <= 1) {
			t.Fatalf("row %d: anomaly_score %q", i, l[2])
		}
		if v >= nabThreshold && i >= 700 && i < 705 {
			alarms++
		}
		labels += int(l[3][0] - '0')
	}
	if alarms != 1 || labels != 30 {
		t.Errorf("%d alarms at the jump and %d labelled rows, want 1 and 30", alarms, labels)
	}
}

// TestNABEventRows counts by hand: two alarms in one window are one found, alarms
// and strange rows of the probation are nobody's, a series without a window counts
// its alarms and has no curve.
func TestNABEventRows(t *testing.T) {
	const n, probation = 1000, 150
	alarms := func(at ...int) []bool {
		out := make([]bool, n)
		for _, i := range at {
			out[i] = true
		}
		return out
	}
	windows := []NABWindow{{300, 349}, {600, 649}}
	series := []NABSeries{{alarms(20, 310, 320, 500, 900), windows}, {alarms(100, 700), nil}}
	watched := []nabWatch{{strange: make([]float64, n)}, {strange: make([]float64, n)}}
	labels := make([]bool, n)
	for i := range n {
		labels[i] = i >= 300 && i < 350 || i >= 600 && i < 650
		switch {
		case i < probation:
			watched[0].strange[i] = 9
		case labels[i]:
			watched[0].strange[i] = 1
		}
	}
	rows := nabEventRows("", series, watched)
	perfect := make([]float64, n-probation)
	for i := range perfect {
		perfect[i] = watched[0].strange[probation+i]
	}
	want := map[string]float64{"watch/nab/recall": 0.5, "watch/nab/precision": 1. / 4, "watch/nab/vus_pr": VUSPR(perfect, labels[probation:], 100, 20)}
	for _, r := range rows {
		if v, ok := want[r.Name]; !ok || math.Abs(r.Value-v) > 1e-12 {
			t.Errorf("%s = %g, want %g", r.Name, r.Value, v)
		}
		delete(want, r.Name)
	}
	if len(want) > 0 || rows[2].N != 1 || rows[2].Value < 0.8 {
		t.Errorf("no rows %v; the curve is %g over %d series, want that of a perfect order over one", want, rows[2].Value, rows[2].N)
	}
}

// The scores of the detectors must not depend on the labels.
func TestNABLabelsAreNotSeen(t *testing.T) {
	dir := tinyNAB(t)
	data, err := ReadNABData(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "windows.json")); err != nil {
		t.Fatal(err)
	}
	for _, d := range nabDetectors() {
		if _, err := nabRun(context.Background(), data, d); err != nil {
			t.Errorf("%q without labels: %v", d.name, err)
		}
	}
	ran := 0
	_, err = NAB(context.Background(), NABConfig{Dir: dir, Begun: func() { ran++ }})
	if err == nil || ran != NABDetectors() {
		t.Errorf("without labels: %v after %d detectors, want an error after all %d", err, ran, NABDetectors())
	}
}

func TestNABFaultsInFiles(t *testing.T) {
	good := "timestamp,value\n2014-04-01 00:00:00,1\n2014-04-01 00:05:00,NaN\n2014-04-01 00:10:00,3\n"
	first, second := `["2014-04-01 00:00:00.000000","2014-04-01 00:05:00.000000"]`, `["2014-04-01 00:05:00.000000","2014-04-01 00:10:00.000000"]`
	cases := []struct{ name, csv, labels, want string }{
		{"header", "time,value\n1,2\n", "", "timestamp,value"},
		{"only a header", "timestamp,value\n", "", "rows below"},
		{"time", "timestamp,value\nyesterday,2\n", "", "line 2"},
		{"number", "timestamp,value\n2014-04-01 00:00:00,two\n", "", "line 2"},
		{"no labels", good, "", "windows.json"},
		{"labels of another", good, `{"c/d.csv": []}`, "no entry for a/b.csv"},
		{"window of no row", good, `{"a/b.csv": [["2014-04-01 00:00:00.000000","2014-04-01 00:05:01.000000"]]}`, "no rows at"},
		{"windows that overlap", good, `{"a/b.csv": [` + first + "," + second + `]}`, "begins before"},
		{"json", good, `{`, "windows.json"},
	}
	for _, c := range cases {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "data", "a"), 0o755); err != nil {
			t.Fatal(err)
		}
		os.WriteFile(filepath.Join(dir, "data", "a", "b.csv"), []byte(c.csv), 0o644)
		if c.labels != "" {
			os.WriteFile(filepath.Join(dir, "windows.json"), []byte(c.labels), 0o644)
		}
		if _, err := NAB(context.Background(), NABConfig{Dir: dir}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
	}
	if _, err := NAB(context.Background(), NABConfig{Dir: t.TempDir()}); err == nil {
		t.Error("an empty folder is accepted")
	}
}

// Published per-file scores of the windowed Gaussian give 36.7 on the 31 series,
// with the threshold that was best on NAB's 58. The same detector with the best
// threshold on the 31 must come near.
func TestNABScorerAgainstPublished(t *testing.T) {
	dir := os.Getenv("FORESEE_NAB")
	if dir == "" {
		t.Skip("FORESEE_NAB is not set to a folder in NAB's layout")
	}
	data, err := ReadNABData(dir)
	if err != nil {
		t.Fatal(err)
	}
	windows, err := ReadNABWindows(dir, data)
	if err != nil {
		t.Fatal(err)
	}
	z := make([][]float64, len(data))
	for i, d := range data {
		g := &sensor.Gaussian{}
		for row, v := range d.Values {
			s, _ := g.Observe(d.Times[row], []float64{v})
			z[i] = append(z[i], s)
		}
	}
	best, at := math.Inf(-1), 0.0
	for level := 2.0; level < 12; level += 0.25 {
		series := make([]NABSeries, len(data))
		for i := range data {
			series[i] = NABSeries{make([]bool, len(z[i])), windows[i]}
			for row, v := range z[i] {
				series[i].Alarms[row] = v >= level
			}
		}
		if s, _ := NABScore(series, NABProfiles()[0]); s > best {
			best, at = s, level
		}
	}
	t.Logf("windowed Gaussian, best threshold %.2f deviations: %.1f", at, best)
	if math.Abs(best-36.7) > 4 {
		t.Errorf("windowed Gaussian scores %.1f at its best threshold, published 36.7", best)
	}
}
