package camera

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestStreet evaluates three minutes, with two steps of training: every row is there, and what frame differences must find.
func TestStreet(t *testing.T) {
	cfg := StreetConfig{Work: filepath.Join(t.TempDir(), "work"), Steps: 2, Seed: 1, Normal: 3 * time.Minute, Parts: 2}
	rows, err := Street(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	value, alarms := map[string]float64{}, 0
	for _, r := range rows {
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
		value[r.Name] = r.Value
		if strings.HasSuffix(r.Name, "/found") && r.N != 20 && r.N != 4 {
			t.Errorf("%s of %d events, want 20 in all and 4 of a kind", r.Name, r.N)
		}
		if strings.Contains(r.Name, "false_alarms") {
			alarms += r.N
			// Three minutes at 1 in 10 allow 0.3, less the frames before there is something to compare with.
			if allowed := float64(r.N) / r.Value; r.N > 0 && math.Abs(allowed-0.3) > 0.002 {
				t.Errorf("%s: %d alarms are %g of the budget, which allows %g, want 0.3", r.Name, r.N, r.Value, allowed)
			}
		}
	}
	if len(rows) != 3*14 || len(value) != len(rows) {
		t.Errorf("%d rows, %d names, want 14 for each of 3 detectors", len(rows), len(value))
	}
	if alarms == 0 {
		t.Error("no alarm even when calibrated on 20 seconds: nothing is counted")
	}
	if v := value["watch/street/baseline/difference/frozen/found"]; v < 0.75 { // nothing else is ever as calm
		t.Errorf("frame differences find %v of the frozen pictures, want nearly all", v)
	}
	cfg.Seed = 2
	if _, err := Street(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "10s of street 1, not of 10s of street 2") {
		t.Errorf("another seed with the frames of the first: %v", err)
	}
	cfg.Normal = 10 * time.Second
	if _, err := Street(context.Background(), cfg); err == nil {
		t.Error("no error for ten seconds")
	}
}

// TestDaysApart: what is learnt is not what is watched, and a day goes on where a stretch of it ended.
func TestDaysApart(t *testing.T) {
	cfg := StreetConfig{Seed: 1, Normal: 3 * time.Minute, Parts: 2}
	first := map[string]string{}
	for _, purpose := range []string{"learn", "calibrate", "normal", "events"} {
		day := cfg.day(purpose)
		var frames []string
		for range 2 {
			for f := range stretch(day, 2) {
				frames = append(frames, string(f))
			}
		}
		again := cfg.day(purpose)
		for i, f := range frames {
			if string(again.Next()) != f {
				t.Errorf("%s: frame %d of two stretches is not that of the day", purpose, i)
			}
		}
		if other, twice := first[frames[0]]; twice {
			t.Errorf("%s begins as %s does", purpose, other)
		}
		first[frames[0]] = purpose
	}
}
