package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"foresee/jepa"
	"foresee/report"
	"foresee/watch"
)

// Config says what is kept of alarms. Zero fields have the documented default.
type Config struct {
	Dir    string          // folder of the alarms, made if it is not there
	Model  jepa.Config     // whose frames and cells are observed
	Aspect float64         // width over height of the picture as people saw it; 0 = that of the frames
	Before time.Duration   // of the clip before the alarm; 0 = 5 s
	After  time.Duration   // of the clip from the alarm on; 0 = 5 s
	Most   int             // alarms with files; later ones are only counted; 0 = 200
	Source string          // recording the frames are from, to cut full-size clips; "" = none, or a live source
	Page   report.Document // command, version and machine for the page's foot
}

// Alarm is why an alarm was raised. It is alarm.json of its folder.
type Alarm struct {
	Number   int         `json:"number"` // from 1
	Time     float64     `json:"time"`   // seconds
	Frame    int         `json:"frame"`
	Reason   string      `json:"reason"` // in words
	Relative float64     `json:"relative"`
	At       *[2]float64 `json:"at"`                // of the most surprising cell, shares of width and height; null without cells
	CellP    *float64    `json:"cell_p"`            // least p-value of a cell; null before there are enough normal cells
	Normal   *float64    `json:"normal_time"`       // seconds, of the most similar normal moment; null without any
	Distance float64     `json:"normal_distance"`   // mean squared difference of its latent
	Files    []string    `json:"files"`             // in the same folder
	Missing  string      `json:"missing,omitempty"` // why a file is not there
}

// shot is one frame of the ring.
type shot struct {
	number   int
	time     time.Duration
	pixels   []uint8
	relative float64 // 0 where there is none
}

// pending is an alarm whose clip is not over.
type pending struct {
	alarm Alarm
	at    time.Duration
	shots []shot
	p     []float64 // of the cells; nil without
	past  moment    // nearest normal
	here  []uint8   // the frame itself
}

// Recorder keeps evidence of alarms. It is for one goroutine; another of its own
// writes, so that frames do not wait for pictures. It must be closed.
type Recorder struct {
	cfg    Config
	rows   int
	cols   int
	width  int // of pictures
	height int
	normal *normal
	ring   []shot
	open   []*pending
	quiet  time.Duration // until when frames are not normal
	count  int
	work   chan job
	ended  chan error // what the writer came to
	failed atomic.Bool

	// The writer's own.
	page  *report.Page
	wrote time.Time
}

// job is an alarm to be written; ctx ends ffmpeg.
type job struct {
	ctx context.Context
	p   *pending
}

// backlog is how many alarms may wait to be written before frames do.
const backlog = 8

// pageEvery bounds how often the page is written anew.
const pageEvery = 5 * time.Second

// pictureHeight is the height of the pictures of alarms.
const pictureHeight = 288

// New makes the folder.
func New(cfg Config) (*Recorder, error) {
	def := func(d *time.Duration) {
		if *d == 0 {
			*d = 5 * time.Second
		}
	}
	def(&cfg.Before)
	def(&cfg.After)
	if cfg.Most == 0 {
		cfg.Most = 200
	}
	f := cfg.Model.Frame
	if cfg.Aspect == 0 {
		cfg.Aspect = float64(f.Width) / float64(f.Height)
	}
	if cfg.Before < 0 || cfg.After < 0 || cfg.Most < 0 || !(cfg.Aspect > 0.05 && cfg.Aspect < 20) {
		return nil, fmt.Errorf("evidence: config: before %v, after %v, most %d, aspect %g", cfg.Before, cfg.After, cfg.Most, cfg.Aspect)
	}
	if err := os.MkdirAll(cfg.Dir, 0o777); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	r := &Recorder{cfg: cfg, normal: newNormal(1), width: max(16, int(pictureHeight*cfg.Aspect)) &^ 1, height: pictureHeight}
	r.rows, r.cols, _ = cfg.Model.Grid()
	r.page = report.NewPage("Alarms", "What was not expected, where, and what is normal there.", cfg.Page)
	r.page.Text("Colours of a heat map: %s. They mean the same in every picture.", ScaleText)
	r.work, r.ended = make(chan job, backlog), make(chan error, 1)
	go r.write()
	return r, nil
}

// write finishes alarms until there are no more. After a failure it only empties
// the queue.
func (r *Recorder) write() {
	var failed error
	for j := range r.work {
		if failed == nil {
			if failed = r.finish(j.ctx, j.p); failed != nil {
				r.failed.Store(true)
			}
		}
	}
	r.ended <- failed
}

