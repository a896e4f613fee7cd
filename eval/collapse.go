package eval

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"

	"foresee/agent"
	"foresee/data"
	"foresee/env/tworooms"
	"foresee/jepa"
	"foresee/plan"
	"foresee/probe"
	"foresee/report"
	"foresee/train"
)

// CollapseConfig says how long the trainings are.
type CollapseConfig struct {
	Seed     uint64                   // of the trainings and of the suite
	Backend  string                   // as jepa.OpenBackend takes it
	Presets  []string                 // of "tworooms" and "eb-jepa"; nil means both
	Steps    int                      // of each training's first stage, later stages in proportion; 0 means 200
	Batch    int                      // clips a step of the first stage; 0 means 64
	Episodes int                      // of each success rate; 0 means 20, below 0 none
	Begun    func(preset, off string) // called before each training; nil = never
	Measured func([]report.Row)       // called after each with its rows, so that an interrupted study shows what it found; nil = never
	Log      *slog.Logger             // nil = silent
}

func (c CollapseConfig) withDefaults() CollapseConfig {
	if len(c.Presets) == 0 {
		c.Presets = []string{"tworooms", "eb-jepa"}
	}
	if c.Steps == 0 {
		c.Steps = 200
	}
	if c.Batch == 0 {
		c.Batch = 64
	}
	if c.Episodes == 0 {
		c.Episodes = 20
	}
	if c.Begun == nil {
		c.Begun = func(string, string) {}
	}
	if c.Measured == nil {
		c.Measured = func([]report.Row) {}
	}
	return c
}

// Trainings returns how many models a config trains.
func (c CollapseConfig) Trainings() (n int) {
	for _, p := range c.withDefaults().Presets {
		all, _ := ablations(p)
		n += len(all)
	}
	return n
}

// outcome is what became of one training.
type outcome struct {
	ablation
	success rate // n = 0: not measured
	rows    []report.Row
}

// Collapse trains a small model on d with every regularizer, and one more for
// each group of them switched off, and returns for each
//
//	collapse/PRESET/OFF/rank          participation ratio of z
//	collapse/PRESET/OFF/std           mean over dimensions of its std, in the encoder's units
//	collapse/PRESET/OFF/static_share  share of its variance that lies between episodes
//	collapse/PRESET/OFF/xy_rmse, door_rmse   linear probes, where the data has the truth
//	collapse/PRESET/OFF/copy_ratio    error of an 8-step rollout over that of predicting no change
//	collapse/PRESET/OFF/success       in Two Rooms; on landmarks, or by CEM for a model without
//
// and collapse/PRESET/ordering: the share of published orderings that these
// short trainings reproduce, the others contradicted or undecided by their
// numbers. A training that ends by numbers that are not finite gives null rows
// that say so. Models and latents are in a temporary folder and removed.
func Collapse(ctx context.Context, d *data.Dataset, cfg CollapseConfig) ([]report.Row, error) {
	rows, err := collapseSuite(ctx, d, cfg.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("eval: collapse: %w", err)
	}
	return rows, nil
}

