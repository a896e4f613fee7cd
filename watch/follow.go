package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"foresee/data"
)

// FollowConfig says how a source that may go away is followed. Zero fields have
// the documented default.
type FollowConfig struct {
	// Open opens the source. A recording is to go on at a time; that is 0 the
	// first time and for a live source.
	Open func(ctx context.Context, from time.Duration) (data.FrameSource, error)
	// Live says that the source has no end: one is a disconnection. Without it
	// only a failure is, and an end with something left unread.
	Live bool
	// Stale is how long without a frame is too long: then an event says so. After
	// ten times as long the source is given up and opened anew. A picture that stands
	// still for as long, and four times longer than any before, is an event too. 0
	// means 3 s.
	Stale time.Duration
	// First and Most bound the pause before the source is opened again; it
	// doubles from one to the other. 0 means 1 s and 1 min.
	First, Most time.Duration
	// Attempts is how many openings in a row may give no frame; then the source
	// has failed. 0 means no limit for a live source and 5 for a recording.
	Attempts int
	// Event is told what happens to the source, if set. It may be called from
	// another goroutine than Next's, but not twice at once.
	Event func(data.Event)
}

// giveUp is how many times Stale passes before a silent source is opened anew.
const giveUp = 10

// followed is a FrameSource that comes back.
type followed struct {
	cfg     FollowConfig
	src     data.FrameSource // nil while it is gone
	h, w, c int
	fps     float64
	aspect  float64

	begun    time.Time     // when it was first opened
	offset   time.Duration // added to the source's time
	rebase   bool          // the next frame sets offset
	last     time.Duration // of the last frame given
	given    bool          // a frame was
	since    int           // frames since it was last opened
	attempts int           // openings in a row without a frame
	base     int           // added to the source's episode
	episode  int
	frozen   frozen
	cause    error // why it is gone
	end      error
}

// Follow opens a source and opens it again whenever it goes away, until it ends
// or ctx of Next does. What failed at the first opening is an error at once. An
// episode begins where frames are missing; the time of a live source is then that
// of the wall clock since the first opening, that of a recording its own.
func Follow(ctx context.Context, cfg FollowConfig) (data.FrameSource, error) {
	if cfg.Event == nil {
		cfg.Event = func(data.Event) {}
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&cfg.Stale, 3*time.Second)
	def(&cfg.First, time.Second)
	def(&cfg.Most, time.Minute)
	if cfg.Attempts == 0 && !cfg.Live {
		cfg.Attempts = 5
	}
	src, err := cfg.Open(ctx, 0)
	if err != nil {
		return nil, err
	}
	f := &followed{cfg: cfg, src: src, fps: src.FPS(), begun: time.Now()}
	f.h, f.w, f.c = src.FrameShape()
	if s, ok := src.(interface{ Aspect() float64 }); ok {
		f.aspect = s.Aspect()
	}
	return f, nil
}

func (f *followed) FrameShape() (h, w, c int) { return f.h, f.w, f.c }
func (f *followed) FPS() float64              { return f.fps }
func (f *followed) Episode() int              { return f.episode }

// Aspect returns width over height of the source's pictures, 0 if it does not know.
func (f *followed) Aspect() float64 { return f.aspect }

// Action returns the source's action, nil without one.
func (f *followed) Action() []float32 {
	if s, ok := f.src.(data.ActionSource); ok {
		return s.Action()
	}
	return nil
}

func (f *followed) tell(kind, format string, args ...any) {
	f.cfg.Event(data.Event{Kind: kind, Time: f.last, Detail: fmt.Sprintf(format, args...)})
}

// Next gives the next frame, however long the source is away.
func (f *followed) Next(ctx context.Context, dst []uint8) (time.Duration, error) {
	for f.end == nil {
		if f.src == nil {
			f.end = f.reopen(ctx)
			continue
		}
		t, err := f.next(ctx, dst)
		if err == nil {
			t = f.take(t)
			if f.frozen.see(dst, t, f.cfg.Stale) {
				f.tell(data.EventFrozen, "the same picture, to the last bit, for %v", t-f.frozen.since)
			}
			return t, nil
		}
		if ctx.Err() != nil {
			f.end = ctx.Err()
		} else if f.finished(err) {
			f.end = err
		} else {
			f.lose(err)
		}
	}
	return 0, f.end
}

