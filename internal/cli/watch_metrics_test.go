package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"
)

// lockedBuffer may be written while it is read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// slowReader takes its time over every line, so that frames must be dropped, and
// scrapes /metrics before it takes one.
type slowReader struct {
	t       *testing.T
	log     *lockedBuffer
	records int
	done    func(figures map[string]float64) bool
	stop    func()
}

func (s *slowReader) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(`"event"`)) {
		return len(p), nil
	}
	time.Sleep(10 * time.Millisecond)
	at := regexp.MustCompile(`http://[^/ ]+/metrics`).FindString(s.log.String())
	if s.done(scraped(s.t, at)) {
		s.stop()
	}
	s.records++
	return len(p), nil
}

// scraped returns the figures at a /metrics address.
func scraped(t *testing.T, at string) map[string]float64 {
	r, err := http.Get(at)
	if err != nil {
		t.Errorf("scrape %q: %v", at, err)
		return nil
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	found := map[string]float64{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+){stream="[^"]*"} (\S+)$`).FindAllStringSubmatch(string(text), -1) {
		if found[m[1]], err = strconv.ParseFloat(m[2], 64); err != nil {
			t.Errorf("%s: %v", m[0], err)
		}
	}
	return found
}

// TestWatchMetrics watches a live stream that is faster than its reader, and asks
// /metrics at every frame until frames were dropped and the latents have a rank.
func TestWatchMetrics(t *testing.T) {
	model := videoModel(t)
	// two minutes, for ffmpeg throws away what it finds the format by
	raw, err := os.ReadFile(film(t, "a.ts", "-vf", "loop=loop=19:size=60", "-c:v", "mpeg2video"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush() // no length, so no end
		w.Write(raw)
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	log, seen := &lockedBuffer{}, map[string]float64(nil)
	out := &slowReader{t: t, log: log, stop: cancel}
	out.done = func(f map[string]float64) bool {
		if got := f["inference_seconds_count"]; got != float64(out.records) {
			t.Errorf("%g inferences are counted after %d frames", got, out.records)
		}
		if !(f["frames_dropped_total"] > 0 && f["latent_rank"] >= 1) {
			return false
		}
		seen = f
		return true
	}
	a := &app{stdout: out, stderr: log, flags: globals{Backend: "cpu"}}
	if err := a.start(); err != nil {
		t.Fatal(err)
	}
	c := watchCmd{Model: model, Source: server.URL + "/a.ts", Alarm: 8, sinkFlags: sinkFlags{Metrics: "localhost:0"}}
	if err := c.Run(ctx, a); err == nil || seen == nil {
		t.Fatalf("%v after %d frames; the figures are never complete\n%s", err, out.records, log.String())
	}
	var dropped int
	at := regexp.MustCompile(` dropped=\d+`).FindString(log.String())
	if _, err := fmt.Sscanf(at, " dropped=%d", &dropped); err != nil || dropped < int(seen["frames_dropped_total"]) {
		t.Errorf("%g frames dropped by /metrics, at the end %q", seen["frames_dropped_total"], at)
	}
	if lag := seen["stream_lag_seconds"]; !(lag > 0 && lag < 60) {
		t.Errorf("the stream lags %g s", lag)
	}
	if sum := seen["inference_seconds_sum"]; !(sum > 0) || math.IsInf(sum, 1) || !(seen["latent_rank"] < 64) {
		t.Errorf("%g s of inference, rank %g", sum, seen["latent_rank"])
	}
}
