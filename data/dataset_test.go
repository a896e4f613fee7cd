package data_test

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"foresee/data"
)

func TestRoundTrip(t *testing.T) {
	d := openDataset(t, writeDataset(t, 4, 1, 7))
	want := testMeta()
	want.Format, want.Steps, want.Episodes = data.FormatVersion, 12, 3
	for i := range want.Columns {
		want.Columns[i].Type = data.Float32
	}
	if diff := cmp.Diff(want, d.Meta()); diff != "" {
		t.Errorf("meta (-want +got):\n%s", diff)
	}
	act, ok := d.Column(data.ActionColumn)
	if !ok {
		t.Fatal("no action column")
	}
	truth, ok := d.Privileged(data.StateColumn)
	if !ok {
		t.Fatal("no state column")
	}
	last := []int{3, 4, 11}
	for step := range d.Steps() {
		for i, got := range d.Frame(step) {
			if got != pixel(step, i) {
				t.Fatalf("Frame(%d)[%d] = %d, want %d", step, i, got, pixel(step, i))
			}
		}
		wantAction := action(step)
		if slices.Contains(last, step) {
			wantAction = []float32{0, 0}
		}
		if got := act.Row(step); !slices.Equal(got, wantAction) {
			t.Errorf("action %d = %v, want %v", step, got, wantAction)
		}
		if got := truth.Row(step); !slices.Equal(got, state(step)) {
			t.Errorf("state %d = %v, want %v", step, got, state(step))
		}
	}
	var spans [][2]int
	for i := range d.Episodes() {
		offset, length := d.Episode(i)
		spans = append(spans, [2]int{offset, length})
		if got := d.EpisodeOf(offset + length - 1); got != i {
			t.Errorf("EpisodeOf(%d) = %d, want %d", offset+length-1, got, i)
		}
	}
	if diff := cmp.Diff([][2]int{{0, 4}, {4, 1}, {5, 7}}, spans); diff != "" {
		t.Errorf("episodes (-want +got):\n%s", diff)
	}
	if got := d.FrameRange(2, 3); len(got) != 90 || got[30] != pixel(3, 0) {
		t.Errorf("FrameRange(2, 3): %d bytes", len(got))
	}
}

func TestPrivilegedColumnsAreApart(t *testing.T) {
	d := openDataset(t, writeDataset(t, 2))
	if _, ok := d.Column(data.StateColumn); ok {
		t.Error("Column reaches a privileged column")
	}
	if _, ok := d.Privileged(data.ActionColumn); ok {
		t.Error("Privileged reaches a plain column")
	}
	meta := testMeta()
	meta.Columns[1].Privileged = false
	_, err := data.Create(filepath.Join(t.TempDir(), "set"), meta)
	wantError(t, err, `"state"`, "privileged")
}

