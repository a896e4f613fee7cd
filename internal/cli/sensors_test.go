package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"foresee/surprise/alarm"
	"foresee/watch/sensor"
	"foresee/watch/sink"
)

// hook receives alarms and checks who they are from.
type hook struct {
	mu     sync.Mutex
	events []alarm.Event
	fault  error
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	var e alarm.Event
	if err := json.Unmarshal(body, &e); err != nil {
		h.fault = err
	}
	if err := sink.Verify([]byte("hush"), r.Header, body, time.Now(), time.Minute); err != nil {
		h.fault = err
	}
	h.events = append(h.events, e)
}

// tank makes recordings of the four tanks and a calibrated model of them.
func tank(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	d := call(t, "collect", "plant", "quadtank", "-o", at("train.csv"), "--days", "0.8", "--json").document(t)
	if r, _ := d.Find("collect/plant/readings"); r.Value != 6912 {
		t.Errorf("%v readings in 0.8 days, want 6912", r.Value)
	}
	call(t, "collect", "plant", "quadtank", "-o", at("normal.csv"), "--days", "1.5", "--seed", "2").want(t, ExitDone)
	call(t, "collect", "plant", "quadtank", "-o", at("leak.csv"), "--days", "0.3", "--seed", "3", "--fault", "leak", "--after", "4h").want(t, ExitDone)
	call(t, "train", "-d", at("train.csv"), "-o", at("model"), "--inputs", "v1,v2", "--json").document(t)
	return dir
}

