package eval

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"foresee/data"
	"foresee/data/importer"
	"foresee/jepa"
	"foresee/report"
	"foresee/surprise"
	"foresee/surprise/alarm"
	"foresee/train"
	"foresee/watch"
	"foresee/watch/evidence"
)

// VideoConfig says how alarms on a camera are evaluated. Zero fields have the
// documented default.
type VideoConfig struct {
	Video   string // recording of one still camera, taken for normal
	Work    string // folder for what is learnt from it: training resumes, alarms are kept in Work/alarms
	Size    int    // pixels a side; 0 = 96
	Steps   int    // of training; 0 = the preset's
	Seed    uint64
	Backend string          // as jepa.OpenBackend takes it
	Budget  surprise.Budget // of false alarms; 0 = 1 in 10 minutes
	Log     *slog.Logger    // nil = silent
}

// Parts of every cycle of a recording: learnt from, calibrated on, tested.
const (
	cycleFrames = 159
	learnFrames = 70
	quietFrames = 44
	// the rest is tested
)

// recording is a video cut into parts that take turns, so that all three kinds are
// of the same day.
type recording struct {
	h, w    int
	fps     float64
	frames  [][]uint8
	learnt  [][][]uint8
	quiet   [][][]uint8
	testing [][][]uint8
}

