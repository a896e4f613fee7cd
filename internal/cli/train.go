package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"foresee/data"
	"foresee/jepa"
	"foresee/report"
	"foresee/train"
	"foresee/watch/sensor"
)

// trainCmd learns a world model.
type trainCmd struct {
	Data    string   `short:"d" required:"" placeholder:"DATA" help:"Dataset to learn from, or a file of sensor readings: CSV with a header, or JSON lines."`
	Out     string   `short:"o" required:"" placeholder:"MODEL" help:"Folder of the model; an unfinished run in it is resumed."`
	Preset  string   `enum:"auto,tworooms,eb-jepa,video,physics" default:"auto" help:"Where the config starts: tworooms, eb-jepa, video or physics; auto = video without actions, else tworooms."`
	Config  string   `placeholder:"F.yaml" help:"YAML file laid over the preset; unknown fields are refused."`
	Steps   int      `placeholder:"N" help:"Steps of the first stage; later stages keep their ratio to it."`
	Seed    uint64   `default:"1" help:"Seed of weights and batches (${default})."`
	Devices int      `default:"1" placeholder:"N" help:"Devices of the backend that share each batch (${default})."`
	Kind    string   `enum:"jepa,pca,ewma,persistence" default:"jepa" help:"Of sensor readings: jepa, or a baseline: pca, ewma, persistence (${default})."`
	Inputs  []string `placeholder:"NAME,..." help:"Of sensor readings: channels that are given, such as what an actuator was told; the others are predicted under them."`
	Set     []string `placeholder:"PATH=VALUE" sep:"none" help:"Set one field of the config, such as train.log_every=1; repeatable."`
}

// Run trains, or resumes, and prints the last losses.
func (c *trainCmd) Run(ctx context.Context, a *app) error {
	if c.Devices < 1 {
		return usagef("train: --devices %d: want 1 or more", c.Devices)
	}
	if isReadings(c.Data) {
		return c.fitSensors(a)
	}
	if c.Kind != sensor.KindJEPA || len(c.Inputs) > 0 {
		return usagef("train: --kind and --inputs are for sensor readings (.csv, .jsonl, .ndjson), not for %s", c.Data)
	}
	d, err := data.Open(c.Data)
	if err != nil {
		return err
	}
	defer d.Close()
	cfg, err := c.config(d)
	if err != nil {
		return err
	}
	begun := time.Now()
	last, err := trainModel(ctx, a, train.Options{Data: d, Out: c.Out, Config: cfg, Devices: c.Devices})
	if err != nil {
		return err
	}
	doc := a.document(cfg.Seed, 0)
	doc.Add(report.Row{Name: "train/seconds", Value: time.Since(begun).Seconds(), Unit: "s", Note: "this call, of model " + c.Out})
	for _, p := range last {
		note := fmt.Sprintf("preset %s, %d steps, last step", cfg.Preset, p.Steps)
		doc.Add(report.Row{Name: "train/" + p.Stage + "/steps_per_second", Value: p.StepsPerSec, Unit: "1/s", Note: note})
		for i, name := range p.Names {
			doc.Add(report.Row{Name: "train/" + p.Stage + "/" + name, Value: float64(p.Values[i]), Unit: "1", Note: note})
		}
	}
	return a.print(doc)
}

// config is the preset with the file, the assignments and the flags over it.
func (c *trainCmd) config(d *data.Dataset) (train.Config, error) {
	preset := c.Preset
	if preset == "auto" {
		preset = "tworooms"
		if d.ActionWidth() == 0 {
			preset = "video"
		}
	}
	cfg, err := train.Preset(preset, d)
	if err != nil {
		return cfg, err
	}
	cfg.Seed = c.Seed
	if c.Config != "" {
		if err := cfg.MergeFile(c.Config); err != nil {
			return cfg, err
		}
	}
	if c.Steps < 0 {
		return cfg, usagef("train: --steps %d: want 1 or more", c.Steps)
	}
	if c.Steps > 0 {
		cfg.Scale(c.Steps)
	}
	for _, assignment := range c.Set {
		if err := cfg.Set(assignment); err != nil {
			return cfg, usage(err)
		}
	}
	if err := cfg.Validate(); err != nil {
		return cfg, fmt.Errorf("train: config: %w", err)
	}
	return cfg, nil
}

// trainModel runs the training that o describes, on the backend of the flags,
// with progress on stderr and returns the last moment of each stage.
func trainModel(ctx context.Context, a *app, o train.Options) ([]train.Progress, error) {
	backend, err := jepa.OpenBackend(a.flags.Backend)
	if err != nil {
		return nil, err
	}
	defer backend.Finalize()
	var last []train.Progress
	var bar *progress
	show := func(p train.Progress) {
		if len(last) == 0 || last[len(last)-1].Stage != p.Stage {
			if bar != nil {
				bar.End("")
			}
			bar = a.progress("train "+p.Stage, p.Steps)
			last = append(last, train.Progress{})
		}
		bar.Add(p.Step-last[len(last)-1].Step, progressNote(p))
		last[len(last)-1] = p
	}
	o.Backend, o.Progress, o.Log, o.Version = backend, show, a.log, Version()
	_, err = train.Run(ctx, o)
	if bar != nil {
		bar.End("")
	}
	if errors.Is(err, context.Canceled) {
		return last, fmt.Errorf("training stopped; the same command resumes from %s: %w", o.Out, err)
	}
	return last, err
}

// progressNote says how fast a stage is and where its losses are.
func progressNote(p train.Progress) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%.1f steps/s, %.0f frames/s, %s left", p.StepsPerSec, p.FramesPerSec, p.Left.Round(time.Second))
	for i, name := range p.Names {
		fmt.Fprintf(&b, ", %s %.3g", name, p.Values[i])
	}
	return b.String()
}
