package train

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/data"
	"foresee/jepa"
	"foresee/nn"
	"foresee/probe"
	"foresee/train/internal/replay"
	"foresee/train/internal/trainlog"
)

// saveSeconds is the most that lies between two checkpoints.
const saveSeconds = 30 * time.Second

// Options says what to run.
type Options struct {
	Data     *data.Dataset
	Out      string // model folder; new, empty, or one of the same run
	Config   Config
	Backend  compute.Backend
	Devices  int            // of the backend, that share each batch; 0 = 1
	Progress func(Progress) // called about ten times a second and at logged steps; nil = never
	Log      *slog.Logger   // nil = silent
	Version  string         // of the program, for the report
}

// Progress is a moment of a run.
type Progress struct {
	Stage        string
	Step, Steps  int // of the stage
	StepsPerSec  float64
	FramesPerSec float64 // frames, or cached latents, seen a second
	Left         time.Duration
	Names        []string
	Values       []float32 // loss and its parts at this step
}

// trainer is one run.
type trainer struct {
	opts     Options
	cfg      Config
	model    *jepa.Model
	dataHash string
	log      *trainlog.File
	devices  *jepa.Devices
	before   int // steps of the stages before the current one

	starts                  []int // [P] clips of stage 2: the global step of a clip's first frame, or of its newest context frame
	sampler                 *replay.Sampler
	savedErrors, savedDrawn []float32
	cached                  *cache
	reading                 *probe.Reading // taken since the last line of the log, or nil
	saved                   time.Time
	savedStep               int
	saveCost                time.Duration

	begun       time.Time     // of this call
	spent       time.Duration // by calls before it
	stageBegins time.Duration // time spent when the current stage began
}

