package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// watched runs a watch in this process.
func watched(t *testing.T, c watchCmd) result {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{stdout: &out, stderr: &errs, flags: globals{Backend: "cpu"}}
	if err := a.start(); err != nil {
		t.Fatal(err)
	}
	code := a.fail(c.Run(t.Context(), a))
	return result{code, out.String(), errs.String()}
}

// videoModel trains two steps on pictures, 16x16 gray at 10 a second.
func videoModel(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	frames, out := filepath.Join(dir, "frames"), filepath.Join(dir, "model")
	call(t, "import", pictures(t, 12), "-o", frames, "--size", "16", "--gray").want(t, ExitDone)
	call(t, "train", "-d", frames, "-o", out, "--steps", "2", "--set", "train.pixels.batch=4").want(t, ExitDone)
	return out
}

type watchLine struct {
	Time     *float64 `json:"time"`
	Frame    int      `json:"frame"`
	Surprise *float64 `json:"surprise"`
	Alarm    *bool    `json:"alarm"`
}

func watchLines(t *testing.T, text string) []watchLine {
	t.Helper()
	var all []watchLine
	for line := range strings.Lines(text) {
		var l watchLine
		if err := json.Unmarshal([]byte(line), &l); err != nil || !strings.HasSuffix(line, "\n") {
			t.Fatalf("line %d %q: %v", len(all), line, err)
		}
		all = append(all, l)
	}
	return all
}

// TestWatch watches pictures, a video, what cannot be watched, and stops at an alarm.
func TestWatch(t *testing.T) {
	model := videoModel(t)
	source := pictures(t, 40)
	r := watched(t, watchCmd{Model: model, Source: source, From: time.Second, To: 3 * time.Second, Alarm: 8})
	r.want(t, ExitDone, "frames=20")
	lines := watchLines(t, r.stdout)
	if len(lines) != 20 {
		t.Fatalf("%d lines of 20 frames", len(lines))
	}
	for i, l := range lines {
		if l.Frame != i || l.Time == nil || *l.Time < 0.999+0.1*float64(i) || *l.Time > 1.001+0.1*float64(i) || l.Alarm == nil || (l.Surprise == nil) != (i < 2) {
			t.Errorf("line %d: %+v", i, l)
		}
	}
	t.Run("alarm", func(t *testing.T) {
		r := watched(t, watchCmd{Model: model, Source: pictures(t, 60), Alarm: 1e-12, ExitOnAlarm: true})
		if lines := watchLines(t, r.stdout); r.code != ExitNo || !*lines[len(lines)-1].Alarm {
			t.Errorf("exit code %d after %d lines, want %d after an alarm\n%s", r.code, len(lines), ExitNo, r.stderr)
		}
	})
	t.Run("video", func(t *testing.T) {
		needs(t, "ffmpeg")
		path := filepath.Join(t.TempDir(), "test.avi")
		make := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=20:duration=2", "-c:v", "mjpeg", path)
		if text, err := make.CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg: %v\n%s", err, text)
		}
		r := watched(t, watchCmd{Model: model, Source: path, Alarm: 8})
		r.want(t, ExitDone)
		if lines := watchLines(t, r.stdout); len(lines) != 20 {
			t.Errorf("%d lines, want 20: two seconds at the model's rate", len(lines))
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var out stopAfter
		out.stop, out.lines = cancel, 5
		a := &app{stdout: &out, stderr: &bytes.Buffer{}, flags: globals{Backend: "cpu"}}
		if err := a.start(); err != nil {
			t.Fatal(err)
		}
		err := (&watchCmd{Model: model, Source: source, Live: true}).Run(ctx, a)
		if err == nil || ctx.Err() == nil {
			t.Errorf("interrupted: %v", err)
		}
		if lines := watchLines(t, out.String()); len(lines) < 5 || len(lines) == 40 {
			t.Errorf("%d lines, want at least 5 and not all 40", len(lines))
		}
	})
	t.Run("refuses", func(t *testing.T) {
		watched(t, watchCmd{Model: t.TempDir(), Source: source}).want(t, ExitFailed, "no model")
		watched(t, watchCmd{Model: model, Source: filepath.Join(source, "none.avi")}).want(t, ExitFailed, "none.avi")
		watched(t, watchCmd{Model: model, Source: source, From: time.Hour}).want(t, ExitFailed, "no frame")
		watched(t, watchCmd{Model: model, Source: source, Alarm: -1}).want(t, ExitUsage, "--alarm")
		watched(t, watchCmd{Model: model, Source: source, From: 2, To: 1}).want(t, ExitUsage, "--from")
		watched(t, watchCmd{Model: model, Source: source, ExitOnAlarm: true}).want(t, ExitUsage, "--exit-on-alarm")
	})
}

// stopAfter calls stop when so many lines were written.
type stopAfter struct {
	bytes.Buffer
	lines int
	stop  func()
}

func (s *stopAfter) Write(b []byte) (int, error) {
	if s.lines--; s.lines == 0 {
		s.stop()
	}
	return s.Buffer.Write(b)
}
