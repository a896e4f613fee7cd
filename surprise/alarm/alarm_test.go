package alarm_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"foresee/surprise"
	"foresee/surprise/alarm"
)

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// autoregressive returns n scores |x|, x an AR(1) of unit variance.
func autoregressive(seed uint64, n int, phi float64) []float64 {
	r, x := rand.New(rand.NewPCG(seed, 9)), 0.0
	out := make([]float64, n)
	for i := range out {
		x = phi*x + math.Sqrt(1-phi*phi)*r.NormFloat64()
		out[i] = math.Abs(x)
	}
	return out
}

func calibrate(t *testing.T, scores []float64, cfg alarm.Config) *alarm.Calibration {
	t.Helper()
	if cfg.Step == 0 {
		cfg.Step = time.Minute
	}
	c, err := alarm.Calibrate(scores, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// watch returns the alarms among scores and the last verdict.
func watch(t *testing.T, j *alarm.Judge, scores []float64) (fast, slow int, last alarm.Verdict) {
	t.Helper()
	for i, s := range scores {
		v, err := j.Observe(begin.Add(time.Duration(i)*time.Minute), s)
		if err != nil {
			t.Fatal(err)
		}
		if v.Alarm && v.Kind == alarm.Fast {
			fast++
		}
		if v.Alarm && v.Kind == alarm.Slow {
			slow++
		}
		last = v
	}
	return fast, slow, last
}

// TestBudgetHolds calibrates on 30 days and counts alarms on fresh ones, over
// several streams: a budget is a rate, debounced or not, correlated or not.
func TestBudgetHolds(t *testing.T) {
	const perDay, days, seeds = 1440, 30, 5
	for name, cfg := range map[string]alarm.Config{
		"default": {}, "debounced": {Need: 3, Of: 5}, "fast alone": {Slow: -1},
		"4 a day": {Budget: surprise.Budget{Alarms: 4, Per: 24 * time.Hour}},
	} {
		for _, phi := range []float64{0, 0.95} {
			total, budget := 0, 1.0
			if cfg.Budget.Alarms > 0 {
				budget = cfg.Budget.Alarms
			}
			for seed := range uint64(seeds) {
				c := calibrate(t, autoregressive(2*seed, days*perDay, phi), cfg)
				j, err := alarm.NewJudge(c, alarm.JudgeConfig{})
				if err != nil {
					t.Fatal(err)
				}
				fast, slow, _ := watch(t, j, autoregressive(2*seed+1, days*perDay, phi))
				total += fast + slow
			}
			if got := float64(total) / (days * seeds * budget); math.Abs(got-0.95) > 0.35 {
				t.Errorf("%s, φ = %g: %.2f of the budget is spent on normal streams, want about 0.8 to 1", name, phi, got)
			}
		}
	}
}

// TestExtrapolationIsSaid calibrates a budget of one a day on half a day.
func TestExtrapolationIsSaid(t *testing.T) {
	short := calibrate(t, autoregressive(1, 720, 0.5), alarm.Config{})
	if _, calibrated := short.Threshold(0); calibrated {
		t.Errorf("half a day is said to be enough for one alarm a day")
	}
	if need := short.Needed(); need < 20*time.Hour || need > 36*time.Hour {
		t.Errorf("one alarm a day wants %v of normal data, want about 1.25 days less a block", need)
	}
	long := calibrate(t, autoregressive(1, 3*1440, 0.5), alarm.Config{})
	if _, calibrated := long.Threshold(0); !calibrated {
		t.Errorf("three days are said to be too few for one alarm a day")
	}
	j, err := alarm.NewJudge(short, alarm.JudgeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := j.Observe(begin, 50)
	if err != nil || !v.Alarm || v.Calibrated || v.P >= short.Statistics[0].Scores.Resolution() {
		t.Errorf("a score of 50: %+v, %v, want an alarm with an extrapolated p-value", v, err)
	}
}

// TestSlowEvidence raises scores by so little that none is remarkable.
func TestSlowEvidence(t *testing.T) {
	c := calibrate(t, autoregressive(3, 30*1440, 0), alarm.Config{})
	j, err := alarm.NewJudge(c, alarm.JudgeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	scores := autoregressive(4, 2*1440, 0)
	top, _ := c.Threshold(0)
	for i := range scores {
		scores[i] = min(1.5*scores[i], 0.99*top)
	}
	fast, slow, last := watch(t, j, scores)
	if fast != 0 || slow != 1 || last.Kind != alarm.Slow {
		t.Errorf("scores 1.5 times as high: %d fast and %d slow alarms, at the end %+v, want one slow, still open", fast, slow, last)
	}
}

// TestDriftIsNoAlarm lowers scores: nothing to fear, but the baseline has aged.
func TestDriftIsNoAlarm(t *testing.T) {
	c := calibrate(t, autoregressive(5, 30*1440, 0), alarm.Config{})
	for _, factor := range []float64{1, 0.8} {
		j, err := alarm.NewJudge(c, alarm.JudgeConfig{})
		if err != nil {
			t.Fatal(err)
		}
		scores := autoregressive(6, 1440, 0)
		for i := range scores {
			scores[i] *= factor
		}
		fast, slow, last := watch(t, j, scores)
		if (last.Drift >= 1) != (factor != 1) {
			t.Errorf("scores times %g: drift %.2f", factor, last.Drift)
		}
		if factor != 1 && fast+slow != 0 {
			t.Errorf("scores times %g: %d alarms", factor, fast+slow)
		}
	}
}

// TestAdaptsButNotInAlarms lets scores creep up by half a deviation, which a judge
// that adapts follows, and then leap, which it must not.
func TestAdaptsButNotInAlarms(t *testing.T) {
	c := calibrate(t, autoregressive(7, 8*1440, 0), alarm.Config{Slow: -1, Block: 20})
	j, err := alarm.NewJudge(c, alarm.JudgeConfig{Adapt: true})
	if err != nil {
		t.Fatal(err)
	}
	before, _ := j.Threshold(0)
	scores := autoregressive(8, 16*1440, 0)
	for i := range scores {
		scores[i] += 0.5 * min(1, float64(i)/(4*1440))
	}
	watch(t, j, scores)
	crept, _ := j.Threshold(0)
	if math.Abs(crept-before-0.5) > 0.3 {
		t.Errorf("threshold %.2f after scores crept from %.2f up by 0.5", crept, before)
	}
	if stored, _ := c.Threshold(0); stored != before {
		t.Errorf("the calibration given was changed: %g, was %g", stored, before)
	}
	for i := range scores {
		scores[i] += 20
	}
	fast, _, last := watch(t, j, scores[1440:])
	if leapt, _ := j.Threshold(0); leapt > crept+0.3 || fast != 1 || !last.Open {
		t.Errorf("after a day and more at 20: threshold %.2f, was %.2f, %d alarms, open %v, want the same, one, true", leapt, crept, fast, last.Open)
	}
	if age := j.BaselineAge(begin.Add(31 * 24 * time.Hour)); age < 14*24*time.Hour {
		t.Errorf("the baseline is %v old after more than a day of alarm", age)
	}
}

// TestDebounce wants three of the last five.
func TestDebounce(t *testing.T) {
	c := calibrate(t, autoregressive(11, 5*1440, 0), alarm.Config{Need: 3, Of: 5})
	for pattern, want := range map[string]int{"50000": 0, "55000": 0, "50505": 1, "50050000550": 0, "5050": 0, "0555": 1} {
		j, err := alarm.NewJudge(c, alarm.JudgeConfig{})
		if err != nil {
			t.Fatal(err)
		}
		var scores []float64
		for _, s := range pattern {
			scores = append(scores, 10*float64(s-'0'))
		}
		if fast, _, _ := watch(t, j, scores); fast != want {
			t.Errorf("%s: %d alarms, want %d", pattern, fast, want)
		}
	}
}

func TestEpisodeByHand(t *testing.T) {
	normal := make([]float64, 400)
	for i := range normal {
		normal[i] = float64(i%20) / 20
	}
	c := calibrate(t, normal, alarm.Config{Block: 20, Refractory: 3, Slow: -1, Budget: surprise.Budget{Alarms: 1, Per: 24 * time.Hour}})
	j, err := alarm.NewJudge(c, alarm.JudgeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for i, s := range []float64{0, 9, 9, 0, 9, 0, 0, 0, 9} {
		v, err := j.Observe(begin.Add(time.Duration(i)*time.Hour), s)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case v.Alarm:
			out += "A"
		case v.Ends:
			out += "e"
		case v.Open:
			out += "o"
		default:
			out += "."
		}
	}
	if out != ".AoooooeA" {
		t.Errorf("episodes %s, want .AoooooeA", out)
	}
	if spent := j.Spent(begin.Add(8 * time.Hour)); spent != 2 {
		t.Errorf("two alarms spend %g of one a day", spent)
	}
	if spent := j.Spent(begin.Add(26 * time.Hour)); spent != 1 {
		t.Errorf("a day after the first of two, %g of the budget are spent, want 1", spent)
	}
	if _, err := j.Observe(begin, math.NaN()); !errors.Is(err, surprise.ErrNotFinite) {
		t.Errorf("NaN: %v, want ErrNotFinite", err)
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := alarm.Read(dir, "abc"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v, want fs.ErrNotExist", err)
	}
	c := calibrate(t, autoregressive(10, 1440, 0.9), alarm.Config{Need: 2, Of: 3, Source: "normal.csv", Made: begin})
	if err := c.Write(dir); err == nil {
		t.Error("a calibration of no model is written")
	}
	c.Model = "abc"
	if err := c.Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"abd", ""} {
		if _, err := alarm.Read(dir, other); !errors.Is(err, alarm.ErrOtherScores) || !strings.Contains(err.Error(), filepath.Join(dir, alarm.FileName)) {
			t.Errorf("a calibration of abc for model %q: %v, want ErrOtherScores and the file", other, err)
		}
	}
	got, err := alarm.Read(dir, "abc")
	if err != nil {
		t.Fatal(err)
	}
	a, sureA := c.Threshold(0)
	b, sureB := got.Threshold(0)
	if a != b || sureA != sureB || got.SlowLevel != c.SlowLevel || got.Budget != c.Budget || !got.Made.Equal(begin) || got.Model != "abc" {
		t.Errorf("read %+v, wrote %+v", got, c)
	}
	raw, err := os.ReadFile(filepath.Join(dir, alarm.FileName))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][3]string{
		"unknown field": {`"need"`, `"neeed":1,"need"`, "neeed"}, "newer": {`"version":2`, `"version":3`, "newer"},
		"truncated": {`]}}]}`, "", "EOF"}, "need": {`"need":2`, `"need":0`, "need"}, "budget": {`"1/day"`, `"1/fortnight"`, "fortnight"},
		"more": {`]}}]}`, `]}}]}{}`, "more data"}, "maxima": {`"maxima":[`, `"maxima":[null,"x",`, "maxima"},
	} {
		text := strings.Replace(string(raw), change[0], change[1], 1)
		if text == string(raw) {
			t.Fatalf("%s: nothing changed in %.200s", name, raw)
		}
		if err := os.WriteFile(filepath.Join(dir, alarm.FileName), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := alarm.Read(dir, "abc"); err == nil || !strings.Contains(err.Error(), change[2]) {
			t.Errorf("%s: %v, want an error with %q", name, err, change[2])
		}
	}
}

func TestConfigFaults(t *testing.T) {
	for name, cfg := range map[string]alarm.Config{
		"no step": {}, "need": {Step: 1, Need: 3, Of: 2}, "slow": {Step: 1, Slow: 1}, "block": {Step: 1, Block: -1},
		"budget": {Step: 1, Budget: surprise.Budget{Alarms: -1, Per: 1}},
	} {
		if _, err := alarm.Calibrate(make([]float64, 100), cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := alarm.Calibrate([]float64{1, math.Inf(1), 2}, alarm.Config{Step: 1}); !errors.Is(err, surprise.ErrNotFinite) {
		t.Errorf("an infinite score: %v", err)
	}
	if _, err := alarm.Calibrate([]float64{1}, alarm.Config{Step: 1}); !errors.Is(err, surprise.ErrTooFew) {
		t.Errorf("one score: %v", err)
	}
}

func TestEventIsJSON(t *testing.T) {
	raw, err := json.Marshal(alarm.Event{ID: alarm.ID("a", begin, alarm.Begins), State: alarm.Begins, Time: begin})
	if err != nil || !strings.Contains(string(raw), `"state":"begins"`) {
		t.Errorf("%s, %v", raw, err)
	}
	if alarm.ID("a", begin, alarm.Begins) == alarm.ID("a", begin, alarm.Ends) || len(alarm.ID("", begin, "")) != 32 {
		t.Error("begin and end of an alarm have the same ID")
	}
}
