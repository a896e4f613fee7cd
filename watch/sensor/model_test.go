package sensor

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sim "foresee/env/plant"
	"foresee/surprise/alarm"
)

// tanks returns days of the four tanks, with a fault from reading from on.
func tanks(t *testing.T, seed uint64, readings int, fault string, from int) *Table {
	t.Helper()
	s, err := sim.Simulate(sim.Config{Plant: "quadtank", Seed: seed, Readings: readings, Fault: fault, From: from})
	if err != nil {
		t.Fatal(err)
	}
	c, out := len(s.Channels), &Table{Channels: s.Channels, Source: "quadtank"}
	for i := range readings {
		out.Rows = append(out.Rows, Row{begin.Add(time.Duration(i) * s.Step), s.Values[i*c : (i+1)*c], i + 2})
	}
	return out
}

func fit(t *testing.T, cfg ModelConfig, table *Table) *Model {
	t.Helper()
	m, err := Fit(cfg, table, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// follow returns the records of a table and the kinds of its events.
func follow(t *testing.T, m *Model, j *alarm.Judge, table *Table) (records []Record, events []string) {
	t.Helper()
	l, err := NewLive(m, j, table.Channels, func(e Event) { events = append(events, e.Kind) }, func(r Record) error {
		records = append(records, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range table.Rows {
		if err := l.Observe(r); err != nil {
			t.Fatal(err)
		}
	}
	if l.Latency().Quantile(0.5) <= 0 {
		t.Error("no latency was counted")
	}
	return records, events
}

func judge(t *testing.T, m *Model, normal *Table) *alarm.Judge {
	t.Helper()
	scores, _, err := Scores(m, normal, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := alarm.Calibrate(scores, alarm.Config{Step: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	j, err := alarm.NewJudge(c, alarm.JudgeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestForecastFindsALeak wants what no threshold on a level can do: the leak is
// found within minutes, and blamed on the tank that leaks.
func TestForecastFindsALeak(t *testing.T) {
	const day, onset = 8640, 2000
	m := fit(t, ModelConfig{Inputs: sim.Inputs("quadtank"), Features: 32}, tanks(t, 1, day, "", 0))
	records, _ := follow(t, m, judge(t, m, tanks(t, 2, 2*day, "", 0)), tanks(t, 3, 3000, "leak", onset))
	at := slices.IndexFunc(records, func(r Record) bool { return r.Alarm })
	if at < onset || at > onset+30 {
		t.Fatalf("the first alarm is at reading %d, want within 30 of %d", at, onset)
	}
	r := records[at]
	if r.Why[0].Name != "h1" || r.Why[0].Share < 0.6 || r.Nearest == nil || !(r.Nearest.Distance > 0) || r.P == nil || *r.P > 0.05 {
		t.Errorf("the alarm says %+v, nearest %+v, want h1, a nearest window and a small p", r.Why, r.Nearest)
	}
	sum := 0.0
	for _, w := range r.Why {
		sum += w.Share
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Errorf("shares add up to %g", sum)
	}
	if !records[len(records)-1].Open {
		t.Error("the alarm ended while the tank leaks")
	}
}

// TestPredictorPredicts wants errors far below the deviation of the levels, and
// whitened errors of unit variance on readings the model has not seen.
func TestPredictorPredicts(t *testing.T) {
	m := fit(t, ModelConfig{Inputs: sim.Inputs("quadtank"), Features: 32}, tanks(t, 1, 8640, "", 0))
	s, x := m.Forecast.follow(m.Config, m.Channels), make([]float64, 4)
	var raw, white, n float64
	for _, r := range tanks(t, 4, 4000, "", 0).Rows {
		m.standard(r.Values, x)
		if !s.push(x, false) {
			continue
		}
		s.err()
		raw += s.e[len(s.e)-2] * s.e[len(s.e)-2]
		s.whiten()
		white += dot(s.e, s.e) / float64(len(s.e))
		n++
	}
	if rms := math.Sqrt(raw / n); rms > 0.15 {
		t.Errorf("four readings ahead, h1 is predicted to %.3f of its deviation, want below 0.15", rms)
	}
	if white /= n; math.Abs(white-1) > 0.15 {
		t.Errorf("whitened errors have mean square %.3f on fresh readings, want 1", white)
	}
}

// TestRank sees a constant stream lose all rank but what noise leaves, and white
// noise in the latents' own axes keep all of it.
func TestRank(t *testing.T) {
	m := fit(t, ModelConfig{Inputs: sim.Inputs("quadtank"), Features: 16}, tanks(t, 1, 4000, "", 0))
	s := m.Forecast.follow(m.Config, m.Channels)
	if !math.IsNaN(s.rank()) {
		t.Errorf("rank %g of no readings", s.rank())
	}
	x := make([]float64, 4)
	for i := range 300 { // h1 and h2 on one line
		v := math.Sin(float64(i) * 1e-3)
		copy(x, []float64{v, v, 0, 0})
		s.push(x, false)
	}
	if r := s.rank(); r > 1.2 {
		t.Errorf("rank %.2f of a slow motion on a line, want near 1", r)
	}
	for _, r := range tanks(t, 8, 300, "", 0).Rows {
		m.standard(r.Values, x)
		s.push(x, false)
	}
	if r := s.rank(); r < 2 || r > 8 {
		t.Errorf("rank %.2f of the tanks, want 2 to 8", r)
	}
}

func TestBaselinesByHand(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	table := &Table{Channels: []string{"x", "y"}}
	for i := range 4000 {
		v := r.NormFloat64()
		table.Rows = append(table.Rows, Row{begin.Add(time.Duration(i) * time.Second), []float64{v, 3*v + 0.01*r.NormFloat64() + 7}, i})
	}
	// white noise of unit variance: m has deviation √(λ/(2-λ)), |x(t)-x(t-1)| has mean 2/√π
	if got, want := fit(t, ModelConfig{Kind: KindEWMA}, table).Chart.Scale[0], math.Sqrt(0.1/1.9); math.Abs(got/want-1) > 0.1 {
		t.Errorf("ewma: scale %.4f, want %.4f", got, want)
	}
	if got, want := fit(t, ModelConfig{Kind: KindPersistence}, table).Chart.Scale[0], 2/math.Sqrt(math.Pi); math.Abs(got/want-1) > 0.05 {
		t.Errorf("persistence: scale %.4f, want %.4f", got, want)
	}
	// y follows x: half of the window's dimensions hold nearly all variance, one reading off the plane shows in Q
	m := fit(t, ModelConfig{Kind: KindPCA, Lags: 4}, table)
	if len(m.Plane.Values) != 4 {
		t.Errorf("pca keeps %d of 8 dimensions, want 4", len(m.Plane.Values))
	}
	s := m.start()
	x := make([]float64, 2)
	for i := range 10 {
		m.standard(table.Rows[i].Values, x)
		s.observe(x, false)
	}
	m.standard([]float64{0, 7}, x)
	usual, _ := s.observe(x, false)
	m.standard([]float64{0, 8}, x)
	strange, known := s.observe(x, false)
	if !known || usual > 50 || strange < 500 {
		t.Errorf("pca: on the plane %.1f, a third of a deviation off it %.1f (known %v), want below 50 and above 500", usual, strange, known)
	}
}

// TestMissingIsNoAlarm punches holes into normal readings, stops the clock, and
// repeats readings: events, but no surprise that is not there without.
func TestMissingIsNoAlarm(t *testing.T) {
	normal := tanks(t, 5, 2*8640, "", 0)
	for _, kind := range Kinds() {
		m := fit(t, ModelConfig{Kind: kind, Inputs: sim.Inputs("quadtank"), Features: 32}, tanks(t, 1, 8640, "", 0))
		j := judge(t, m, normal)
		clean := tanks(t, 6, 3000, "", 0)
		r := rand.New(rand.NewPCG(3, 3))
		holed := &Table{Channels: clean.Channels}
		holes, doubles := 0, 0
		for i, row := range clean.Rows {
			row.Values = slices.Clone(row.Values)
			switch {
			case r.Float64() < 0.01:
				row.Values[r.IntN(4)] = math.NaN()
				holes++
			case i%500 == 250:
				continue // left out
			}
			holed.Rows = append(holed.Rows, row)
			if i%700 == 350 {
				holed.Rows = append(holed.Rows, row) // twice
				doubles++
			}
		}
		records, events := follow(t, m, j, holed)
		count := map[string]int{}
		for _, e := range events {
			count[e]++
		}
		if count[EventMissing] != holes || count[EventDuplicate] != doubles {
			t.Errorf("%s: events %v for %d holes and %d doubles", kind, count, holes, doubles)
		}
		if len(records) != 3000 {
			t.Errorf("%s: %d records of 3000 readings", kind, len(records))
		}
		scored, alarms := 0, 0
		for _, rec := range records {
			if rec.Surprise != nil {
				scored++
			}
			if rec.Alarm {
				alarms++
			}
		}
		if scored < 2000 && kind != KindPCA || alarms > 1 {
			t.Errorf("%s: %d of 3000 readings scored, %d alarms, want most and none but by chance", kind, scored, alarms)
		}
	}
}

func TestFreezeIsNamed(t *testing.T) {
	m := fit(t, ModelConfig{Kind: KindEWMA}, tanks(t, 1, 3000, "", 0))
	_, events := follow(t, m, nil, tanks(t, 7, 1000, "freeze", 500))
	if !slices.Equal(events, []string{EventFrozen}) {
		t.Errorf("events %v, want one: v1 and v2 stand still for long by nature, h1 does not", events)
	}
}

func TestModelFile(t *testing.T) {
	table := tanks(t, 1, 3000, "", 0)
	for _, kind := range Kinds() {
		dir := t.TempDir()
		m := fit(t, ModelConfig{Kind: kind, Features: 16}, table)
		if err := m.Save(dir); err != nil {
			t.Fatal(err)
		}
		got, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		a, _, _ := Scores(m, table, nil)
		b, _, err := Scores(got, table, nil)
		if err != nil || len(a) < 2000 || !slices.Equal(a, b) {
			t.Errorf("%s: scores differ after reading, %v", kind, err)
		}
		p, _ := m.Fingerprint()
		q, _ := got.Fingerprint()
		if p != q || len(p) != 32 {
			t.Errorf("%s: fingerprints %s and %s", kind, p, q)
		}
	}
	if _, err := Load(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	dir := t.TempDir()
	m := fit(t, ModelConfig{Features: 16}, table)
	for name, c := range map[string]struct {
		spoil func(m *Model)
		want  string
	}{
		"no deviation": {func(m *Model) { m.Std[1] = 0 }, "deviation"}, "kind": {func(m *Model) { m.Config.Kind = KindPCA }, "no weights"},
		"unknown kind": {func(m *Model) { m.Config.Kind = "oracle" }, "oracle"}, "narrow": {func(m *Model) { m.Forecast.Axes[0] = m.Forecast.Axes[0][1:] }, "arrays"},
		"diagonal": {func(m *Model) { m.Forecast.Chol[1][1] = 0 }, "chol"}, "newer": {func(m *Model) { m.Version = ModelVersion + 1 }, "newer"},
		"older": {func(m *Model) { m.Version = ModelVersion - 1 }, "make it again"}, "expected": {func(m *Model) { m.Forecast.Expected = m.Forecast.Expected[1:] }, "arrays"},
		"inputs": {func(m *Model) { m.Config.Inputs = []string{"h9"} }, "h9"},
	} {
		raw, _ := json.Marshal(m)
		var bad Model
		if err := json.Unmarshal(raw, &bad); err != nil {
			t.Fatal(err)
		}
		c.spoil(&bad)
		if err := bad.Save(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
	raw, _ := json.Marshal(m)
	os.WriteFile(filepath.Join(dir, ModelFile), append([]byte(`{"colour":"red",`), raw[1:]...), 0o644)
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "colour") {
		t.Errorf("an unknown field: %v", err)
	}
}

func TestFitFaults(t *testing.T) {
	good := tanks(t, 1, 1000, "", 0)
	still := tanks(t, 1, 1000, "", 0)
	for i := range still.Rows {
		still.Rows[i].Values = slices.Clone(still.Rows[i].Values)
		still.Rows[i].Values[2] = 3
	}
	for name, c := range map[string]struct {
		cfg   ModelConfig
		table *Table
		want  string
	}{
		"kind": {ModelConfig{Kind: "oracle"}, good, "oracle"}, "lags": {ModelConfig{Lags: -1}, good, "lags"}, "short": {ModelConfig{}, &Table{Channels: good.Channels, Rows: good.Rows[:300]}, "300"},
		"still": {ModelConfig{}, still, "v1"}, "input": {ModelConfig{Inputs: []string{"v3"}}, good, "v3"}, "all inputs": {ModelConfig{Inputs: good.Channels}, good, "nothing to predict"},
		"empty": {ModelConfig{}, &Table{Channels: []string{"a"}}, "0 rows"},
	} {
		if _, err := Fit(c.cfg, c.table, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
	if _, err := NewLive(fit(t, ModelConfig{Kind: KindEWMA}, good), nil, []string{"h1", "v2"}, nil, nil); err == nil || !strings.Contains(err.Error(), "h2, v1") {
		t.Errorf("channels that are not there: %v", err)
	}
}

func TestFollowStops(t *testing.T) {
	m := fit(t, ModelConfig{Kind: KindEWMA}, tanks(t, 1, 1000, "", 0))
	full := errors.New("disk full")
	l, err := NewLive(m, nil, []string{"v2", "v1", "h2", "h1", "extra"}, nil, func(Record) error { return full })
	if err != nil {
		t.Fatal(err)
	}
	rows, err := Read(strings.NewReader("v2,v1,h2,h1,extra\n3,3,12,12,0\n3,3,12,12,0\n"), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Follow(context.Background(), rows); !errors.Is(err, full) {
		t.Errorf("%v, want the error of emit", err)
	}
}
