package cli

import (
	"context"

	"foresee/eval/quads"
	"foresee/report"
)

// reportCmd assembles results.
type reportCmd struct {
	Physics reportPhysicsCmd `cmd:"" help:"Tables and figures of foresee eval surprise, many models together."`
}

// reportPhysicsCmd assembles runs of eval surprise.
type reportPhysicsCmd struct {
	Dir      string `arg:"" help:"Folder of documents that foresee eval surprise -o wrote, named KIND.nN[lL][.plain].sSEED[.SPLIT][.eCLIPS].json."`
	Out      string `short:"o" placeholder:"FILE" help:"Write a page with tables and figures there, one self-contained HTML file."`
	Markdown string `placeholder:"FILE" help:"Write the tables there as Markdown."`
	Clips    int    `default:"72000" help:"Clips that models were trained on whose file has no .eCLIPS (${default})."`
}

// Help explains the names to --help.
func (c *reportPhysicsCmd) Help() string {
	return "A file's name says what its model was: jepa.n0.s1.json, pixels.n3l4.s2.json (noise N3, level 4, training seed 2), " +
		"jepa.n0.s1.unseen-colours.json, jepa.n0.s1.e1200.json (trained on 1200 clips). What the name says of the clips is checked against the " +
		"document. Files of one name but for the seed are pooled."
}

// Run assembles the runs and prints the means over seeds.
func (c *reportPhysicsCmd) Run(_ context.Context, a *app) error {
	if c.Clips < 1 {
		return usagef("report physics: --clips %d: want 1 or more", c.Clips)
	}
	runs, err := quads.ReadRuns(c.Dir)
	if err != nil {
		return err
	}
	all := quads.Assemble(runs, c.Clips)
	d := a.document(0, 0)
	d.Add(all.Rows...)
	const title, lead = "Intuitive physics: surprise on matched quadruplets",
		"Each score is the share of pairs in which the impossible clip surprised more, of clips that short memories cannot tell apart: they get exactly 50 %."
	if c.Out != "" {
		if err := all.Page(title, lead, d).WriteFile(c.Out); err != nil {
			return err
		}
	}
	if c.Markdown != "" {
		text := all.Markdown(title, lead+" Made by `"+d.Command+"`.")
		if err := report.ReplaceFile(c.Markdown, []byte(text)); err != nil {
			return err
		}
	}
	return a.print(d)
}
