package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"foresee/surprise"
	"foresee/surprise/alarm"
	"foresee/watch"
)

// calibrateCmd learns from normal data what score an alarm needs.
type calibrateCmd struct {
	Model  string          `short:"m" required:"" placeholder:"MODEL" help:"Model that expects; the calibration is stored in its folder."`
	Source string          `arg:"" help:"Normal recording, not the one it was trained on: video file, GIF, folder of images, or dataset; of a sensor model CSV, JSON lines, or - for stdin."`
	Budget surprise.Budget `default:"1/day" placeholder:"1/day" help:"False alarms that are accepted (${default})."`
	Need   int             `default:"0" help:"Of sensors: an alarm wants so many of the last --of readings (1)."`
	Of     int             `default:"0" help:"Of sensors: see --need."`
	From   time.Duration   `placeholder:"0s" help:"Leave out what comes before this time."`
	To     time.Duration   `placeholder:"40s" help:"Leave out what comes from this time on; the end if left out."`
}

// Help describes what is done to --help.
func (c *calibrateCmd) Help() string {
	return "Watches the recording and takes all of it for normal. An alarm then needs a score that normal blocks reach as often as the budget " +
		"allows: by rank where the recording is long enough, beyond that by a fitted tail, and then it says so."
}

// Run watches the recording and stores the calibration.
func (c *calibrateCmd) Run(ctx context.Context, a *app) error {
	if c.From < 0 || c.To < 0 || c.To > 0 && c.To <= c.From {
		return usagef("calibrate: --from %v --to %v: want 0 <= from < to", c.From, c.To)
	}
	switch kind, err := holds(c.Model); {
	case err != nil:
		return fmt.Errorf("calibrate: %w", err)
	case kind == holdsSensors:
		return c.calibrateSensors(a)
	case c.Need != 0 || c.Of != 0:
		return usagef("calibrate: --need and --of are for sensor models, %s holds %s", c.Model, kind)
	}
	print, err := watch.Fingerprint(c.Model) // before the model is read: a training that goes on makes another
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("calibrate: %w", err)
	}
	m, end, err := openModel(a, c.Model)
	if err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	defer end()
	src, live, err := (&watchCmd{Source: c.Source, From: c.From, To: c.To}).open(ctx, m.Config(), nil)
	if err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	defer src.Close()
	if live {
		return usagef("calibrate: %s has no end: record it to a file first", c.Source)
	}
	w, err := watch.New(m, watch.Config{})
	if err != nil {
		return err
	}
	scores := make([][]float64, len(watch.Statistics()))
	if err := w.Observe(ctx, src, func(o watch.Observation) error {
		if o.Relative != nil {
			for k, s := range o.Scores() {
				scores[k] = append(scores[k], s)
			}
		}
		return nil
	}); err != nil {
		return fmt.Errorf("calibrate: %s: %w", c.Source, err)
	}
	step := time.Duration(float64(time.Second) / src.FPS())
	cal, err := alarm.CalibrateApart(scores, alarm.Config{
		Budget: c.Budget, Step: step, Refractory: max(1, int(quietSeconds*src.FPS())), Statistics: watch.Statistics(), Model: print, Source: c.Source, Made: time.Now().UTC(),
	})
	if err != nil {
		return fmt.Errorf("calibrate: %s: %w", c.Source, err)
	}
	return c.store(a, cal, len(scores[0]))
}
