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
	// Plain alarms are those of a model without a calibration, by a factor that somebody chose. No Judge raises them.
	Plain = "plain"
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
	P          float64 // of a normal block reaching the debounced scores, see Calibration; 1 until Need scores were seen
	By         int     // the statistic that passed its threshold, of several the one with the least p-value, or where none did simply that one
	Calibrated bool    // whether P is counted; false means extrapolated by the tail, or less than can be told
	Alarm      bool    // an alarm begins here
	Ends       bool    // the alarm that was open ended here
	Open       bool    // an alarm is under way
	Kind       string  // Fast or Slow, of the alarm that is open; else empty
	Drift      float64 // from 1 on the stream is distributed otherwise than in calibration; looked at every twentieth of Calibration.DriftOver blocks
}

// Judge applies a calibration to a stream. It is for one goroutine at a time.
type Judge struct {
	c        *Calibration
	cfg      JudgeConfig
	tracks   []track // one a statistic
	now      []float64
	tainted  bool // an alarm was open in this block
	episodes *surprise.Episodes
	slow     slow
	next     int // of track.recent
	fresh    int // blocks since drift was computed
	drift    float64
	held     [][]float64 // maxima of blocks that wait to be taken for normal
	kind     string
	open     int // moments since the alarm began
	baseline time.Time
	alarms   []time.Time // within Budget.Per
}

// track is what a judge keeps of one statistic.
type track struct {
	threshold float64
	certain   bool
	debounce  *debounce
	blocks    *surprise.Blocks
	recent    []float64 // maxima of the last normal blocks, a ring
	top       float64   // the highest since the alarm began
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
		raw, err := json.Marshal(c)
		if err != nil {
			return nil, fmt.Errorf("alarm: %w", err)
		}
		c = new(Calibration)
		if err := json.Unmarshal(raw, c); err != nil {
			return nil, fmt.Errorf("alarm: %w", err)
		}
	}
	e, err := surprise.NewEpisodes(surprise.EpisodeConfig{Refractory: c.Refractory})
	if err != nil {
		return nil, fmt.Errorf("alarm: %w", err)
	}
	j := &Judge{
		c: c, cfg: cfg, episodes: e, tracks: make([]track, len(c.Statistics)), now: make([]float64, len(c.Statistics)),
		slow: slow{level: c.SlowLevel, m: surprise.Martingale{Restart: true}}, baseline: c.Made,
	}
	for k := range j.tracks {
		j.tracks[k].debounce, j.tracks[k].blocks = newDebounce(c.Need, c.Of), surprise.NewBlocks(c.Block())
	}
	j.aim()
	return j, nil
}

// aim takes the thresholds of the calibration.
func (j *Judge) aim() {
	for k := range j.tracks {
		j.tracks[k].threshold, j.tracks[k].certain = j.c.Threshold(k)
	}
}

// Observe judges the scores of a moment, one a statistic. One that is not finite is
// an error that wraps surprise.ErrNotFinite; it and a wrong number change nothing.
func (j *Judge) Observe(at time.Time, scores ...float64) (Verdict, error) {
	if len(scores) != len(j.tracks) {
		return Verdict{}, fmt.Errorf("alarm: %d scores, the calibration is of %d statistics", len(scores), len(j.tracks))
	}
	for _, s := range scores {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return Verdict{}, fmt.Errorf("alarm: %w: %g", surprise.ErrNotFinite, s)
		}
	}
	was := j.episodes.Open()
	for k, s := range scores {
		j.now[k] = j.tracks[k].debounce.add(s)
	}
	v, fast := j.judge()
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
		j.open++
		for k := range j.tracks {
			j.tracks[k].top = max(j.tracks[k].top, j.now[k])
		}
	}
	if v.Ends = was && !v.Open; v.Ends {
		j.end(at)
	}
	j.gather(at)
	v.Drift = j.drift
	return v, nil
}

