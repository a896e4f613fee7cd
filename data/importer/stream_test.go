package importer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"foresee/data"
	"foresee/data/importer"
)

// follow opens a stream and keeps its events.
func follow(t testing.TB, source string, o importer.Options) (data.FrameSource, *[]data.Event) {
	t.Helper()
	var events []data.Event
	src, err := importer.OpenStream(context.Background(), source, o, func(e data.Event) { events = append(events, e) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src, &events
}

func kinds(events []data.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.Kind)
	}
	return out
}

// TestStreamIsTheVideo reads a video with its clock and without: where the rate
// is the video's own the frames are the same, at any rate the times are.
func TestStreamIsTheVideo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mkv")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=2", "-c:v", "ffv1", path)
	for _, c := range []struct {
		o      importer.Options
		same   bool
		events []string
	}{
		{importer.Options{}, true, nil},
		{importer.Options{FPS: 25, Channels: 1, From: 520 * time.Millisecond, To: 1600 * time.Millisecond}, true, nil},
		{importer.Options{FPS: 10}, false, nil},
		{importer.Options{FPS: 50}, false, []string{data.EventRepeats}},
	} {
		want, wantMS, _ := read(t, open(t, path, c.o))
		src, events := follow(t, path, c.o)
		got, gotMS, episodes := read(t, src)
		if missing := len(want) - len(got); missing < -1 || missing > 1 { // a frame shown at the very end may fall on the next tick
			t.Fatalf("%+v: %d frames with the clock, %d without", c.o, len(got), len(want))
		}
		for i := range min(len(got), len(want)) {
			if gotMS[i] != wantMS[i] || episodes[i] != 0 {
				t.Errorf("%+v: frame %d of episode %d at %d ms, want 0 and %d", c.o, i, episodes[i], gotMS[i], wantMS[i])
			}
			if c.same && !bytes.Equal(got[i], want[i]) {
				t.Errorf("%+v: frame %d differs by %.2f levels", c.o, i, meanGap(got[i], want[i]))
			}
		}
		if !slices.Equal(kinds(*events), c.events) {
			t.Errorf("%+v: events %v, want %v", c.o, *events, c.events)
		}
	}
}

// TestClockJumps reads a video whose clock runs an hour ahead, and one made of
// two, whose clock begins anew: an episode each, time never runs back, nothing is
// repeated for an hour.
func TestClockJumps(t *testing.T) {
	dir := t.TempDir()
	ahead := filepath.Join(dir, "ahead.mkv")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=4", "-vf", "setpts='PTS+gte(N,15)*3600/TB'", "-fps_mode", "passthrough", "-c:v", "ffv1", ahead)
	src, events := follow(t, ahead, importer.Options{})
	frames, ms, episodes := read(t, src)
	if len(frames) != 40 || ms[14] != 1400 || ms[15] != 3601500 || ms[39] != 3603900 || episodes[14] != 0 || episodes[15] != 1 || episodes[39] != 1 {
		t.Errorf("%d frames at %v of episodes %v", len(frames), ms, episodes)
	}
	if e := *events; !slices.Equal(kinds(e), []string{data.EventJump}) || !strings.Contains(e[0].Detail, "from 1.400 s to 3601.500 s") || e[0].Time != 1400*time.Millisecond {
		t.Errorf("events %+v, want one jump from 1.4 s", e)
	}

	part, both := filepath.Join(dir, "part.ts"), filepath.Join(dir, "both.ts")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=3", "-c:v", "mpeg2video", "-bf", "0", part)
	raw, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(both, append(raw, raw...), 0o666); err != nil {
		t.Fatal(err)
	}
	src, events = follow(t, both, importer.Options{})
	frames, ms, episodes = read(t, src)
	if len(frames) < 58 || len(frames) > 60 || episodes[len(episodes)-1] != 1 || !slices.IsSorted(ms) || ms[len(ms)-1] > 6100 {
		t.Errorf("%d frames at %v of episodes %v, want 60 frames of two episodes in 6 s", len(frames), ms, episodes)
	}
	if !slices.Contains(kinds(*events), data.EventJump) {
		t.Errorf("events %+v, want a jump", *events)
	}
}

