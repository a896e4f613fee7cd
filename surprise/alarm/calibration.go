package alarm

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"foresee/surprise"
)

// Config says how normal scores become a calibration. The zero value of a field
// is its documented default, but for Step.
type Config struct {
	Budget     surprise.Budget // false alarms that are accepted; 0 means 1/day
	Step       time.Duration   // between scores; must be above 0
	Need, Of   int             // an alarm wants Need of the last Of scores; 0 means 1, and Need
	Refractory int             // quiet scores that end an alarm; 0 means a block, or a 24th of the time in which the budget allows one alarm, whichever is less; Of at least
	Slow       float64         // share of the budget for slow evidence, in (0, 1); 0 means 0.2; below 0 is none
	Block      int             // scores a block; 0 means twice the longest correlation time of a statistic, at most a 50th of the scores and an 8th of the time for one alarm
	Quantile   float64         // of the block maxima above which the tail is fitted; 0 means 0.9
	Statistics []string        // names of the statistics; nil means one without a name
	Model      string          // fingerprint of the model whose scores they are; a calibration without one cannot be written
	Source     string          // what the scores are of, for the file
	Made       time.Time       // of the newest score
}

// Statistic is one of the scores that a moment has, with its own normal past.
type Statistic struct {
	Name   string                `json:"name"`
	Scores *surprise.Calibration `json:"calibration"` // of the maxima of blocks of debounced scores
}

