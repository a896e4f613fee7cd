package cli

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestEvalWatch runs a folder in NAB's layout of one series with one event.
func TestEvalWatch(t *testing.T) {
	dir, scores := t.TempDir(), filepath.Join(t.TempDir(), "scores")
	stamp := func(row int) string {
		return time.Date(2014, 4, 1, 0, row, 0, 0, time.UTC).Format(time.DateTime)
	}
	text := "timestamp,value\n"
	for row := range 800 {
		v := math.Sin(float64(row) * 0.7)
		if row == 610 {
			v = 30
		}
		text += fmt.Sprintf("%s,%g\n", stamp(row), v)
	}
	if err := os.MkdirAll(filepath.Join(dir, "data", "made"), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("data/made/sine.csv", text)
	call(t, "eval", "watch", "--nab", dir).want(t, ExitFailed, "windows.json")
	write("windows.json", fmt.Sprintf(`{"made/sine.csv": [["%s.000000", "%s.000000"]]}`, stamp(605), stamp(634)))
	d := call(t, "eval", "watch", "--nab", dir, "--scores", scores, "--json").document(t)
	for _, name := range []string{"watch/nab/standard", "watch/nab/baseline/pca/low_fp"} {
		if r, ok := d.Find(name); !ok || r.N != 1 || r.Value < 50 {
			t.Errorf("row %s = %+v, want the one window found", name, r)
		}
	}
	if _, err := os.Stat(filepath.Join(scores, "foresee", "made", "foresee_sine.csv")); err != nil {
		t.Error(err)
	}
	call(t, "eval", "watch", "--nab", dir, "--scores", scores).want(t, ExitFailed, "other files")
	call(t, "eval", "watch").want(t, ExitUsage, "--nab")
}

// TestEvalWatchStreet runs three minutes of the simulated street; every row is in docs/figures.md.
func TestEvalWatchStreet(t *testing.T) {
	dir := t.TempDir()
	d := call(t, "eval", "watch", "--street", "--work", filepath.Join(dir, "work"), "--steps", "2", "--hours", "0.05", "--json").document(t)
	documented(t, d)
	if r, ok := d.Find("watch/street/false_alarms"); !ok || r.Unit != "1" {
		t.Errorf("false alarms: %+v", r)
	}
	call(t, "eval", "watch", "--street").want(t, ExitUsage, "--work")
	call(t, "eval", "watch", "--street", "--work", dir, "--hours", "0").want(t, ExitUsage, "--hours 0")
	call(t, "eval", "watch", "--street", "--work", dir, "--hours", "0.001").want(t, ExitFailed, "at least a minute")
}
