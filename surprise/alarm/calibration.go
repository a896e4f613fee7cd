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
const FormatVersion = 1

// FileName is the name of the calibration in a model's folder.
const FileName = "calibration.json"

// Config says how normal scores become a calibration. The zero value of a field
// is its documented default, but for Step.
type Config struct {
	Budget     surprise.Budget // false alarms that are accepted; 0 means 1/day
	Step       time.Duration   // between scores; must be above 0
	Need, Of   int             // an alarm wants Need of the last Of scores; 0 means 1, and Need
	Refractory int             // quiet scores that end an alarm; 0 means a block, or a 24th of the time in which the budget allows one alarm, whichever is less; Of at least
	Slow       float64         // share of the budget for slow evidence, in (0, 1); 0 means 0.2; below 0 is none
	Block      int             // scores a block; 0 means twice the correlation time, at most a 50th of the scores and an 8th of the time for one alarm
	Quantile   float64         // of the block maxima above which the tail is fitted; 0 means 0.9
	Model      string          // fingerprint of the model whose scores they are; a calibration without one cannot be written
	Source     string          // what the scores are of, for the file
	Made       time.Time       // of the newest score
}

// Calibration is what a Judge needs of the normal past. It is read-only and
// safe to share; a Judge that adapts takes a copy.
type Calibration struct {
	Version    int                   `json:"version"`
	Model      string                `json:"model"`       // fingerprint of the model whose scores they are
	Source     string                `json:"source"`      // what the scores were of
	Made       time.Time             `json:"made"`        // of the newest score
	Step       float64               `json:"step"`        // seconds between scores
	Budget     surprise.Budget       `json:"budget"`      // "1/day"
	Need       int                   `json:"need"`        // scores among Of that make an alarm
	Of         int                   `json:"of"`          //
	Refractory int                   `json:"refractory"`  // quiet scores that end one
	Slow       float64               `json:"slow"`        // share of the budget for slow evidence; 0 is none
	SlowLevel  float64               `json:"slow_level"`  // log M at which it speaks; 0 is never
	Rate       float64               `json:"rate"`        // blocks that may reach the threshold for one alarm of the budget
	DriftOver  int                   `json:"drift_over"`  // blocks that are compared with all for drift
	DriftLevel float64               `json:"drift_level"` // scaled Kolmogorov-Smirnov distance that is drift
	Scores     *surprise.Calibration `json:"calibration"` // of the maxima of blocks of debounced scores
}

// withDefaults fills in what needs no scores and reports every fault of c.
func (c Config) withDefaults() (Config, error) {
	if c.Budget == (surprise.Budget{}) {
		c.Budget = surprise.Budget{Alarms: 1, Per: 24 * time.Hour}
	}
	if c.Need == 0 {
		c.Need = 1
	}
	if c.Of == 0 {
		c.Of = c.Need
	}
	if c.Slow == 0 {
		c.Slow = 0.2
	}
	c.Slow = max(0, c.Slow)
	var errs []error
	if !(c.Budget.Alarms > 0) || c.Budget.Per <= 0 {
		errs = append(errs, fmt.Errorf("budget of %g in %v, want both above 0", c.Budget.Alarms, c.Budget.Per))
	}
	if c.Step <= 0 {
		errs = append(errs, fmt.Errorf("step %v between scores, want more than 0", c.Step))
	}
	if c.Need < 1 || c.Of < c.Need || c.Of > 1000 {
		errs = append(errs, fmt.Errorf("need %d of %d, want 1 <= need <= of <= 1000", c.Need, c.Of))
	}
	if c.Refractory < 0 || c.Block < 0 {
		errs = append(errs, fmt.Errorf("refractory %d and block %d, want at least 0", c.Refractory, c.Block))
	}
	if !(c.Slow < 1) {
		errs = append(errs, fmt.Errorf("slow share %g of the budget, want less than 1", c.Slow))
	}
	return c, errors.Join(errs...)
}

