package alarm_test

import (
	"errors"
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

// heavyAndLight returns n scores of two statistics, one with a tail without a mean
// and one that is normal.
func heavyAndLight(seed uint64, n int) [][]float64 {
	r := rand.New(rand.NewPCG(seed, 10))
	out := make([][]float64, 2)
	for range n {
		out[0], out[1] = append(out[0], 1/r.Float64()), append(out[1], r.NormFloat64())
	}
	return out
}

// TestTailsApart wants a light statistic at eight deviations to be an alarm, and to be
// named, though the heavy one normally is far higher.
func TestTailsApart(t *testing.T) {
	normal := heavyAndLight(1, 3*1440)
	c, err := alarm.CalibrateApart(normal, alarm.Config{Step: time.Minute, Statistics: []string{"heavy", "light"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []struct {
		heavy, light float64
		alarm        bool
		by           int
	}{{2, 0.5, false, 0}, {2, 8, true, 1}, {100, 0.5, false, 0}, {1e7, 0.5, true, 0}, {1e7, 8, true, 1}} {
		j, err := alarm.NewJudge(c, alarm.JudgeConfig{})
		if err != nil {
			t.Fatal(err)
		}
		v, err := j.Observe(begin, at.heavy, at.light)
		if err != nil || v.Alarm != at.alarm || v.Alarm && v.By != at.by {
			t.Errorf("heavy %g, light %g: %+v, %v, want alarm %v by %d", at.heavy, at.light, v, err, at.alarm, at.by)
		}
	}
}

// TestSharesOfTheBudget calibrates three independent statistics on a week, too short
// to count alarms and correct for them, and counts alarms on fresh months: three
// statistics spend one budget, not three.
func TestSharesOfTheBudget(t *testing.T) {
	const perDay, days, seeds = 1440, 30, 8
	streams := func(seed uint64, n int) [][]float64 {
		return [][]float64{autoregressive(100+3*seed, n, 0), autoregressive(101+3*seed, n, 0), autoregressive(102+3*seed, n, 0)}
	}
	total := 0
	for seed := range uint64(seeds) {
		c, err := alarm.CalibrateApart(streams(2*seed, 7*perDay), alarm.Config{Step: time.Minute, Slow: -1, Statistics: []string{"a", "b", "c"}})
		if err != nil {
			t.Fatal(err)
		}
		j, err := alarm.NewJudge(c, alarm.JudgeConfig{})
		if err != nil {
			t.Fatal(err)
		}
		fresh := streams(2*seed+1, days*perDay)
		for i := range fresh[0] {
			v, err := j.Observe(begin.Add(time.Duration(i)*time.Minute), fresh[0][i], fresh[1][i], fresh[2][i])
			if err != nil {
				t.Fatal(err)
			}
			if v.Alarm {
				total++
			}
		}
	}
	if got := float64(total) / (days * seeds); math.Abs(got-1) > 0.5 {
		t.Errorf("%.2f of the budget is spent on normal streams, want about 1", got)
	}
}

// TestJointPByHand has nine blocks of one score: 3 of 10 ranks are at or above 7.5 for
// the first statistic, 2 of 10 for the second, twice that counts.
func TestJointPByHand(t *testing.T) {
	up := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	half := []float64{.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5}
	c, err := alarm.CalibrateApart([][]float64{up, half}, alarm.Config{Step: time.Minute, Block: 1, Slow: -1, Statistics: []string{"up", "half"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		scores []float64
		p      float64
		by     int
	}{{[]float64{7.5, 4.2}, 0.4, 1}, {[]float64{7.5, 0}, 0.6, 0}, {[]float64{2.5, 0}, 1, 0}} {
		if p, by, _ := c.P(x.scores); math.Abs(p-x.p) > 1e-12 || by != x.by {
			t.Errorf("%v: p = %g by %d, want %g by %d", x.scores, p, by, x.p, x.by)
		}
	}
	j, err := alarm.NewJudge(c, alarm.JudgeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Observe(begin, 1); err == nil {
		t.Error("one score of two statistics is judged")
	}
	if _, err := j.Observe(begin, 1, math.Inf(1)); !errors.Is(err, surprise.ErrNotFinite) {
		t.Errorf("an infinite second score: %v, want ErrNotFinite", err)
	}
}

// TestAlwaysTheSame has a statistic that never changes, which is no alarm, and which is
// one by that statistic if it does, whatever another one is that does not pass.
func TestAlwaysTheSame(t *testing.T) {
	c, err := alarm.CalibrateApart([][]float64{autoregressive(12, 1440, 0), make([]float64, 1440)}, alarm.Config{Step: time.Minute, Block: 1, Slow: -1, Statistics: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	j, err := alarm.NewJudge(c, alarm.JudgeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	rare, _ := c.Statistics[0].Scores.Threshold(0.6 * c.Level()) // half the level would pass
	if p, _ := c.Statistics[0].Scores.P(rare); p >= c.Statistics[1].Scores.Resolution() {
		t.Fatalf("a has p = %g, want less than b can have, %g", p, c.Statistics[1].Scores.Resolution())
	}
	for _, x := range []struct {
		a, b  float64
		alarm bool
	}{{0.1, 0, false}, {rare, 0, false}, {rare, 1, true}} {
		if v, err := j.Observe(begin, x.a, x.b); err != nil || v.Alarm != x.alarm || v.Alarm && v.By != 1 {
			t.Errorf("a = %g, b = %g: %+v, %v, want alarm %v by 1", x.a, x.b, v, err, x.alarm)
		}
	}
}

// TestDriftOfOne lowers one of two statistics.
func TestDriftOfOne(t *testing.T) {
	normal := func(seed uint64, n int) [][]float64 {
		return [][]float64{autoregressive(seed, n, 0), autoregressive(seed+1, n, 0)}
	}
	c, err := alarm.CalibrateApart(normal(20, 30*1440), alarm.Config{Step: time.Minute, Statistics: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, factor := range []float64{1, 0.8} {
		j, err := alarm.NewJudge(c, alarm.JudgeConfig{Adapt: true})
		if err != nil {
			t.Fatal(err)
		}
		var last alarm.Verdict
		fresh := normal(22, 1440)
		for i, s := range fresh[0] {
			if last, err = j.Observe(begin.Add(time.Duration(i)*time.Minute), s, factor*fresh[1][i]); err != nil {
				t.Fatal(err)
			}
		}
		if (last.Drift >= 1) != (factor != 1) {
			t.Errorf("the second statistic times %g: drift %.2f", factor, last.Drift)
		}
	}
}

// TestStatisticsInTheFile reads version 1, which had one statistic without a name, and
// refuses calibrations of other statistics than are wanted.
func TestStatisticsInTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, alarm.FileName)
	write := func(c *alarm.Calibration, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Write(dir); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	change := func(text string, pairs ...string) {
		t.Helper()
		for i := 0; i < len(pairs); i += 2 {
			if !strings.Contains(text, pairs[i]) {
				t.Fatalf("no %s in %.300s", pairs[i], text)
			}
			text = strings.Replace(text, pairs[i], pairs[i+1], 1)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	one := calibrate(t, autoregressive(10, 1440, 0), alarm.Config{Model: "m"})
	text := write(one, nil)
	change(text, `"version":2`, `"version":1`, `"statistics":[{"name":"","calibration":`, `"calibration":`, `]}}]}`, `]}}`)
	old, err := alarm.Read(dir, "m")
	if err != nil {
		t.Fatal(err)
	}
	was, _ := one.Threshold(0)
	if is, _ := old.Threshold(0); is != was || write(old, nil) != text {
		t.Errorf("threshold %g of version 1, want %g, and the same file when written again", is, was)
	}
	if _, err := alarm.Read(dir, "m", "place", "whole"); !errors.Is(err, alarm.ErrOtherScores) || !strings.Contains(err.Error(), `["place" "whole"]`) || !strings.Contains(err.Error(), "calibrate again") {
		t.Errorf("one statistic for two: %v, want ErrOtherScores, the names and what to do", err)
	}
	text = write(alarm.CalibrateApart(heavyAndLight(1, 1440), alarm.Config{Step: time.Minute, Model: "m", Statistics: []string{"place", "whole"}}))
	if _, err := alarm.Read(dir, "m", "place", "whole"); err != nil {
		t.Error(err)
	}
	for _, wanted := range [][]string{nil, {"whole", "place"}, {"place", "whole", "calm"}} {
		if _, err := alarm.Read(dir, "m", wanted...); !errors.Is(err, alarm.ErrOtherScores) {
			t.Errorf("place and whole where %q are wanted: %v, want ErrOtherScores", wanted, err)
		}
	}
	for want, pairs := range map[string][]string{
		"twice": {`"whole"`, `"place"`}, "blocks": {`"maxima":[`, `"maxima":[-9,`}, "no scores": {`"calibration":{`, `"calibration":null},{"name":"other","calibration":{`},
	} {
		change(text, pairs...)
		if _, err := alarm.Read(dir, "m", "place", "whole"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %s", pairs, err, want)
		}
	}
	change(`{"version": 2}`)
	if _, err := alarm.Read(dir, "m"); err == nil || !strings.Contains(err.Error(), "no statistics") {
		t.Errorf("an empty file: %v", err)
	}
	if _, err := alarm.CalibrateApart(heavyAndLight(1, 100), alarm.Config{Step: 1}); err == nil {
		t.Error("two statistics and one name are accepted")
	}
	if _, err := alarm.CalibrateApart([][]float64{{1, 2, 3, 4}, {1, 2, 3}}, alarm.Config{Step: 1, Statistics: []string{"a", "b"}}); err == nil {
		t.Error("statistics of different length are accepted")
	}
}
