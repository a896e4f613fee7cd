package camera

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"foresee/jepa"
	"foresee/report"
	"foresee/surprise/alarm"
	"foresee/watch"
	"foresee/watch/evidence"
)

// trial is one detector on all events.
type trial struct {
	cfg    VideoConfig
	rec    *recording
	d      detector
	events []event
	keep   string          // folder for evidence of the first event of each kind that is found; "" = none
	kept   map[string]bool // kinds of which there is evidence
	model  jepa.Config
}

// run calibrates a detector and lets it watch every event.
func (t trial) run(ctx context.Context) ([]report.Row, error) {
	c, err := t.calibrate(ctx)
	if err != nil {
		return nil, err
	}
	found := newTallies(t.rec.fps)
	for _, e := range t.events {
		alarmed, err := t.watch(ctx, c, e)
		if err != nil {
			return nil, err
		}
		found.add(e, alarmed)
	}
	_, certain := c.Threshold(0)
	return append(found.rows(t.d.prefix("watch/video/"), t.d.statistics), report.Ratio(t.d.prefix("watch/video/")+"false_alarm_share", found.alarms, found.outside,
		fmt.Sprintf("%d alarms in %.0f s outside events; budget %g in %v, calibrated on %d frames: %s", found.alarms, float64(found.outside)/t.rec.fps, t.cfg.Budget.Alarms, t.cfg.Budget.Per, len(t.rec.quiet)*quietFrames, certainty(certain)))), nil
}

func certainty(certain bool) string {
	if certain {
		return "enough"
	}
	return "too few for it, so extrapolated"
}

// calibrate learns the scores of the quiet parts.
func (t trial) calibrate(ctx context.Context) (*alarm.Calibration, error) {
	s, err := t.d.start(ctx, t.rec)
	if err != nil {
		return nil, err
	}
	normal := t.d.scores()
	for i, p := range t.rec.quiet {
		if err := s.watch(ctx, slices.Values(p), i, keepScores(normal)); err != nil {
			return nil, err
		}
	}
	return t.d.calibrate(normal, t.cfg.Budget, t.rec.fps)
}

// watch lets a fresh detector see the quiet parts, then the event, and returns the
// alarms that began in it.
func (t trial) watch(ctx context.Context, c *alarm.Calibration, e event) (alarms []begun, err error) {
	s, err := t.d.start(ctx, t.rec)
	if err != nil {
		return nil, err
	}
	judge, err := alarm.NewJudge(c, alarm.JudgeConfig{})
	if err != nil {
		return nil, err
	}
	var keep *evidence.Recorder
	if t.keep != "" && !t.kept[e.kind] {
		keep, err = evidence.New(evidence.Config{Dir: filepath.Join(t.keep, e.kind), Model: t.model, Aspect: 4.0 / 3, Before: 2 * time.Second, After: 2 * time.Second,
			Page: report.Document{Command: "foresee eval watch --video " + filepath.Base(t.cfg.Video), Seed: t.cfg.Seed, Machine: report.ThisMachine(0)}})
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, keep.Close(ctx)) }()
	}
	parts := append(append([][][]uint8{}, t.rec.quiet...), e.frames)
	for i, part := range parts {
		last := i == len(parts)-1
		if last {
			judge.Break()
		}
		if err := s.watch(ctx, slices.Values(part), i, func(at int, scores []float64, o watch.Observation) error {
			v := alarm.Verdict{}
			if last && o.Relative != nil {
				var err error
				if v, err = judge.Observe(time.Unix(int64(at), 0), scores...); err != nil {
					return err
				}
				if v.Alarm {
					alarms = append(alarms, begun{at, v.By})
					if keep != nil {
						t.kept[e.kind] = true
					}
				}
			}
			if keep == nil {
				return nil
			}
			if v.Alarm {
				o.At = o.Where(v.By)
			}
			return keep.Observe(ctx, o, v.Open, v.Alarm, fmt.Sprintf("Spliced event: %s at frame %d of this part. Score %.2f (%s), p = %.1e.", e.kind, e.at, scores[v.By], watch.Statistics()[v.By], v.P))
		}); err != nil {
			return nil, err
		}
	}
	return alarms, nil
}