// Run trains opts.Config on opts.Data into folder opts.Out and returns the
// model. If the folder holds an unfinished run of the same config and dataset it
// continues from its last checkpoint; if it is finished it is only loaded. One run
// at a time may have the folder, another's error wraps jepa.ErrLocked. When
// ctx ends, Run writes a checkpoint and returns ctx's error. A number that is
// not finite ends the run with a *NonFiniteError, a collapse with ErrCollapsed.
func Run(ctx context.Context, opts Options) (m *jepa.Model, err error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if err := opts.Config.Validate(); err != nil {
		return nil, fmt.Errorf("train: config: %w", err)
	}
	t := &trainer{opts: opts, cfg: opts.Config, saved: time.Now(), begun: time.Now()}
	if t.devices, err = jepa.NewDevices(opts.Backend, opts.Devices); err != nil {
		return nil, err
	}
	if err := errors.Join(t.checkData(), t.checkBatches()); err != nil {
		return nil, err
	}
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), t.cfg.Seed)
	if t.model, err = jepa.New(opts.Backend, t.cfg.Model, store); err != nil {
		return nil, err
	}
	if t.dataHash, err = opts.Data.Fingerprint(); err != nil {
		return nil, fmt.Errorf("train: hash data: %w", err)
	}
	if err := t.checkFolder(); err != nil {
		return nil, err
	}
	release, err := jepa.LockFolder(opts.Out)
	if err != nil {
		return nil, fmt.Errorf("train: output: %w", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	at, found, err := t.restore()
	if err != nil {
		return nil, err
	}
	if !found {
		at = t.after("")
	}
	if err := t.claim(at, found); err != nil {
		return nil, err
	}
	if err := t.runFrom(ctx, at); err != nil {
		return nil, err
	}
	return t.model, nil
}

// checkData compares the dataset with the config.
func (t *trainer) checkData() error {
	h, w, c := t.opts.Data.FrameShape()
	f := t.cfg.Model.Frame
	if h != f.Height || w != f.Width || c != f.Channels {
		return fmt.Errorf("train: dataset %s has frames %dx%dx%d, the config wants %dx%dx%d", t.opts.Data.Dir(), h, w, c, f.Height, f.Width, f.Channels)
	}
	if a := t.opts.Data.ActionWidth(); t.cfg.Model.ActionDim > 0 && a != t.cfg.Model.ActionDim {
		return fmt.Errorf("train: dataset %s has actions of width %d, the config wants %d", t.opts.Data.Dir(), a, t.cfg.Model.ActionDim)
	}
	return t.checkLengths()
}

// checkLengths wants an episode that is long enough for every stage, before the
// first one begins.
func (t *trainer) checkLengths() error {
	longest, s := 0, t.cfg.Train
	for e := range t.opts.Data.Episodes() {
		if t.training(e) {
			_, length := t.opts.Data.Episode(e)
			longest = max(longest, length)
		}
	}
	needs := func(stage string, steps, frames int) error {
		if steps > 0 && longest < frames {
			return fmt.Errorf("train: dataset %s: stage %s needs episodes of %d frames, the longest to learn from has %d", t.opts.Data.Dir(), stage, frames, longest)
		}
		return nil
	}
	pixels, latents := 3, t.cfg.Model.Predictor.Stride+1
	if t.cfg.Model.Encoder.Kind != jepa.EncoderCells {
		pixels, latents = slices.Max(s.Pixels.Offsets)+1, t.cfg.Model.Context()+s.Latents.Rollout
	}
	return errors.Join(
		needs("pixels", s.Pixels.Steps, pixels),
		needs("latents", s.Latents.Steps, latents),
		needs("displacement", s.Displacement.Steps, s.Displacement.MaxGap+1))
}

// checkBatches wants batches that the devices share equally.
func (t *trainer) checkBatches() error {
	n := max(1, t.opts.Devices)
	check := func(stage string, o Optimizer) error {
		if o.Steps > 0 && o.Batch%n != 0 {
			return fmt.Errorf("train: %d devices do not share the batch of %d of stage %s equally; set train.%s.batch to a multiple of %d", n, o.Batch, stage, stage, n)
		}
		return nil
	}
	s := t.cfg.Train
	return errors.Join(check("pixels", s.Pixels.Optimizer), check("latents", s.Latents.Optimizer), check("usual", s.Usual), check("displacement", s.Displacement.Optimizer))
}

// part is one stage of the run as the sequence in runFrom sees it.
type part struct {
	name  string
	steps int
	make  func(context.Context) (*stage, error)
}

func (t *trainer) parts() []part {
	pixels, latents := t.pixelStage, t.latentStage
	if t.cfg.Model.Encoder.Kind == jepa.EncoderCells {
		pixels, latents = t.cellStage, t.memoryStage
	}
	return []part{
		{"pixels", t.cfg.Train.Pixels.Steps, pixels},
		{"latents", t.cfg.Train.Latents.Steps, latents},
		{"usual", t.cfg.Train.Usual.Steps, t.usualStage},
		{"displacement", t.cfg.Train.Displacement.Steps, t.displacementStage},
	}
}

func (t *trainer) runFrom(ctx context.Context, at progress) (err error) {
	if at.stage == doneStage {
		t.opts.Log.Info("already trained", "model", t.opts.Out)
		t.model, err = jepa.Load(t.opts.Backend, t.opts.Out)
		return err
	}
	total := t.globalStep(at)
	if total > 0 {
		t.opts.Log.Info("resuming", "step", total, "stage", at.stage, "stage_step", at.step)
	}
	if t.log, err = trainlog.Open(filepath.Join(t.opts.Out, LogFile), total); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.log.Close()) }()
	started := false
	for _, p := range t.parts() {
		from := 0
		if p.name == at.stage {
			started, from = true, at.step
		}
		if started && p.steps > 0 {
			if from == 0 {
				t.stageBegins = t.elapsed()
			}
			if err := t.runPart(ctx, p, from); err != nil {
				return err
			}
		}
		t.before += p.steps
	}
	if err := errors.Join(t.chooseLandmarks(ctx), t.settleColours(ctx)); err != nil {
		return err
	}
	if err := errors.Join(t.writeReport(ctx), t.writeCard()); err != nil {
		return err
	}
	return t.save(progress{stage: doneStage})
}

// globalStep counts the steps of all stages before a point.
func (t *trainer) globalStep(at progress) int {
	total := 0
	for _, p := range t.parts() {
		if p.name == at.stage {
			return total + at.step
		}
		total += p.steps
	}
	return total
}

func (t *trainer) runPart(ctx context.Context, p part, from int) error {
	s, err := p.make(ctx)
	if err != nil {
		return err
	}
	s.compile(t.opts.Backend, t.model.Store(), t.devices)
	err = t.runSteps(ctx, s, from)
	s.end()
	if err != nil {
		return err
	}
	t.starts, t.sampler, t.savedErrors, t.savedDrawn = nil, nil, nil, nil
	if err := t.dropMoments(); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return t.save(t.after(p.name))
}

