package camera

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// numbered is a recording whose frame n is filled with the number n.
func numbered() *recording {
	r := &recording{h: 36, w: 36, fps: 10}
	for i := range 2 {
		var part [][]uint8
		for k := range cycleFrames - learnFrames - quietFrames {
			part = append(part, bytes.Repeat([]uint8{uint8(100*i + k + 50)}, 36*36))
		}
		r.testing = append(r.testing, part)
	}
	return r
}

// TestSplicedEvents reads the numbers of the frames of every kind of event.
func TestSplicedEvents(t *testing.T) {
	r := numbered()
	kinds := map[string]int{}
	for _, e := range spliced(r, 1) {
		kinds[e.kind]++
		base := int(e.frames[0][0])
		number := func(k int) int { return int(e.frames[k][0]) - base }
		for k := range e.frames {
			if k < e.at && number(k) != k {
				t.Errorf("%s: frame %d before the event is %d", e.kind, k, number(k))
			}
		}
		if e.kind == clean {
			if e.at != 0 || e.until != 0 || len(e.frames) != 45 {
				t.Errorf("clean: %d frames, event from %d to %d", len(e.frames), e.at, e.until)
			}
			continue
		}
		if e.at < 8 || e.until <= e.at || e.until > len(e.frames) {
			t.Errorf("%s: event from %d to %d of %d frames", e.kind, e.at, e.until, len(e.frames))
		}
		switch a := e.at; e.kind {
		case "cut":
			if gap := number(a) - a; gap != 100 && gap != -100 {
				t.Errorf("cut: frame %d is %d, want one of the other part", a, number(a))
			}
		case "reversed":
			back := min(eventFrames, a-1)
			if number(a) != a-2 || number(a+back-1) != a-1-back || number(a+back) != a-back || number(a+2*back) != a {
				t.Errorf("reversed at %d: %d, ..., %d, %d, ..., %d", a, number(a), number(a+back-1), number(a+back), number(a+2*back))
			}
		case "frozen":
			if number(a) != a-1 || number(a+eventFrames-1) != a-1 || number(a+eventFrames) != a+eventFrames {
				t.Errorf("frozen at %d: %d, %d, then %d", a, number(a), number(a+eventFrames-1), number(a+eventFrames))
			}
		case "fast":
			if number(a) != a+2 || number(a+1) != a+5 || len(e.frames) != a+eventFrames {
				t.Errorf("fast at %d: %d, %d, %d frames", a, number(a), number(a+1), len(e.frames))
			}
		case "object":
			dark := func(k int) (n int) {
				for _, v := range e.frames[k] {
					if v == 25 {
						n++
					}
				}
				return n
			}
			if n := dark(a); n < 4 || n > 40 || dark(a-1) != 0 || dark(a+eventFrames) != 0 || dark(a+eventFrames-1) != n {
				t.Errorf("object at %d: %d pixels, %d before, %d after", a, n, dark(a-1), dark(a+eventFrames))
			}
		}
	}
	if len(kinds) != 6 || kinds[clean] != 2 || kinds["frozen"] != 4 {
		t.Errorf("events %v", kinds)
	}
	again := spliced(r, 1)
	for i, e := range spliced(r, 1) {
		if again[i].at != e.at || !slices.EqualFunc(again[i].frames, e.frames, bytes.Equal) {
			t.Fatalf("event %d differs from run to run", i)
		}
	}
}

// TestVideo evaluates a small film, with two steps of training: what every
// detector must find in it is found, and every row is there.
func TestVideo(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("FORESEE_CI") == "1" {
			t.Fatal("needs ffmpeg, and FORESEE_CI=1")
		}
		t.Skip("needs ffmpeg")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "film.mkv")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10:duration=32", "-c:v", "ffv1", path).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	cfg := VideoConfig{Video: path, Work: filepath.Join(dir, "work"), Size: 32, Steps: 2, Seed: 1}
	rows, err := Video(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	value := map[string]float64{}
	for _, r := range rows {
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
		value[r.Name] = r.Value
		if three := strings.HasSuffix(r.Name, "/found") && !strings.Contains(r.Name, "baseline"); three {
			var place, sudden, whole, calm, jump, still, rush, replay int
			if _, err := fmt.Sscanf(r.Note, "%d by place, %d by sudden, %d by whole, %d by calm, %d by jump, %d by still, %d by rush, %d by replay", &place, &sudden, &whole, &calm, &jump, &still, &rush, &replay); err != nil || math.Abs(float64(place+sudden+whole+calm+jump+still+rush+replay)-r.Value*float64(r.N)) > 1e-9 {
				t.Errorf("%s = %g of %d, by what: %q, %v", r.Name, r.Value, r.N, r.Note, err)
			}
		}
		if r.Name == "watch/video/frozen/found" && !strings.Contains(r.Note, "4 by still") { // it changes less than ever
			t.Errorf("frozen pictures are found %s, want 4 by still", r.Note)
		}
		if r.Name == "watch/video/found" && r.N != 20 || r.Name == "watch/video/frozen/found" && r.N != 4 {
			t.Errorf("%s of %d events, want 20 in all and 4 of a kind", r.Name, r.N)
		}
	}
	if len(rows) != 3*13 || len(value) != len(rows) {
		t.Errorf("%d rows, %d names, want 13 for each of 3 detectors", len(rows), len(value))
	}
	if v := value["watch/video/baseline/difference/frozen/found"]; v < 0.75 { // nothing else is ever as calm
		t.Errorf("frame differences find %v of the frozen pictures, want nearly all", v)
	}
	if _, err := os.Stat(filepath.Join(cfg.Work, "alarms", "cut", "index.html")); err != nil {
		t.Error(err)
	}
	cfg.Video = filepath.Join(dir, "none.mkv")
	if _, err := Video(context.Background(), cfg); err == nil {
		t.Error("no error for a video that is not there")
	}
}
