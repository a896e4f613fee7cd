package plants

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"foresee/env/plant"
	"foresee/eval"
	"foresee/report"
	"foresee/surprise"
	"foresee/surprise/alarm"
	"foresee/watch/sensor"
)

// Config says how alarms on simulated plants are evaluated. Zero fields
// have the documented default.
type Config struct {
	Plants    []string        // empty means all of plant.Names
	Seed      uint64          // of everything
	Train     int             // days that models are fitted to; 0 means 30
	Calibrate int             // days that alarms are calibrated on; 0 means 60
	Normal    int             // days on which false alarms are counted; 0 means 30
	Runs      int             // of each fault; 0 means 10
	Budget    surprise.Budget // 0 means 1/day
	Begun     func(what string)
}

// Runs of a fault begin with so much of normal, and last so long with the fault.
const (
	plantLeadHours  = 6
	plantFaultHours = 24
)

func (c Config) withDefaults() (Config, error) {
	for p, d := range map[*int]int{&c.Train: 30, &c.Calibrate: 60, &c.Normal: 30, &c.Runs: 10} {
		if *p == 0 {
			*p = d
		}
		if *p < 1 {
			return c, fmt.Errorf("plants: %d days or runs, want at least 1", *p)
		}
	}
	if len(c.Plants) == 0 {
		c.Plants = plant.Names()
	}
	if c.Budget == (surprise.Budget{}) {
		c.Budget = surprise.Budget{Alarms: 1, Per: 24 * time.Hour}
	}
	if c.Begun == nil {
		c.Begun = func(string) {}
	}
	for _, name := range c.Plants {
		if plant.Step(name) == 0 {
			return c, plant.Config{Plant: name, Readings: 1}.Validate()
		}
	}
	return c, nil
}

// Work returns how many times Begun is called.
func (c Config) Work() int {
	if len(c.Plants) == 0 {
		return len(plant.Names()) * len(sensor.Kinds())
	}
	return len(c.Plants) * len(sensor.Kinds())
}

// Evaluate fits every kind of sensor model to normal days of every plant, calibrates
// its alarms for the budget on others, and counts: false alarms on further normal
// days, and for each fault how often it is found within a day, and how late. All
// kinds see the same readings through the same calibration; models know nothing of
// the faults. Plants are worked on at the same time, as many as processors.
func Evaluate(ctx context.Context, cfg Config) ([]report.Row, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	rows, errs := make([][]report.Row, len(cfg.Plants)), make([]error, len(cfg.Plants))
	var wg sync.WaitGroup
	var begun sync.Mutex
	told := cfg.Begun
	cfg.Begun = func(what string) {
		begun.Lock()
		defer begun.Unlock()
		told(what)
	}
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, name := range cfg.Plants {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			rows[i], errs[i] = plantRows(ctx, cfg, name)
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("plants: %s: %w", cfg.Plants[i], err)
		}
	}
	return slices.Concat(rows...), nil
}

// plantOutcome is what became of one run of a fault.
type plantOutcome struct {
	found  bool
	delay  time.Duration // from its first reading to the first alarm since
	early  int           // alarms before it
	open   int           // readings in an alarm
	late   int           // alarms since
	named  bool          // the stream's health named a frozen channel
	vus    float64
	caused string // channel with the largest share in the first alarm
}

// plantResult is what one kind of model did on one plant.
type plantResult struct {
	kind        string
	model       *sensor.Model
	calibration *alarm.Calibration
	alarms      int     // on normal days
	open        float64 // share of the normal readings in an alarm
	outcomes    map[string][]plantOutcome
}

