package camera

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"foresee/env/street"
	"foresee/eval"
	"foresee/jepa"
	"foresee/report"
	"foresee/surprise"
	"foresee/surprise/alarm"
	"foresee/train"
	"foresee/watch"
)

// StreetConfig says how alarms on a simulated street are evaluated. Zero fields have the documented default.
type StreetConfig struct {
	Work    string          // folder for what is learnt; training resumes
	Steps   int             // of training; 0 = the preset's
	Seed    uint64          // of training, of every day and of the events
	Normal  time.Duration   // on which false alarms are counted; 0 = 3 h. A third as much calibrates, an 18th is learnt
	Parts   int             // with events: two of every kind in each; 0 = 10
	Backend string          // as jepa.OpenBackend takes it
	Budget  surprise.Budget // of false alarms; 0 = 1 in 10 minutes
	Log     *slog.Logger    // nil = silent
}

// partFrames is how long a part with an event is.
const partFrames = 60

// Street learns what is normal from a day of a simulated street, calibrates on another, counts alarms on a third, on which
// nothing happens, and splices events into parts of a fourth, as Video does. Alarms are counted too as they would be had
// less been seen for the calibration: what a budget is worth then.
func Street(ctx context.Context, cfg StreetConfig) ([]report.Row, error) {
	if cfg.Normal == 0 {
		cfg.Normal = 3 * time.Hour
	}
	if cfg.Parts == 0 {
		cfg.Parts = 10
	}
	if cfg.Budget == (surprise.Budget{}) {
		cfg.Budget = surprise.Budget{Alarms: 1, Per: 10 * time.Minute}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.frames(18) < 3*eventFrames || cfg.Parts < 2 {
		return nil, fmt.Errorf("camera: street: %v and %d parts, want at least a minute and 2", cfg.Normal, cfg.Parts)
	}
	backend, err := jepa.OpenBackend(cfg.Backend)
	if err != nil {
		return nil, fmt.Errorf("camera: street: %w", err)
	}
	defer backend.Finalize()
	rec := cfg.record()
	learn := VideoConfig{Video: fmt.Sprintf("%v of street %d", cfg.Normal/18, cfg.Seed), Work: cfg.Work, Steps: cfg.Steps, Seed: cfg.Seed, Log: cfg.Log}
	m, err := learn.learn(ctx, rec, train.Options{Backend: backend, Log: cfg.Log})
	if err != nil {
		return nil, fmt.Errorf("camera: street: %w", err)
	}
	events := spliced(rec, cfg.Seed)
	var rows []report.Row
	for _, d := range detectors(rec, m) {
		more, err := streetTrial{cfg, rec, d, events}.run(ctx)
		if err != nil {
			return nil, fmt.Errorf("camera: street: detector %q: %w", d.name, err)
		}
		cfg.Log.Info("tested", "detector", d.name, "events", len(events))
		rows = append(rows, more...)
	}
	return rows, nil
}

// day is the street on a day of its own for each purpose.
func (cfg StreetConfig) day(purpose string) *street.Street {
	return street.New(eval.Seed("street/"+purpose, cfg.Seed))
}

// frames is so many frames as a share of the normal time has.
func (cfg StreetConfig) frames(share int) int {
	return int(cfg.Normal.Seconds()*street.FPS) / share
}

// stretch is the next n frames of a day.
func stretch(day *street.Street, n int) part {
	return func(yield func([]uint8) bool) {
		for range n {
			if !yield(day.Next()) {
				return
			}
		}
	}
}

// record makes the learnt part and, half a minute from one to the next, those for events.
func (cfg StreetConfig) record() *recording {
	r := &recording{h: street.Size, w: street.Size, fps: street.FPS}
	next := func(day *street.Street, n int) (frames [][]uint8) {
		for f := range stretch(day, n) {
			frames = append(frames, f)
		}
		return frames
	}
	r.learnt = append(r.learnt, next(cfg.day("learn"), cfg.frames(18)))
	day := cfg.day("events")
	for range cfg.Parts {
		r.testing = append(r.testing, next(day, partFrames))
		next(day, 30*street.FPS)
	}
	return r
}

// streetTrial is one detector on the street.
type streetTrial struct {
	cfg    StreetConfig
	rec    *recording
	d      detector
	events []event
}

// run lets the detector see the days in their order.
func (t streetTrial) run(ctx context.Context) ([]report.Row, error) {
	s, err := t.d.start(ctx, t.rec)
	if err != nil {
		return nil, err
	}
	calibrating, normal := t.d.scores(), t.d.scores()
	if err := s.watch(ctx, stretch(t.cfg.day("calibrate"), t.cfg.frames(3)), 0, keepScores(calibrating)); err != nil {
		return nil, err
	}
	if err := s.watch(ctx, stretch(t.cfg.day("normal"), t.cfg.frames(1)), 1, keepScores(normal)); err != nil {
		return nil, err
	}
	c, err := t.d.calibrate(calibrating, t.cfg.Budget, street.FPS)
	if err != nil {
		return nil, err
	}
	found, err := t.find(ctx, s, c)
	if err != nil {
		return nil, err
	}
	name := t.d.prefix("watch/street/") + "false_alarms"
	row, err := t.falseAlarms(name, c, normal)
	if err != nil {
		return nil, err
	}
	rows := append(found.rows(t.d.prefix("watch/street/"), t.d.statistics), row)
	for _, less := range []time.Duration{20 * time.Second, 10 * time.Minute} {
		n := int(less.Seconds() * street.FPS)
		if n >= len(calibrating[0]) {
			continue
		}
		seen := make([][]float64, len(calibrating))
		for k, of := range calibrating {
			seen[k] = of[:n]
		}
		if c, err = t.d.calibrate(seen, t.cfg.Budget, street.FPS); err != nil {
			return nil, err
		}
		if row, err = t.falseAlarms(name+"/"+less.String(), c, normal); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// falseAlarms counts alarms on normal scores, for each that the budget allows.
func (t streetTrial) falseAlarms(name string, c *alarm.Calibration, normal [][]float64) (report.Row, error) {
	judge, err := alarm.NewJudge(c, alarm.JudgeConfig{})
	if err != nil {
		return report.Row{}, err
	}
	alarms, by, now := 0, map[int]int{}, make([]float64, len(normal))
	for at := range normal[0] {
		for k := range now {
			now[k] = normal[k][at]
		}
		v, err := judge.Observe(time.Unix(0, 0).Add(time.Duration(at)*time.Second/street.FPS), now...)
		if err != nil {
			return report.Row{}, err
		}
		if v.Alarm {
			alarms++
			by[v.By]++
		}
	}
	lasted := (time.Duration(len(normal[0])) * time.Second / street.FPS).Round(time.Second)
	allowed := t.cfg.Budget.Alarms * lasted.Seconds() / t.cfg.Budget.Per.Seconds()
	lo, hi := report.Poisson(alarms)
	lo, hi = lo/allowed, hi/allowed
	_, certain := c.Threshold(0)
	return report.Row{Name: name, Value: float64(alarms) / allowed, Unit: "1", N: alarms, Lo: &lo, Hi: &hi,
		Note: strings.TrimSuffix(fmt.Sprintf("alarms in %v of normal frames for each that the budget of %g in %v allows; calibrated on %v, %s; %s", lasted, t.cfg.Budget.Alarms, t.cfg.Budget.Per,
			time.Duration(c.Blocks()*c.Block())*time.Second/street.FPS, certainty(certain), counts(t.d.statistics, by)), "; ")}, nil
}

// find lets the detector watch every event, each as an episode of its own.
func (t streetTrial) find(ctx context.Context, s scorer, c *alarm.Calibration) (*tallies, error) {
	found := newTallies(street.FPS)
	for i, e := range t.events {
		judge, err := alarm.NewJudge(c, alarm.JudgeConfig{})
		if err != nil {
			return nil, err
		}
		var alarmed []begun
		if err := s.watch(ctx, slices.Values(e.frames), 2+i, func(at int, scores []float64, o watch.Observation) error {
			if o.Relative == nil {
				return nil
			}
			v, err := judge.Observe(time.Unix(int64(at), 0), scores...)
			if v.Alarm {
				alarmed = append(alarmed, begun{at, v.By})
			}
			return err
		}); err != nil {
			return nil, err
		}
		found.add(e, alarmed)
	}
	return found, nil
}
