package cli

import (
	"context"
	"time"

	"foresee/data/importer"
	"foresee/report"
)

// importCmd makes a dataset of recordings.
type importCmd struct {
	Sources []string      `arg:"" name:"source" help:"Videos (through ffmpeg), GIFs, folders of images or of such folders; each clip is an episode."`
	Out     string        `short:"o" required:"" placeholder:"DIR" help:"Folder of the new dataset."`
	Size    *int          `placeholder:"64" help:"Pixels a side of a frame; the whole picture is resized to it. Left out, images in folders keep their size and videos get 64."`
	FPS     float64       `name:"fps" placeholder:"10" help:"Frames a second; the rate of the first source if left out."`
	Gray    bool          `help:"Keep brightness alone: one channel instead of three."`
	From    time.Duration `placeholder:"0s" help:"Leave out what comes before this time of every source."`
	To      time.Duration `placeholder:"40s" help:"Leave out what comes from this time on; the end if left out."`
}

// Run imports the sources and says what came of them.
func (c *importCmd) Run(ctx context.Context, a *app) error {
	options := importer.Options{Channels: 3, FPS: c.FPS, From: c.From, To: c.To}
	if c.Size != nil {
		options.Height, options.Width = *c.Size, *c.Size
	}
	if c.Gray {
		options.Channels = 1
	}
	switch {
	case c.Size != nil && *c.Size < 1:
		return usagef("import: --size %d: want 1 or more", *c.Size)
	case !(c.FPS >= 0):
		return usagef("import: --fps %v: want more than 0", c.FPS)
	case c.From < 0 || c.To < 0 || c.To > 0 && c.To <= c.From:
		return usagef("import: --from %v --to %v: want 0 <= from < to", c.From, c.To)
	}
	if err := freshOutput(c.Out); err != nil {
		return err
	}
	p := a.progress("import", 0)
	d := a.document(0, 0)
	before := 0
	sum, err := importer.Import(ctx, importer.Config{
		Sources: c.Sources, Out: c.Out, Options: options, Generator: d.Command,
		Progress: func(frames, _ int) {
			p.Add(frames-before, "")
			before = frames
		},
	})
	if err != nil {
		return err
	}
	p.End("")
	for _, w := range sum.Warnings {
		a.log.Warn(w)
	}
	m := sum.Meta
	d.Add(
		report.Row{Name: "import/episodes", Value: float64(m.Episodes), Unit: "1", Note: c.Out},
		report.Row{Name: "import/frames", Value: float64(m.Steps), Unit: "1", Note: c.Out},
		report.Row{Name: "import/fps", Value: m.FPS, Unit: "frames/s"},
	)
	return a.print(d)
}