func collapseSuite(ctx context.Context, d *data.Dataset, cfg CollapseConfig) (rows []report.Row, err error) {
	dir, err := os.MkdirTemp("", "foresee-collapse-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s := study{cfg: cfg, train: d, test: d, dir: dir}
	if h, w, c := d.FrameShape(); h == w && c == tworooms.Channels && (h == tworooms.Size || h == tworooms.SmallSize) && d.ActionWidth() == 2 {
		fresh, err := freshRooms(ctx, 300, h, tworooms.LayoutRandom, Seed("collapse", cfg.Seed))
		if err != nil {
			return nil, err
		}
		defer fresh.Close()
		s.test = fresh.Dataset
	}
	for _, preset := range cfg.Presets {
		found, err := s.preset(ctx, preset)
		if err != nil {
			return nil, fmt.Errorf("preset %s: %w", preset, err)
		}
		for _, o := range found {
			rows = append(rows, o.rows...)
		}
		if row, ok := ordering(preset, found); ok {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// study trains on one dataset and measures on another.
type study struct {
	cfg         CollapseConfig
	train, test *data.Dataset
	dir         string // for models
}

// preset measures all ablations of a preset.
func (s *study) preset(ctx context.Context, preset string) ([]outcome, error) {
	all, err := ablations(preset)
	if err != nil {
		return nil, err
	}
	var found []outcome
	for _, a := range all {
		s.cfg.Begun(preset, a.off)
		o, err := s.run(ctx, preset, a)
		if err != nil {
			return nil, fmt.Errorf("without %s: %w", a.off, err)
		}
		if len(found) > 0 {
			o.compare(found[0])
		}
		s.cfg.Measured(o.rows)
		found = append(found, o)
	}
	return found, nil
}

// run trains and measures one ablation.
func (s *study) run(ctx context.Context, preset string, a ablation) (outcome, error) {
	o := outcome{ablation: a}
	cfg, err := train.Preset(preset, s.train)
	if err != nil {
		return o, err
	}
	cfg.Seed = s.cfg.Seed
	cfg.Scale(s.cfg.Steps)
	cfg.Train.Pixels.Batch = s.cfg.Batch
	cfg.Train.StopOnCollapse, cfg.Train.MonitorEvery, cfg.Train.ProbeEpisodes = false, 0, 0
	a.change(&cfg)
	b, err := jepa.OpenBackend(s.cfg.Backend)
	if err != nil {
		return o, err
	}
	defer b.Finalize()
	out := filepath.Join(s.dir, preset+"-"+a.off)
	m, err := train.Run(ctx, train.Options{Data: s.train, Out: out, Config: cfg, Backend: b, Log: s.cfg.Log})
	var broken *train.NonFiniteError
	if errors.As(err, &broken) {
		o.rows = []report.Row{{Name: "collapse/" + preset + "/" + a.off + "/std", Value: math.NaN(), Unit: "1", Note: "training ended: " + broken.Error()}}
		return o, nil
	}
	if err != nil {
		return o, err
	}
	note := fmt.Sprintf("%d steps of %d clips", cfg.Train.Pixels.Steps, cfg.Train.Pixels.Batch)
	return o, s.measure(ctx, m, &o, "collapse/"+preset+"/"+a.off+"/", note)
}

// measure adds the rows of a trained model to o.
func (s *study) measure(ctx context.Context, m *jepa.Model, o *outcome, prefix, note string) error {
	add := func(what, unit string, value float64, n int, note string) *report.Row {
		o.rows = append(o.rows, report.Row{Name: prefix + what, Value: value, Unit: unit, N: n, Note: note})
		return &o.rows[len(o.rows)-1]
	}
	seed := Seed("collapse", s.cfg.Seed)
	if _, ok := s.test.Privileged(data.StateColumn); ok {
		const frames = framesPerEpisode
		p, err := probe.Position(ctx, m, s.test, probe.DatasetConfig{Episodes: 300, Frames: frames, Seed: seed, SkipMLP: true})
		if err != nil {
			return err
		}
		z := p.LatentCodes
		r := probe.Read(z.Values, z.Rows()/frames, frames, z.Width)
		scale := 1.0
		if v := m.Normalizer().LatentStd; v > 0 {
			scale = float64(v) // the model normalises what it encodes
		}
		add("rank", "1", r.Rank, z.Rows(), fmt.Sprintf("participation ratio of z, of %d dimensions, %s", z.Width, note))
		add("std", "1", r.StdMean*scale, z.Rows(), "mean over dimensions of the std of z, encoder's units, "+note)
		add("static_share", "1", r.StaticShare, z.Rows(), "share of the variance of z between episodes, "+note)
		xy := p.State.Joint
		row := add("xy_rmse", "px", xy.RMSE, xy.N, fmt.Sprintf("linear probe of z, floor %.2f px, %s", xy.Floor, note))
		row.Lo, row.Hi = &xy.Lo, &xy.Hi
		if p.Layout != nil && len(p.Layout.Targets) > 1 {
			door := p.Layout.Targets[1]
			row := add("door_rmse", "px", door.RMSE, door.N, fmt.Sprintf("linear probe of the static code, or of z without one, floor %.2f px, %s", door.Floor, note))
			row.Lo, row.Hi = &door.Lo, &door.Hi
		}
	}
	points, err := probe.Rollout(ctx, m, s.test, nil, probe.RolloutConfig{Steps: []int{8}, Seed: seed})
	if err != nil {
		return err
	}
	add("copy_ratio", "1", points[0].LatentMSE/points[0].CopyLast, points[0].N, "squared error of an 8-step rollout over that of predicting no change, "+note)
	return s.success(ctx, m, o, prefix, note)
}

// success adds the success rate in Two Rooms of a model that can act there.
func (s *study) success(ctx context.Context, m *jepa.Model, o *outcome, prefix, note string) error {
	if s.cfg.Episodes < 0 || checkTwoRooms(m) != nil {
		return nil
	}
	var actor *agent.Actor
	var err error
	if len(m.Landmarks()) > 0 {
		actor, err = agent.NewLandmark(ctx, m, agent.LandmarkConfig{})
	} else {
		search := plan.CEMConfig{Samples: 64, Iterations: 3, Elites: 8}
		actor, err = agent.NewCEM(m, agent.CEMConfig{Search: search, Horizon: 32, Replan: 8, MaxNorm: tworooms.MaxAction})
	}
	if err != nil {
		return err
	}
	p := planning{cfg: PlanConfig{Seed: s.cfg.Seed}, size: m.Config().Frame.Height}
	r, err := play(ctx, actor, p.evaluation("collapse", s.cfg.Episodes, tworooms.LayoutRandom), nil)
	switch {
	case errors.Is(err, plan.ErrNoFinitePlan): // a latent without a metric
		o.success = rate{0, s.cfg.Episodes}
		note += ", the planner found no finite plan"
	case err != nil:
		return err
	default:
		o.success = rate{r.Final(), len(r.Outcomes)}
	}
	o.rows = append(o.rows, report.Ratio(prefix+"success", o.success.k, o.success.n, p.task(anyLayout)+", "+actor.Name()+", "+note))
	return nil
}

// compare says in the note of o's success how it stands to the full loss, and
// to what was published.
func (o *outcome) compare(full outcome) {
	if o.success.n == 0 || full.success.n == 0 {
		return
	}
	row := &o.rows[len(o.rows)-1]
	lo, hi := difference(o.success, full.success)
	row.Note += fmt.Sprintf("; against the full loss %+.0f points [%+.0f, %+.0f]", 100*(o.success.share()-full.success.share()), 100*lo, 100*hi)
	if d := o.published - full.published; !math.IsNaN(d) {
		row.Note += fmt.Sprintf("; published %g %% against %g %%: %s", o.published, full.published, judge(d, o.success, full.success))
	}
}
