package importer

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestInputs compares the inputs of ffmpeg for every kind of source.
func TestInputs(t *testing.T) {
	for _, c := range []struct {
		source string
		live   bool
		want   string
	}{
		{"/dev/video0", true, "-f v4l2 -i /dev/video0"},
		{"/dev/video12", true, "-f v4l2 -i /dev/video12"},
		{"v4l2:/dev/v4l/by-id/usb-cam", true, "-f v4l2 -i /dev/v4l/by-id/usb-cam"},
		{"/dev/videos/a.mp4", false, "-protocol_whitelist file -i file:/dev/videos/a.mp4"},
		{"a: b.mkv", false, "-protocol_whitelist file -i file:a: b.mkv"},
		{"rtsp://cam/1", true, "-rtsp_transport tcp -timeout 10000000 -i rtsp://cam/1"},
		{"HTTP://cam/1.mjpg", false, "-rw_timeout 10000000 -i HTTP://cam/1.mjpg"},
		{"udp://239.0.0.1:1234", true, "-i udp://239.0.0.1:1234"},
	} {
		if got := strings.Join(inputArgs(c.source), " "); got != c.want || IsLive(c.source) != c.live {
			t.Errorf("%s: %q, live %v; want %q, %v", c.source, got, IsLive(c.source), c.want, c.live)
		}
	}
	o := Options{Height: 96, Width: 64, Channels: 1, From: time.Second}
	info := stream{Width: 640, Height: 480}
	got := stampedArgs(inputArgs("/dev/video0"), o, info, true)
	for _, want := range [][]string{
		{"-copyts", "-fflags", "nobuffer", "-flags", "low_delay", "-f", "v4l2", "-i", "/dev/video0", "-fps_mode", "passthrough"},
		{"-vf", "showinfo=checksum=0,scale=64:96:flags=area+accurate_rnd+full_chroma_int", "-pix_fmt", "gray", "-f", "rawvideo", "pipe:1"},
	} {
		at := slices.Index(got, want[0])
		if at < 0 || at+len(want) > len(got) || !slices.Equal(got[at:at+len(want)], want) {
			t.Errorf("arguments of a camera %q, want %q in them", got, want)
		}
	}
	if slices.Contains(got, "-ss") {
		t.Errorf("a camera is told to seek: %q", got)
	}
	if got := stampedArgs(inputArgs("a.mp4"), o, info, false); !slices.Contains(got, "-ss") || slices.Contains(got, "nobuffer") {
		t.Errorf("arguments of a file %q, want -ss and no hurry", got)
	}
}

// TestParseStamp reads lines as ffmpeg 5.1 writes them.
func TestParseStamp(t *testing.T) {
	const line = "[Parsed_showinfo_0 @ 0x5] [info] n:   1 pts:   1500 pts_time:%s duration:      1 fmt:yuv420p\n"
	for word, want := range map[string]float64{"1.5    ": 1.5, "-0.02": -0.02, "1e+06": 1e6, "NOPTS": math.NaN(), "": math.NaN(), "inf": math.NaN()} {
		got, ok := parseStamp(strings.Replace(line, "%s", word, 1))
		if !ok || got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%q: %v, %v; want %v", word, got, ok, want)
		}
	}
	for _, other := range []string{"", "[Parsed_showinfo_0 @ 0x5] [info] config in time_base: 1/10\n", "pts_time:3\n"} {
		if got, ok := parseStamp(other); ok {
			t.Errorf("%q is a clock: %v", other, got)
		}
	}
	if text, ok := complaint("[h264 @ 0x5] [error] error while decoding MB 3 4\n"); !ok || text != "error while decoding MB 3 4\n" {
		t.Errorf("complaint %q, %v", text, ok)
	}
	if text, ok := complaint("[info] Input #0\n"); ok {
		t.Errorf("complaint %q", text)
	}
}

func FuzzParseStamp(f *testing.F) {
	f.Add("[Parsed_showinfo_0 @ 0x5] [info] n:   1 pts:   1500 pts_time:1.5 duration:      1\n")
	f.Add("showinfo pts_time:")
	f.Fuzz(func(t *testing.T, line string) {
		if v, ok := parseStamp(line); ok && (v > 1e9 || v < -1e9) {
			t.Fatalf("clock %v of %q", v, line)
		}
		complaint(line)
	})
}