// Calibration is what a Judge needs of the normal past. It is read-only and
// safe to share; a Judge that adapts takes a copy.
//
// Each of K statistics has a K-th of the budget, whatever its tail: the p-value of a
// moment or block is K times the least of theirs, at most 1 (Bonferroni), and so at
// least the probability that a normal block has a statistic as unusual.
type Calibration struct {
	Version    int             `json:"version"`
	Model      string          `json:"model"`       // fingerprint of the model whose scores they are
	Source     string          `json:"source"`      // what the scores were of
	Made       time.Time       `json:"made"`        // of the newest score
	Step       float64         `json:"step"`        // seconds between scores
	Budget     surprise.Budget `json:"budget"`      // "1/day"
	Need       int             `json:"need"`        // scores among Of that make an alarm
	Of         int             `json:"of"`          //
	Refractory int             `json:"refractory"`  // quiet scores that end one
	Slow       float64         `json:"slow"`        // share of the budget for slow evidence; 0 is none
	SlowLevel  float64         `json:"slow_level"`  // log M at which it speaks; 0 is never
	Rate       float64         `json:"rate"`        // blocks that may reach the threshold for one alarm of the budget
	DriftOver  int             `json:"drift_over"`  // blocks that are compared with all for drift
	DriftLevel float64         `json:"drift_level"` // scaled Kolmogorov-Smirnov distance that is drift
	Statistics []Statistic     `json:"statistics"`  // at least one, all with the same blocks
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
// every cfg.Step. The more the better: below Needed the budget is extrapolated.
// A score that is not finite, and scores for fewer than 2 blocks, are errors.
func Calibrate(normal []float64, cfg Config) (*Calibration, error) {
	return CalibrateApart([][]float64{normal}, cfg)
}

// CalibrateApart is Calibrate for the scores [statistic][moment] of several
// statistics, as many as cfg names and all of the same moments.
func CalibrateApart(normal [][]float64, cfg Config) (*Calibration, error) {
	if cfg.Statistics == nil {
		cfg.Statistics = []string{""}
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("alarm: config: %w", err)
	}
	if len(normal) != len(cfg.Statistics) {
		return nil, fmt.Errorf("alarm: calibrate: scores of %d statistics, and names of %d", len(normal), len(cfg.Statistics))
	}
	scores := make([][]float64, len(normal))
	for k, of := range normal {
		if len(of) != len(normal[0]) {
			return nil, fmt.Errorf("alarm: calibrate: %d scores of %q, %d of %q", len(normal[0]), cfg.Statistics[0], len(of), cfg.Statistics[k])
		}
		d := newDebounce(cfg.Need, cfg.Of)
		for i, s := range of {
			if math.IsNaN(s) || math.IsInf(s, 0) {
				return nil, fmt.Errorf("alarm: calibrate: score %d: %w: %g", i, surprise.ErrNotFinite, s)
			}
			if v := d.add(s); !math.IsInf(v, -1) {
				scores[k] = append(scores[k], v)
			}
		}
	}
	cfg.lengths(scores)
	c := &Calibration{
		Version: FormatVersion, Model: cfg.Model, Source: cfg.Source, Made: cfg.Made, Step: cfg.Step.Seconds(), Budget: cfg.Budget,
		Need: cfg.Need, Of: cfg.Of, Refractory: cfg.Refractory, Slow: cfg.Slow,
	}
	maxima := make([][]float64, len(scores))
	for k, name := range cfg.Statistics {
		sample, err := surprise.Calibrate(scores[k], surprise.CalibrationConfig{Block: cfg.Block, Quantile: cfg.Quantile})
		if err != nil {
			return nil, fmt.Errorf("alarm: %w", err)
		}
		c.Statistics = append(c.Statistics, Statistic{name, sample})
		maxima[k] = surprise.BlockMaxima(scores[k], cfg.Block)
	}
	c.SlowLevel = slowLevel(maxima, c)
	c.Rate = (1 - c.Slow) / merge(scores, c)
	c.count(scores, maxima)
	c.driftLevel(maxima)
	return c, nil
}

// lengths sets block and refractory time where they are left to it.
func (c *Config) lengths(scores [][]float64) {
	alone := float64(c.Budget.Per) / c.Budget.Alarms / float64(c.Step) // scores for one alarm
	if c.Block == 0 {
		longest := 0.0
		for _, of := range scores {
			longest = max(longest, surprise.CorrelationTime(ranks(of)))
		}
		most := min(float64(len(scores[0])/50), alone/8)
		c.Block = max(1, c.Of, int(min(most, math.Ceil(2*longest))))
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

// exceeds returns which moments of scores [statistic][moment] have a statistic over
// the threshold of its share of a level.
func (c *Calibration) exceeds(scores [][]float64, level float64) []bool {
	out := make([]bool, len(scores[0]))
	for k, of := range scores {
		threshold, _ := c.threshold(k, level)
		for i, s := range of {
			out[i] = out[i] || s >= threshold
		}
	}
	return out
}

// merge returns how many episodes there are for one block over the threshold,
// where that is near the budget but still seen 20 times; 1 if nothing is merged.
func merge(scores [][]float64, c *Calibration) float64 {
	e, err := surprise.NewEpisodes(surprise.EpisodeConfig{Refractory: c.Refractory})
	if err != nil {
		panic("alarm: " + err.Error()) // checked before
	}
	blocks, episodes, last := 0, 0, -1
	for i, over := range c.exceeds(scores, max(c.Budget.Level(c.block()), min(0.1, 20/float64(c.Blocks())))) {
		if over && i/c.Block() != last {
			blocks, last = blocks+1, i/c.Block()
		}
		if e.Observe(over) {
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
func slowLevel(maxima [][]float64, c *Calibration) float64 {
	if c.Slow == 0 {
		return 0
	}
	p := make([]float64, len(maxima[0]))
	for i := range p {
		p[i] = 1
		for k, s := range c.Statistics {
			sorted := s.Scores.Maxima()
			below, _ := slices.BinarySearch(sorted, maxima[k][i])
			p[i] = min(p[i], c.share()*float64(len(sorted)-below)/float64(len(sorted))) // the block itself is one of them
		}
		p[i] = c.slowP(p[i])
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
func (c *Calibration) count(scores, maxima [][]float64) {
	allowed := c.Budget.Alarms * float64(len(scores[0])) * c.Step / c.Budget.Per.Seconds()
	if allowed < leastCounted {
		return
	}
	late := c.slowBlocks(maxima)
	begun := func(rate float64) int {
		c.Rate = rate
		e, err := surprise.NewEpisodes(surprise.EpisodeConfig{Refractory: c.Refractory})
		if err != nil {
			panic("alarm: " + err.Error()) // checked before
		}
		n := 0
		for i, over := range c.exceeds(scores, c.Level()) {
			block := i/c.Block() - 1 // the last that was full
			if e.Observe(over || block >= 0 && late[block]) {
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
	return max(p, min(1, c.share()*c.Statistics[0].Scores.Resolution()), min(1, (1-c.Slow)*c.Budget.Level(c.block())))
}

// slowBlocks returns after which blocks slow evidence is open.
func (c *Calibration) slowBlocks(maxima [][]float64) []bool {
	open := make([]bool, len(maxima[0])+1)
	if c.SlowLevel == 0 {
		return open
	}
	s := slow{level: c.SlowLevel, m: surprise.Martingale{Restart: true}}
	block := make([]float64, len(maxima))
	for i := range maxima[0] {
		for k, of := range maxima {
			block[k] = of[i]
		}
		p, _, _ := c.P(block)
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
func (c *Calibration) driftLevel(maxima [][]float64) {
	c.DriftOver, c.DriftLevel = max(5, min(200, len(maxima[0])/5)), driftAt
	for k, of := range maxima {
		for i := 0; i+c.DriftOver <= len(of); i += max(1, c.DriftOver/20) {
			c.DriftLevel = max(c.DriftLevel, ks(c.Statistics[k].Scores.Maxima(), slices.Clone(of[i:i+c.DriftOver])))
		}
	}
}

// Block returns the number of moments in a block.
func (c *Calibration) Block() int { return c.Statistics[0].Scores.Block }

// Blocks returns the number of normal blocks.
func (c *Calibration) Blocks() int { return c.Statistics[0].Scores.Blocks }

// block returns how long a block takes.
func (c *Calibration) block() time.Duration {
	return time.Duration(c.Step * float64(c.Block()) * float64(time.Second))
}

// share is by how much the p-value of one statistic among all counts more.
func (c *Calibration) share() float64 { return float64(len(c.Statistics)) }

// P returns the p-value of a block with these debounced scores, one a statistic,
// whose least p-value it is from, and whether it is counted: false means
// extrapolated by a tail, or less than can be told. It panics on another number of
// scores.
func (c *Calibration) P(scores []float64) (p float64, by int, calibrated bool) {
	if len(scores) != len(c.Statistics) {
		panic(fmt.Sprintf("alarm: %d scores of %d statistics", len(scores), len(c.Statistics)))
	}
	least := math.Inf(1)
	for k, s := range c.Statistics {
		if p, known := s.Scores.P(scores[k]); p < least {
			least, by, calibrated = p, k, known
		}
	}
	return min(1, c.share()*least), by, calibrated
}

// Level returns the p-value of a block from which there is a fast alarm, at most 1.
func (c *Calibration) Level() float64 { return min(1, c.Rate*c.Budget.Level(c.block())) }

// Threshold returns the debounced score of a statistic from which there is a fast
// alarm, and whether the normal blocks are enough to say so. Without, it is
// extrapolated by the tail, or, with fewer than 2·surprise.LeastTail blocks or where
// they are all alike, what is above all of them. The second is the same for all statistics.
func (c *Calibration) Threshold(statistic int) (score float64, calibrated bool) {
	return c.threshold(statistic, c.Level())
}

// threshold is Threshold at another level.
func (c *Calibration) threshold(statistic int, level float64) (score float64, calibrated bool) {
	sample := c.Statistics[statistic].Scores
	score, calibrated = sample.Threshold(level / c.share())
	if p, _ := sample.P(score); p > level/c.share() { // no tail, or as many blocks as high: what is always so is no alarm
		score = math.Nextafter(score, math.Inf(1))
	}
	return score, calibrated
}

// Needed returns the time of normal data at which the budget is calibrated, and
// no longer extrapolated.
func (c *Calibration) Needed() time.Duration {
	return time.Duration(math.Ceil(c.share()/c.Level()-1) * float64(c.block()))
}
