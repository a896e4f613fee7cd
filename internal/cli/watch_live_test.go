package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"foresee/data"
)

// film makes a video with ffmpeg.
func film(t *testing.T, name string, args ...string) string {
	t.Helper()
	needs(t, "ffmpeg")
	path := filepath.Join(t.TempDir(), name)
	all := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=6"}, args...)
	if text, err := exec.Command("ffmpeg", append(all, path)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, text)
	}
	return path
}

// watchOutput parts the lines of a watch into records and kinds of events.
func watchOutput(t *testing.T, text string) (records []watchLine, events []string) {
	t.Helper()
	for line := range strings.Lines(text) {
		var e struct {
			Event  string   `json:"event"`
			Time   *float64 `json:"time"`
			Detail string   `json:"detail"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if e.Event == "" {
			records = append(records, watchLines(t, line)...)
			continue
		}
		if e.Time == nil || e.Detail == "" {
			t.Errorf("event %q: want time and detail", line)
		}
		events = append(events, e.Event)
	}
	return records, events
}

// TestWatchAServerThatDrops serves a recording and breaks the first connections
// off: the watch says so, opens it again where it was, and sees the end.
func TestWatchAServerThatDrops(t *testing.T) {
	model := videoModel(t)
	raw, err := os.ReadFile(film(t, "a.mp4", "-c:v", "mpeg4", "-movflags", "+faststart"))
	if err != nil {
		t.Fatal(err)
	}
	var cut atomic.Int32
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from := 0
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err != nil || from >= len(raw) {
			from = 0
		}
		w.Header().Set("Accept-Ranges", "bytes")
		w.Header().Set("Content-Length", fmt.Sprint(len(raw)-from))
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(raw)-1, len(raw)))
		w.WriteHeader(http.StatusPartialContent)
		if cut.Add(1) > 2 { // ffprobe and ffmpeg of the first attempt
			w.Write(raw[from:])
			return
		}
		w.Write(raw[from : from+(len(raw)-from)*6/10])
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
	})}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(socket)
	defer server.Close()
	r := watched(t, watchCmd{Model: model, Source: "http://" + socket.Addr().String() + "/a.mp4", Alarm: 8})
	r.want(t, ExitDone)
	records, events := watchOutput(t, r.stdout)
	for _, want := range []string{data.EventDisconnected, data.EventReconnecting, data.EventReconnected} {
		if !slices.Contains(events, want) {
			t.Errorf("events %v, want %s among them", events, want)
		}
	}
	if n := len(records); n < 59 || n > 61 || *records[n-1].Time < 5.85 || *records[n-1].Time > 5.95 {
		t.Errorf("%d records to %v s, want 60 to 5.9 s\n%s", n, *records[n-1].Time, r.stderr)
	}
	for i := 1; i < len(records); i++ {
		if *records[i].Time <= *records[i-1].Time {
			t.Errorf("record %d is at %g s, the one before at %g s", i, *records[i].Time, *records[i-1].Time)
		}
	}
}

// TestWatchTruncated watches half a video: its frames, an event that says where it
// ends, and a failure.
func TestWatchTruncated(t *testing.T) {
	model, path := videoModel(t), film(t, "a.mp4", "-c:v", "mpeg4", "-movflags", "+faststart")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	r := watched(t, watchCmd{Model: model, Source: path, Alarm: 8})
	for _, part := range []string{path, "truncated or damaged", "of 6.00 s"} {
		if r.code != ExitFailed || !strings.Contains(r.stderr, part) {
			t.Errorf("exit code %d and %q, want %d and %q in it", r.code, r.stderr, ExitFailed, part)
		}
	}
	records, events := watchOutput(t, r.stdout)
	if len(records) < 10 || len(records) > 50 || events[len(events)-1] != data.EventTruncated {
		t.Errorf("%d records of 60, half of which are gone, and events %v", len(records), events)
	}
}

// TestWatchKeepsAlarms keeps the evidence of a watch in which every frame alarms.
func TestWatchKeepsAlarms(t *testing.T) {
	model, path := videoModel(t), film(t, "a.mp4", "-c:v", "mpeg4")
	dir := filepath.Join(t.TempDir(), "alarms")
	r := watched(t, watchCmd{Model: model, Source: path, Alarm: 1e-12, Alarms: dir})
	r.want(t, ExitDone, "alarms=1 ")
	for _, name := range []string{"index.html", "alarm-0001/alarm.json", "alarm-0001/clip.gif", "alarm-0001/original.mp4"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	watched(t, watchCmd{Model: model, Source: path, Alarms: dir}).want(t, ExitFailed, dir, "already holds")
}

// TestCalibrate calibrates a model and watches with it: lines carry p, alarms are
// those of the calibration, and --plain goes back to the factor.
func TestCalibrate(t *testing.T) {
	model := videoModel(t)
	call(t, "calibrate", "-m", model, pictures(t, 30)).want(t, ExitFailed, "calibrate")
	normal := pictures(t, 200)
	d := call(t, "calibrate", "-m", model, normal, "--budget", "6/hour", "--json").document(t)
	for name, want := range map[string]float64{"calibrate/scores": 158} {
		if r, ok := d.Find(name); !ok || r.Value != want {
			t.Errorf("%s = %+v, want %g", name, r, want)
		}
	}
	for _, name := range []string{"place", "sudden", "whole", "calm", "jump", "still", "rush", "replay"} {
		if _, ok := d.Find("calibrate/" + name + "/threshold"); !ok {
			t.Errorf("no threshold of %s", name)
		}
	}
	r := watched(t, watchCmd{Model: model, Source: normal, Alarm: 1e-12})
	r.want(t, ExitDone)
	if strings.Count(r.stdout, `"p":`) != 158 || strings.Count(r.stdout, `"by":"`) != 158 || strings.Count(r.stdout, `"alarm":true`) > 30 {
		t.Errorf("%d lines with p, %d alarms; want 158 and few", strings.Count(r.stdout, `"p":`), strings.Count(r.stdout, `"alarm":true`))
	}
	r = watched(t, watchCmd{Model: model, Source: normal, Alarm: 1e-12, Plain: true})
	if strings.Count(r.stdout, `"alarm":true`) != 158 {
		t.Errorf("%d alarms with --plain, want one in every line that is judged", strings.Count(r.stdout, `"alarm":true`))
	}
	// the model goes on learning: its calibration is of other scores
	frames := filepath.Join(t.TempDir(), "frames")
	call(t, "import", pictures(t, 12), "-o", frames, "--size", "16", "--gray").want(t, ExitDone)
	other := filepath.Join(t.TempDir(), "model")
	call(t, "train", "-d", frames, "-o", other, "--steps", "3", "--set", "train.pixels.batch=4").want(t, ExitDone)
	raw, err := os.ReadFile(filepath.Join(model, "calibration.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "calibration.json"), raw, 0o666); err != nil {
		t.Fatal(err)
	}
	watched(t, watchCmd{Model: other, Source: normal, Alarm: 8}).want(t, ExitFailed, filepath.Join(other, "calibration.json"), "another model", "foresee calibrate", "--plain")
	watched(t, watchCmd{Model: other, Source: normal, Alarm: 8, Plain: true}).want(t, ExitDone)
	call(t, "calibrate", "-m", other, normal, "--budget", "6/hour").want(t, ExitDone)
	watched(t, watchCmd{Model: other, Source: normal, Alarm: 8}).want(t, ExitDone)
	// a calibration of version 1 had one statistic, the highest of three
	if raw, err = os.ReadFile(filepath.Join(other, "calibration.json")); err != nil {
		t.Fatal(err)
	}
	var old map[string]json.RawMessage
	var each []struct{ Calibration json.RawMessage }
	if err := errors.Join(json.Unmarshal(raw, &old), json.Unmarshal(old["statistics"], &each)); err != nil {
		t.Fatal(err)
	}
	delete(old, "statistics")
	old["version"], old["calibration"] = json.RawMessage("1"), each[0].Calibration
	if raw, err = json.Marshal(old); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "calibration.json"), raw, 0o666); err != nil {
		t.Fatal(err)
	}
	watched(t, watchCmd{Model: other, Source: normal, Alarm: 8}).want(t, ExitFailed, filepath.Join(other, "calibration.json"), "wanted are", "whole", "foresee calibrate", "--plain")
	if err := os.WriteFile(filepath.Join(model, "calibration.json"), []byte(`{"version": 1, "colour": 3}`), 0o666); err != nil {
		t.Fatal(err)
	}
	watched(t, watchCmd{Model: model, Source: normal, Alarm: 8}).want(t, ExitFailed, "calibration.json", "colour")
}

// TestWatchNoCamera names a camera that is not there.
func TestWatchNoCamera(t *testing.T) {
	begun := time.Now()
	watched(t, watchCmd{Model: videoModel(t), Source: "/dev/video97"}).want(t, ExitFailed, "/dev/video97", "no such camera")
	if d := time.Since(begun); d > time.Minute {
		t.Errorf("that took %v", d)
	}
}