// runSteps does the steps of a stage and the checkpoints between them.
func (t *trainer) runSteps(ctx context.Context, s *stage, from int) error {
	t.savedStep = from
	begun, first, shown := time.Now(), from, time.Time{}
	for step := from; step < s.opt.Steps; step++ {
		if share := t.timeUsed(s); share >= 1 {
			t.opts.Log.Info("out of time", "stage", s.name, "step", step, "of", s.opt.Steps, "minutes", t.limit(s).Minutes())
			return nil
		} else {
			s.ahead = int(share * float64(s.opt.Steps))
		}
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), t.save(progress{s.name, step}))
		}
		scalars, err := s.run(context.WithoutCancel(ctx), step)
		if err != nil {
			return fmt.Errorf("train: %w", err)
		}
		if step == first {
			begun = time.Now() // leave compiling out of the rate
		}
		logged := step%t.cfg.Train.LogEvery == 0 || step == s.opt.Steps-1
		if logged {
			if err := t.log.Write(s.logEntry(t.before+step, step, scalars, t.reading)); err != nil {
				return err
			}
			t.reading = nil
		}
		if t.opts.Progress != nil && (logged || time.Since(shown) > 100*time.Millisecond) {
			shown = time.Now()
			p := s.progress(step, scalars, float64(step-first)/time.Since(begun).Seconds())
			p.Left = t.timeLeft(s, p.Left)
			t.opts.Progress(p)
		}
		if err := t.saveIfDue(s, step+1); err != nil {
			return err
		}
	}
	return nil
}

// elapsed returns the time that this run has taken, calls before this one included.
func (t *trainer) elapsed() time.Duration { return t.spent + time.Since(t.begun) }

// timeUsed returns the share of the time left to a stage when it began that is
// used up, 0 where there is no limit.
func (t *trainer) timeUsed(s *stage) float64 {
	limit := t.limit(s)
	if limit == 0 {
		return 0
	}
	if limit <= t.stageBegins {
		return 1
	}
	return float64(t.elapsed()-t.stageBegins) / float64(limit-t.stageBegins)
}

// timeLeft returns how long a stage still takes whose steps want so long.
func (t *trainer) timeLeft(s *stage, steps time.Duration) time.Duration {
	limit := t.limit(s)
	if limit == 0 {
		return steps
	}
	return max(0, min(steps, limit-t.elapsed()))
}

// limit returns the time by which a stage ends, counted from the start of the run, 0 where there is none.
func (t *trainer) limit(s *stage) time.Duration {
	return time.Duration(s.until * t.cfg.Train.Minutes * float64(time.Minute))
}

// dropMoments forgets the optimizer's moments of a stage that is over.
func (t *trainer) dropMoments() error {
	var errs []error
	for _, v := range slices.Collect(t.model.Store().IterVariables()) {
		if nn.IsMoment(v) {
			errs = append(errs, t.model.Store().DeleteVariable(v.Path()))
		}
	}
	return errors.Join(errs...)
}

// after returns the point behind stage name; the first for an empty name.
func (t *trainer) after(name string) progress {
	seen := name == ""
	for _, p := range t.parts() {
		if seen && p.steps > 0 {
			return progress{stage: p.name}
		}
		seen = seen || p.name == name
	}
	return progress{stage: "landmarks"}
}

// saveIfDue writes a checkpoint SaveEvery steps after the last one, later where
// checkpoints would take more than SaveShare of the time, and after saveSeconds
// at the latest.
func (t *trainer) saveIfDue(s *stage, next int) error {
	since := time.Since(t.saved)
	cheap := since.Seconds()*t.cfg.Train.SaveShare >= t.saveCost.Seconds() || t.cfg.Train.SaveShare == 0
	due := since >= saveSeconds || cheap && next-t.savedStep >= t.cfg.Train.SaveEvery
	if !due || next == s.opt.Steps { // the last step's checkpoint is the next stage's first
		return nil
	}
	return t.save(progress{s.name, next})
}

func (s *stage) progress(step int, scalars []float32, rate float64) Progress {
	p := Progress{Stage: s.name, Step: step + 1, Steps: s.opt.Steps, StepsPerSec: rate, FramesPerSec: rate * float64(s.frames), Values: scalars}
	for i := range scalars {
		p.Names = append(p.Names, s.scalarName(i))
	}
	if rate > 0 {
		p.Left = time.Duration(float64(s.opt.Steps-step-1) / rate * float64(time.Second))
	}
	return p
}
