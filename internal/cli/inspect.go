package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"foresee/jepa"
	"foresee/report"
)

// inspectCmd says what is in a dataset or a model.
type inspectCmd struct {
	Path  string `arg:"" help:"Folder of a dataset or a model."`
	Sheet string `placeholder:"FILE.png" help:"Also draw a contact sheet of a dataset's frames."`
}

// Run looks what the folder holds and describes it.
func (c *inspectCmd) Run(ctx context.Context, a *app) error {
	if _, err := os.Stat(c.Path); err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	kind, err := holds(c.Path)
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	switch kind {
	case holdsDataset:
		return inspectDataset(ctx, a, c.Path, c.Sheet)
	case holdsModel:
		if c.Sheet != "" {
			return usagef("inspect: --sheet is for datasets, %s holds a model", c.Path)
		}
		return inspectModel(a, c.Path)
	}
	return fmt.Errorf("inspect: %s is neither a dataset (meta.json and .npy columns) nor a model (config.json and weights.safetensors)", c.Path)
}

// inspectModel prints the sizes of a model and how far its training is, and
// checks on the way that the files of the folder can be read.
func inspectModel(a *app, dir string) error {
	cfg, err := readModelConfig(dir)
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	weights, _, err := jepa.ReadTensors(filepath.Join(dir, jepa.WeightsFile))
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	parameters := 0
	for _, t := range weights {
		parameters += len(t.Data)
	}
	frame := fmt.Sprintf("frames %dx%dx%d, encoder %s, predictor %s",
		cfg.Frame.Height, cfg.Frame.Width, cfg.Frame.Channels, cfg.Encoder.Kind, cfg.Predictor.Kind)
	d := a.document(0, 0)
	d.Add(
		report.Row{Name: "inspect/model/parameters", Value: float64(parameters), Unit: "1", Note: frame},
		report.Row{Name: "inspect/model/tensors", Value: float64(len(weights)), Unit: "1"},
		report.Row{Name: "inspect/model/latent", Value: float64(cfg.Latent()), Unit: "1", Note: "D, floats of a latent"},
		report.Row{Name: "inspect/model/state", Value: float64(cfg.State()), Unit: "1", Note: "S, floats of a model state"},
		report.Row{Name: "inspect/model/action", Value: float64(cfg.ActionDim), Unit: "1", Note: "A, floats of an action; 0 = none"},
	)
	return a.print(d)
}

// readModelConfig reads a model's config.json; a field this version does not
// know is an error that names it.
func readModelConfig(dir string) (jepa.Config, error) {
	path := filepath.Join(dir, jepa.ConfigFile)
	var cfg jepa.Config
	raw, err := os.ReadFile(path)
	if err != nil {
		return cfg, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&cfg); err != nil {
		return cfg, fmt.Errorf("%s: %w", path, err)
	}
	if err := cfg.Validate(); err != nil {
		return cfg, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}