// next reads a frame and watches how long that takes.
func (f *followed) next(ctx context.Context, dst []uint8) (time.Duration, error) {
	within, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	told := make(chan struct{})
	stale := time.AfterFunc(f.cfg.Stale, func() {
		defer close(told)
		f.tell(data.EventStale, "no frame for %v", f.cfg.Stale)
	})
	lost := time.AfterFunc(giveUp*f.cfg.Stale, func() {
		stop(fmt.Errorf("no frame for %v", giveUp*f.cfg.Stale))
	})
	t, err := f.src.Next(within, dst)
	lost.Stop()
	if !stale.Stop() {
		<-told
	}
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = context.Cause(within)
	}
	return t, err
}

// finished reports whether an error of the source is its end.
func (f *followed) finished(err error) bool {
	if err != io.EOF || f.cfg.Live {
		return false
	}
	return f.unread() == ""
}

func (f *followed) unread() string {
	if s, ok := f.src.(interface{ Warning() string }); ok {
		return s.Warning()
	}
	return ""
}

// lose lets the source go.
func (f *followed) lose(err error) {
	if err == io.EOF {
		err = errors.New("it ended")
		if text := f.unread(); text != "" {
			err = errors.New(text)
		}
	}
	f.cause = err
	f.tell(data.EventDisconnected, "%v", err)
	f.src.Close()
	f.src = nil
	f.attempts++
	if f.since > 0 {
		f.attempts = 0
	}
	f.since = 0
}

// reopen waits and opens the source again, as often as that is allowed.
func (f *followed) reopen(ctx context.Context) error {
	for ; ; f.attempts++ {
		if f.cfg.Attempts > 0 && f.attempts >= f.cfg.Attempts {
			return fmt.Errorf("gave up after %d attempts to open the source again: %w", f.attempts, f.cause)
		}
		pause := f.cfg.First
		for i := 0; i < f.attempts && pause < f.cfg.Most; i++ {
			pause *= 2
		}
		pause = min(pause, f.cfg.Most)
		f.tell(data.EventReconnecting, "attempt %d in %v: %v", f.attempts+1, pause, f.cause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		from := time.Duration(0)
		if !f.cfg.Live && f.given {
			from = f.last + time.Duration(float64(time.Second)/f.fps)
		}
		src, err := f.cfg.Open(ctx, from)
		if ctx.Err() != nil {
			if err == nil {
				src.Close()
			}
			return ctx.Err()
		}
		if err != nil {
			f.cause = err
			continue
		}
		if h, w, c := src.FrameShape(); h != f.h || w != f.w || c != f.c {
			src.Close()
			return fmt.Errorf("the source came back with frames %dx%dx%d, they were %dx%dx%d", h, w, c, f.h, f.w, f.c)
		}
		f.src, f.rebase = src, true
		return nil
	}
}

// take accounts for a frame at the source's time t.
func (f *followed) take(t time.Duration) time.Duration {
	if f.rebase {
		f.rebase = false
		if f.cfg.Live {
			f.offset = time.Since(f.begun) - t
		}
		if least := f.last + time.Duration(float64(time.Second)/f.fps); f.given && t+f.offset < least {
			f.offset = least - t
		}
		f.base = f.episode + 1
		if !f.given {
			f.base = 0
		}
		f.last = t + f.offset
		f.frozen.away(f.last)
		f.tell(data.EventReconnected, "frames come again")
	}
	f.since++
	f.given, f.last, f.episode = true, t+f.offset, f.base+f.src.Episode()
	return f.last
}

// Warning returns what the source could not read at its end.
func (f *followed) Warning() string {
	if f.src == nil || f.end != io.EOF {
		return ""
	}
	return f.unread()
}

// Close releases the source.
func (f *followed) Close() error {
	if f.end == nil {
		f.end = errors.New("closed")
	}
	if f.src == nil {
		return nil
	}
	return f.src.Close()
}