// Calibrate learns from scores of a normal stream, in the order they came, one
// every cfg.Step. The more the better: below Certain the budget is extrapolated.
// A score that is not finite, and scores for fewer than 2 blocks, are errors.
func Calibrate(normal []float64, cfg Config) (*Calibration, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("alarm: config: %w", err)
	}
	for i, s := range normal {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return nil, fmt.Errorf("alarm: calibrate: score %d: %w: %g", i, surprise.ErrNotFinite, s)
		}
	}
	d, scores := newDebounce(cfg.Need, cfg.Of), make([]float64, 0, len(normal))
	for _, s := range normal {
		if v := d.add(s); !math.IsInf(v, -1) {
			scores = append(scores, v)
		}
	}
	cfg.lengths(scores)
	sample, err := surprise.Calibrate(scores, surprise.CalibrationConfig{Block: cfg.Block, Quantile: cfg.Quantile})
	if err != nil {
		return nil, fmt.Errorf("alarm: %w", err)
	}
	c := &Calibration{
		Version: FormatVersion, Model: cfg.Model, Source: cfg.Source, Made: cfg.Made, Step: cfg.Step.Seconds(), Budget: cfg.Budget,
		Need: cfg.Need, Of: cfg.Of, Refractory: cfg.Refractory, Slow: cfg.Slow, Scores: sample,
	}
	maxima := surprise.BlockMaxima(scores, cfg.Block)
	c.SlowLevel = slowLevel(maxima, c)
	c.Rate = (1 - c.Slow) / merge(scores, c)
	c.count(scores, maxima)
	c.driftLevel(maxima)
	return c, nil
}

// lengths sets block and refractory time where they are left to it.
func (c *Config) lengths(scores []float64) {
	alone := float64(c.Budget.Per) / c.Budget.Alarms / float64(c.Step) // scores for one alarm
	if c.Block == 0 {
		most := min(float64(len(scores)/50), alone/8)
		c.Block = max(1, c.Of, int(min(most, math.Ceil(2*surprise.CorrelationTime(ranks(scores))))))
	}
	if c.Refractory == 0 {
		c.Refractory = max(1, c.Of, int(min(float64(c.Block), alone/24)))
	}
}

// ranks replaces scores by their ranks: heavy tails hide correlation.
func ranks(scores []float64) []float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] < scores[b]:
			return -1
		case scores[a] > scores[b]:
			return 1
		}
		return 0
	})
	out := make([]float64, len(scores))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && scores[order[j]] == scores[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			out[k] = float64(i+j-1) / 2
		}
		i = j
	}
	return out
}

// merge returns how many episodes there are for one block over the threshold,
// where that is near the budget but still seen 20 times; 1 if nothing is merged.
func merge(scores []float64, c *Calibration) float64 {
	level := max(c.Budget.Level(c.block()), min(0.1, 20/float64(c.Scores.Blocks)))
	threshold, _ := c.Scores.Threshold(level)
	e, err := surprise.NewEpisodes(surprise.EpisodeConfig{Refractory: c.Refractory})
	if err != nil {
		panic("alarm: " + err.Error()) // checked before
	}
	blocks, episodes, last := 0, 0, -1
	for i, s := range scores {
		if s >= threshold && i/c.Scores.Block != last {
			blocks, last = blocks+1, i/c.Scores.Block
		}
		if e.Observe(s >= threshold) {
			episodes++
		}
	}
	if blocks < 5 {
		return 1
	}
	return max(0.2, min(1, float64(episodes)/float64(blocks)))
}

// slowLevel returns log M that the slow share of the budget buys: that of the
// bound for independent blocks, raised until the calibration's own blocks, in
// their order, keep the budget too.
func slowLevel(maxima []float64, c *Calibration) float64 {
	if c.Slow == 0 {
		return 0
	}
	sorted := c.Scores.Maxima()
	p := make([]float64, len(maxima))
	for i, m := range maxima {
		below, _ := slices.BinarySearch(sorted, m)
		p[i] = c.slowP(float64(len(sorted)-below) / float64(len(sorted))) // the block itself is one of them
	}
	alpha := c.Slow * c.Budget.Level(c.block())
	allowed := int(alpha * float64(len(p)))
	for level := max(1, -math.Log(alpha)); ; level += 0.5 {
		s, begun := slow{level: level, m: surprise.Martingale{Restart: true}}, 0
		for _, v := range p {
			if s.add(v) {
				begun++
			}
		}
		if begun <= allowed {
			return level
		}
	}
}

// leastCounted is how many alarms the budget must allow on the calibration's own
// scores for their number to say more than the laws of independent blocks.
const leastCounted = 10

