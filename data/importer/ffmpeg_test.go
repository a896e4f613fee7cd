package importer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"foresee/data"
	"foresee/data/importer"
)

// TestVideoAgainstY4M reads the same moving picture twice: through ffmpeg and
// through the reader that does without.
func TestVideoAgainstY4M(t *testing.T) {
	dir := t.TempDir()
	raw, video := filepath.Join(dir, "a.y4m"), filepath.Join(dir, "a: b.mkv")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=2", "-pix_fmt", "yuv420p", raw)
	ffmpeg(t, "-i", raw, "-c:v", "ffv1", "file:"+video)
	for _, o := range []importer.Options{
		{},
		{Channels: 1, Height: 40, Width: 30},
		{FPS: 10, From: 520 * time.Millisecond, To: 1600 * time.Millisecond},
		{Height: 120, Width: 160},
	} {
		want, wantMS, _ := read(t, open(t, raw, o))
		got, gotMS, _ := read(t, open(t, video, o))
		if len(got) != len(want) || len(got) < 11 {
			t.Fatalf("%+v: %d frames through ffmpeg, %d without", o, len(got), len(want))
		}
		for i := range got {
			if gotMS[i] != wantMS[i] {
				t.Errorf("%+v: frame %d at %d ms through ffmpeg, at %d without", o, i, gotMS[i], wantMS[i])
			}
			if gap := meanGap(got[i], want[i]); gap > 6 {
				t.Errorf("%+v: frame %d differs by %.1f levels on average", o, i, gap)
			}
		}
	}
}

func TestNotAVideo(t *testing.T) {
	needFFmpeg(t)
	dir := t.TempDir()
	sound := filepath.Join(dir, "sound.wav")
	ffmpeg(t, "-f", "lavfi", "-i", "sine=duration=0.1", sound)
	cases := map[string]string{"text.mp4": "not a video", "text.txt": "is text, not a video", "sound.wav": "holds no video"}
	for name, part := range cases {
		path := filepath.Join(dir, name)
		if name != "sound.wav" {
			saveText(t, path, strings.Repeat("This is not a video.\n", 50))
		}
		out := filepath.Join(dir, "set")
		_, err := importer.Import(context.Background(), importer.Config{Sources: []string{path}, Out: out})
		wantError(t, err, path, part)
		if _, err := os.Stat(out); !os.IsNotExist(err) {
			t.Errorf("%s left a dataset: %v", name, err)
		}
	}
}

func TestWithoutFFmpeg(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mp4")
	saveText(t, path, "anything but a picture")
	t.Setenv("PATH", t.TempDir())
	_, err := importer.Open(context.Background(), path, importer.Options{})
	if !errors.Is(err, importer.ErrNoFFmpeg) {
		t.Errorf("error %v, want ErrNoFFmpeg", err)
	}
	wantError(t, err, path, "apt install ffmpeg")
}

func TestFromBeyondTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mkv")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=size=32x32:rate=10:duration=1", "-c:v", "ffv1", path)
	out := filepath.Join(t.TempDir(), "set")
	_, err := importer.Import(context.Background(), importer.Config{Sources: []string{path}, Out: out, Options: importer.Options{From: time.Minute}})
	wantError(t, err, path, "holds no frame from 1m0s on")
}

// endless is a video that ffmpeg needs minutes for.
func endless(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "a.mkv")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=size=32x32:rate=10:duration=20", "-c:v", "ffv1", path)
	return path
}

func TestVideoStopsCleanly(t *testing.T) {
	path := endless(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	o := importer.Options{Height: 512, Width: 512, FPS: 1000}
	dst := make([]uint8, 512*512*3)

	src := open(t, path, o)
	if _, err := src.Next(context.Background(), dst); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	src.Close()
	if _, err := src.Next(context.Background(), dst); err == nil {
		t.Error("Next after Close gives a frame")
	}

	src = open(t, path, o)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	var err error
	for err == nil {
		_, err = src.Next(ctx, dst)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Next after a cancel: %v", err)
	}
	src.Close()

	out := filepath.Join(t.TempDir(), "set")
	ctx, cancel = context.WithCancel(context.Background())
	_, err = importer.Import(ctx, importer.Config{Sources: []string{path}, Out: out, Options: o,
		Progress: func(frames, _ int) {
			if frames == 10 {
				cancel()
			}
		}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled import: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(out)); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("three stops took %v", d)
	}
}

// TestBrokenVideo cuts a video short: what can be read is, with a warning.
func TestBrokenVideo(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.avi")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=size=64x64:rate=10:duration=4", "-c:v", "mjpeg", path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()*6/10); err != nil {
		t.Fatal(err)
	}
	sum, err := importer.Import(context.Background(), importer.Config{Sources: []string{path}, Out: filepath.Join(dir, "set")})
	if err != nil {
		t.Fatal(err)
	}
	if sum.Meta.Steps < 10 || sum.Meta.Steps > 35 || len(sum.Warnings) != 1 {
		t.Errorf("%d frames and the warnings %q, want some of 40 frames and one", sum.Meta.Steps, sum.Warnings)
	}
}

// TestPedestrians imports the street camera video if it lies beside the
// repository.
func TestPedestrians(t *testing.T) {
	needFFmpeg(t)
	path, err := filepath.Abs("../../../shared/data/pedestrians.avi")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("needs ../shared/data/pedestrians.avi beside the repository")
	}
	out := filepath.Join(t.TempDir(), "set")
	start := time.Now()
	sum, err := importer.Import(context.Background(), importer.Config{Sources: []string{path}, Out: out})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	if m := sum.Meta; m.Steps != 795 || m.Episodes != 1 || m.FPS != 10 || len(sum.Warnings) != 0 {
		t.Errorf("%d frames, %d episodes, %v fps, warnings %q; want 795, 1, 10 and none", m.Steps, m.Episodes, m.FPS, sum.Warnings)
	}
	t.Logf("%.0f frames/s, %.0f times real time", 795/took.Seconds(), 79.5/took.Seconds())
	d, err := data.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	moved := 0
	for s := 10; s < 795; s += 10 {
		if meanGap(d.Frame(s), d.Frame(s-10)) > 0.2 {
			moved++
		}
	}
	if moved < 60 {
		t.Errorf("only %d of 78 seconds show movement", moved)
	}
	cut, err := importer.Import(context.Background(), importer.Config{Sources: []string{path}, Out: out + "2",
		Options: importer.Options{Channels: 1, FPS: 5, From: 10 * time.Second, To: 40 * time.Second, Height: 48, Width: 64}})
	if err != nil || cut.Meta.Steps != 150 {
		t.Errorf("30 s at 5 a second: %d frames, %v", cut.Meta.Steps, err)
	}
}
