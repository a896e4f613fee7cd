package alarm

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"foresee/report"
	"foresee/surprise"
)

// FormatVersion is the version of the calibration file that this package writes.
const FormatVersion = 2

// FileName is the name of the calibration in a model's folder.
const FileName = "calibration.json"

// Validate reports every fault of c at once, or nil.
func (c *Calibration) Validate() error {
	if len(c.Statistics) == 0 {
		return errors.New("alarm: calibration: there are no statistics in it")
	}
	for i, s := range c.Statistics {
		switch {
		case s.Scores == nil:
			return fmt.Errorf("alarm: calibration: there are no scores of statistic %q in it", s.Name)
		case slices.ContainsFunc(c.Statistics[:i], func(o Statistic) bool { return o.Name == s.Name }):
			return fmt.Errorf("alarm: calibration: statistic %q is there twice", s.Name)
		case s.Scores.Block != c.Block() || s.Scores.Blocks != c.Blocks():
			return fmt.Errorf("alarm: calibration: %d blocks of %d scores of statistic %q, %d of %d of %q", s.Scores.Blocks, s.Scores.Block, s.Name, c.Blocks(), c.Block(), c.Statistics[0].Name)
		}
	}
	_, err := Config{
		Budget: c.Budget, Step: time.Duration(c.Step * float64(time.Second)), Need: c.Need, Of: c.Of,
		Refractory: c.Refractory, Slow: c.Slow,
	}.withDefaults()
	errs := []error{err}
	if c.Need < 1 || c.Of < 1 || c.Refractory < 1 {
		errs = append(errs, fmt.Errorf("need %d, of %d, refractory %d, want at least 1", c.Need, c.Of, c.Refractory))
	}
	if !(c.Rate > 0) || c.DriftOver < 1 || !(c.DriftLevel > 0) || !(c.SlowLevel >= 0) || math.IsInf(c.SlowLevel, 1) || !(c.Slow >= 0) {
		errs = append(errs, fmt.Errorf("rate %g, drift_over %d, drift_level %g, slow %g, slow_level %g, want the first three above 0, the others at least 0", c.Rate, c.DriftOver, c.DriftLevel, c.Slow, c.SlowLevel))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("alarm: calibration: %w", err)
	}
	return nil
}

// ErrOtherScores is wrapped by the error about a calibration of another model than
// the one at hand, or that does not say of which, or of other statistics.
var ErrOtherScores = errors.New("made of other scores")

// Read returns the calibration in the folder of the model with that fingerprint,
// whose moments have these statistics, one without a name if none is given: an error
// that wraps fs.ErrNotExist if there is none, one that wraps ErrOtherScores if it is
// of others. Unknown fields and a newer version are refused.
func Read(dir, model string, statistics ...string) (*Calibration, error) {
	c, err := read(dir)
	if err != nil {
		return nil, err
	}
	if statistics == nil {
		statistics = []string{""}
	}
	path := filepath.Join(dir, FileName)
	if c.Model != model {
		return nil, fmt.Errorf("alarm: %s: %w, those of another model: it names %q, the model there is %q; run foresee calibrate again", path, ErrOtherScores, c.Model, model)
	}
	names := make([]string, len(c.Statistics))
	for k, s := range c.Statistics {
		names[k] = s.Name
	}
	if !slices.Equal(names, statistics) {
		return nil, fmt.Errorf("alarm: %s: %w: of the statistics %q, wanted are %q, each apart; run foresee calibrate again", path, ErrOtherScores, names, statistics)
	}
	return c, nil
}

func read(dir string) (*Calibration, error) {
	path := filepath.Join(dir, FileName)
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("alarm: %w", err)
	}
	c, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("alarm: %s: %w", path, err)
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// decode reads version 1 too, which had one statistic, without a name.
func decode(raw []byte) (*Calibration, error) {
	var one struct {
		Calibration
		Scores *surprise.Calibration `json:"calibration"`
	}
	if err := report.DecodeVersion(raw, 1, &one); one.Version == 1 {
		one.Version, one.Statistics = FormatVersion, []Statistic{{Scores: one.Scores}}
		return &one.Calibration, err
	}
	c := new(Calibration)
	return c, report.DecodeVersion(raw, FormatVersion, c)
}

// Write stores c in the folder of its model, by a temporary file and a rename. One
// that names no model is an error.
func (c *Calibration) Write(dir string) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if c.Model == "" {
		return errors.New("alarm: write calibration: it names no model")
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("alarm: %w", err)
	}
	if err := report.ReplaceFile(filepath.Join(dir, FileName), append(raw, '\n')); err != nil {
		return fmt.Errorf("alarm: %w", err)
	}
	return nil
}
