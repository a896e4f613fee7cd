package importer_test

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"foresee/data"
	"foresee/data/importer"
)

// needFFmpeg skips the test without ffmpeg, and fails it under FORESEE_CI=1.
func needFFmpeg(t testing.TB) {
	t.Helper()
	for _, program := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("FORESEE_CI") == "1" {
				t.Fatalf("needs %s, and FORESEE_CI=1", program)
			}
			t.Skipf("needs %s", program)
		}
	}
}

// ffmpeg makes a test file.
func ffmpeg(t testing.TB, args ...string) {
	t.Helper()
	needFFmpeg(t)
	if out, err := exec.Command("ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %q: %v: %s", args, err, out)
	}
}

func open(t testing.TB, path string, o importer.Options) data.FrameSource {
	t.Helper()
	src, err := importer.Open(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

// read returns all frames, their times in milliseconds and their episodes.
func read(t testing.TB, src data.FrameSource) (frames [][]uint8, ms, episodes []int) {
	t.Helper()
	h, w, c := src.FrameShape()
	for {
		dst := make([]uint8, h*w*c)
		at, err := src.Next(context.Background(), dst)
		if errors.Is(err, io.EOF) {
			return frames, ms, episodes
		}
		if err != nil {
			t.Fatal(err)
		}
		frames, ms = append(frames, dst), append(ms, int(at/time.Millisecond))
		episodes = append(episodes, src.Episode())
	}
}

// plainPicture is a picture of one colour.
func plainPicture(w, h int, c color.Color) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, c)
		}
	}
	return img
}

// savePicture writes a PNG or JPEG of one gray level, making its folder.
func savePicture(t testing.TB, path string, level uint8) {
	t.Helper()
	save(t, path, plainPicture(8, 6, color.Gray{level}))
}

// save writes a picture as its name says.
func save(t testing.TB, path string, img image.Image) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.EqualFold(filepath.Ext(path), ".png") {
		err = png.Encode(f, img)
	} else {
		err = jpeg.Encode(f, img, &jpeg.Options{Quality: 100})
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func saveText(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// firsts returns the first byte of every frame.
func firsts(frames [][]uint8) []int {
	var out []int
	for _, f := range frames {
		out = append(out, int(f[0]))
	}
	return out
}

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

// meanGap returns the mean absolute difference of two frames, in levels.
func meanGap(a, b []uint8) float64 {
	if len(a) != len(b) {
		return 255
	}
	sum := 0
	for i := range a {
		d := int(a[i]) - int(b[i])
		sum += max(d, -d)
	}
	return float64(sum) / float64(len(a))
}
