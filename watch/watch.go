package watch

import (
	"context"
	"errors"
	"fmt"

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
	Alarm       float64         // relative surprise that raises an alarm; 0 means DefaultAlarm, +Inf is never
	Expectation surprise.Config // what is usual
}

// Watcher scores streams with one model. It is for one goroutine at a time; the
// expectation carries on from one Run to the next.
type Watcher struct {
	m      *jepa.Model
	cfg    Config
	expect *surprise.Expectation
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
	expect, err := surprise.NewExpectation(1, cfg.Expectation)
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	return &Watcher{m: m, cfg: cfg, expect: expect}, nil
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
	model := w.m.Config()
	f := model.Frame
	if h, wd, c := src.FrameShape(); h != f.Height || wd != f.Width || c != f.Channels {
		return fmt.Errorf("watch: frames are %dx%dx%d, the model was trained on %dx%dx%d", h, wd, c, f.Height, f.Width, f.Channels)
	}
	ctx, cancel := context.WithCancel(ctx)
	frames := startReader(ctx, src, model, 2*w.cfg.Batch)
	defer frames.wait()
	defer cancel()
	t := tracker{m: w.m}
	number := 0
	for {
		batch, readErr := frames.collect(w.cfg.Batch, w.cfg.Live)
		if readErr != nil && ctx.Err() != nil {
			return fmt.Errorf("watch: after %d frames: %w", number, ctx.Err())
		}
		scores, err := t.score(ctx, batch)
		if err != nil {
			return fmt.Errorf("watch: frames from %d on: %w", number, err)
		}
		for i, b := range batch {
			r, err := w.judge(scores[i])
			if err != nil {
				return fmt.Errorf("watch: frame %d: %w", number, err)
			}
			r.Time, r.Frame, r.Episode = b.time.Seconds(), number, b.episode
			if err := emit(r); err != nil {
				return err
			}
			number++
		}
		frames.release(batch)
		if errors.Is(readErr, errEnd) {
			return unread(src, number)
		}
		if readErr != nil {
			return fmt.Errorf("watch: after %d frames: %w", number, readErr)
		}
	}
}

// unread is the error of a source that passed over what it could not read.
func unread(src data.FrameSource, frames int) error {
	if s, ok := src.(interface{ Warning() string }); ok && s.Warning() != "" {
		return fmt.Errorf("watch: after %d frames: the source is truncated or damaged: %s", frames, s.Warning())
	}
	return nil
}

// judge compares a score with what is usual.
func (w *Watcher) judge(s score) (Record, error) {
	if !s.known {
		return Record{Warming: true}, nil
	}
	relative := make([]float64, 1)
	ready, err := w.expect.Observe([]float64{s.value}, relative)
	if err != nil {
		return Record{}, err
	}
	if !ready {
		return Record{Surprise: &s.value, Warming: true}, nil
	}
	return Record{Surprise: &s.value, Relative: &relative[0], Alarm: relative[0] >= w.cfg.Alarm}, nil
}
