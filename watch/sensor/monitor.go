package sensor

import (
	"errors"
	"fmt"
	"math"
	"time"

	"foresee/surprise"
)

// Config says when a Monitor raises alarms. The zero value is the documented
// default of each field.
type Config struct {
	WarmUp     int     // readings without alarms at the start; 0 means 500
	Rate       float64 // false alarms a reading that are accepted; 0 means 1/1000
	Refractory int     // quiet readings that end an alarm; 0 means 100
	Keep       int     // scores that stand for what is normal; 0 means 1000
	Block      int     // readings a block; 0 means 1
}

func (c Config) withDefaults() (Config, error) {
	if c.WarmUp == 0 {
		c.WarmUp = 500
	}
	if c.Rate == 0 {
		c.Rate = 1.0 / 1000
	}
	if c.Refractory == 0 {
		c.Refractory = 100
	}
	if c.Block == 0 {
		c.Block = 1
	}
	if c.Keep == 0 {
		c.Keep = 1000
	}
	var errs []error
	if c.WarmUp < 1 || c.Refractory < 1 || c.Keep < 50 || c.Block < 1 {
		errs = append(errs, fmt.Errorf("warm-up %d, refractory %d, keep %d, block %d: want at least 1, 1, 50 and 1", c.WarmUp, c.Refractory, c.Keep, c.Block))
	}
	if !(c.Rate > 0 && c.Rate*float64(c.Block) < 1) {
		errs = append(errs, fmt.Errorf("rate %g of readings in blocks of %d: want more than 0 and less than one alarm a block", c.Rate, c.Block))
	}
	return c, errors.Join(errs...)
}

// Verdict is what a Monitor says of one reading.
type Verdict struct {
	P       float64 // least p-value of the scorers, of a block, times their number, at most 1; 1 while warming
	Cause   int     // scorer that P is from; -1 while warming or if all are ordinary
	Warming bool    // no alarm can be raised yet
	Missing bool    // a channel was NaN or infinite; nothing was scored
	Alarm   bool    // an alarm begins here
	Open    bool    // an alarm is under way
	Certain bool    // enough normal scores for the rate; without, P is extrapolated
}

// Monitor watches one stream. It is for one goroutine at a time.
type Monitor struct {
	cfg      Config
	scorers  []Scorer
	usual    []*usual
	episodes *surprise.Episodes
	seen     int
}

// NewMonitor returns a monitor over scorers, which it owns from then on, or the
// faults of cfg. It panics without scorers.
func NewMonitor(cfg Config, scorers ...Scorer) (*Monitor, error) {
	if len(scorers) == 0 {
		panic("sensor: monitor without scorers")
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("sensor: config: %w", err)
	}
	e, err := surprise.NewEpisodes(surprise.EpisodeConfig{Refractory: cfg.Refractory})
	if err != nil {
		return nil, fmt.Errorf("sensor: %w", err)
	}
	m := &Monitor{cfg: cfg, scorers: scorers, episodes: e}
	for range scorers {
		m.usual = append(m.usual, &usual{keep: max(50, cfg.Keep/cfg.Block), blocks: surprise.NewBlocks(cfg.Block)})
	}
	return m, nil
}

// Observe judges one reading of all channels and learns from it. While an alarm
// is open the scorers follow the stream, but what counts as normal stays, but for
// the score that began it: without the highest scores of normal times the tail
// would be cut at the threshold, which would then sink (measured: 24 alarms for
// a budget of 8.5).
func (m *Monitor) Observe(at time.Time, x []float64) Verdict {
	for _, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Verdict{P: 1, Cause: -1, Missing: true, Warming: m.seen < m.cfg.WarmUp, Open: m.episodes.Open()}
		}
	}
	warming := m.seen < m.cfg.WarmUp
	m.seen++
	v := Verdict{P: 1, Cause: -1, Warming: warming, Certain: true}
	scores := make([]float64, len(m.scorers))
	known := make([]bool, len(m.scorers))
	for i, s := range m.scorers {
		scores[i], known[i] = s.Observe(at, x)
		if !known[i] || warming {
			continue
		}
		p := m.usual[i].p(scores[i]) * float64(len(m.scorers))
		if p < v.P {
			v.P, v.Cause = p, i
		}
		v.Certain = v.Certain && m.usual[i].resolves(m.cfg.Rate*float64(m.cfg.Block)/float64(len(m.scorers)))
	}
	v.Alarm = m.episodes.Observe(!warming && v.P <= m.cfg.Rate*float64(m.cfg.Block))
	v.Open = m.episodes.Open()
	for i, u := range m.usual {
		if known[i] && (v.Alarm || !v.Open) {
			u.add(scores[i])
		}
	}
	return v
}

// usual holds the normal scores of one scorer.
type usual struct {
	keep    int
	blocks  *surprise.Blocks
	sample  *surprise.Conformal
	tail    surprise.Tail
	tailed  bool
	changed int // scores since the tail was fitted
}

func (u *usual) add(s float64) {
	if math.IsNaN(s) || math.IsInf(s, 0) {
		return // Observe has already said what it is
	}
	s, full := u.blocks.Add(s)
	if !full {
		return
	}
	if u.sample == nil {
		u.sample, _ = surprise.NewConformal([]float64{s})
		return
	}
	_ = u.sample.Slide(s, u.keep) // finite
	u.changed++
}

// p returns the p-value of a score; a score that is not finite is the strangest.
func (u *usual) p(s float64) float64 {
	if math.IsNaN(s) || math.IsInf(s, 0) {
		return 0
	}
	if u.sample == nil {
		return 1
	}
	if !u.tailed || u.changed*20 >= u.sample.N() || u.changed >= 100 {
		u.changed = 0
		tail, err := surprise.FitTail(u.sample.Sorted(), 0.9)
		u.tail, u.tailed = tail, err == nil
	}
	if u.tailed && s > u.tail.Threshold {
		return u.tail.P(s)
	}
	return u.sample.P(s)
}

func (u *usual) resolves(p float64) bool { return u.sample != nil && u.sample.Calibrated(p) }
