package data_test

import (
	"bytes"
	"image/png"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"foresee/data"
)

func TestInspect(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	meta := data.Meta{Frame: data.Frame{Height: 1, Width: 2, Channels: 1}, Columns: []data.ColumnMeta{
		{Name: "proprio", Width: 2}, {Name: data.LayoutColumn, Width: 1, Privileged: true}}}
	w, err := data.Create(dir, meta)
	if err != nil {
		t.Fatal(err)
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for i, row := range [][]float32{{1, 2}, {3, nan}, {inf, 6}} {
		if err := w.Append([]uint8{uint8(i), 250}, map[string][]float32{"proprio": row, data.LayoutColumn: {nan}}); err != nil {
			t.Fatal(err)
		}
		if i != 1 {
			if err := w.EndEpisode(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	in, err := data.Inspect(openDataset(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	// Pixels 0, 1, 2 and thrice 250; proprio 1, 2, 3, 6.
	mean := (0 + 1 + 2 + 750) / 6.0
	std := math.Sqrt((0+1+4+3*250*250)/6.0 - mean*mean)
	want := []data.ColumnReport{
		{Name: "pixels", Type: "uint8", Shape: []int{3, 1, 2, 1}, Rows: 3, Max: 250, Mean: mean, Std: std},
		{Name: "proprio", Type: data.Float32, Shape: []int{3, 2}, Rows: 3, NonFinite: 2, Min: 1, Max: 6, Mean: 3, Std: math.Sqrt(3.5)},
		{Name: "layout", Type: data.Float32, Shape: []int{3, 1}, Privileged: true, Rows: 3, NonFinite: 3},
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })
	if diff := cmp.Diff(want, in.Columns, near); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	// Five files with a header of 128 bytes, and meta.json.
	least := int64(5*128 + 6 + 24 + 12 + 2*2*8)
	if in.Shortest != 1 || in.Longest != 2 || in.SizeBytes <= least || in.SizeBytes > least+1000 {
		t.Errorf("episodes of %d to %d steps, %d bytes; want 1 to 2, and %d with meta.json", in.Shortest, in.Longest, in.SizeBytes, least)
	}
	var text strings.Builder
	if err := in.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"2 of 1 to 2 steps", "[3 1 2 1]", "privileged 3 not finite"} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("the text lacks %q:\n%s", part, text.String())
		}
	}
}

func TestSheet(t *testing.T) {
	d := openDataset(t, writeDataset(t, 4, 1, 30))
	var b bytes.Buffer
	if err := data.WriteSheet(&b, d, data.SheetConfig{Rows: 2, Frames: 3, Cell: 60}); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	// 3x5 frames, 20 times larger: 100 wide and 60 high, with gaps and labels.
	if got := img.Bounds().Size(); got.X != 77+3*103+3 || got.Y != 2*77+3 {
		t.Fatalf("sheet of %v, want 389x157", got)
	}
	// The second row shows the last episode, its last frame being step 34 of the
	// set; pixel (1, 2) of it has channels 14 and 15.
	r, g, bl, _ := img.At(77+2*103+2*20+10, 3+77+14+20+10).RGBA()
	p, q := int(pixel(34, 14)), int(pixel(34, 15))
	want := [3]int{min(255, p+q*64/255), min(255, p*176/255+q*112/255), q}
	if got := [3]int{int(r >> 8), int(g >> 8), int(bl >> 8)}; got != want {
		t.Errorf("colour %v of a pixel (%d, %d), want %v", got, p, q, want)
	}
}

// TestSheetOfFewEpisodes gives one long episode all the rows.
func TestSheetOfFewEpisodes(t *testing.T) {
	var b bytes.Buffer
	d := openDataset(t, writeDataset(t, 17))
	if err := data.WriteSheet(&b, d, data.SheetConfig{Rows: 2, Frames: 5, Cell: 60}); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if got := img.Bounds().Size(); got.X != 77+5*103+3 || got.Y != 2*77+3 {
		t.Errorf("sheet of %v, want 595x157", got)
	}
}

func TestSheetWithoutPixels(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	w, err := data.Create(dir, data.Meta{Columns: []data.ColumnMeta{{Name: "proprio", Width: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(nil, map[string][]float32{"proprio": {1}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	wantError(t, data.WriteSheet(io.Discard, openDataset(t, dir), data.SheetConfig{}), dir, "no pixels")
}
