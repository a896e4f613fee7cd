package alarm

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"foresee/surprise"
)

// Kinds of alarms.
const (
	Fast = "fast" // the score itself is that high
	Slow = "slow" // many blocks are a little too high
)

// JudgeConfig says how a Judge follows its stream. The zero value never adapts.
type JudgeConfig struct {
	// Adapt lets fresh normal blocks replace the oldest of the calibration. An alarm
	// that was over after at most 3 refractory times counts as one block, once it is
	// over, at most at the score of a tenth of the level: were chance's highest scores
	// left out, the threshold could sink but never rise.
	Adapt   bool
	Holding int // blocks that wait before they are taken for normal; an alarm discards them; 0 means 8
}

// Verdict is what a Judge says of one score.
type Verdict struct {
	P          float64 // of a normal block reaching the debounced score; 1 until Need scores were seen
	Calibrated bool    // whether P is counted; false means extrapolated by the tail, or less than can be told
	Alarm      bool    // an alarm begins here
	Ends       bool    // the alarm that was open ended here
	Open       bool    // an alarm is under way
	Kind       string  // Fast or Slow, of the alarm that is open; else empty
	Drift      float64 // from 1 on the stream is distributed otherwise than in calibration; looked at every twentieth of Calibration.DriftOver blocks
}

// Judge applies a calibration to a stream. It is for one goroutine at a time.
type Judge struct {
	c         *Calibration
	cfg       JudgeConfig
	threshold float64
	certain   bool
	debounce  *debounce
	blocks    *surprise.Blocks
	tainted   bool // an alarm was open in this block
	episodes  *surprise.Episodes
	slow      slow
	recent    []float64 // maxima of the last normal blocks, a ring
	next      int
	fresh     int // blocks since drift was computed
	drift     float64
	held      []float64 // maxima that wait to be taken for normal
	kind      string
	open      int     // scores since the alarm began
	top       float64 // the highest of them
	baseline  time.Time
	alarms    []time.Time // within Budget.Per
}

// NewJudge returns a judge of a new stream, or the faults of c and cfg. A judge
// that adapts does so on a copy.
func NewJudge(c *Calibration, cfg JudgeConfig) (*Judge, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if cfg.Holding == 0 {
		cfg.Holding = 8
	}
	if cfg.Holding < 1 {
		return nil, fmt.Errorf("alarm: judge: %d blocks held, want at least 1", cfg.Holding)
	}
	if cfg.Adapt {
		own := *c
		raw, err := json.Marshal(c.Scores)
		if err != nil {
			return nil, fmt.Errorf("alarm: %w", err)
		}
		own.Scores = new(surprise.Calibration)
		if err := json.Unmarshal(raw, own.Scores); err != nil {
			return nil, fmt.Errorf("alarm: %w", err)
		}
		c = &own
	}
	e, err := surprise.NewEpisodes(surprise.EpisodeConfig{Refractory: c.Refractory})
	if err != nil {
		return nil, fmt.Errorf("alarm: %w", err)
	}
	j := &Judge{
		c: c, cfg: cfg, debounce: newDebounce(c.Need, c.Of), blocks: surprise.NewBlocks(c.Scores.Block), episodes: e,
		slow: slow{level: c.SlowLevel, m: surprise.Martingale{Restart: true}}, baseline: c.Made,
	}
	j.threshold, j.certain = c.Threshold()
	return j, nil
}

// Observe judges the score of a moment. A score that is not finite is an error
// that wraps surprise.ErrNotFinite; it changes nothing.
func (j *Judge) Observe(at time.Time, score float64) (Verdict, error) {
	if math.IsNaN(score) || math.IsInf(score, 0) {
		return Verdict{}, fmt.Errorf("alarm: %w: %g", surprise.ErrNotFinite, score)
	}
	was := j.episodes.Open()
	d := j.debounce.add(score)
	v := Verdict{P: 1, Calibrated: true}
	if !math.IsInf(d, -1) {
		v.P, v.Calibrated = j.c.Scores.P(d)
	}
	fast := d >= j.threshold
	v.Alarm = j.episodes.Observe(fast || j.slow.open)
	v.Open = j.episodes.Open()
	if v.Alarm {
		j.kind = Slow
		if fast {
			j.kind = Fast
		}
		j.begin(at)
	}
	if v.Open {
		v.Kind = j.kind
		j.tainted = true
		j.open, j.top = j.open+1, max(j.top, d)
	}
	if v.Ends = was && !v.Open; v.Ends {
		j.end(at)
	}
	if highest, full := j.blocks.Add(d); full && !math.IsInf(highest, -1) {
		j.block(at, highest)
	}
	v.Drift = j.drift
	return v, nil
}

// begin notes an alarm and takes back what was about to count as normal.
func (j *Judge) begin(at time.Time) {
	j.held = j.held[:0]
	j.open, j.top = 0, math.Inf(-1)
	j.alarms = append(j.alarms, at)
}

// end lets a short alarm count as a block.
func (j *Judge) end(at time.Time) {
	if j.cfg.Adapt && j.open <= 3*j.c.Refractory {
		most, _ := j.c.Scores.Threshold(j.c.Level() / 10)
		j.learn(at, min(j.top, most))
	}
}

// learn takes the highest score of a normal block in place of the oldest.
func (j *Judge) learn(at time.Time, highest float64) {
	_ = j.c.Scores.Slide(highest) // finite, since it came from finite scores
	j.baseline = at
	j.threshold, j.certain = j.c.Threshold()
}

// block takes the highest score of a full block.
func (j *Judge) block(at time.Time, highest float64) {
	p, _ := j.c.Scores.P(highest)
	if j.c.SlowLevel > 0 {
		j.slow.add(j.c.slowP(p))
	}
	tainted := j.tainted
	j.tainted = j.episodes.Open()
	if tainted {
		return
	}
	if len(j.recent) < j.c.DriftOver {
		j.recent = append(j.recent, highest)
	} else {
		j.recent[j.next] = highest
		j.next = (j.next + 1) % len(j.recent)
	}
	if j.fresh++; len(j.recent) == j.c.DriftOver && j.fresh*20 >= j.c.DriftOver {
		j.fresh = 0
		j.drift = ks(j.c.Scores.Maxima(), slices.Clone(j.recent)) / j.c.DriftLevel
	}
	if !j.cfg.Adapt {
		return
	}
	if j.held = append(j.held, highest); len(j.held) <= j.cfg.Holding {
		return
	}
	j.learn(at, j.held[0])
	j.held = j.held[1:]
}

// Break says that scores are missing: what was seen before does not count for
// debouncing what comes after.
func (j *Judge) Break() { j.debounce.reset() }

// Threshold returns the debounced score from which there is a fast alarm, and
// whether normal blocks are enough to say so.
func (j *Judge) Threshold() (score float64, calibrated bool) { return j.threshold, j.certain }

// BaselineAge returns how old the newest normal score is, at least 0.
func (j *Judge) BaselineAge(now time.Time) time.Duration { return max(0, now.Sub(j.baseline)) }

// Spent returns alarms of the budget's last time over those it allows: 1 is the
// budget, spent.
func (j *Judge) Spent(now time.Time) float64 {
	for len(j.alarms) > 0 && now.Sub(j.alarms[0]) > j.c.Budget.Per {
		j.alarms = j.alarms[1:]
	}
	return float64(len(j.alarms)) / j.c.Budget.Alarms
}
