package watch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"foresee/data"
	"foresee/jepa"
	"foresee/surprise"
)

// DefaultAlarm is the relative surprise from which a frame raises an alarm.
const DefaultAlarm = 8

// Config says how a stream is watched. Zero fields have the documented default.
type Config struct {
	Batch       int             // frames encoded at once; 0 means 32
	Live        bool            // score frames as they come instead of waiting for a full batch
	Drop        bool            // leave out and count the oldest frames when the source is faster, instead of making it wait
	Alarm       float64         // relative surprise that raises an alarm; 0 means DefaultAlarm, +Inf is never
	Expectation surprise.Config // what is usual; a HalfLife of 0 means HalfLife
}

// Watcher scores streams with one model. It is for one goroutine at a time; the
// expectation carries on from one Run to the next.
type Watcher struct {
	m       *jepa.Model
	cfg     Config
	places  *Places
	change  *change
	replay  replay
	stats   Stats
	latency Latency
}

// Stats counts what a watcher has seen. The latency of a frame is the time from
// when it was read to when its surprise was known.
type Stats struct {
	Frames        int // scored
	Dropped       int // left out because the source was faster
	P50, P95, P99 time.Duration
}

// Stats returns the counts so far. It may be called from other goroutines than
// Run's.
func (w *Watcher) Stats() Stats {
	w.latency.mu.Lock()
	defer w.latency.mu.Unlock()
	s := w.stats
	s.P50, s.P95, s.P99 = w.latency.quantile(0.5), w.latency.quantile(0.95), w.latency.quantile(0.99)
	return s
}

// Observation is a record and what it was made from. Its slices are the
// watcher's: read them before emit returns, and do not change them.
type Observation struct {
	Record
	Pixels   []uint8     // [H, W, C]
	Latent   []float32   // [D]
	Cells    []float64   // surprise of each cell over what was expected, [rows·cols] of jepa.Config.Grid; nil while the cells warm up
	Whole    float64     // see Seen.Whole; 0 while warming
	Calm     float64     // see Seen.Calm; 0 while warming
	Sudden   float64     // see Seen.Sudden; 0 while warming
	SuddenAt *[2]float64 // see Seen.SuddenAt
	Jump     float64     // the picture's mean squared change over the usual one; 0 while warming
	Still    float64     // mean over the last five pictures of log(usual/change); 0 while warming
	Rush     float64     // mean over the last ten pictures of log(change/usual); 0 while warming
	Replay   float64     // how much nearer the picture is to one of the last minute than to the one before it; 0 while warming

	Came time.Time     // when the frame was read
	Took time.Duration // what its surprise cost: the time of the frames scored with it, over their number
}

// What an Observation is calibrated by, in the order of Observation.Scores.
const (
	Place  = iota // how much more the most surprising place surprises than it usually does
	Sudden        // how much more a place surprises than it usually does and than it and its surroundings just did
	Whole         // how much more than usual half of the picture does
	Calm          // how much less for a while
	Jump          // how much more the picture changes than it usually does, whatever the model expects
	Still         // how much less for a while
	Rush          // how much more for a while
	Replay        // how much nearer the picture is to an earlier one than to the last
)

// Statistics returns the names of Place, Sudden, Whole, Calm, Jump, Still, Rush and Replay.
func Statistics() []string {
	return []string{"place", "sudden", "whole", "calm", "jump", "still", "rush", "replay"}
}

// Scores returns what a calibration of the stream is made of, a logarithm for each
// of Statistics; all 0 while warming.
func (o Observation) Scores() []float64 {
	if o.Relative == nil {
		return make([]float64, len(Statistics()))
	}
	log := func(x float64) float64 { return math.Log(max(x, 1e-9)) }
	return []float64{log(*o.Relative), log(o.Sudden), log(o.Whole), o.Calm, log(o.Jump), o.Still, o.Rush, log(o.Replay)}
}

// Where returns the place of the picture that a statistic speaks of, nil if of all of it.
func (o Observation) Where(statistic int) *[2]float64 {
	switch statistic {
	case Place:
		return o.At
	case Sudden:
		return o.SuddenAt
	}
	return nil
}

// New returns a watcher. It returns the faults of cfg as an error.
func New(m *jepa.Model, cfg Config) (*Watcher, error) {
	if cfg.Batch == 0 {
		cfg.Batch = 32
	}
	if cfg.Alarm == 0 {
		cfg.Alarm = DefaultAlarm
	}
	if cfg.Batch < 1 || !(cfg.Alarm > 0) {
		return nil, fmt.Errorf("watch: config: batch %d and alarm %g, want both above 0", cfg.Batch, cfg.Alarm)
	}
	if m.Config().Predictor.Target != jepa.TargetLatent {
		return nil, fmt.Errorf("watch: the model predicts %s, and surprise here is of latents; foresee eval surprise judges it", m.Config().Predictor.Target)
	}
	rows, cols, _ := m.Config().Grid()
	places, err := NewPlaces(rows, cols, cfg.Expectation)
	if err != nil {
		return nil, err
	}
	change, err := newChange(cfg.Expectation)
	if err != nil {
		return nil, err
	}
	f := m.Config().Frame
	return &Watcher{m: m, cfg: cfg, places: places, change: change, replay: replay{h: f.Height, w: f.Width, c: f.Channels}}, nil
}