// TestSensors goes the whole way: record, train, calibrate, watch, be told.
func TestSensors(t *testing.T) {
	dir := tank(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	model := at("model")
	call(t, "watch", "-m", model, at("leak.csv"), "--exit-on-alarm").want(t, ExitUsage, "no calibration")
	d := call(t, "calibrate", "-m", model, at("normal.csv"), "--budget", "2/day", "--json").document(t)
	if r, ok := d.Find("calibrate/scores"); !ok || r.Value < 12000 {
		t.Errorf("calibrate/scores %+v", r)
	}
	h := &hook{}
	server := httptest.NewServer(h)
	defer server.Close()
	if err := os.WriteFile(at("secret"), []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := call(t, "watch", "-m", model, at("leak.csv"), "--webhook", server.URL, "--secret", at("secret"), "--metrics", "localhost:0")
	r.want(t, ExitDone, "latency_p99", "/metrics")
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if len(lines) != 2592 {
		t.Errorf("%d lines of 2592 readings", len(lines))
	}
	first := -1
	for i, line := range lines {
		var rec sensor.Record
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		if rec.Alarm && first < 0 && i >= 1440 {
			first = i
			if rec.Why[0].Name != "h1" || rec.Nearest == nil {
				t.Errorf("the leak's alarm says %+v", rec.Why)
			}
		}
	}
	if first < 1440 || first > 1500 {
		t.Errorf("the leak at reading 1440 is found at %d", first)
	}
	if h.fault != nil || len(h.events) == 0 || h.events[0].State != alarm.Begins || h.events[0].Stream != at("leak.csv") || h.events[0].Budget != "2/day" {
		t.Errorf("the webhook got %+v, %v", h.events, h.fault)
	}
	stopped := call(t, "watch", "-m", model, at("leak.csv"), "--exit-on-alarm")
	if stopped.code != ExitNo || !strings.Contains(stopped.stderr, "h1") {
		t.Errorf("--exit-on-alarm: code %d, %s", stopped.code, stopped.stderr)
	}
	old, err := os.ReadFile(filepath.Join(model, alarm.FileName))
	if err != nil {
		t.Fatal(err)
	}
	call(t, "train", "-d", at("train.csv"), "-o", model, "--kind", "pca").want(t, ExitDone)
	if _, err := os.Stat(filepath.Join(model, alarm.FileName)); err == nil {
		t.Error("a new model kept the calibration of the old one")
	}
	// one that came from elsewhere, and one of a version that named no model
	for _, raw := range []string{string(old), regexp.MustCompile(`"model":"[^"]*"`).ReplaceAllString(string(old), `"model":""`)} {
		if err := os.WriteFile(filepath.Join(model, alarm.FileName), []byte(raw), 0o644); err != nil {
			t.Fatal(err)
		}
		call(t, "watch", "-m", model, at("leak.csv")).want(t, ExitFailed, filepath.Join(model, alarm.FileName), "another model", "foresee calibrate")
	}
}

// TestSensorsFromStdin watches JSON lines as they come, with holes in them.
func TestSensorsFromStdin(t *testing.T) {
	dir := t.TempDir()
	text := "time,a,b\n"
	for i := range 900 {
		text += fmt.Sprintf("%d,%d,%d\n", 1700000000+i, i*7919%101, i*7907%103)
	}
	file := filepath.Join(dir, "x.csv")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(dir, "model")
	call(t, "train", "-d", file, "-o", model, "--kind", "ewma").want(t, ExitDone)
	call(t, "calibrate", "-m", model, file, "--budget", "1/day").want(t, ExitDone, "uncalibrated below p = 1/")
	live := ""
	for i := range 30 {
		switch {
		case i == 10:
			live += fmt.Sprintf("{\"time\":%d,\"a\":null,\"b\":5}\n", 1700001000+i)
		case i == 20:
			live += fmt.Sprintf("{\"time\":%d,\"a\":1,\"b\":5}\n", 1700000000)
		default:
			live += fmt.Sprintf("{\"time\":%d,\"a\":%d,\"b\":%d}\n", 1700001000+i, i, 2*i)
		}
	}
	var out, errs bytes.Buffer
	if code := Run(t.Context(), []string{"watch", "-m", model, "-"}, strings.NewReader(live), &out, &errs); code != ExitDone {
		t.Fatalf("code %d: %s", code, errs.String())
	}
	for _, want := range []string{`"event":"missing"`, `"channel":"a"`, `"event":"clock_back"`, `"event":"gap"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in the output", want)
		}
	}
	if n := strings.Count(out.String(), `"reading"`); n != 30 {
		t.Errorf("%d lines of 30 readings", n)
	}
}

func TestSensorMistakes(t *testing.T) {
	dir := t.TempDir()
	bad, model := filepath.Join(dir, "bad.csv"), filepath.Join(dir, "model")
	if err := os.WriteFile(bad, []byte("time,a\n1,2\n2,x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	call(t, "train", "-d", bad, "-o", model).want(t, ExitFailed, "bad.csv", "line 3", "channel a")
	call(t, "train", "-d", filepath.Join(dir, "none.csv"), "-o", model).want(t, ExitFailed, "none.csv")
	call(t, "train", "-d", bad, "-o", model, "--steps", "3").want(t, ExitUsage, "--steps")
	call(t, "train", "-d", bad, "-o", model, "--set", "seed=1").want(t, ExitUsage, "--set")
	call(t, "train", "-d", dir, "-o", model, "--inputs", "a").want(t, ExitUsage, "--inputs")
	call(t, "collect", "plant", "mill", "-o", bad).want(t, ExitUsage, "mill", "quadtank")
	call(t, "collect", "plant", "cstr", "-o", bad).want(t, ExitFailed, "exists already")
	call(t, "collect", "plant", "cstr", "-o", bad, "--fault", "help").want(t, ExitUsage, "fouling")
	call(t, "test-alarm", "--webhook", "mailto:me").want(t, ExitFailed, "http")
	call(t, "eval", "watch", "--plants", "--days", "1").want(t, ExitUsage, "--days")
	call(t, "eval", "watch", "--plants", "--plant", "mill").want(t, ExitFailed, "mill")
}

func TestTestAlarm(t *testing.T) {
	h := &hook{}
	server := httptest.NewServer(h)
	defer server.Close()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	call(t, "test-alarm", "--webhook", server.URL, "--secret", secret).want(t, ExitDone)
	if h.fault != nil || len(h.events) != 1 || h.events[0].State != alarm.Test {
		t.Errorf("the receiver got %+v, %v", h.events, h.fault)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	call(t, "test-alarm", "--webhook", gone.URL).want(t, ExitFailed, "404")
}

func TestEvalPlants(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates weeks; not in -short")
	}
	call(t, "eval", "watch", "--plants", "--plant", "bearing", "--days", "6", "--runs", "1", "--json").document(t)
}

// TestEvalVoe runs all families on few recordings; the oracle is right, and what
// sees few readings exactly half right.
func TestEvalVoe(t *testing.T) {
	d := call(t, "eval", "watch", "--voe", "--quads", "12", "--json").document(t)
	for name, want := range map[string]float64{
		"watch/voe/level/oracle/suffix": 1, "watch/voe/velocity/null/ar5/prefix": 0.5, "watch/voe/reversal/null/difference/pairs": 0.5,
	} {
		if r, ok := d.Find(name); !ok || r.Value != want || r.N != 12 {
			t.Errorf("%s = %+v, want %g of 12", name, r, want)
		}
	}
	call(t, "eval", "watch", "--voe", "--quads", "0").want(t, ExitUsage, "--quads")
	call(t, "eval", "watch", "--voe", "--plants").want(t, ExitUsage, "--voe")
}
