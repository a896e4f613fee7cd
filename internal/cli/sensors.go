package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"foresee/report"
	"foresee/surprise/alarm"
	"foresee/watch/sensor"
)

// isReadings reports whether a path names a file of sensor readings.
func isReadings(path string) bool {
	return slices.Contains([]string{".csv", ".jsonl", ".ndjson"}, strings.ToLower(filepath.Ext(path)))
}

// openReadings opens CSV or JSON lines; "-" is stdin. step is between rows that
// have no time.
func openReadings(a *app, path string, step time.Duration) (rows *sensor.Rows, end func() error, err error) {
	var in io.Reader = a.stdin
	end = func() error { return nil }
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, nil, err
		}
		in, end = f, f.Close
	}
	if rows, err = sensor.Read(in, step); err != nil {
		end()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return rows, end, nil
}

// readReadings reads a whole recording.
func readReadings(a *app, path string, step time.Duration) (*sensor.Table, error) {
	rows, end, err := openReadings(a, path, step)
	if err != nil {
		return nil, err
	}
	defer end()
	t, err := sensor.ReadTable(rows, path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// sensorEvents counts events by kind and logs the first of each kind and channel.
func sensorEvents(a *app) (hear func(sensor.Event), counts map[string]int) {
	seen := map[[2]string]bool{}
	counts = map[string]int{}
	return func(e sensor.Event) {
		counts[e.Kind]++
		if key := [2]string{e.Kind, e.Channel}; !seen[key] {
			seen[key] = true
			a.log.Warn(e.Kind, "at", e.Time, "channel", e.Channel, "detail", e.Detail)
		}
	}, counts
}

// fitSensors learns a sensor model and prints what it is.
func (c *trainCmd) fitSensors(a *app) error {
	switch {
	case c.Preset != "auto", c.Config != "", c.Steps != 0, c.Devices != 1, len(c.Set) > 0:
		return usagef("train: %s holds sensor readings: --preset, --config, --steps, --devices and --set are for datasets of frames", c.Data)
	case a.flags.Backend != "cpu":
		return usagef("train: %s holds sensor readings: their models are fitted in closed form, without a backend", c.Data)
	}
	if err := outputFor(c.Out, holdsSensors); err != nil {
		return err
	}
	begun := time.Now()
	t, err := readReadings(a, c.Data, time.Second)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	hear, _ := sensorEvents(a)
	m, err := sensor.Fit(sensor.ModelConfig{Kind: c.Kind, Inputs: c.Inputs, Seed: c.Seed}, t, hear)
	if err != nil {
		return fmt.Errorf("train: %s: %w", c.Data, err)
	}
	if err := m.Save(c.Out); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	// an old calibration is of other scores
	if err := os.Remove(filepath.Join(c.Out, alarm.FileName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("train: %w", err)
	}
	note := fmt.Sprintf("model %s, kind %s, channels %s", c.Out, m.Config.Kind, strings.Join(m.Channels, ", "))
	return a.printRows(c.Seed, []report.Row{
		{Name: "train/seconds", Value: time.Since(begun).Seconds(), Unit: "s", Note: note},
		{Name: "train/sensor/readings", Value: float64(m.Readings), Unit: "1", Note: c.Data},
		{Name: "train/sensor/step", Value: m.Step, Unit: "s", Note: "median time between readings"},
	})
}

// calibrateSensors scores a normal recording and stores the calibration.
func (c *calibrateCmd) calibrateSensors(a *app) error {
	m, err := sensor.Load(c.Model)
	if err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	step := time.Duration(m.Step * float64(time.Second))
	t, err := readReadings(a, c.Source, step)
	if err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	hear, _ := sensorEvents(a)
	scores, at, err := sensor.Scores(m, t, hear)
	if err != nil {
		return fmt.Errorf("calibrate: %s: %w", c.Source, err)
	}
	if len(scores) == 0 {
		return fmt.Errorf("calibrate: %s: none of its %d readings can be scored", c.Source, len(t.Rows))
	}
	print, err := m.Fingerprint()
	if err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	cal, err := alarm.Calibrate(scores, alarm.Config{Budget: c.Budget, Step: step, Need: c.Need, Of: c.Of, Model: print, Source: c.Source, Made: at[len(at)-1]})
	if err != nil {
		return fmt.Errorf("calibrate: %s: %w", c.Source, err)
	}
	return c.store(a, cal, len(scores))
}

// store writes a calibration and prints what it is.
func (c *calibrateCmd) store(a *app, cal *alarm.Calibration, scores int) error {
	if err := cal.Write(c.Model); err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	_, certain := cal.Threshold(0)
	note := "counted: the recording is long enough for the budget"
	if !certain {
		had := time.Duration(float64(scores) * cal.Step * float64(time.Second))
		note = fmt.Sprintf("uncalibrated below p = 1/%d, extrapolated by a tail: the budget is certain from %v of normal data on, this was %v",
			cal.Blocks()+1, cal.Needed().Round(time.Minute), had.Round(time.Second))
		a.log.Warn("calibrate", "threshold", note)
	}
	rows := []report.Row{
		{Name: "calibrate/scores", Value: float64(scores), Unit: "1", Note: c.Source},
		{Name: "calibrate/block", Value: float64(cal.Block()) * cal.Step, Unit: "s"},
	}
	for k, s := range cal.Statistics {
		threshold, _ := cal.Threshold(k)
		rows = append(rows, report.Row{Name: path.Join("calibrate", s.Name, "threshold"), Value: threshold, Unit: "1", N: cal.Blocks(), Note: note})
	}
	return a.printRows(0, rows)
}

// watchSensors prints a line a reading and raises alarms.
func (c *watchCmd) watchSensors(ctx context.Context, a *app) (err error) {
	m, err := sensor.Load(c.Model)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	judge, err := sensorJudge(a, c.Model, m)
	switch {
	case err != nil:
		return fmt.Errorf("watch: %w", err)
	case judge == nil && c.ExitOnAlarm:
		return usagef("watch: --exit-on-alarm needs alarms, and the model has no calibration; see foresee calibrate")
	}
	rows, end, err := openReadings(a, c.Source, time.Duration(m.Step*float64(time.Second)))
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	defer end()
	out, err := c.sinkFlags.open(ctx, a, c.Source)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	defer func() {
		if e := out.close(ctx); err == nil {
			err = e
		}
	}()
	w := &sensorWatch{c: c, judge: judge, out: out, record: sensor.Lines[sensor.Record](a.stdout), live: c.Live || c.Source == "-"}
	hear, counts := sensorEvents(a)
	event := sensor.Lines[sensor.Event](a.stdout)
	l, err := sensor.NewLive(m, judge, rows.Channels(), func(e sensor.Event) {
		hear(e)
		if err := event(e); err != nil && w.failed == nil {
			w.failed = err
		}
	}, w.say)
	if err != nil {
		return fmt.Errorf("watch: %s: %w", c.Source, err)
	}
	w.rank = l.Rank
	begun := time.Now()
	err = l.Follow(ctx, rows)
	lat := l.Latency()
	a.log.Info("watched", "readings", w.readings, "alarms", w.alarms, "events", fmt.Sprint(counts), "per_second", float64(w.readings)/time.Since(begun).Seconds(),
		"latency_p50", lat.Quantile(0.5), "latency_p95", lat.Quantile(0.95), "latency_p99", lat.Quantile(0.99))
	switch {
	case errors.Is(err, errAlarm):
		return answerNo("watch: alarm at %v: %s", w.last.Time.Format(time.RFC3339), blamed(w.last.Why))
	case err != nil:
		return fmt.Errorf("watch: %s: %w", c.Source, err)
	case w.readings == 0:
		return fmt.Errorf("watch: %s: there is no reading in it", c.Source)
	}
	return nil
}

// sensorJudge returns the judge of a model's calibration; nil without one. One of
// another model is refused.
func sensorJudge(a *app, dir string, m *sensor.Model) (*alarm.Judge, error) {
	print, err := m.Fingerprint()
	if err != nil {
		return nil, err
	}
	cal, err := alarm.Read(dir, print)
	if errors.Is(err, fs.ErrNotExist) {
		a.log.Warn("watch", "alarms", "none: the model has no calibration, see foresee calibrate")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if _, certain := cal.Threshold(0); !certain {
		a.log.Warn("watch", "alarms", fmt.Sprintf("uncalibrated below p = 1/%d: the budget wants %v of normal data", cal.Blocks()+1, cal.Needed().Round(time.Minute)))
	}
	return alarm.NewJudge(cal, alarm.JudgeConfig{})
}

// blamed names the channels that hold half of an alarm.
func blamed(why []alarm.Cause) string {
	var names []string
	sum := 0.0
	for _, w := range why {
		if sum >= 0.5 {
			break
		}
		names, sum = append(names, fmt.Sprintf("%s %.0f %%", w.Name, 100*w.Share)), sum+w.Share
	}
	return strings.Join(names, ", ")
}

// sensorWatch is a watch of sensors under way.
type sensorWatch struct {
	c        *watchCmd
	judge    *alarm.Judge
	out      *sinks
	record   func(sensor.Record) error
	live     bool // readings are of now
	readings int
	alarms   int
	last     sensor.Record
	failed   error // of an event's line
	since    time.Time
	rank     func() float64
}

// say prints a record and tells the sinks.
func (w *sensorWatch) say(r sensor.Record) error {
	if w.failed != nil {
		return w.failed
	}
	if err := w.record(r); err != nil {
		return err
	}
	w.readings, w.last = w.readings+1, r
	now := r.Time
	if w.live {
		now = time.Now()
		w.out.metrics.Lag(now.Sub(r.Time))
	}
	if !w.since.IsZero() {
		w.out.metrics.Scored(time.Since(w.since))
	}
	w.since = time.Now()
	if w.readings%64 == 0 {
		w.out.metrics.Rank(w.rank())
	}
	if w.judge == nil || r.Surprise == nil {
		return nil
	}
	w.out.metrics.Judged(now, *r.Surprise, alarm.Verdict{P: *r.P, Calibrated: r.Calibrated, Alarm: r.Alarm, Kind: r.Kind, Drift: r.Drift}, w.judge)
	if r.Alarm || r.Ends {
		threshold, _ := w.judge.Threshold(0)
		e := alarm.Event{
			State: alarm.Begins, Time: r.Time, Kind: r.Kind, Score: *r.Surprise, P: *r.P, Calibrated: r.Calibrated, Threshold: threshold,
			Budget: w.judge.Budget(), Why: r.Why, Nearest: r.Nearest,
		}
		if r.Ends && !r.Alarm {
			e.State = alarm.Ends
		}
		w.out.put(e)
	}
	if r.Alarm {
		if w.alarms++; w.c.ExitOnAlarm {
			return errAlarm
		}
	}
	return nil
}
