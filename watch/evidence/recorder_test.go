package evidence_test

import (
	"encoding/json"
	"image/gif"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"foresee/jepa"
	"foresee/watch"
	"foresee/watch/evidence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model has 2 x 3 cells over 16x24 gray frames.
func model() jepa.Config {
	return jepa.Config{
		Frame:   jepa.FrameConfig{Height: 16, Width: 24, Channels: 1, FPS: 10},
		Encoder: jepa.EncoderConfig{Kind: jepa.EncoderGrid, Channels: []int{2}, Kernels: []int{8}, Strides: []int{8}, Latent: 12},
	}
}

// street observes frames in which nothing is unusual but cell (1, 2) of frame at.
func street(t *testing.T, r *evidence.Recorder, frames, at int) {
	t.Helper()
	for i := range frames {
		relative, cells := 1.0, make([]float64, 6)
		for k := range cells {
			cells[k] = 0.5 + float64((7*i+k)%100)/100
		}
		o := watch.Observation{
			Record: watch.Record{Time: float64(i) / 10, Frame: i, Relative: &relative, At: &[2]float64{5.0 / 6, 0.75}},
			Pixels: make([]uint8, 16*24), Latent: make([]float32, 12), Cells: cells,
		}
		for k := range o.Pixels {
			o.Pixels[k] = uint8(i + k)
		}
		o.Latent[0] = float32(i % 50)
		if i == at {
			cells[5], relative, o.Alarm = 1000, 40, true
		}
		if err := r.Observe(t.Context(), o, o.Alarm, o.Alarm, "A test."); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func readAlarm(t *testing.T, dir string) evidence.Alarm {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "alarm-0001", "alarm.json"))
	if err != nil {
		t.Fatal(err)
	}
	var a evidence.Alarm
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestRecorder keeps one alarm: what it was, where, the normal moment like it but
// not of the last seconds, the clip around it, and the page.
func TestRecorder(t *testing.T) {
	for _, program := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("FORESEE_CI") == "1" {
				t.Fatalf("needs %s, and FORESEE_CI=1", program)
			}
			t.Skipf("needs %s", program)
		}
	}
	dir := filepath.Join(t.TempDir(), "alarms")
	r, err := evidence.New(evidence.Config{Dir: dir, Model: model(), Before: time.Second, After: 500 * time.Millisecond, Aspect: 4.0 / 3})
	if err != nil {
		t.Fatal(err)
	}
	street(t, r, 230, 205)
	a := readAlarm(t, dir)
	if a.Frame != 205 || a.Relative != 40 || a.Reason != "A test." || a.Normal == nil || *a.Normal > 19.4 || (int(*a.Normal*10+0.5))%50 != 5 || a.Distance != 0 {
		t.Errorf("alarm %+v, want frame 205 and a normal moment with its latent, not of the second before", a)
	}
	if a.CellP == nil || *a.CellP > 1e-4 {
		t.Errorf("least p-value of a cell: %v, want less than 1e-4", a.CellP)
	}
	for _, name := range append(a.Files, "../index.html") {
		if info, err := os.Stat(filepath.Join(dir, "alarm-0001", name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if want := "frame.png heat.png normal.png clip.gif clip.mp4"; strings.Join(a.Files, " ") != want || a.Missing != "" {
		t.Errorf("files %v, missing %q; want %s", a.Files, a.Missing, want)
	}
	f, err := os.Open(filepath.Join(dir, "alarm-0001", "clip.gif"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	clip, err := gif.DecodeAll(f)
	if err != nil || len(clip.Image) != 15 || clip.Delay[3] != 10 || clip.Config.Width != 384 || clip.Config.Height != 288 {
		t.Fatalf("clip of %d frames, %v; want 10 before and 5 from the alarm on, 384x288", len(clip.Image), err)
	}
	count := exec.Command("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", filepath.Join(dir, "alarm-0001", "clip.mp4"))
	if out, err := count.Output(); err != nil || strings.TrimSpace(string(out)) != "15" {
		t.Errorf("clip.mp4 has %s frames, %v; want 15", out, err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Alarm 1 at 20.5 s", "A test.", "alarm-0001/clip.gif", "alarm-0001/clip.mp4", "p &lt; 1e-4"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestHeatIsWhereItWas compares the two pictures of the alarm.
func TestHeatIsWhereItWas(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	dir := filepath.Join(t.TempDir(), "alarms")
	r, err := evidence.New(evidence.Config{Dir: dir, Model: model(), Before: time.Second, After: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	street(t, r, 210, 205)
	if a := readAlarm(t, dir); !strings.Contains(a.Missing, "needs ffmpeg") || strings.Contains(strings.Join(a.Files, " "), "mp4") {
		t.Errorf("without ffmpeg: %+v", a)
	}
	open := func(name string) [][]uint32 {
		f, err := os.Open(filepath.Join(dir, "alarm-0001", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		img, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]uint32
		for y := range img.Bounds().Dy() {
			row := make([]uint32, img.Bounds().Dx())
			for x := range row {
				r, g, b, _ := img.At(x, y).RGBA()
				row[x] = r>>8<<16 | g>>8<<8 | b>>8
			}
			rows = append(rows, row)
		}
		return rows
	}
	frame, heat := open("frame.png"), open("heat.png")
	h, w := len(frame), len(frame[0])
	for y := range h {
		for x := range w {
			if changed, want := frame[y][x] != heat[y][x], y >= h/2 && x >= 2*w/3; changed != want {
				t.Fatalf("pixel %d, %d of %dx%d coloured: %v, want %v: the last cell alone", x, y, w, h, changed, want)
			}
		}
	}
}

// TestNothingToKeep leaves a page that says so.
func TestNothingToKeep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "alarms")
	r, err := evidence.New(evidence.Config{Dir: dir, Model: model()})
	if err != nil {
		t.Fatal(err)
	}
	street(t, r, 5, -1)
	page, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil || !strings.Contains(string(page), "No alarm.") || r.Count() != 0 {
		t.Errorf("%d alarms, %v, and the page does not say that there is none", r.Count(), err)
	}
	if _, err := evidence.New(evidence.Config{Dir: dir, Model: model(), Aspect: -1}); err == nil {
		t.Error("no error for an aspect of -1")
	}
}

// TestFullDisk makes the folder a file: the alarm that cannot be written is an
// error, at the latest of Close.
func TestFullDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "alarms")
	r, err := evidence.New(evidence.Config{Dir: dir, Model: model()})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "alarm-0001"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	o := watch.Observation{Record: watch.Record{Time: 1, Frame: 10, Alarm: true}, Pixels: make([]uint8, 16*24), Latent: make([]float32, 12)}
	if err := r.Observe(t.Context(), o, true, true, "A test."); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "alarm-0001") {
		t.Errorf("error %v, want one that names the folder", err)
	}
}
