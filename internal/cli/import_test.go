package cli

import (
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"foresee/data"
)

// needs skips the test without a program, or fails it under FORESEE_CI=1.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("FORESEE_CI") == "1" {
		t.Fatalf("FORESEE_CI=1 and %s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
}

// pictures writes n grey PNGs, picture i of brightness 20·i, into a new folder.
func pictures(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		m := image.NewGray(image.Rect(0, 0, 40, 30))
		for j := range m.Pix {
			m.Pix[j] = uint8(20 * i)
		}
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("frame%d.png", i)))
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, m); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// imported opens what an import wrote.
func imported(t *testing.T, dir string) *data.Dataset {
	t.Helper()
	d, err := data.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestImportPictures(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	call(t, "import", pictures(t, 12), pictures(t, 3), "-o", out, "--size", "16", "--gray", "--json").document(t)
	d := imported(t, out)
	if h, w, c := d.FrameShape(); h != 16 || w != 16 || c != 1 || d.Steps() != 15 || d.Episodes() != 2 {
		t.Fatalf("%d steps in %d episodes of %dx%dx%d, want 15 in 2 of 16x16x1", d.Steps(), d.Episodes(), h, w, c)
	}
	if got := d.Frame(11)[0]; got != 220 {
		t.Errorf("frame 11 has brightness %d, want 220: pictures in natural order", got)
	}
}

// A folder of clip folders needs no flag: one episode a clip, the pictures as they are.
func TestImportClips(t *testing.T) {
	parent := t.TempDir()
	for i, n := range []int{4, 7} {
		if err := os.Rename(pictures(t, n), filepath.Join(parent, fmt.Sprint("clip", i))); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "out")
	call(t, "import", parent, "-o", out).want(t, ExitDone)
	d := imported(t, out)
	if h, w, c := d.FrameShape(); h != 30 || w != 40 || c != 3 || d.Episodes() != 2 || d.Steps() != 11 {
		t.Fatalf("%d steps in %d episodes of %dx%dx%d, want 11 in 2 of 30x40x3", d.Steps(), d.Episodes(), h, w, c)
	}
	if first, n := d.Episode(1); n != 7 || d.Frame(first + 3)[0] != 60 {
		t.Errorf("episode 1 has %d frames, frame 3 of brightness %d; want 7 and 60", n, d.Frame(first + 3)[0])
	}
}

func TestImportGIF(t *testing.T) {
	g := &gif.GIF{}
	for i := range 4 {
		m := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.Black, color.White})
		for j := range m.Pix {
			m.Pix[j] = uint8(i % 2)
		}
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 10)
	}
	path := filepath.Join(t.TempDir(), "blink.gif")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := gif.EncodeAll(f, g); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	call(t, "import", path, "-o", out, "--size", "8", "--fps", "10").want(t, ExitDone)
	d := imported(t, out)
	if d.Steps() != 4 || d.Frame(0)[0] != 0 || d.Frame(1)[0] != 255 {
		t.Errorf("%d frames, first two %d and %d; want 4, black and white", d.Steps(), d.Frame(0)[0], d.Frame(1)[0])
	}
}

func TestImportVideo(t *testing.T) {
	needs(t, "ffmpeg")
	path := filepath.Join(t.TempDir(), "test.avi")
	make := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=20:duration=2", "-c:v", "mjpeg", path)
	if text, err := make.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, text)
	}
	out := filepath.Join(t.TempDir(), "out")
	call(t, "import", path, "-o", out, "--size", "32", "--fps", "10", "--from", "500ms", "--to", "1.5s").want(t, ExitDone)
	d := imported(t, out)
	if h, w, c := d.FrameShape(); h != 32 || w != 32 || c != 3 || d.Steps() != 10 || d.Meta().FPS != 10 {
		t.Errorf("%d frames of %dx%dx%d at %v a second, want 10 of 32x32x3 at 10", d.Steps(), h, w, c, d.Meta().FPS)
	}
}

func TestImportRefuses(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	fake := filepath.Join(dir, "film.mp4")
	if err := os.WriteFile(fake, []byte("this is no film"), 0o644); err != nil {
		t.Fatal(err)
	}
	call(t, "import", "-o", out).want(t, ExitUsage, "source")
	call(t, "import", fake, "-o", out, "--size", "0").want(t, ExitUsage, "--size 0")
	call(t, "import", fake, "-o", out, "--from", "2s", "--to", "1s").want(t, ExitUsage, "--from 2s")
	call(t, "import", filepath.Join(dir, "absent.mp4"), "-o", out).want(t, ExitFailed, "absent.mp4")
	call(t, "import", fake, "-o", dir).want(t, ExitFailed, dir, "other files")
	if _, err := exec.LookPath("ffmpeg"); err == nil {
		call(t, "import", fake, "-o", out).want(t, ExitFailed, "film.mp4")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("after refusals the folder holds %v (%v), want film.mp4 alone", left, err)
	}
}
