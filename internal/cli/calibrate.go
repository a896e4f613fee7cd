package cli

import (
	"context"
	"fmt"
	"time"

	"foresee/report"
	"foresee/surprise"
	"foresee/surprise/alarm"
	"foresee/watch"
)

// calibrateCmd learns from normal data what score an alarm needs.
type calibrateCmd struct {
	Model  string          `short:"m" required:"" placeholder:"MODEL" help:"Model that expects; the calibration is stored in its folder."`
	Source string          `arg:"" help:"Normal recording, not the one it was trained on: video file, GIF, folder of images, or dataset."`
	Budget surprise.Budget `default:"1/day" placeholder:"1/day" help:"False alarms that are accepted (${default})."`
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
	var scores []float64
	if err := w.Observe(ctx, src, func(o watch.Observation) error {
		if o.Relative != nil {
			scores = append(scores, o.Score())
		}
		return nil
	}); err != nil {
		return fmt.Errorf("calibrate: %s: %w", c.Source, err)
	}
	step := time.Duration(float64(time.Second) / src.FPS())
	cal, err := alarm.Calibrate(scores, alarm.Config{Budget: c.Budget, Step: step, Refractory: max(1, int(quietSeconds*src.FPS())), Source: c.Source, Made: time.Now().UTC()})
	if err != nil {
		return fmt.Errorf("calibrate: %s: %w", c.Source, err)
	}
	if err := cal.Write(c.Model); err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	threshold, certain := cal.Threshold()
	note := "counted: the recording is long enough for the budget"
	if !certain {
		note = fmt.Sprintf("extrapolated by a tail: the budget is certain from %v of normal data on, this was %v", cal.Needed().Round(time.Minute), (time.Duration(len(scores)) * step).Round(time.Second))
		a.log.Warn("calibrate", "threshold", note)
	}
	return a.printRows(0, []report.Row{
		{Name: "calibrate/scores", Value: float64(len(scores)), Unit: "1", Note: c.Source},
		{Name: "calibrate/block", Value: float64(cal.Scores.Block) * step.Seconds(), Unit: "s"},
		{Name: "calibrate/threshold", Value: threshold, Unit: "1", N: cal.Scores.Blocks, Note: note},
	})
}