// count sets Rate so that the alarms on the calibration's own scores, fast and
// slow, merged as a Judge would merge them, spend the budget and no more. With
// fewer than leastCounted alarms to spend it does nothing.
func (c *Calibration) count(scores, maxima []float64) {
	allowed := c.Budget.Alarms * float64(len(scores)) * c.Step / c.Budget.Per.Seconds()
	if allowed < leastCounted {
		return
	}
	late := c.slowBlocks(maxima)
	begun := func(rate float64) int {
		c.Rate = rate
		threshold, _ := c.Threshold()
		e, err := surprise.NewEpisodes(surprise.EpisodeConfig{Refractory: c.Refractory})
		if err != nil {
			panic("alarm: " + err.Error()) // checked before
		}
		n := 0
		for i, s := range scores {
			block := i/c.Scores.Block - 1 // the last that was full
			if e.Observe(s >= threshold || block >= 0 && late[block]) {
				n++
			}
		}
		return n
	}
	lo, hi := math.Log(0.05), math.Log(20.0)
	for range 20 {
		if mid := (lo + hi) / 2; float64(begun(math.Exp(mid))) <= allowed {
			lo = mid
		} else {
			hi = mid
		}
	}
	c.Rate = math.Exp(lo)
}

// slowP is what a block's p-value counts as slow evidence: not less than the fast
// share of the budget, since a block below that is an alarm by itself, and not less
// than the calibration can tell.
func (c *Calibration) slowP(p float64) float64 {
	return max(p, c.Scores.Resolution(), min(1, (1-c.Slow)*c.Budget.Level(c.block())))
}

// slowBlocks returns after which blocks slow evidence is open.
func (c *Calibration) slowBlocks(maxima []float64) []bool {
	open := make([]bool, len(maxima)+1)
	if c.SlowLevel == 0 {
		return open
	}
	s := slow{level: c.SlowLevel, m: surprise.Martingale{Restart: true}}
	for i, m := range maxima {
		p, _ := c.Scores.P(m)
		s.add(c.slowP(p))
		open[i] = s.open
	}
	return open
}

// driftAt is the scaled Kolmogorov-Smirnov distance that independent blocks of the
// same distribution reach with probability 1e-4: 2·exp(-2λ²) = 1e-4.
const driftAt = 2.2254

// driftLevel sets over how many blocks drift is looked for, and the distance that
// is drift: more than any stretch of the calibration is from the whole.
func (c *Calibration) driftLevel(maxima []float64) {
	c.DriftOver, c.DriftLevel = max(5, min(200, len(maxima)/5)), driftAt
	for i := 0; i+c.DriftOver <= len(maxima); i += max(1, c.DriftOver/20) {
		c.DriftLevel = max(c.DriftLevel, ks(c.Scores.Maxima(), slices.Clone(maxima[i:i+c.DriftOver])))
	}
}

// block returns how long a block takes.
func (c *Calibration) block() time.Duration {
	return time.Duration(c.Step * float64(c.Scores.Block) * float64(time.Second))
}

// Level returns the p-value of a block from which there is a fast alarm, at most 1.
func (c *Calibration) Level() float64 { return min(1, c.Rate*c.Budget.Level(c.block())) }

// Threshold returns the debounced score from which there is a fast alarm, and
// whether the normal blocks are enough to say so. Without, it is extrapolated by
// the tail, or, with fewer than 2·surprise.LeastTail blocks, the highest of them.
func (c *Calibration) Threshold() (score float64, calibrated bool) {
	return c.Scores.Threshold(c.Level())
}

// Needed returns the time of normal data at which the budget is calibrated, and
// no longer extrapolated.
func (c *Calibration) Needed() time.Duration {
	return time.Duration(math.Ceil(1/c.Level()-1) * float64(c.block()))
}

// Validate reports every fault of c at once, or nil.
func (c *Calibration) Validate() error {
	if c.Scores == nil {
		return errors.New("alarm: calibration: there are no scores in it")
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

// ErrOtherModel is wrapped by the error about a calibration that was made with
// another model than the one at hand, or that does not say with which.
var ErrOtherModel = errors.New("made with another model")

// Read returns the calibration in the folder of the model with that fingerprint:
// an error that wraps fs.ErrNotExist if there is none, one that wraps ErrOtherModel
// if it is of other scores. Unknown fields and a newer version are refused.
func Read(dir, model string) (*Calibration, error) {
	c, err := read(dir)
	if err != nil {
		return nil, err
	}
	if path := filepath.Join(dir, FileName); c.Model != model {
		return nil, fmt.Errorf("alarm: %s: %w: it names %q, the model there is %q; run foresee calibrate again", path, ErrOtherModel, c.Model, model)
	}
	return c, nil
}

func read(dir string) (*Calibration, error) {
	path := filepath.Join(dir, FileName)
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("alarm: %w", err)
	}
	var c Calibration
	if err := report.DecodeVersion(raw, FormatVersion, &c); err != nil {
		return nil, fmt.Errorf("alarm: %s: %w", path, err)
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &c, nil
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
