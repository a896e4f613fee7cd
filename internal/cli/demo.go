package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"foresee/agent"
	"foresee/data"
	"foresee/env/tworooms"
	"foresee/eval"
	"foresee/report"
	"foresee/train"
)

// demoCmd is the whole of foresee in one command.
type demoCmd struct {
	Quick bool   `help:"A short run on small frames, under 90 seconds: it shows that everything works, its figures are lower."`
	Out   string `short:"o" default:"foresee-demo" placeholder:"DIR" help:"Folder of data, model and report; an interrupted demo in it is resumed (${default})."`
	Seed  uint64 `default:"1" help:"Seed of data, training and evaluation (${default})."`
}

// demoSize says how much of everything a demo does.
type demoSize struct {
	data     eval.Recording
	steps    int // of the first training stage; 0 = the preset's
	batch    int // clips a step; 0 = the preset's
	plan     eval.PlanConfig
	clips    int // of the teleport figure
	episodes int // of the probes
}

func (c *demoCmd) size() demoSize {
	s := demoSize{
		data: eval.Recording{Generator: "foresee demo", Episodes: 3000, Frames: 91, Size: tworooms.Size, Layout: tworooms.LayoutTrain, Seed: c.Seed},
		plan: eval.PlanConfig{Seed: c.Seed, Episodes: 200, Latency: 20, Baseline: 20}, clips: 400, episodes: 500,
	}
	if c.Quick {
		s.data.Episodes, s.data.Size = 800, tworooms.SmallSize
		s.steps, s.batch = 200, 128
		s.plan.Episodes, s.plan.Latency, s.plan.Baseline = 40, 5, -1
		s.clips, s.episodes = 100, 200
	}
	return s
}

// Help says what happens.
func (c *demoCmd) Help() string {
	return "Learns Two Rooms from raw pixels, plans through a door it was never told about, is surprised by a teleport, and writes report.html. " +
		"Nothing but frames and actions enters training and planning."
}

// Run collects, trains, evaluates and reports. What is already in the folder is
// not done again.
func (c *demoCmd) Run(ctx context.Context, a *app) error {
	begun := time.Now()
	size := c.size()
	if err := c.checkFolder(); err != nil {
		return err
	}
	resume := func(err error) error {
		if errors.Is(err, context.Canceled) {
			return fmt.Errorf("demo stopped; the same command resumes it from %s: %w", c.Out, err)
		}
		return err
	}
	d, err := c.data(ctx, a, size)
	if err != nil {
		return resume(err)
	}
	defer d.Close()
	collected := time.Now()
	if err := c.train(ctx, a, d, size); err != nil {
		return resume(err)
	}
	trained := time.Now()
	r, err := c.evaluate(ctx, a, size)
	if err != nil {
		return resume(err)
	}
	doc := a.document(c.Seed, 0)
	doc.Add(r.rows...)
	doc.Add(
		report.Row{Name: "demo/seconds/collect", Value: collected.Sub(begun).Seconds(), Unit: "s", Note: fmt.Sprintf("%d episodes of %d frames, %d px; 0 when already there", size.data.Episodes, size.data.Frames, size.data.Size)},
		report.Row{Name: "demo/seconds/train", Value: trained.Sub(collected).Seconds(), Unit: "s", Note: "this call; less when resumed"},
		report.Row{Name: "demo/seconds/evaluate", Value: time.Since(trained).Seconds(), Unit: "s"},
		report.Row{Name: "demo/seconds/total", Value: time.Since(begun).Seconds(), Unit: "s", Note: "of this call"},
	)
	path := filepath.Join(c.Out, "report.html")
	if err := demoPage(c, r, filepath.Join(c.modelDir(), train.LogFile), doc).WriteFile(path); err != nil {
		return fmt.Errorf("demo: report: %w", err)
	}
	if err := doc.WriteFile(filepath.Join(c.Out, "report.json")); err != nil {
		return fmt.Errorf("demo: report: %w", err)
	}
	if err := a.print(doc); err != nil {
		return err
	}
	a.sayf("The report is %s", path)
	return nil
}

func (c *demoCmd) dataDir() string  { return filepath.Join(c.Out, "data") }
func (c *demoCmd) modelDir() string { return filepath.Join(c.Out, "model") }

// checkFolder refuses a folder that holds something that is not a demo.
func (c *demoCmd) checkFolder() error {
	kind, err := holds(c.Out)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if kind == holdsNothing {
		return nil
	}
	if inner, err := holds(c.dataDir()); err == nil && inner == holdsDataset {
		return nil
	}
	return fmt.Errorf("demo: %s already holds %s and no demo; give another folder with -o", c.Out, kind)
}

// data opens the demo's dataset, after recording it if it is not there.
func (c *demoCmd) data(ctx context.Context, a *app, size demoSize) (*data.Dataset, error) {
	kind, err := holds(c.dataDir())
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	if kind == holdsNothing {
		p := a.progress("collect", size.data.Episodes)
		if _, err := eval.Record(ctx, c.dataDir(), size.data, func() { p.Add(1, "") }); err != nil {
			return nil, err
		}
		p.End("")
	}
	d, err := data.Open(c.dataDir())
	if err != nil {
		return nil, err
	}
	h, _, _ := d.FrameShape()
	if d.Episodes() != size.data.Episodes || h != size.data.Size || d.Meta().Seed != size.data.Seed {
		d.Close()
		return nil, fmt.Errorf("demo: %s holds %d episodes of %d-px frames from seed %d, this demo wants %d of %d px from seed %d; give another folder with -o",
			c.dataDir(), d.Episodes(), h, d.Meta().Seed, size.data.Episodes, size.data.Size, size.data.Seed)
	}
	return d, nil
}

func (c *demoCmd) train(ctx context.Context, a *app, d *data.Dataset, size demoSize) error {
	cfg, err := train.Preset("tworooms", d)
	if err != nil {
		return err
	}
	cfg.Seed = c.Seed
	if size.steps > 0 {
		cfg.Scale(size.steps)
	}
	if size.batch > 0 {
		cfg.Train.Pixels.Batch = size.batch
	}
	_, err = trainModel(ctx, a, train.Options{Data: d, Out: c.modelDir(), Config: cfg})
	return err
}

// demoResult is what the evaluation found.
type demoResult struct {
	rows     []report.Row
	teleport eval.TeleportExample
	shown    eval.Shown
}

func (c *demoCmd) evaluate(ctx context.Context, a *app, size demoSize) (demoResult, error) {
	m, end, err := openModel(a, c.modelDir())
	if err != nil {
		return demoResult{}, err
	}
	defer end()
	actor, err := agent.NewLandmark(ctx, m, agent.LandmarkConfig{})
	if err != nil {
		return demoResult{}, fmt.Errorf("demo: %w", err)
	}
	size.plan.Actor = actor
	p := a.progress("evaluate", size.plan.LearntEpisodes())
	size.plan.Begun = func() { p.Add(1, "") }
	var r demoResult
	if r.rows, err = eval.Plan(ctx, m, size.plan); err != nil {
		return r, err
	}
	p.End("")
	probes, err := eval.Probe(ctx, m, nil, eval.ProbeConfig{Seed: c.Seed, Episodes: size.episodes, SkipMLP: true})
	if err != nil {
		return r, err
	}
	teleport, example, err := eval.Teleport(ctx, m, eval.TeleportConfig{Seed: c.Seed, Clips: size.clips})
	if err != nil {
		return r, err
	}
	r.rows, r.teleport = append(append(r.rows, probes...), teleport...), example
	r.shown, err = eval.Show(ctx, m, actor, c.Seed, 0)
	return r, err
}
