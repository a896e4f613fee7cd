package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"foresee/surprise"
	"foresee/surprise/alarm"
	"foresee/watch"
	"foresee/watch/sink"
)

// TestPlainAlarmsAreTold has two frames above the plain factor and then enough below: the alarm's begin and end are
// sent, and the figures know of it.
func TestPlainAlarmsAreTold(t *testing.T) {
	episodes, err := surprise.NewEpisodes(surprise.EpisodeConfig{Refractory: 3})
	if err != nil {
		t.Fatal(err)
	}
	var sent, log bytes.Buffer
	a := &app{stdout: &sent, stderr: &log, flags: globals{Backend: "cpu"}}
	if err := a.start(); err != nil {
		t.Fatal(err)
	}
	out, err := sinkFlags{Metrics: "localhost:0"}.open(t.Context(), a, "s")
	if err != nil {
		t.Fatal(err)
	}
	out.queue = sink.NewQueue(sink.Lines{W: &sent}, 4, nil)
	r := &watching{c: &watchCmd{Alarm: 8}, episodes: episodes, out: out, begun: time.Unix(0, 0)}
	for i, relative := range []float64{1, 20, 30, 2, 1, 3, 1} {
		o := watch.Observation{Record: watch.Record{Time: float64(i), Relative: &relative, At: &[2]float64{0.5, 0.25}, Alarm: relative >= 8}}
		if _, err := r.decide(&o); err != nil {
			t.Fatal(err)
		}
	}
	figures := scraped(t, regexp.MustCompile(`http://[^/ ]+/metrics`).FindString(log.String()))
	if figures["surprise_score"] != 1 || figures["surprise_threshold"] != 8 || !math.IsNaN(figures["surprise_pvalue"]) {
		t.Errorf("figures %v, want a score of 1, a threshold of 8 and no p-value", figures)
	}
	if err := out.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(sent.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("sent %q, want a begin and an end", sent.String())
	}
	for i, want := range []alarm.Event{
		{State: alarm.Begins, Score: 20, Time: time.Unix(1, 0), Why: []alarm.Cause{{Name: "0.50 from the left, 0.25 from the top", Share: 1}}},
		{State: alarm.Ends, Score: 3, Time: time.Unix(5, 0)},
	} {
		var e alarm.Event
		if err := json.Unmarshal([]byte(lines[i]), &e); err != nil {
			t.Fatal(err)
		}
		if e.State != want.State || e.Score != want.Score || !e.Time.Equal(want.Time) || !slices.Equal(e.Why, want.Why) {
			t.Errorf("event %d is %+v, want %+v", i, e, want)
		}
		if e.Kind != alarm.Plain || e.P != 1 || e.Calibrated || e.Threshold != 8 || e.Budget != "" {
			t.Errorf("event %d is %+v, want one of a plain factor of 8", i, e)
		}
	}
}

// TestAlarmSaysByWhat has frames that are unusual in one way each, and wants the line,
// the reason and the event to say in which.
func TestAlarmSaysByWhat(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	normal := make([][]float64, len(watch.Statistics()))
	for range 2000 {
		for k := range normal {
			normal[k] = append(normal[k], 0.1*rng.NormFloat64())
		}
	}
	c, err := alarm.CalibrateApart(normal, alarm.Config{Step: 100 * time.Millisecond, Statistics: watch.Statistics()})
	if err != nil {
		t.Fatal(err)
	}
	usual, twenty := 1.0, 20.0
	for name, x := range map[string]struct {
		relative, sudden, whole float64
		others                  [5]float64 // calm, jump, still, rush, replay
		reason, why             string     // where the cause is, if at a place
	}{
		"place":  {twenty, usual, usual, [5]float64{}, "A place of the picture is more surprising than usual by a factor of 20.0;", "0.50 from the left, 0.25 from the top"},
		"sudden": {usual, twenty, usual, [5]float64{}, "A place of the picture is all at once more surprising than usual by a factor of 20.0;", "0.10 from the left, 0.90 from the top"},
		"whole":  {usual, usual, twenty, [5]float64{}, "Most of the picture is more surprising than usual by a factor of 20.0;", ""},
		"calm":   {usual, usual, usual, [5]float64{math.Log(twenty)}, "The picture is calmer than usual by a factor of 20.0;", ""},
		"jump":   {usual, usual, usual, [5]float64{1: math.Log(twenty)}, "The picture changes more than usual by a factor of 20.0;", ""},
		"still":  {usual, usual, usual, [5]float64{2: math.Log(twenty)}, "The picture changes less than usual by a factor of 20.0;", ""},
		"rush":   {usual, usual, usual, [5]float64{3: math.Log(twenty)}, "The picture goes on changing more than usual by a factor of 20.0;", ""},
		"replay": {usual, usual, usual, [5]float64{4: math.Log(twenty)}, "The picture returns to an earlier one more exactly than usual by a factor of 20.0;", ""},
		"":       {usual, usual, usual, [5]float64{}, "", ""},
	} {
		judge, err := alarm.NewJudge(c, alarm.JudgeConfig{})
		if err != nil {
			t.Fatal(err)
		}
		var sent bytes.Buffer
		out := &sinks{stream: "s", metrics: sink.NewMetrics("s"), queue: sink.NewQueue(sink.Lines{W: &sent}, 1, nil), stop: func() error { return nil }}
		r := &watching{c: &watchCmd{}, judge: judge, out: out, begun: time.Unix(0, 0)}
		o := watch.Observation{Record: watch.Record{Relative: &x.relative, At: &[2]float64{0.5, 0.25}}, Sudden: x.sudden, SuddenAt: &[2]float64{0.1, 0.9}, Whole: x.whole, Calm: x.others[0], Jump: math.Exp(x.others[1]), Still: x.others[2], Rush: x.others[3], Replay: math.Exp(x.others[4])}
		d, err := r.decide(&o)
		if err != nil {
			t.Fatal(err)
		}
		if err := out.close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if name == "" {
			if d.begins || o.P == nil || sent.Len() != 0 {
				t.Errorf("a usual frame: %+v, p %v, sent %q", d, o.P, sent.String())
			}
			continue
		}
		var e alarm.Event
		if err := json.Unmarshal(sent.Bytes(), &e); err != nil {
			t.Fatalf("%s: sent %q: %v", name, sent.String(), err)
		}
		if !d.begins || o.By != name || !strings.HasPrefix(d.reason, x.reason) {
			t.Errorf("%s: begins %v by %q, because %q", name, d.begins, o.By, d.reason)
		}
		if e.Budget != "1/day" {
			t.Errorf("%s: a budget of %q, want that of the calibration, 1/day", name, e.Budget)
		}
		if e.Statistic != name || math.Abs(e.Score-math.Log(20)) > 1e-12 || !(e.Threshold > 0.2 && e.Threshold < 1.5) {
			t.Errorf("%s: sent %+v, want a score of log 20 and a threshold some deviations of 0.1 up", name, e)
		}
		var where []string
		for _, cause := range e.Why {
			where = append(where, cause.Name)
		}
		if strings.Join(where, "; ") != x.why || (o.At != nil) != (x.why != "") {
			t.Errorf("%s: sent the places %q and marks %v, want %q", name, where, o.At, x.why)
		}
	}
}
