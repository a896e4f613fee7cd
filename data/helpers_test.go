package data_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foresee/data"
)

// testMeta is a dataset of 3x5 frames with 2 channels, actions and truth.
func testMeta() data.Meta {
	return data.Meta{
		Name: "test", Frame: data.Frame{Height: 3, Width: 5, Channels: 2}, FPS: 10, Seed: 1<<64 - 1,
		Generator: "data tests", Source: "helpers_test.go",
		Columns: []data.ColumnMeta{
			{Name: data.ActionColumn, Width: 2},
			{Name: data.StateColumn, Width: 2, Privileged: true},
		},
	}
}

// pixel, action and state are what appendEpisodes writes at a global step.
func pixel(step, i int) uint8   { return uint8(step*31 + i*7) }
func action(step int) []float32 { return []float32{float32(step) + 0.5, -float32(step)} }
func state(step int) []float32  { return []float32{float32(step), float32(step) / 3} }

func appendEpisodes(t testing.TB, w *data.Writer, lengths ...int) {
	t.Helper()
	frame := make([]uint8, 3*5*2)
	for _, n := range lengths {
		for i := range n {
			step := w.Steps()
			for j := range frame {
				frame[j] = pixel(step, j)
			}
			rows := map[string][]float32{data.StateColumn: state(step)}
			if i < n-1 {
				rows[data.ActionColumn] = action(step)
			}
			if err := w.Append(frame, rows); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.EndEpisode(); err != nil {
			t.Fatal(err)
		}
	}
}

// writeDataset returns the folder of a dataset with episodes of these lengths.
func writeDataset(t testing.TB, lengths ...int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "set")
	w, err := data.Create(dir, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	appendEpisodes(t, w, lengths...)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openDataset(t testing.TB, dir string) *data.Dataset {
	t.Helper()
	d, err := data.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// wantError fails unless err mentions every part.
func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not mention %q", err, p)
		}
	}
}

// names lists a folder.
func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func mustPanic(t testing.TB, part string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		text, _ := recover().(string)
		if !strings.Contains(text, part) {
			t.Errorf("panic %q, want one with %q", text, part)
		}
	}()
	f()
}
