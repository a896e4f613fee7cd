package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"
	"sync"
	"time"

	"foresee/data"
	"foresee/data/importer"
	"foresee/jepa"
	"foresee/surprise"
	"foresee/surprise/alarm"
	"foresee/watch"
	"foresee/watch/evidence"
)

// watchCmd says frame by frame how surprising a stream is.
type watchCmd struct {
	Model       string        `short:"m" required:"" placeholder:"MODEL" help:"Model that expects."`
	Source      string        `arg:"" help:"Camera (/dev/videoN), URL (rtsp, http, ...) or video file, all through ffmpeg; GIF, folder of images, or dataset; of a sensor model CSV, JSON lines, or - for stdin."`
	From        time.Duration `placeholder:"0s" help:"Leave out what comes before this time."`
	To          time.Duration `placeholder:"40s" help:"Leave out what comes from this time on; the end if left out."`
	Live        bool          `help:"Score every frame as it comes instead of 32 at a time; the default for cameras and URLs."`
	Alarm       float64       `default:"8" help:"For a model without a calibration: raise an alarm from so many times the expected surprise on; 0 = never (${default})."`
	Plain       bool          `help:"Use --alarm although the model has a calibration."`
	Alarms      string        `placeholder:"DIR" help:"Keep what was unusual of every alarm there: heat map, nearest normal moment, clip; DIR/index.html lists them."`
	ExitOnAlarm bool          `name:"exit-on-alarm" help:"Stop at the first alarm, with exit code 3."`
	sinkFlags
}

// Help describes a line to --help.
func (c *watchCmd) Help() string {
	return "Prints one JSON object a frame, with or without --json: time in seconds, frame, surprise (error of the predicted latent; " +
		"null where too few frames came before), relative (surprise over its running expectation, about 1 for an ordinary frame; null " +
		"while warming), at (where in the picture), alarm. What happens to the source is a line with event and detail: a camera that is " +
		"silent, gone or back, a clock that jumps, a video that is cut off. Frame size, colours and rate are the model's. A camera that is " +
		"faster than the model loses its oldest frames. A model that foresee calibrate has seen alarms within its budget of false alarms, and gives p, the probability of a normal block, and by what: place, sudden, whole or calm, of surprise, jump, still or rush, of how much the picture changes, or replay, of a picture that comes back; " +
		"another one alarms by a plain factor."
}

// errAlarm ends a watch at its first alarm.
var errAlarm = errors.New("alarm")

// Run watches to the end of the source and prints a line a frame.
func (c *watchCmd) Run(ctx context.Context, a *app) error {
	switch {
	case !(c.Alarm >= 0):
		return usagef("watch: --alarm %v: want 0 or more", c.Alarm)
	case c.From < 0 || c.To < 0 || c.To > 0 && c.To <= c.From:
		return usagef("watch: --from %v --to %v: want 0 <= from < to", c.From, c.To)
	case c.Alarm == 0 && c.ExitOnAlarm:
		return usagef("watch: --exit-on-alarm needs alarms, and --alarm 0 is none")
	}
	switch kind, err := holds(c.Model); {
	case err != nil:
		return fmt.Errorf("watch: %w", err)
	case kind == holdsSensors:
		return c.watchSensors(ctx, a)
	}
	print, err := watch.Fingerprint(c.Model) // before the model is read: a training that goes on makes another
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("watch: %w", err)
	}
	m, end, err := openModel(a, c.Model)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	defer end()
	out := &wholeWrites{w: a.stdout}
	src, live, err := c.open(ctx, m.Config(), func(e data.Event) {
		a.log.Warn(e.Kind, "at", e.Time, "detail", e.Detail)
		watch.EventLines(out)(e) // what cannot be written is the next line's error too
	})
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	defer src.Close()
	cfg := watch.Config{Live: c.Live || strings.Contains(c.Source, "://") || live, Drop: live, Alarm: c.Alarm}
	if cfg.Live {
		cfg.Batch = liveBatch
	}
	if c.Alarm == 0 {
		cfg.Alarm = math.Inf(1)
	}
	w, err := watch.New(m, cfg)
	if err != nil {
		return err
	}
	run := &watching{c: c, a: a, print: print, line: watch.Lines(out), begun: time.Now(), stats: w.Stats, live: cfg.Live}
	if err := run.keep(m.Config(), src); err != nil {
		return err
	}
	if run.out, err = c.sinkFlags.open(ctx, a, c.Source); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	err = w.Observe(ctx, src, func(o watch.Observation) error { return run.observe(ctx, o) })
	return run.end(ctx, w, src, err)
}

// quietSeconds without an alarming frame end an alarm.
const quietSeconds = 3

// watching is a watch under way.
type watching struct {
	c        *watchCmd
	a        *app
	print    string // fingerprint of the model
	line     func(watch.Record) error
	episodes *surprise.Episodes // of a model without a calibration
	judge    *alarm.Judge       // of one with
	evidence *evidence.Recorder // nil without --alarms
	begun    time.Time
	frames   int
	alarms   int
	last     watch.Record
	out      *sinks
	stats    func() watch.Stats
	dropped  int        // told to out
	live     bool       // frames are of now
	rank     watch.Rank // of --metrics
	ranked   time.Time  // when it was last told
}