// judge says what the debounced scores are worth by themselves, and whether one of
// them passes its threshold.
func (j *Judge) judge() (v Verdict, fast bool) {
	if math.IsInf(j.now[0], -1) { // then all of them
		return Verdict{P: 1, Calibrated: true}, false
	}
	v.P, v.By, v.Calibrated = j.c.P(j.now)
	least := math.Inf(1)
	for k, t := range j.tracks {
		if j.now[k] < t.threshold {
			continue
		}
		fast = true
		if p, _ := j.c.Statistics[k].Scores.P(j.now[k]); p < least {
			least, v.By = p, k
		}
	}
	return v, fast
}

// gather adds the debounced scores to their blocks.
func (j *Judge) gather(at time.Time) {
	var highest []float64 // of a block that is full, and then it is with all
	for k, t := range j.tracks {
		if h, full := t.blocks.Add(j.now[k]); full {
			highest = append(highest, h)
		}
	}
	if highest != nil && !math.IsInf(highest[0], -1) {
		j.block(at, highest)
	}
}

// begin notes an alarm and takes back what was about to count as normal.
func (j *Judge) begin(at time.Time) {
	j.held = j.held[:0]
	j.open = 0
	for k := range j.tracks {
		j.tracks[k].top = math.Inf(-1)
	}
	j.alarms = append(j.alarms, at)
}

// end lets a short alarm count as a block.
func (j *Judge) end(at time.Time) {
	if j.cfg.Adapt && j.open <= 3*j.c.Refractory {
		top := make([]float64, len(j.tracks))
		for k, t := range j.tracks {
			most, _ := j.c.threshold(k, j.c.Level()/10)
			top[k] = min(t.top, most)
		}
		j.learn(at, top)
	}
}

// learn takes the highest scores of a normal block in place of the oldest.
func (j *Judge) learn(at time.Time, highest []float64) {
	for k, s := range j.c.Statistics {
		_ = s.Scores.Slide(highest[k]) // finite, since it came from finite scores
	}
	j.baseline = at
	j.aim()
}

// block takes the highest scores of a full block, which it keeps.
func (j *Judge) block(at time.Time, highest []float64) {
	p, _, _ := j.c.P(highest)
	if j.c.SlowLevel > 0 {
		j.slow.add(j.c.slowP(p))
	}
	tainted := j.tainted
	j.tainted = j.episodes.Open()
	if tainted {
		return
	}
	j.compare(highest)
	if !j.cfg.Adapt {
		return
	}
	if j.held = append(j.held, highest); len(j.held) <= j.cfg.Holding {
		return
	}
	j.learn(at, j.held[0])
	j.held = j.held[1:]
}

// compare looks for drift with a normal block more, of whichever statistic drifts
// most.
func (j *Judge) compare(highest []float64) {
	over := j.c.DriftOver
	for k := range j.tracks {
		if t := &j.tracks[k]; len(t.recent) < over {
			t.recent = append(t.recent, highest[k])
		} else {
			t.recent[j.next] = highest[k]
		}
	}
	j.next = (j.next + 1) % over
	if j.fresh++; len(j.tracks[0].recent) < over || j.fresh*20 < over {
		return
	}
	j.fresh, j.drift = 0, 0
	for k, t := range j.tracks {
		j.drift = max(j.drift, ks(j.c.Statistics[k].Scores.Maxima(), slices.Clone(t.recent))/j.c.DriftLevel)
	}
}

// Break says that scores are missing: what was seen before does not count for
// debouncing what comes after.
func (j *Judge) Break() {
	for _, t := range j.tracks {
		t.debounce.reset()
	}
}

// Threshold returns the debounced score of a statistic from which there is a fast
// alarm, and whether normal blocks are enough to say so.
func (j *Judge) Threshold(statistic int) (score float64, calibrated bool) {
	return j.tracks[statistic].threshold, j.tracks[statistic].certain
}

// Budget returns the false alarms that the calibration accepts, in words: "1/day".
func (j *Judge) Budget() string {
	text, _ := j.c.Budget.MarshalText() // never fails
	return string(text)
}

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
