package cli

import (
	"context"
	"time"

	"foresee/env/plant"
	"foresee/eval"
	"foresee/eval/camera"
	"foresee/eval/plants"
)

// evalWatchCmd scores alarms on labelled streams.
type evalWatchCmd struct {
	NAB    string   `name:"nab" xor:"of" required:"" placeholder:"DIR" help:"Folder in the layout of NAB: data/*/*.csv and windows.json."`
	Video  string   `xor:"of" required:"" placeholder:"FILE" help:"Recording of one still camera, taken for normal; events are spliced into parts of it."`
	Street bool     `xor:"of" required:"" help:"Simulated street before a camera: false alarms in hours of it, against the budget, and events as with --video."`
	Plants bool     `xor:"of" required:"" help:"Simulated plants: false alarms at a budget of one a day, and every fault, beside PCA, EWMA and persistence."`
	Voe    bool     `name:"voe" xor:"of" required:"" help:"Violated expectations on simulated plants: recordings that no score of a few readings can tell from possible ones."`
	Plant  []string `placeholder:"NAME,..." help:"With --plants: only these; all if left out."`
	Days   int      `default:"30" help:"With --plants: normal days on which false alarms are counted; as many train, twice as many calibrate (${default})."`
	Runs   int      `default:"10" help:"With --plants: runs of each fault (${default})."`
	Quads  int      `default:"200" help:"With --voe: quadruplets of each family; twice as many recordings train (${default})."`
	Scores string   `placeholder:"DIR" help:"With --nab: write the score of every row there, as files that NAB's own scorer reads (threshold 0.5)."`
	Work   string   `placeholder:"DIR" help:"With --video and --street: folder for the model, which is trained or resumed there, and for the alarms' pictures of a video."`
	Hours  float64  `default:"3" help:"With --street: normal hours on which false alarms are counted; a third of it calibrates, an 18th is learnt (${default})."`
	Steps  int      `help:"With --video and --street: steps of training; 0 = the preset's."`
	Seed   uint64   `default:"1" help:"With --video: of training and events; else of everything (${default})."`
}

// Help describes what is done to --help.
func (c *evalWatchCmd) Help() string {
	return "--nab watches every series with foresee's detector and with each baseline, all with one configuration and one budget of false alarms, " +
		"learning online with no label; only then the labels are read and the alarms scored by NAB's rules (standard, low_fp, low_fn). " +
		"--video learns from parts of a recording, calibrates on others and splices events into the rest: a cut, a second backwards, a frozen " +
		"picture, an object, triple speed. Found or not, how late, and alarms without an event, beside frame differences and PCA. " +
		"--street does so on a simulated street, hours long, where it can be seen whether a budget holds. " +
		"--plants simulates a pendulum, four tanks, a reactor and a bearing; models are fitted to normal days and know nothing of the faults. " +
		"--voe splices simulated recordings where all sensors agree and only the hidden state differs, gives measurements other inputs than " +
		"theirs, or runs them backwards."
}

// Run watches all series and prints the rows.
func (c *evalWatchCmd) Run(ctx context.Context, a *app) error {
	if c.Video != "" {
		return c.video(ctx, a)
	}
	if c.Street {
		return c.street(ctx, a)
	}
	if c.Plants {
		return c.plants(ctx, a)
	}
	if c.Voe {
		return c.voe(ctx, a)
	}
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

// plants evaluates alarms on simulated plants.
func (c *evalWatchCmd) plants(ctx context.Context, a *app) error {
	if c.Days < 3 || c.Runs < 1 {
		return usagef("eval watch: --days %d, --runs %d: want at least 3 and 1", c.Days, c.Runs)
	}
	cfg := plants.Config{Plants: c.Plant, Seed: c.Seed, Train: c.Days, Calibrate: 2 * c.Days, Normal: c.Days, Runs: c.Runs}
	p, started := a.progress("models", cfg.Work()), 0
	cfg.Begun = func(what string) {
		p.Add(min(1, started), what)
		started++
	}
	rows, err := plants.Evaluate(ctx, cfg)
	if err != nil {
		return err
	}
	p.Add(1, "")
	p.End("")
	return a.printRows(c.Seed, rows)
}

// voe evaluates violated expectations of sensors.
func (c *evalWatchCmd) voe(ctx context.Context, a *app) error {
	if c.Quads < 1 {
		return usagef("eval watch: --quads %d: want at least 1", c.Quads)
	}
	p, started := a.progress("families", len(plant.Families())+len(plant.Controls())), 0
	rows, err := plants.Expectations(ctx, plants.ExpectationConfig{Seed: c.Seed, Train: 2 * c.Quads, Quads: c.Quads, Begun: func(family string) {
		p.Add(min(1, started), family)
		started++
	}})
	if err != nil {
		return err
	}
	p.Add(1, "")
	p.End("")
	return a.printRows(c.Seed, rows)
}

// video evaluates alarms on a camera.
func (c *evalWatchCmd) video(ctx context.Context, a *app) error {
	if c.Work == "" {
		return usagef("eval watch: --video needs --work DIR for what is learnt from it")
	}
	rows, err := camera.Video(ctx, camera.VideoConfig{Video: c.Video, Work: c.Work, Steps: c.Steps, Seed: c.Seed, Backend: a.flags.Backend, Log: a.log})
	if err != nil {
		return err
	}
	return a.printRows(c.Seed, rows)
}

// street evaluates alarms on a simulated camera.
func (c *evalWatchCmd) street(ctx context.Context, a *app) error {
	if c.Work == "" {
		return usagef("eval watch: --street needs --work DIR for what is learnt from it")
	}
	if !(c.Hours > 0 && c.Hours <= 1000) {
		return usagef("eval watch: --hours %v: want more than 0, at most 1000", c.Hours)
	}
	rows, err := camera.Street(ctx, camera.StreetConfig{
		Work: c.Work, Steps: c.Steps, Seed: c.Seed, Normal: time.Duration(c.Hours * float64(time.Hour)), Backend: a.flags.Backend, Log: a.log,
	})
	if err != nil {
		return err
	}
	return a.printRows(c.Seed, rows)
}
