package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
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

func inspectDataset(ctx context.Context, a *app, dir, sheet string) error {
	return errors.New("inspect: not yet")
}

func inspectModel(a *app, dir string) error {
	return errors.New("inspect: not yet")
}
