package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"foresee/surprise/alarm"
	"foresee/watch"
	"foresee/watch/sink"
)

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
		others                  [3]float64 // calm, jump, still
		reason, why             string     // where the cause is, if at a place
	}{
		"place":  {twenty, usual, usual, [3]float64{}, "A place of the picture is more surprising than usual by a factor of 20.0;", "0.50 from the left, 0.25 from the top"},
		"sudden": {usual, twenty, usual, [3]float64{}, "A place of the picture is all at once more surprising than usual by a factor of 20.0;", "0.10 from the left, 0.90 from the top"},
		"whole":  {usual, usual, twenty, [3]float64{}, "Most of the picture is more surprising than usual by a factor of 20.0;", ""},
		"calm":   {usual, usual, usual, [3]float64{math.Log(twenty)}, "The picture is calmer than usual by a factor of 20.0;", ""},
		"jump":   {usual, usual, usual, [3]float64{1: math.Log(twenty)}, "The picture changes more than usual by a factor of 20.0;", ""},
		"still":  {usual, usual, usual, [3]float64{2: math.Log(twenty)}, "The picture changes less than usual by a factor of 20.0;", ""},
		"":       {usual, usual, usual, [3]float64{}, "", ""},
	} {
		judge, err := alarm.NewJudge(c, alarm.JudgeConfig{})
		if err != nil {
			t.Fatal(err)
		}
		var sent bytes.Buffer
		out := &sinks{stream: "s", metrics: sink.NewMetrics("s"), queue: sink.NewQueue(sink.Lines{W: &sent}, 1, nil), stop: func() error { return nil }}
		r := &watching{c: &watchCmd{}, judge: judge, out: out, begun: time.Unix(0, 0)}
		o := watch.Observation{Record: watch.Record{Relative: &x.relative, At: &[2]float64{0.5, 0.25}}, Sudden: x.sudden, SuddenAt: &[2]float64{0.1, 0.9}, Whole: x.whole, Calm: x.others[0], Jump: math.Exp(x.others[1]), Still: x.others[2]}
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