func plantRows(ctx context.Context, cfg Config, name string) ([]report.Row, error) {
	train, err := plantTable(cfg, plantPart{name: name, purpose: "train", hours: cfg.Train * 24})
	if err != nil {
		return nil, err
	}
	calibrate, err := plantTable(cfg, plantPart{name: name, purpose: "calibrate", hours: cfg.Calibrate * 24})
	if err != nil {
		return nil, err
	}
	normal, err := plantTable(cfg, plantPart{name: name, purpose: "normal", hours: cfg.Normal * 24})
	if err != nil {
		return nil, err
	}
	var results []*plantResult
	for _, kind := range sensor.Kinds() {
		cfg.Begun(name + " " + kind)
		r, err := fitPlant(ctx, cfg, kind, [3]*sensor.Table{train, calibrate, normal})
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	for _, fault := range plant.Faults(name) {
		for run := range cfg.Runs {
			if err := faultRun(ctx, cfg, faultCase{name, fault, run}, results); err != nil {
				return nil, err
			}
		}
	}
	return plantReport(cfg, name, results), nil
}

// fitPlant fits a kind of model to the first recording, calibrates it on the second
// and counts alarms on the third.
func fitPlant(ctx context.Context, cfg Config, kind string, tables [3]*sensor.Table) (*plantResult, error) {
	name := tables[0].Source
	r := &plantResult{kind: kind, outcomes: map[string][]plantOutcome{}}
	var err error
	if r.model, err = sensor.Fit(sensor.ModelConfig{Kind: kind, Inputs: plant.Inputs(name)}, tables[0], nil); err != nil {
		return nil, err
	}
	scores, _, err := sensor.Scores(r.model, tables[1], nil)
	if err != nil {
		return nil, err
	}
	if r.calibration, err = alarm.Calibrate(scores, alarm.Config{Budget: cfg.Budget, Step: plant.Step(name)}); err != nil {
		return nil, err
	}
	out, err := followPlant(ctx, r, tables[2], len(tables[2].Rows))
	r.alarms, r.open = out.early, float64(out.open)/float64(len(tables[2].Rows))
	return r, err
}

// plantPart is a recording of a plant for a purpose, with a fault from a reading on.
type plantPart struct {
	name, purpose string
	hours         int
	fault         string
	from          int
}

func plantTable(cfg Config, p plantPart) (*sensor.Table, error) {
	s, err := plant.Simulate(plant.Config{
		Plant: p.name, Seed: eval.Seed("watch/plants/"+p.name+"/"+p.purpose, cfg.Seed),
		Readings: int(time.Duration(p.hours) * time.Hour / plant.Step(p.name)), Fault: p.fault, From: p.from,
	})
	if err != nil {
		return nil, err
	}
	return Table(s, p.name), nil
}

// Table turns simulated readings into a recording that begins on 1 January 2026.
func Table(s *plant.Series, source string) *sensor.Table {
	t, c := &sensor.Table{Channels: s.Channels, Source: source}, len(s.Channels)
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range len(s.Values) / c {
		t.Rows = append(t.Rows, sensor.Row{Time: begin.Add(time.Duration(i) * s.Step), Values: s.Values[i*c : (i+1)*c], Line: i + 2})
	}
	return t
}

// faultCase names one run.
type faultCase struct {
	plant, fault string
	run          int
}

// faultRun simulates one run and lets every model watch it.
func faultRun(ctx context.Context, cfg Config, f faultCase, results []*plantResult) error {
	from := int(plantLeadHours * time.Hour / plant.Step(f.plant))
	t, err := plantTable(cfg, plantPart{f.plant, fmt.Sprintf("%s/%d", f.fault, f.run), plantLeadHours + plantFaultHours, f.fault, from})
	if err != nil {
		return err
	}
	for _, r := range results {
		out, err := followPlant(ctx, r, t, from)
		if err != nil {
			return err
		}
		r.outcomes[f.fault] = append(r.outcomes[f.fault], out)
	}
	return nil
}

// followPlant watches a recording in which a fault begins at row from.
func followPlant(ctx context.Context, by *plantResult, t *sensor.Table, from int) (plantOutcome, error) {
	j, err := alarm.NewJudge(by.calibration, alarm.JudgeConfig{})
	if err != nil {
		return plantOutcome{}, err
	}
	var out plantOutcome
	var scores []float64
	var labels []bool
	l, err := sensor.NewLive(by.model, j, t.Channels, func(e sensor.Event) {
		out.named = out.named || e.Kind == sensor.EventFrozen
	}, func(r sensor.Record) error {
		if r.Surprise != nil && from < len(t.Rows) {
			scores, labels = append(scores, *r.Surprise), append(labels, r.Reading >= from)
		}
		if r.Open {
			out.open++
		}
		switch {
		case !r.Alarm:
		case r.Reading < from:
			out.early++
		default:
			out.late++
			if !out.found {
				out.found, out.delay, out.caused = true, r.Time.Sub(t.Rows[from].Time), r.Why[0].Name
			}
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	for i, r := range t.Rows {
		if i%4096 == 0 && ctx.Err() != nil {
			return out, ctx.Err()
		}
		if err := l.Observe(r); err != nil {
			return out, err
		}
	}
	if from < len(t.Rows) {
		out.vus = eval.VUSPR(scores, labels, 100, 20)
	}
	return out, nil
}

// ratePerDay is the row of k alarms in so many days.
func ratePerDay(name string, k, days int, note string) report.Row {
	lo, hi := report.Poisson(k)
	d := float64(days)
	lo, hi = lo/d, hi/d
	return report.Row{Name: name, Value: float64(k) / d, Unit: "1/day", N: days, Lo: &lo, Hi: &hi, Note: note}
}

// medianDelay returns the median in hours, a fault that was not found counting
// as later than any; NaN if that is the median.
func medianDelay(outcomes []plantOutcome) float64 {
	hours := make([]float64, 0, len(outcomes))
	for _, o := range outcomes {
		if o.found {
			hours = append(hours, o.delay.Hours())
		} else {
			hours = append(hours, math.Inf(1))
		}
	}
	slices.Sort(hours)
	if len(hours) == 0 {
		return math.NaN()
	}
	n := len(hours)
	m := (hours[(n-1)/2] + hours[n/2]) / 2
	if math.IsInf(m, 1) {
		return math.NaN()
	}
	return m
}
