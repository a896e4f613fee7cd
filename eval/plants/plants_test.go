package plants

import (
	"context"
	"math"
	"testing"
	"time"

	"foresee/report"
)

// TestPlantsFind runs the bearing, whose readings are few, for a fortnight.
func TestPlantsFind(t *testing.T) {
	begun := 0
	cfg := Config{Plants: []string{"bearing"}, Seed: 1, Train: 4, Calibrate: 12, Normal: 4, Runs: 1, Begun: func(string) { begun++ }}
	rows, err := Evaluate(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if begun != cfg.Work() {
		t.Errorf("Begun was called %d times, want %d", begun, cfg.Work())
	}
	doc := report.Document{Rows: rows}
	if err := doc.Validate(); err != nil {
		t.Error(err)
	}
	for name, want := range map[string][2]float64{
		"watch/plants/bearing/alarms_per_day": {0, 2.5}, "watch/plants/bearing/recall": {0.6, 1},
		"watch/plants/bearing/outer/found": {1, 1}, "watch/plants/bearing/outer/delay": {0, 24},
		"watch/plants/bearing/freeze/named": {1, 1}, "watch/plants/bearing/baseline/pca/alarms_per_day": {0, 2.5},
	} {
		if r, ok := doc.Find(name); !ok || !(r.Value >= want[0] && r.Value <= want[1]) {
			t.Errorf("%s = %v (found %v), want within %v", name, r.Value, ok, want)
		}
	}
	if _, err := Evaluate(context.Background(), Config{Plants: []string{"mill"}}); err == nil {
		t.Error("a mill is a plant")
	}
}

func TestMedianDelayCensors(t *testing.T) {
	at := func(h int) plantOutcome { return plantOutcome{found: true, delay: time.Duration(h) * time.Hour} }
	lost := plantOutcome{}
	cases := []struct {
		outcomes []plantOutcome
		want     float64
	}{
		{[]plantOutcome{at(3), at(1), at(2)}, 2}, {[]plantOutcome{at(1), at(2)}, 1.5}, {[]plantOutcome{at(1), lost, at(2)}, 2},
		{[]plantOutcome{at(1), lost}, math.NaN()}, {nil, math.NaN()},
	}
	for _, c := range cases {
		got := medianDelay(c.outcomes)
		if math.IsNaN(got) != math.IsNaN(c.want) || !math.IsNaN(c.want) && got != c.want {
			t.Errorf("%+v: %g, want %g", c.outcomes, got, c.want)
		}
	}
	if !behind([]plantOutcome{lost, at(1)}, []plantOutcome{at(9), at(9)}) || behind([]plantOutcome{at(1)}, []plantOutcome{at(2)}) || !behind([]plantOutcome{at(2)}, []plantOutcome{at(1)}) {
		t.Error("behind: finding comes first, then the delay")
	}
}
