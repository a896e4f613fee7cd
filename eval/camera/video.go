package camera

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"foresee/data"
	"foresee/data/importer"
	"foresee/jepa"
	"foresee/report"
	"foresee/surprise"
	"foresee/train"
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
		return nil, fmt.Errorf("camera: %w", err)
	}
	backend, err := jepa.OpenBackend(cfg.Backend)
	if err != nil {
		return nil, fmt.Errorf("camera: %w", err)
	}
	defer backend.Finalize()
	m, err := cfg.learn(ctx, rec, train.Options{Backend: backend, Log: cfg.Log})
	if err != nil {
		return nil, fmt.Errorf("camera: %w", err)
	}
	events := spliced(rec, cfg.Seed)
	var rows []report.Row
	for _, d := range detectors(rec, m) {
		t := trial{cfg: cfg, rec: rec, d: d, events: events}
		if d.name == "" {
			t.keep, t.kept, t.model = filepath.Join(cfg.Work, "alarms"), map[string]bool{}, m.Config()
		}
		more, err := t.run(ctx)
		if err != nil {
			return nil, fmt.Errorf("camera: detector %q: %w", d.name, err)
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

// learnt writes the learnt parts as a dataset, or opens the one that is there.
func (cfg VideoConfig) learnt(r *recording) (*data.Dataset, error) {
	dir, source := filepath.Join(cfg.Work, "normal"), filepath.Base(cfg.Video)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(cfg.Work, 0o777); err != nil {
			return nil, err
		}
		w, err := data.Create(dir, data.Meta{Name: "normal", Frame: data.Frame{Height: r.h, Width: r.w, Channels: 1}, FPS: r.fps, Source: source})
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
	if was := filepath.Base(d.Meta().Source); was != source {
		return nil, errors.Join(fmt.Errorf("%s holds frames of %s, not of %s: name another folder for what is learnt", dir, was, source), d.Close())
	}
	return d, nil
}

// learn trains the preset video on the learnt parts, or loads what it came to.
func (cfg VideoConfig) learn(ctx context.Context, r *recording, o train.Options) (*jepa.Model, error) {
	d, err := cfg.learnt(r)
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