// keep prepares the folder of alarms.
func (r *watching) keep(model jepa.Config, src data.FrameSource) error {
	var err error
	if r.episodes, err = surprise.NewEpisodes(surprise.EpisodeConfig{Refractory: max(1, int(quietSeconds*src.FPS()))}); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	if err := r.judged(); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	if r.c.Alarms == "" {
		return nil
	}
	if err := freshOutput(r.c.Alarms); err != nil {
		return err
	}
	cfg := evidence.Config{Dir: r.c.Alarms, Model: model, Page: r.a.document(0, 0)}
	if s, ok := src.(interface{ Aspect() float64 }); ok {
		cfg.Aspect = s.Aspect()
	}
	if s, ok := src.(interface{ Recording() string }); ok {
		cfg.Source = s.Recording()
	}
	r.evidence, err = evidence.New(cfg)
	return err
}

// judged takes the model's calibration, if it has one that is wanted.
func (r *watching) judged() error {
	if !r.c.Plain {
		c, err := alarm.Read(r.c.Model, r.print, watch.Statistics()...)
		if err == nil {
			r.judge, err = alarm.NewJudge(c, alarm.JudgeConfig{})
			return err
		}
		if errors.Is(err, alarm.ErrOtherScores) {
			return fmt.Errorf("%w, or watch with --plain", err)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	r.a.log.Warn("watch", "alarms", "by a plain factor, not by a budget of false alarms: see foresee calibrate")
	return nil
}

// decision is whether an alarm is under way, begins, and why.
type decision struct {
	open, begins bool
	reason       string
}

// decide judges a frame by the model's calibration, or by the plain factor, and
// puts into its record what came of it.
func (r *watching) decide(o *watch.Observation) (decision, error) {
	if r.judge == nil {
		return r.plain(o), nil
	}
	o.Alarm = false
	if o.Relative == nil {
		r.judge.Break()
		return decision{}, nil
	}
	scores := o.Scores()
	v, err := r.judge.Observe(r.begun.Add(time.Duration(o.Time*float64(time.Second))), scores...)
	if err != nil {
		return decision{}, err
	}
	o.P, o.By, o.Alarm = &v.P, watch.Statistics()[v.By], v.Open
	r.out.metrics.Judged(time.Now(), scores[v.By], v, r.judge)
	if v.Alarm || v.Ends {
		r.tell(o, v)
	}
	d := decision{open: v.Open, begins: v.Alarm}
	if d.begins {
		o.At = o.Where(v.By)
		what := [...]string{watch.Place: "A place of the picture is more surprising", watch.Sudden: "A place of the picture is all at once more surprising", watch.Whole: "Most of the picture is more surprising", watch.Calm: "The picture is calmer",
			watch.Jump: "The picture changes more", watch.Still: "The picture changes less",
			watch.Rush: "The picture goes on changing more", watch.Replay: "The picture returns to an earlier one more exactly"}[v.By]
		d.reason = fmt.Sprintf("%s than usual by a factor of %.1f; a normal block is as unusual with probability %.1e (%s, %s alarm).",
			what, math.Exp(scores[v.By]), v.P, map[bool]string{true: "counted", false: "extrapolated"}[v.Calibrated], v.Kind)
	}
	return d, nil
}

// plain judges a frame by the plain factor.
func (r *watching) plain(o *watch.Observation) decision {
	was := r.episodes.Open()
	d := decision{begins: r.episodes.Observe(o.Alarm)}
	d.open = r.episodes.Open()
	if o.Relative != nil {
		r.out.metrics.Factor(*o.Relative, r.c.Alarm, d.begins)
	}
	e := alarm.Event{Kind: alarm.Plain, P: 1, Threshold: r.c.Alarm}
	switch {
	case d.begins:
		d.reason = fmt.Sprintf("The surprise is %.1f times what was expected; an alarm is %g times. This model is not calibrated.", *o.Relative, r.c.Alarm)
		e.State, e.Score = alarm.Begins, *o.Relative
		r.send(o, e, o.At)
	case was && !d.open:
		e.State = alarm.Ends
		if o.Relative != nil {
			e.Score = *o.Relative
		}
		r.send(o, e, nil)
	}
	return d
}

// tell sends the begin or the end of a calibrated alarm to the sinks.
func (r *watching) tell(o *watch.Observation, v alarm.Verdict) {
	e := alarm.Event{
		State: alarm.Begins, Kind: v.Kind, Statistic: o.By, Score: o.Scores()[v.By], P: v.P, Calibrated: v.Calibrated, Budget: r.judge.Budget(),
	}
	e.Threshold, _ = r.judge.Threshold(v.By)
	if v.Ends {
		e.State = alarm.Ends
	}
	r.send(o, e, o.Where(v.By))
}

// send sends an event of a frame to the sinks, which may be about a place of the picture.
func (r *watching) send(o *watch.Observation, e alarm.Event, at *[2]float64) {
	e.Time = r.begun.Add(time.Duration(o.Time * float64(time.Second))).UTC()
	if at != nil {
		e.Why = []alarm.Cause{{Name: fmt.Sprintf("%.2f from the left, %.2f from the top", at[0], at[1]), Share: 1}}
	}
	if r.c.Alarms != "" {
		e.Files = []string{r.c.Alarms}
	}
	r.out.put(e)
}

// observe prints a line and keeps the evidence of an alarm.
func (r *watching) observe(ctx context.Context, o watch.Observation) error {
	v, err := r.decide(&o)
	if err != nil {
		return err
	}
	if err := r.line(o.Record); err != nil {
		return err
	}
	r.frames, r.last = r.frames+1, o.Record
	r.measure(o)
	if v.begins {
		r.alarms++
	}
	if r.evidence != nil {
		if err := r.evidence.Observe(ctx, o, v.open, v.begins, v.reason); err != nil {
			return err
		}
	}
	if v.begins && r.c.ExitOnAlarm {
		return errAlarm
	}
	return nil
}

// measure tells the metrics what a frame cost and what was lost before it.
func (r *watching) measure(o watch.Observation) {
	if r.c.Metrics == "" {
		return
	}
	r.drops()
	r.out.metrics.Scored(o.Took)
	if r.live {
		r.out.metrics.Lag(time.Since(o.Came))
	}
	if r.rank.Add(o.Latent); r.frames%16 == 0 && time.Since(r.ranked) >= time.Second {
		r.out.metrics.Rank(r.rank.Value())
		r.ranked = time.Now()
	}
}

// drops tells the metrics of frames left out since the last call.
func (r *watching) drops() {
	n := r.stats().Dropped
	r.out.metrics.Dropped(n - r.dropped)
	r.dropped = n
}

// end logs how many frames there were and how fast they came, and says how the
// watch ended.
func (r *watching) end(ctx context.Context, w *watch.Watcher, src data.FrameSource, err error) error {
	if r.evidence != nil {
		err = errors.Join(err, r.evidence.Close(context.WithoutCancel(ctx)))
	}
	r.drops()
	err = errors.Join(err, r.out.close(ctx))
	rate, stats := float64(r.frames)/time.Since(r.begun).Seconds(), w.Stats()
	r.a.log.Info("watched", "frames", r.frames, "alarms", r.alarms, "dropped", stats.Dropped,
		"per_second", math.Round(10*rate)/10, "times_real", math.Round(10*rate/src.FPS())/10,
		"latency_p50", stats.P50.Round(10*time.Microsecond), "latency_p95", stats.P95.Round(10*time.Microsecond), "latency_p99", stats.P99.Round(10*time.Microsecond))
	switch {
	case errors.Is(err, errAlarm):
		if r.last.P != nil {
			return answerNo("watch: alarm at %.3f s, frame %d, by %s: a normal block is as unusual with probability %.1e", r.last.Time, r.last.Frame, r.last.By, *r.last.P)
		}
		return answerNo("watch: alarm at %.3f s, frame %d: surprise is %.1f times what was expected", r.last.Time, r.last.Frame, *r.last.Relative)
	case err != nil:
		return fmt.Errorf("%s: %w", r.c.Source, err)
	case r.frames == 0:
		return fmt.Errorf("watch: %s: no frame between --from %v and --to %v", r.c.Source, r.c.From, r.c.To)
	}
	return nil
}

// liveBatch bounds how many frames of a live source are scored at once, and with
// that how far behind a slow machine may fall: at most twice as many wait.
const liveBatch = 8

// open opens the source with the frames that the model was trained on, and
// says whether it has no end. One that may go away is followed.
func (c *watchCmd) open(ctx context.Context, model jepa.Config, event func(data.Event)) (src data.FrameSource, live bool, err error) {
	f := model.Frame
	o := importer.Options{Height: f.Height, Width: f.Width, Channels: f.Channels, FPS: f.FPS, From: c.From, To: c.To}
	open := func(ctx context.Context, from time.Duration) (data.FrameSource, error) {
		o := o
		o.From = max(o.From, from)
		return importer.OpenStream(ctx, c.Source, o, event)
	}
	if !importer.IsLive(c.Source) && !strings.Contains(c.Source, "://") {
		src, err := open(ctx, 0)
		return src, false, err
	}
	first, err := open(ctx, 0)
	if err != nil {
		return nil, false, err
	}
	s, ok := first.(interface{ Live() bool })
	live = ok && s.Live()
	src, err = watch.Follow(ctx, watch.FollowConfig{Live: live, Event: event, Open: func(ctx context.Context, from time.Duration) (data.FrameSource, error) {
		if opened := first; opened != nil {
			first = nil
			return opened, nil
		}
		return open(ctx, from)
	}})
	return src, live, err
}

// wholeWrites makes calls of Write from several goroutines follow each other.
type wholeWrites struct {
	mu sync.Mutex
	w  io.Writer
}

func (w *wholeWrites) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(b)
}