// Run scores every frame of src in order and hands its record to emit. It
// returns nil at the end of the stream. It does not close src.
//
// When src fails, when ctx ends or when emit fails, Run returns that error;
// frames read before src failed are scored and emitted first. A source that
// reaches its end but has a method Warning() string, and there says what it
// could not read, has failed likewise: a file cut short is not the whole. One whose
// frames have another shape than the model's, and one without the actions that
// the model takes, are errors before the first record. A surprise that is not
// finite is an error that wraps surprise.ErrNotFinite.
func (w *Watcher) Run(ctx context.Context, src data.FrameSource, emit func(Record) error) error {
	return w.Observe(ctx, src, func(o Observation) error { return emit(o.Record) })
}

// Observe is Run with all that each record was made from.
func (w *Watcher) Observe(ctx context.Context, src data.FrameSource, emit func(Observation) error) error {
	model := w.m.Config()
	f := model.Frame
	if h, wd, c := src.FrameShape(); h != f.Height || wd != f.Width || c != f.Channels {
		return fmt.Errorf("watch: frames are %dx%dx%d, the model was trained on %dx%dx%d", h, wd, c, f.Height, f.Width, f.Channels)
	}
	ctx, cancel := context.WithCancel(ctx)
	frames := startReader(ctx, src, model, 2*w.cfg.Batch, w.cfg.Drop)
	defer frames.wait()
	defer cancel()
	t := tracker{m: w.m}
	before := w.Stats()
	for number := 0; ; {
		batch, readErr := frames.collect(w.cfg.Batch, w.cfg.Live)
		if readErr != nil && ctx.Err() != nil {
			return fmt.Errorf("watch: after %d frames: %w", number, ctx.Err())
		}
		began := time.Now()
		scores, err := t.score(ctx, batch)
		if err != nil {
			return fmt.Errorf("watch: frames from %d on: %w", number, err)
		}
		took := time.Since(began) / time.Duration(max(1, len(batch)))
		w.count(batch, before.Dropped+int(frames.dropped.Load()))
		for i, b := range batch {
			o, err := w.judge(scores[i], b.pixels)
			if err != nil {
				return fmt.Errorf("watch: frame %d: %w", b.number, err)
			}
			o.Time, o.Frame, o.Episode, o.Pixels = b.time.Seconds(), b.number, b.episode, b.pixels
			o.Came, o.Took = b.came, took
			if err := emit(o); err != nil {
				return err
			}
		}
		number += len(batch)
		frames.release(batch)
		if errors.Is(readErr, errEnd) {
			return unread(src, number)
		}
		if readErr != nil {
			return fmt.Errorf("watch: after %d frames: %w", number, readErr)
		}
	}
}

// count adds a scored batch to the statistics.
func (w *Watcher) count(batch []frame, dropped int) {
	w.latency.mu.Lock()
	defer w.latency.mu.Unlock()
	now := time.Now()
	for _, f := range batch {
		w.latency.add(now.Sub(f.came))
	}
	w.stats.Frames += len(batch)
	w.stats.Dropped = dropped
}

// unread is the error of a source that passed over what it could not read.
func unread(src data.FrameSource, frames int) error {
	if s, ok := src.(interface{ Warning() string }); ok && s.Warning() != "" {
		return fmt.Errorf("watch: after %d frames: the source is truncated or damaged: %s", frames, s.Warning())
	}
	return nil
}

// judge compares a score, and a picture with the one before it, with what is usual.
func (w *Watcher) judge(s score, picture []uint8) (Observation, error) {
	o := Observation{Record: Record{Warming: true}, Latent: s.code[:w.m.Config().Latent()]}
	changed, err := w.change.see(picture, s.known)
	if err != nil {
		return o, err
	}
	replayed := w.replay.see(picture, s.known)
	if !s.known {
		w.places.Break()
		return o, nil
	}
	o.Surprise = &s.value
	seen, err := w.places.Observe(s.cells)
	if err != nil {
		return o, err
	}
	o.Cells = seen.Cells
	if !seen.Ready || !changed.Ready {
		return o, nil
	}
	o.Jump, o.Still, o.Rush, o.Replay = changed.Whole, changed.Calm, changed.rush, replayed
	o.Warming, o.Relative, o.At, o.Whole, o.Calm = false, &seen.Relative, seen.At, seen.Whole, seen.Calm
	o.Sudden, o.SuddenAt = seen.Sudden, seen.SuddenAt
	o.Alarm = seen.Relative >= w.cfg.Alarm
	return o, nil
}