// Observe takes a frame. alarms says that an alarm is under way at it, begins that
// one begins with it, and reason why. Frames outside alarms are the normal past
// that later ones are compared with. ctx ends ffmpeg. An alarm's files are written
// behind the caller's back; that they could not be is the error of a later call.
func (r *Recorder) Observe(ctx context.Context, o watch.Observation, alarms, begins bool, reason string) error {
	now := time.Duration(math.Round(o.Time * float64(time.Second)))
	s := shot{number: o.Frame, time: now, pixels: append([]uint8{}, o.Pixels...)}
	if o.Relative != nil {
		s.relative = *o.Relative
	}
	if begins {
		r.begin(o, now, reason)
	}
	open := r.open[:0]
	for _, p := range r.open {
		if now-p.at < r.cfg.After && now >= p.at {
			p.shots = append(p.shots, s)
			open = append(open, p)
			continue
		}
		r.work <- job{ctx, p}
	}
	r.open = open
	r.ring = append(r.ring, s)
	for len(r.ring) > 0 && (now-r.ring[0].time >= r.cfg.Before || r.ring[0].time > now) {
		r.ring = r.ring[1:]
	}
	if alarms || begins {
		r.quiet = now + r.cfg.After
	} else if now >= r.quiet && o.Relative != nil {
		r.normal.addCells(o.Cells)
		r.normal.addMoment(o.Frame, now, o.Pixels, o.Latent)
	}
	if r.failed.Load() {
		return errFailed
	}
	return nil
}

// errFailed is replaced by what happened once the writer has ended.
var errFailed = errors.New("evidence: an alarm could not be written")

// begin notes what is known at the moment of the alarm.
func (r *Recorder) begin(o watch.Observation, now time.Duration, reason string) {
	r.count++
	if r.count > r.cfg.Most {
		return
	}
	p := &pending{at: now, shots: append([]shot{}, r.ring...), here: append([]uint8{}, o.Pixels...)}
	p.alarm = Alarm{Number: r.count, Time: o.Time, Frame: o.Frame, Reason: reason, At: o.At}
	if o.Relative != nil {
		p.alarm.Relative = *o.Relative
	}
	if values, ok := r.normal.pValues(o.Cells); ok && len(values) == r.rows*r.cols {
		p.p = values
		least := values[0]
		for _, v := range values {
			least = min(least, v)
		}
		p.alarm.CellP = &least
	}
	before := o.Frame
	if len(r.ring) > 0 {
		before = r.ring[0].number
	}
	if past, distance, ok := r.normal.nearest(o.Latent, before); ok {
		seconds := past.time.Seconds()
		p.past, p.alarm.Normal, p.alarm.Distance = past, &seconds, distance
	}
	r.open = append(r.open, p)
}

// Count returns how many alarms began.
func (r *Recorder) Count() int { return r.count }

// Close finishes the alarms whose clip is not over and writes the page.
func (r *Recorder) Close(ctx context.Context) error {
	for _, p := range r.open {
		r.work <- job{ctx, p}
	}
	r.open = nil
	close(r.work)
	failed := <-r.ended
	if r.count == 0 {
		r.page.Text("No alarm.")
	}
	if r.count > r.cfg.Most {
		r.page.Text("%d alarms in all; of those after the first %d nothing was kept.", r.count, r.cfg.Most)
	}
	return errors.Join(failed, r.writePage())
}

func (r *Recorder) writePage() error {
	r.wrote = time.Now()
	if err := r.page.WriteFile(filepath.Join(r.cfg.Dir, "index.html")); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	return nil
}

// finish writes an alarm's files and its part of the page.
func (r *Recorder) finish(ctx context.Context, p *pending) error {
	name := fmt.Sprintf("alarm-%04d", p.alarm.Number)
	dir := filepath.Join(r.cfg.Dir, name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	if err := r.writeFiles(ctx, dir, p); err != nil {
		return fmt.Errorf("evidence: %s: %w", dir, err)
	}
	line, err := json.MarshalIndent(p.alarm, "", "  ")
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	if err := report.ReplaceFile(filepath.Join(dir, "alarm.json"), append(line, '\n')); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	if err := r.show(name, p); err != nil {
		return err
	}
	if time.Since(r.wrote) < pageEvery {
		return nil
	}
	return r.writePage()
}