func TestWithoutPixels(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	w, err := data.Create(dir, data.Meta{Columns: []data.ColumnMeta{{Name: "proprio", Width: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	nan := float32(math.NaN())
	for _, v := range []float32{1, nan} {
		if err := w.Append(nil, map[string][]float32{"proprio": {v}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d := openDataset(t, dir)
	c, _ := d.Column("proprio")
	if got := math.Float32bits(c.Row(1)[0]); got != math.Float32bits(nan) {
		t.Errorf("NaN came back as %x", got)
	}
	if got := len(d.Frame(1)); got != 0 {
		t.Errorf("frame of %d bytes, want none", got)
	}
}

// TestBadFolders damages a good dataset in one place each.
func TestBadFolders(t *testing.T) {
	edit := func(name string, f func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f(b), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	swap := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte {
			out := replaceOnce(b, old, new)
			if slices.Equal(out, b) {
				panic("the damage did not take: " + old)
			}
			return out
		}
	}
	setInt64 := func(index int, v uint64) func([]byte) []byte {
		return func(b []byte) []byte {
			binary.LittleEndian.PutUint64(b[128+8*index:], v)
			return b
		}
	}
	cases := []struct {
		name   string
		damage func(*testing.T, string)
		parts  []string
	}{
		{"truncated", edit("pixels.npy", func(b []byte) []byte { return b[:len(b)-1] }), []string{"pixels.npy", "truncated", "270", "269"}},
		{"too long", edit("action.npy", func(b []byte) []byte { return append(b, 1) }), []string{"action.npy", "1 bytes more"}},
		{"header cut", edit("action.npy", func(b []byte) []byte { return b[:60] }), []string{"action.npy", "cut short"}},
		{"empty file", edit("state.npy", func(b []byte) []byte { return nil }), []string{"state.npy", "too short"}},
		{"not npy", edit("state.npy", swap("NUMPY", "LUMPY")), []string{"state.npy", "not a .npy"}},
		{"wrong shape", edit("pixels.npy", swap("(9, 3, 5, 2)", "(9, 5, 3, 2)")), []string{"pixels.npy", "[9 5 3 2]", "[9 3 5 2]"}},
		{"wrong type", edit("action.npy", swap("<f4", "<i8")), []string{"action.npy", "<i8", "<f4"}},
		{"big-endian", edit("action.npy", swap("<f4", ">f4")), []string{"action.npy", ">f4", "not supported"}},
		{"fortran", edit("action.npy", swap("False", "True ")), []string{"action.npy", "Fortran"}},
		{"missing column", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "action.npy")) }, []string{`"action" is missing`, "action.npy"}},
		{"missing ep_len", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "ep_len.npy")) }, []string{`"ep_len" is missing`}},
		{"ep_len short", edit("ep_len.npy", setInt64(1, 4)), []string{"ep_len.npy", "hold 8 steps", "9"}},
		{"ep_len long", edit("ep_len.npy", setInt64(1, 6)), []string{"ep_len.npy", "episode 1 has 6 steps"}},
		{"ep_len negative", edit("ep_len.npy", setInt64(0, 1<<63)), []string{"ep_len.npy", "episode 0"}},
		{"ep_len zero", edit("ep_len.npy", setInt64(0, 0)), []string{"ep_len.npy", "episode 0 has 0 steps"}},
		{"ep_offset", edit("ep_offset.npy", setInt64(1, 3)), []string{"ep_offset.npy", "episode 1 starts at step 3"}},
		{"newer", edit("meta.json", swap(`"format": 1`, `"format": 2, "novelty": 7`)), []string{"meta.json", "format 2 is newer"}},
		{"unknown field", edit("meta.json", swap(`"fps"`, `"fpss"`)), []string{"meta.json", `"fpss"`}},
		{"no format", edit("meta.json", swap(`"format": 1,`, ``)), []string{"meta.json", `"format" is missing`}},
		{"not JSON", edit("meta.json", func([]byte) []byte { return []byte("{") }), []string{"meta.json", "JSON"}},
		{"trailing", edit("meta.json", func(b []byte) []byte { return append(b, '{', '}') }), []string{"meta.json"}},
		{"steps", edit("meta.json", swap(`"steps": 9`, `"steps": 10`)), []string{"pixels.npy", "[9 3 5 2]", "[10 3 5 2]"}},
		{"duplicate column", edit("meta.json", swap(`"name": "action"`, `"name": "pixels"`)), []string{"meta.json", `"pixels"`}},
		{"escaping column", edit("meta.json", swap(`"name": "action"`, `"name": "../act"`)), []string{"meta.json", `"../act"`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := writeDataset(t, 4, 5)
			c.damage(t, dir)
			d, err := data.Open(dir)
			if err == nil {
				d.Close()
			}
			wantError(t, err, append(c.parts, dir)...)
		})
	}
}

func replaceOnce(b []byte, old, new string) []byte {
	for i := range len(b) - len(old) + 1 {
		if string(b[i:i+len(old)]) == old {
			return slices.Concat(b[:i], []byte(new), b[i+len(old):])
		}
	}
	return b
}

func TestOpenNothing(t *testing.T) {
	dir := t.TempDir()
	_, err := data.Open(dir)
	if !errors.Is(err, data.ErrNotDataset) {
		t.Errorf("an empty folder: %v, want ErrNotDataset", err)
	}
	_, err = data.Open(filepath.Join(dir, "absent"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v, want os.ErrNotExist", err)
	}
}

func TestCallerMistakesPanic(t *testing.T) {
	d := openDataset(t, writeDataset(t, 3))
	c, _ := d.Column(data.ActionColumn)
	mustPanic(t, "data: step 3 of 3", func() { d.Frame(3) })
	mustPanic(t, "data: step -1 of 3", func() { d.Frame(-1) })
	mustPanic(t, "data: episode 1 of 1", func() { d.Episode(1) })
	mustPanic(t, "data: rows 2 to 4", func() { c.Rows(2, 2) })
}

// Expecting pictures changes none, and one that is not there is a caller's mistake.
func TestExpect(t *testing.T) {
	d := openDataset(t, writeDataset(t, 3, 4))
	d.Expect()
	d.Expect(6, 0, 3, 3)
	for step := range 7 {
		for i, v := range d.Frame(step) {
			if v != pixel(step, i) {
				t.Fatalf("frame %d has pixel %d, want %d", step, v, pixel(step, i))
			}
		}
	}
	mustPanic(t, "data: step 7 of 7", func() { d.Expect(7) })
}
