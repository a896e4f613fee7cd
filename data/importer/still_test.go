package importer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"foresee/data"
	"foresee/data/importer"
)

func TestFolderInNaturalOrder(t *testing.T) {
	dir := t.TempDir()
	for name, level := range map[string]uint8{"f10.png": 40, "f2.jpg": 20, "f1.PNG": 10, "f002b.jpeg": 30} {
		savePicture(t, filepath.Join(dir, name), level)
	}
	saveText(t, filepath.Join(dir, "notes.txt"), "not a picture")
	savePicture(t, filepath.Join(dir, ".hidden.png"), 99)
	src := open(t, dir, importer.Options{Height: 4, Width: 4, Channels: 1})
	frames, ms, episodes := read(t, src)
	if diff := cmp.Diff([]int{10, 20, 30, 40}, firsts(frames)); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 100, 200, 300}, ms); diff != "" {
		t.Errorf("times at the default rate (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 0, 0, 0}, episodes); diff != "" {
		t.Errorf("episodes (-want +got):\n%s", diff)
	}
}

func TestFolderOfFolders(t *testing.T) {
	dir := t.TempDir()
	for e, n := range []int{3, 1, 2} {
		for i := range n {
			savePicture(t, filepath.Join(dir, fmt.Sprintf("ep%d", e+9), fmt.Sprintf("%d.png", i)), uint8(10*e+i))
		}
	}
	frames, ms, episodes := read(t, open(t, dir, importer.Options{FPS: 4}))
	if diff := cmp.Diff([]int{0, 1, 2, 10, 20, 21}, firsts(frames)); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 0, 0, 1, 2, 2}, episodes); diff != "" {
		t.Errorf("episodes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 250, 500, 0, 0, 250}, ms); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
	// From 250 ms on, the second episode has nothing to give.
	frames, _, episodes = read(t, open(t, dir, importer.Options{FPS: 4, From: 250 * time.Millisecond, To: 500 * time.Millisecond}))
	if diff := cmp.Diff([]int{1, 21}, firsts(frames)); diff != "" {
		t.Errorf("levels of the cut (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 1}, episodes); diff != "" {
		t.Errorf("episodes of the cut (-want +got):\n%s", diff)
	}
}

// makeGIF writes a 4x2 GIF: frame 0 fills it, the others paint the left half,
// frame 3 with nothing.
func makeGIF(t *testing.T, path string, delays []int, disposals []byte) {
	t.Helper()
	palette := color.Palette{color.Transparent, color.Gray{50}, color.Gray{100}, color.Gray{150}}
	g := &gif.GIF{Config: image.Config{Width: 4, Height: 2, ColorModel: palette}, Delay: delays, Disposal: disposals}
	for i := range delays {
		r := image.Rect(0, 0, 4, 2)
		if i > 0 {
			r = image.Rect(0, 0, 2, 2)
		}
		img := image.NewPaletted(r, palette)
		for j := range img.Pix {
			img.Pix[j] = uint8(1+i) % 4
		}
		g.Image = append(g.Image, img)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	saveText(t, path, b.String())
}

func TestGIF(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.gif")
	// Delays of 200, 100 (as browsers show 0), 300 and 200 ms.
	makeGIF(t, path, []int{20, 0, 30, 20}, []byte{gif.DisposalNone, gif.DisposalPrevious, gif.DisposalBackground, gif.DisposalNone})
	src := open(t, path, importer.Options{Height: 2, Width: 4, Channels: 1})
	if got := src.FPS(); got != 10 {
		t.Errorf("rate %v, want that of the shortest delay, 10", got)
	}
	frames, ms, _ := read(t, src)
	var got [][2]int // left and right half
	for _, f := range frames {
		got = append(got, [2]int{int(f[0]), int(f[3])})
	}
	want := [][2]int{{50, 50}, {50, 50}, {100, 50}, {150, 50}, {150, 50}, {150, 50}, {0, 50}, {0, 50}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("halves (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 100, 200, 300, 400, 500, 600, 700}, ms); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
	// A lower rate drops frames.
	frames, _, _ = read(t, open(t, path, importer.Options{Height: 2, Width: 4, Channels: 1, FPS: 5}))
	if diff := cmp.Diff([]int{50, 100, 150, 0}, firsts(frames)); diff != "" {
		t.Errorf("levels at 5 a second (-want +got):\n%s", diff)
	}
}

// y4m returns a 4x2 video in which frame i is of gray level y[i] throughout.
func y4m(params string, chroma int, y ...uint8) string {
	text := "YUV4MPEG2 W4 H2 " + params + "\n"
	for _, v := range y {
		text += "FRAME\n" + string(bytes.Repeat([]byte{v}, 8)) + string(bytes.Repeat([]byte{128}, chroma))
	}
	return text
}

func TestY4M(t *testing.T) {
	cases := []struct {
		name, text string
		want       []int
	}{
		{"420 studio range", y4m("F10:1 Ip A1:1 C420jpeg", 4, 16, 235, 126), []int{0, 255, 128}},
		{"default space", y4m("F10:1", 4, 16, 235), []int{0, 255}},
		{"full range", y4m("F10:1 C420jpeg XCOLORRANGE=FULL", 4, 16, 235), []int{16, 235}},
		{"422", y4m("F10:1 C422", 8, 16, 235), []int{0, 255}},
		{"444", y4m("F10:1 C444", 16, 16, 235), []int{0, 255}},
		{"mono", y4m("F10:1 Cmono", 0, 16, 235), []int{0, 255}},
	}
	for _, c := range cases {
		path := filepath.Join(t.TempDir(), "a.y4m")
		saveText(t, path, c.text)
		frames, _, _ := read(t, open(t, path, importer.Options{Height: 5, Width: 3}))
		if diff := cmp.Diff(c.want, firsts(frames)); diff != "" {
			t.Errorf("%s: levels (-want +got):\n%s", c.name, diff)
		}
	}
	path := filepath.Join(t.TempDir(), "a.y4m")
	saveText(t, path, y4m("F30000:1001 Cmono", 0, make([]uint8, 91)...))
	frames, ms, _ := read(t, open(t, path, importer.Options{From: time.Second, To: 2 * time.Second}))
	if len(frames) != 30 || ms[0] != 1000 || ms[29] != 1967 {
		t.Errorf("a second of 29.97 frames: %d, from %d to %d ms", len(frames), ms[0], ms[len(ms)-1])
	}
}

func TestResizeKeepsTheMean(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.y4m")
	// A checkerboard of 0 and 255: nearest-neighbour sampling would give either.
	text := "YUV4MPEG2 W64 H64 F1:1 Cmono XCOLORRANGE=FULL\nFRAME\n"
	board := make([]byte, 64*64)
	for i := range board {
		board[i] = uint8(255 * ((i + i/64) % 2))
	}
	saveText(t, path, text+string(board))
	frames, _, _ := read(t, open(t, path, importer.Options{Height: 16, Width: 16, Channels: 1}))
	for i, v := range frames[0] {
		if v < 120 || v > 135 {
			t.Fatalf("pixel %d of the shrunk checkerboard is %d, want about 127", i, v)
		}
	}
}

func TestDatasetSource(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	w, err := data.Create(dir, data.Meta{
		Frame: data.Frame{Height: 4, Width: 4, Channels: 2}, FPS: 20,
		Columns: []data.ColumnMeta{{Name: data.ActionColumn, Width: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{3, 2} {
		for i := range n {
			frame := bytes.Repeat([]byte{uint8(10*n + i), 7}, 16)
			var action map[string][]float32
			if i < n-1 {
				action = map[string][]float32{data.ActionColumn: {float32(10*n + i)}}
			}
			if err := w.Append(frame, action); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.EndEpisode(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	src := open(t, dir, importer.Options{Height: 2, Width: 2}).(data.ActionSource)
	var actions []float32
	dst := make([]uint8, 2*2*2)
	for {
		if _, err := src.Next(context.Background(), dst); err != nil {
			break
		}
		if dst[6] != dst[0] || dst[7] != 7 {
			t.Errorf("resized frame %v: the channels are mixed", dst)
		}
		actions = append(actions, src.Action()...)
	}
	if diff := cmp.Diff([]float32{30, 31, 0, 20, 0}, actions); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
	frames, ms, episodes := read(t, open(t, dir, importer.Options{}))
	if diff := cmp.Diff([]int{30, 31, 32, 20, 21}, firsts(frames)); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 50, 100, 0, 50}, ms); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 0, 0, 1, 1}, episodes); diff != "" {
		t.Errorf("episodes (-want +got):\n%s", diff)
	}
	_, err = importer.Open(context.Background(), dir, importer.Options{Channels: 3})
	wantError(t, err, dir, "2 channels, 3 are wanted")
	_, err = importer.Open(context.Background(), dir, importer.Options{FPS: 10})
	wantError(t, err, dir, "actions at 20")
}

func TestBadSources(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	saveText(t, in("cut.gif"), "GIF89a\x04\x00")
	saveText(t, in("empty.mp4"), "")
	saveText(t, in("cut.y4m"), y4m("F10:1 Cmono", 0, 1)+"FRAME\nabc")
	saveText(t, in("deep.y4m"), y4m("F10:1 C420p10", 4, 1))
	saveText(t, in("still.y4m"), y4m("F0:0 Cmono", 0, 1))
	saveText(t, in("huge.y4m"), "YUV4MPEG2 W999999 H999999 F1:1\n")
	savePicture(t, in("one.png"), 1)
	savePicture(t, in("mixed/a.png"), 1)
	savePicture(t, in("mixed/sub/a.png"), 1)
	savePicture(t, in("half/ep0/a.png"), 1)
	savePicture(t, in("fake/a.png"), 1)
	saveText(t, in("fake/b.png"), "no picture")
	for _, d := range []string{"empty", "half/ep1"} {
		if err := os.MkdirAll(in(d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		path  string
		o     importer.Options
		parts []string
	}{
		{"absent.mp4", importer.Options{}, []string{"no such file"}},
		{"cut.gif", importer.Options{}, []string{"GIF"}},
		{"empty.mp4", importer.Options{}, []string{"is empty"}},
		{"cut.y4m", importer.Options{}, []string{"truncated in frame 1"}},
		{"deep.y4m", importer.Options{}, []string{`"420p10" is not supported`}},
		{"still.y4m", importer.Options{}, []string{"frame rate"}},
		{"huge.y4m", importer.Options{}, []string{"999999x999999"}},
		{"one.png", importer.Options{}, []string{"single picture"}},
		{"mixed", importer.Options{}, []string{"a.png", "sub"}},
		{"half", importer.Options{}, []string{"ep1", "no PNG or JPEG"}},
		{"fake", importer.Options{}, []string{"b.png", "cannot be read as a picture"}},
		{"empty", importer.Options{}, []string{"no PNG or JPEG"}},
		{"fake", importer.Options{Channels: 2}, []string{"2 channels are not to be had"}},
		{"fake", importer.Options{Height: 4, FPS: -1, From: 2, To: 1}, []string{"size 4x0", "fps -1", "from 2ns to 1ns"}},
	}
	for _, c := range cases {
		t.Run(c.path, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "set")
			_, err := importer.Import(context.Background(), importer.Config{Sources: []string{in(c.path)}, Out: out, Options: c.o})
			wantError(t, err, append(c.parts, in(c.path))...)
			left, err := os.ReadDir(filepath.Dir(out))
			if err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestImportPictures(t *testing.T) {
	dir := t.TempDir()
	savePicture(t, filepath.Join(dir, "pics", "b.png"), 20)
	savePicture(t, filepath.Join(dir, "pics", "a.png"), 10)
	anim := filepath.Join(dir, "a.gif")
	makeGIF(t, anim, []int{20, 20}, []byte{0, 0})
	out := filepath.Join(dir, "set")
	calls := 0
	c := importer.Config{
		Sources: []string{anim, filepath.Join(dir, "pics")}, Out: out, Generator: "test",
		Options:  importer.Options{Height: 3, Width: 7, Channels: 1},
		Progress: func(frames, episodes int) { calls++ },
	}
	sum, err := importer.Import(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	d, err := data.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if diff := cmp.Diff(sum.Meta, d.Meta(), cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Columns" }, cmp.Ignore())); diff != "" {
		t.Errorf("summary and meta (-summary +file):\n%s", diff)
	}
	var levels []int
	for s := range d.Steps() {
		levels = append(levels, int(d.Frame(s)[0]))
	}
	if diff := cmp.Diff([]int{50, 100, 10, 20}, levels); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
	if d.Episodes() != 2 || d.Meta().FPS != 5 || calls != 4 {
		t.Errorf("%d episodes at %v fps, %d calls of Progress; want 2, 5, 4", d.Episodes(), d.Meta().FPS, calls)
	}
	_, err = importer.Import(context.Background(), c)
	wantError(t, err, out, "already holds a dataset")
	c.Sources = []string{out}
	_, err = importer.Import(context.Background(), c)
	wantError(t, err, out, "is a dataset already")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c.Sources, c.Overwrite = []string{anim}, true
	if _, err = importer.Import(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled import: %v", err)
	}
	if again, err := data.Open(out); err != nil || again.Steps() != 4 {
		t.Errorf("the dataset after a cancelled overwrite: %v", err)
	}
}
