package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"foresee/data"
	"foresee/eval"
	"foresee/eval/quads"
	"foresee/jepa"
	"foresee/report"
	"foresee/train"
)

// evalSurpriseCmd scores surprise on matched quadruplets.
type evalSurpriseCmd struct {
	Model string `short:"m" required:"" placeholder:"MODEL" help:"Model to evaluate."`
	Clips string `placeholder:"DIR" help:"Score the quadruplets DIR/*/quad.json in place of the built-in ones."`
	Quads int    `default:"100" help:"Quadruplets of each family (${default})."`
	quadFlags
	Nulls int    `default:"20" help:"Nets without training that go the same way, on 20 quadruplets a family; 0 = none (${default})."`
	Out   string `short:"o" placeholder:"FILE" help:"Write the document there too, curves included."`
	Seed  uint64 `default:"1" help:"Seed of the clips and of the intervals (${default})."`
}

// Help describes what is compared to --help.
func (c *evalSurpriseCmd) Help() string {
	return "A quadruplet is two possible clips and the two impossible ones made by swapping their halves while the cut is hidden. " +
		"Prefix pairs share their past, suffix pairs their future; the impossible one of a pair should surprise more. Trivial scores get " +
		"exactly half of matched pairs (rows null/...). With --clips the flags that choose built-in clips are not read."
}

// Run scores the quadruplets and prints the rows.
func (c *evalSurpriseCmd) Run(ctx context.Context, a *app) error {
	cfg, err := c.quadFlags.config(c.Seed)
	switch {
	case err != nil:
		return usagef("eval surprise: %w", err)
	case c.Quads < 1:
		return usagef("eval surprise: --quads %d: want 1 or more", c.Quads)
	case c.Nulls < 0:
		return usagef("eval surprise: --nulls %d: want 0 or more", c.Nulls)
	}
	cfg.Quads = c.Quads
	m, end, err := openModel(a, c.Model)
	if err != nil {
		return fmt.Errorf("eval surprise: %w", err)
	}
	defer end()
	scorer, err := eval.ModelScorer(m)
	if err != nil {
		return fmt.Errorf("model %s: %w", c.Model, err)
	}
	frame := m.Config().Frame
	cfg.Clips = c.Clips
	cfg.Frame = data.Frame{Height: frame.Height, Width: frame.Width, Channels: frame.Channels}
	if c.Nulls > 0 {
		cfg.Nets, cfg.Untrained = c.Nulls, untrained(m)
	}
	total, err := cfg.Quadruplets()
	if err != nil {
		return err
	}
	p := a.progress("quadruplets", total)
	cfg.Begun = func() { p.Add(1, "") }
	rows, err := quads.Score(ctx, scorer, cfg)
	if err != nil {
		return fmt.Errorf("model %s: %w", c.Model, err)
	}
	p.End("")
	return c.print(a, rows)
}

// print writes the document to the file asked for, and prints it, without its curves where people read it.
func (c *evalSurpriseCmd) print(a *app, rows []report.Row) error {
	d := a.document(c.Seed, 0)
	d.Add(rows...)
	if err := d.Validate(); err != nil {
		return err
	}
	if c.Out != "" {
		if err := os.MkdirAll(filepath.Dir(c.Out), 0o777); err != nil {
			return fmt.Errorf("eval surprise: %w", err)
		}
		if err := d.WriteFile(c.Out); err != nil {
			return err
		}
	}
	if !a.flags.JSON {
		d.Rows = slices.DeleteFunc(d.Rows, func(r report.Row) bool { return strings.Contains(r.Name, "/curve/") })
	}
	return a.print(d)
}

// untrained opens nets of the model's kind whose weights are drawn and never trained.
func untrained(m *jepa.Model) func(seed uint64) (eval.ClipScorer, func(), error) {
	return func(seed uint64) (eval.ClipScorer, func(), error) {
		net, err := train.Untrained(m.Backend(), m.Config(), seed)
		if err != nil {
			return nil, nil, err
		}
		s, err := eval.ModelScorer(net)
		return s, func() {}, err
	}
}