// Video learns what is normal from parts of a recording, calibrates on others, and
// splices events into the rest: is each found, how late, and what alarms without
// one? Detectors beside it see the same frames, are made relative to what is usual
// place by place in the same way, and have the same budget: the mean squared
// difference to the frame before, and the residual of a principal-component model
// of single frames.
func Video(ctx context.Context, cfg VideoConfig) ([]report.Row, error) {
	if cfg.Size == 0 {
		cfg.Size = 96
	}
	if cfg.Budget == (surprise.Budget{}) {
		cfg.Budget = surprise.Budget{Alarms: 1, Per: 10 * time.Minute}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	rec, err := readRecording(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("eval: video: %w", err)
	}
	backend, err := jepa.OpenBackend(cfg.Backend)
	if err != nil {
		return nil, fmt.Errorf("eval: video: %w", err)
	}
	defer backend.Finalize()
	m, err := cfg.learn(ctx, rec, train.Options{Backend: backend, Log: cfg.Log})
	if err != nil {
		return nil, fmt.Errorf("eval: video: %w", err)
	}
	detectors := []detector{
		{statistics: watch.Statistics(), make: func() (scorer, error) { return newModelScorer(ctx, m) }},
		{name: "difference", make: func() (scorer, error) { return newCellScorer(rec, differences()) }},
		{name: "pca", make: pcaDetector(rec)},
	}
	events := spliced(rec, cfg.Seed)
	var rows []report.Row
	for _, d := range detectors {
		t := trial{cfg: cfg, rec: rec, d: d, events: events}
		if d.name == "" {
			t.keep, t.kept, t.model = filepath.Join(cfg.Work, "alarms"), map[string]bool{}, m.Config()
		}
		more, err := t.run(ctx)
		if err != nil {
			return nil, fmt.Errorf("eval: video: detector %q: %w", d.name, err)
		}
		cfg.Log.Info("tested", "detector", d.name, "events", len(events))
		rows = append(rows, more...)
	}
	return rows, nil
}

// readRecording reads all frames, gray, and cuts them.
func readRecording(ctx context.Context, cfg VideoConfig) (*recording, error) {
	src, err := importer.OpenStream(ctx, cfg.Video, importer.Options{Height: cfg.Size, Width: cfg.Size, Channels: 1}, nil)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	r := &recording{h: cfg.Size, w: cfg.Size, fps: src.FPS()}
	for {
		frame := make([]uint8, r.h*r.w)
		if _, err := src.Next(ctx, frame); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		r.frames = append(r.frames, frame)
	}
	for at := 0; at+cycleFrames <= len(r.frames); at += cycleFrames {
		c := r.frames[at : at+cycleFrames]
		r.learnt = append(r.learnt, c[:learnFrames])
		r.quiet = append(r.quiet, c[learnFrames:learnFrames+quietFrames])
		r.testing = append(r.testing, c[learnFrames+quietFrames:])
	}
	if len(r.learnt) < 2 {
		return nil, fmt.Errorf("%s has %d frames, want at least %d", cfg.Video, len(r.frames), 2*cycleFrames)
	}
	return r, nil
}

// learn trains the preset video on the learnt parts, or loads what it came to.
func (cfg VideoConfig) learn(ctx context.Context, r *recording, o train.Options) (*jepa.Model, error) {
	dir := filepath.Join(cfg.Work, "normal")
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(cfg.Work, 0o777); err != nil {
			return nil, err
		}
		w, err := data.Create(dir, data.Meta{Name: "normal", Frame: data.Frame{Height: r.h, Width: r.w, Channels: 1}, FPS: r.fps, Source: cfg.Video})
		if err != nil {
			return nil, err
		}
		for _, part := range r.learnt {
			for _, f := range part {
				if err := w.Append(f, nil); err != nil {
					return nil, errors.Join(err, w.Abort())
				}
			}
			if err := w.EndEpisode(); err != nil {
				return nil, errors.Join(err, w.Abort())
			}
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
	}
	d, err := data.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	config, err := train.Preset("video", d)
	if err != nil {
		return nil, err
	}
	config.Seed = cfg.Seed
	if cfg.Steps > 0 {
		config.Scale(cfg.Steps)
	}
	o.Data, o.Out, o.Config = d, filepath.Join(cfg.Work, "model"), config
	o.Progress = func(p train.Progress) {
		if p.Step%50 == 0 {
			cfg.Log.Info("train", "step", p.Step, "of", p.Steps, "left", p.Left.Round(time.Second))
		}
	}
	return train.Run(ctx, o)
}

// trial is one detector on all events.
type trial struct {
	cfg    VideoConfig
	rec    *recording
	d      detector
	events []event
	keep   string          // folder for evidence of the first event of each kind that is found; "" = none
	kept   map[string]bool // kinds of which there is evidence
	model  jepa.Config
}

// tally counts events of one kind.
type tally struct {
	events, found int
	delays        []float64
	by            map[int]int // events found by a statistic
}

// begun is where an alarm began, and by which statistic.
type begun struct{ at, by int }

// run calibrates a detector and lets it watch every event.
func (t trial) run(ctx context.Context) ([]report.Row, error) {
	c, err := t.calibrate(ctx)
	if err != nil {
		return nil, err
	}
	kinds := map[string]*tally{}
	all := &tally{by: map[int]int{}}
	outside, alarms := 0, 0
	for _, e := range t.events {
		alarmed, err := t.watch(ctx, c, e)
		if err != nil {
			return nil, err
		}
		k := kinds[e.kind]
		if k == nil {
			k = &tally{by: map[int]int{}}
			kinds[e.kind] = k
		}
		hit := begun{at: -1}
		for _, b := range alarmed {
			if b.at >= e.at && b.at < e.until {
				if hit.at < 0 {
					hit = b
				}
				continue
			}
			alarms++
		}
		outside += len(e.frames) - (e.until - e.at)
		if e.kind == clean {
			continue
		}
		for _, x := range []*tally{k, all} {
			x.events++
			if hit.at >= 0 {
				x.found++
				x.by[hit.by]++
				x.delays = append(x.delays, float64(hit.at-e.at)/t.rec.fps)
			}
		}
	}
	rows := t.found("", all)
	for _, kind := range eventKinds() {
		rows = append(rows, t.found(kind+"/", kinds[kind])...)
	}
	lo, hi := report.Wilson(alarms, outside)
	_, certain := c.Threshold(0)
	return append(rows, report.Row{Name: t.prefix() + "false_alarm_share", Value: float64(alarms) / float64(outside), Unit: "ratio", N: outside, Lo: &lo, Hi: &hi,
		Note: fmt.Sprintf("%d alarms in %.0f s outside events; budget %g in %v, calibrated on %d frames: %s", alarms, float64(outside)/t.rec.fps, t.cfg.Budget.Alarms, t.cfg.Budget.Per, len(t.rec.quiet)*quietFrames, certainty(certain))}), nil
}

func certainty(certain bool) string {
	if certain {
		return "enough"
	}
	return "too few for it, so extrapolated"
}

func (t trial) prefix() string {
	if t.d.name == "" {
		return "watch/video/"
	}
	return "watch/video/baseline/" + t.d.name + "/"
}

// found returns the rows of a tally.
func (t trial) found(kind string, x *tally) []report.Row {
	lo, hi := report.Wilson(x.found, x.events)
	rows := []report.Row{{Name: t.prefix() + kind + "found", Value: float64(x.found) / float64(x.events), Unit: "ratio", N: x.events, Lo: &lo, Hi: &hi, Note: t.by(x)}}
	delay := report.Row{Name: t.prefix() + kind + "delay", Value: math.NaN(), Unit: "s", N: len(x.delays), Note: "mean over those found"}
	if len(x.delays) > 0 {
		delay.Value = 0
		for _, d := range x.delays {
			delay.Value += d / float64(len(x.delays))
		}
	}
	return append(rows, delay)
}

// by says which statistics found the events of a tally, where there are several.
func (t trial) by(x *tally) string {
	var words []string
	for k, name := range t.d.statistics {
		words = append(words, fmt.Sprintf("%d by %s", x.by[k], name))
	}
	return strings.Join(words, ", ")
}

// calibrate learns the scores of the quiet parts.
func (t trial) calibrate(ctx context.Context) (*alarm.Calibration, error) {
	s, err := t.d.make()
	if err != nil {
		return nil, err
	}
	if err := t.warm(ctx, s); err != nil {
		return nil, err
	}
	normal := make([][]float64, max(1, len(t.d.statistics)))
	for i, part := range t.rec.quiet {
		if err := s.watch(ctx, part, i, func(_ int, scores []float64, o watch.Observation) error {
			if o.Relative == nil {
				return nil
			}
			for k, s := range scores {
				normal[k] = append(normal[k], s)
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return alarm.CalibrateApart(normal, alarm.Config{
		Budget: t.cfg.Budget, Step: time.Duration(float64(time.Second) / t.rec.fps), Slow: -1, Refractory: int(t.rec.fps), Statistics: t.d.statistics,
	})
}

// warm lets a detector see the learnt parts, so that it knows what is usual.
func (t trial) warm(ctx context.Context, s scorer) error {
	for i, part := range t.rec.learnt {
		if err := s.watch(ctx, part, i-len(t.rec.learnt), func(int, []float64, watch.Observation) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// watch lets a fresh detector see the quiet parts, then the event, and returns the
// alarms that began in it.
func (t trial) watch(ctx context.Context, c *alarm.Calibration, e event) (alarms []begun, err error) {
	s, err := t.d.make()
	if err != nil {
		return nil, err
	}
	if err := t.warm(ctx, s); err != nil {
		return nil, err
	}
	judge, err := alarm.NewJudge(c, alarm.JudgeConfig{})
	if err != nil {
		return nil, err
	}
	var keep *evidence.Recorder
	if t.keep != "" && !t.kept[e.kind] {
		keep, err = evidence.New(evidence.Config{Dir: filepath.Join(t.keep, e.kind), Model: t.model, Aspect: 4.0 / 3, Before: 2 * time.Second, After: 2 * time.Second,
			Page: report.Document{Command: "foresee eval watch --video " + filepath.Base(t.cfg.Video), Seed: t.cfg.Seed, Machine: report.ThisMachine(0)}})
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, keep.Close(ctx)) }()
	}
	parts := append(append([][][]uint8{}, t.rec.quiet...), e.frames)
	for i, part := range parts {
		last := i == len(parts)-1
		if last {
			judge.Break()
		}
		if err := s.watch(ctx, part, i, func(at int, scores []float64, o watch.Observation) error {
			v := alarm.Verdict{}
			if last && o.Relative != nil {
				var err error
				if v, err = judge.Observe(time.Unix(int64(at), 0), scores...); err != nil {
					return err
				}
				if v.Alarm {
					alarms = append(alarms, begun{at, v.By})
					if keep != nil {
						t.kept[e.kind] = true
					}
				}
			}
			if keep == nil {
				return nil
			}
			if v.Alarm {
				o.At = o.Where(v.By)
			}
			return keep.Observe(ctx, o, v.Open, v.Alarm, fmt.Sprintf("Spliced event: %s at frame %d of this part. Score %.2f (%s), p = %.1e.", e.kind, e.at, scores[v.By], watch.Statistics()[v.By], v.P))
		}); err != nil {
			return nil, err
		}
	}
	return alarms, nil
}
