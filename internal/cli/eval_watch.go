package cli

import (
	"context"

	"foresee/eval"
)

// evalWatchCmd scores alarms on labelled streams.
type evalWatchCmd struct {
	NAB    string `name:"nab" required:"" placeholder:"DIR" help:"Folder in the layout of NAB: data/*/*.csv and windows.json."`
	Scores string `placeholder:"DIR" help:"Write the score of every row there, as files that NAB's own scorer reads (threshold 0.5)."`
}

// Help describes what is done to --help.
func (c *evalWatchCmd) Help() string {
	return "Watches every series with foresee's detector and with each baseline, all with one configuration and one budget of false alarms, " +
		"learning online with no label; only then the labels are read and the alarms scored by NAB's rules (standard, low_fp, low_fn)."
}

// Run watches all series and prints the rows.
func (c *evalWatchCmd) Run(ctx context.Context, a *app) error {
	if c.Scores != "" {
		if err := freshOutput(c.Scores); err != nil {
			return err
		}
	}
	p, started := a.progress("detectors", eval.NABDetectors()), 0
	rows, err := eval.NAB(ctx, eval.NABConfig{Dir: c.NAB, Scores: c.Scores, Begun: func() {
		p.Add(min(1, started), "")
		started++
	}})
	if err != nil {
		return err
	}
	p.Add(1, "")
	p.End("")
	return a.printRows(1, rows)
}