// TestTruncatedStream cuts an MP4 that could be played from its beginning: what
// is there comes, and both the source and an event say where it ended. An MP4
// whose table lay at its end cannot be opened.
func TestTruncatedStream(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, flags string }{{"fast.mp4", "+faststart"}, {"late.mp4", "0"}} {
		path := filepath.Join(dir, c.name)
		ffmpeg(t, "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=12", "-c:v", "mpeg4", "-movflags", c.flags, path)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, info.Size()/2); err != nil {
			t.Fatal(err)
		}
	}
	_, err := importer.OpenStream(context.Background(), filepath.Join(dir, "late.mp4"), importer.Options{}, nil)
	wantError(t, err, "late.mp4", "is truncated", "moov")

	src, events := follow(t, filepath.Join(dir, "fast.mp4"), importer.Options{})
	frames, _, _ := read(t, src)
	if len(frames) < 30 || len(frames) > 90 {
		t.Errorf("%d frames of 120, half of which are gone", len(frames))
	}
	if e := *events; len(e) == 0 || e[len(e)-1].Kind != data.EventTruncated || !strings.Contains(e[len(e)-1].Detail, "of 12.00 s") {
		t.Errorf("events %+v, want truncated of 12 s last", e)
	}
	if w := src.(interface{ Warning() string }).Warning(); !strings.Contains(w, "of 12.00 s") {
		t.Errorf("warning %q", w)
	}
}

// TestDamagedStream overwrites the middle of a video: it goes on behind, and an
// event says so at the place.
func TestDamagedStream(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.avi")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=6", "-c:v", "mjpeg", path)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4000 {
		raw[len(raw)/2+i] = byte(7 * i)
	}
	if err := os.WriteFile(path, raw, 0o666); err != nil {
		t.Fatal(err)
	}
	src, events := follow(t, path, importer.Options{})
	frames, _, _ := read(t, src)
	if len(frames) < 55 {
		t.Errorf("%d frames of 60, want all but the damaged", len(frames))
	}
	e := *events
	if len(e) == 0 || e[0].Kind != data.EventDamaged || e[0].Detail == "" || e[0].Time < 2*time.Second || e[0].Time > 4*time.Second {
		t.Errorf("events %+v, want damage at about 3 s", e)
	}
}

func TestStreamStopsCleanly(t *testing.T) {
	path := endless(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	o := importer.Options{Height: 512, Width: 512}
	dst := make([]uint8, 512*512*3)
	src, _ := follow(t, path, o)
	if _, err := src.Next(context.Background(), dst); err != nil {
		t.Fatal(err)
	}
	src.Close()
	if _, err := src.Next(context.Background(), dst); err == nil || err == io.EOF {
		t.Errorf("Next after Close: %v", err)
	}
	src, _ = follow(t, path, o)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	var err error
	for err == nil {
		_, err = src.Next(ctx, dst)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Next after a cancel: %v", err)
	}
}

// TestNoCamera sees what is no camera named. None can be had here.
func TestNoCamera(t *testing.T) {
	needFFmpeg(t)
	_, err := importer.OpenStream(context.Background(), "/dev/video97", importer.Options{}, nil)
	wantError(t, err, "/dev/video97", "no such camera")
	path := filepath.Join(t.TempDir(), "file")
	saveText(t, path, "not a device")
	_, err = importer.OpenStream(context.Background(), "v4l2:"+path, importer.Options{}, nil)
	wantError(t, err, path, "not a character device")
}

// TestStreamOfPictures leaves what needs no ffmpeg to Open.
func TestStreamOfPictures(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		savePicture(t, filepath.Join(dir, "frames", string(rune('a'+i))+".png"), uint8(40*i))
	}
	t.Setenv("PATH", t.TempDir())
	src, _ := follow(t, filepath.Join(dir, "frames"), importer.Options{})
	frames, _, _ := read(t, src)
	if got := firsts(frames); !slices.Equal(got, []int{0, 40, 80}) {
		t.Errorf("frames begin with %v", got)
	}
}
