package cli

import (
	"context"
	"fmt"

	"foresee/agent"
	"foresee/data"
	"foresee/eval"
	"foresee/jepa"
	"foresee/report"
)

// evalCmd puts a model to the test.
type evalCmd struct {
	Plan     evalPlanCmd     `cmd:"" help:"Act in Two Rooms from pixels: success beside floors and oracle, latency."`
	Probe    evalProbeCmd    `cmd:"" help:"Read positions and layouts off the latents."`
	Rollout  evalRolloutCmd  `cmd:"" help:"How far open-loop rollouts drift."`
	Collapse evalCollapseCmd `cmd:"" help:"Train with one group of regularizers off at a time, and see what breaks."`
	Surprise evalSurpriseCmd `cmd:"" help:"Tell impossible clips from possible ones, beside trivial scores, memory and oracle."`
	Watch    evalWatchCmd    `cmd:"" help:"Alarms on labelled sensor streams, scored by NAB's rules."`
}

// evalPlanCmd evaluates planning.
type evalPlanCmd struct {
	Model    string `short:"m" required:"" placeholder:"MODEL" help:"Model to evaluate."`
	Episodes int    `default:"200" help:"Episodes of each score and each floor (${default})."`
	Serial   int    `default:"20" help:"Episodes run one at a time to measure latency; 0 = none (${default})."`
	Baseline int    `default:"20" help:"Episodes of the latent-L2 baseline; 0 = none (${default})."`
	Planner  string `default:"graph" enum:"graph,cem" help:"graph: landmarks in imagination; cem: the published latent-L2 search (${default})."`
	Weights  string `default:"float32" enum:"float32,bfloat16,int8" help:"Round the matrices of dense layers: bfloat16 predicts one state alone faster and many slower; int8, recurrent cells too, many faster (${default})."`
	Dev      bool   `help:"Use the episodes meant for tuning; do not report these figures."`
	Seed     uint64 `default:"1" help:"Seed of the episodes (${default})."`
}

// weightBits returns the bits of a number in --weights.
func (c *evalPlanCmd) weightBits() int {
	switch c.Weights {
	case "bfloat16":
		return 16
	case "int8":
		return 8
	}
	return 32
}

// Run lets the model act and prints the rows.
func (c *evalPlanCmd) Run(ctx context.Context, a *app) error {
	switch {
	case c.Episodes < 1:
		return usagef("eval plan: --episodes %d: want 1 or more", c.Episodes)
	case c.Serial < 0 || c.Baseline < 0:
		return usagef("eval plan: --serial %d, --baseline %d: want 0 or more", c.Serial, c.Baseline)
	}
	m, end, err := openModel(a, c.Model)
	if err != nil {
		return fmt.Errorf("eval plan: %w", err)
	}
	defer end()
	if bits := c.weightBits(); bits < 32 {
		if err := m.RoundWeights(bits); err != nil {
			return fmt.Errorf("eval plan: model %s: %w", c.Model, err)
		}
	}
	cfg := eval.PlanConfig{Seed: c.Seed, Development: c.Dev, Episodes: c.Episodes, Latency: orNone(c.Serial), Baseline: orNone(c.Baseline)}
	if c.Planner == "cem" {
		if cfg.Actor, err = agent.NewCEM(m, eval.Baseline()); err != nil {
			return fmt.Errorf("eval plan: model %s: %w", c.Model, err)
		}
		cfg.Baseline = -1
	}
	p := a.progress("episodes", cfg.LearntEpisodes())
	cfg.Begun = func() { p.Add(1, "") }
	rows, err := eval.Plan(ctx, m, cfg)
	if err != nil {
		return fmt.Errorf("model %s: %w", c.Model, err)
	}
	p.End("")
	bits := report.Row{Name: "plan/tworooms/weight_bits", Value: float64(m.WeightBits()), Unit: "1", Note: "of the matrices of dense layers and, at 8, recurrent cells"}
	return a.printRows(c.Seed, append(rows, bits))
}

// orNone turns a count of 0 into the "none" of eval's configs, whose 0 is the default.
func orNone(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// evalDataFlags are the flags of suites that look at recorded data.
type evalDataFlags struct {
	Model    string `short:"m" required:"" placeholder:"MODEL" help:"Model to evaluate."`
	Data     string `short:"d" placeholder:"DATA" help:"Dataset to use; without it fresh trajectories of Two Rooms."`
	Episodes int    `default:"1000" help:"Trajectories used (${default})."`
	Seed     uint64 `default:"1" help:"Seed of fresh trajectories and of draws (${default})."`
}

// suite is a suite on recorded data; d is nil for fresh trajectories.
type suite func(ctx context.Context, m *jepa.Model, d *data.Dataset, cfg eval.ProbeConfig) ([]report.Row, error)

func (c *evalDataFlags) run(ctx context.Context, a *app, name string, run suite, cfg eval.ProbeConfig) error {
	if c.Episodes < 8 {
		return usagef("eval %s: --episodes %d: want 8 or more, some are held back", name, c.Episodes)
	}
	m, end, err := openModel(a, c.Model)
	if err != nil {
		return fmt.Errorf("eval %s: %w", name, err)
	}
	defer end()
	var d *data.Dataset
	if c.Data != "" {
		if d, err = data.Open(c.Data); err != nil {
			return fmt.Errorf("eval %s: %w", name, err)
		}
		defer d.Close()
	}
	cfg.Seed, cfg.Episodes = c.Seed, c.Episodes
	a.log.Info("eval", "suite", name, "episodes", c.Episodes)
	rows, err := run(ctx, m, d, cfg)
	if err != nil {
		return fmt.Errorf("model %s: %w", c.Model, err)
	}
	return a.printRows(c.Seed, rows)
}

// evalProbeCmd reads quantities off latents.
type evalProbeCmd struct {
	evalDataFlags
	NoMLP bool `name:"linear" help:"Linear probes only."`
}

// Run probes the model and prints the rows.
func (c *evalProbeCmd) Run(ctx context.Context, a *app) error {
	return c.run(ctx, a, "probe", eval.Probe, eval.ProbeConfig{SkipMLP: c.NoMLP})
}

// evalRolloutCmd grades open-loop rollouts.
type evalRolloutCmd struct{ evalDataFlags }

// Run grades rollouts and prints the rows.
func (c *evalRolloutCmd) Run(ctx context.Context, a *app) error {
	return c.run(ctx, a, "rollout", eval.Rollout, eval.ProbeConfig{})
}

// evalCollapseCmd trains ablations.
type evalCollapseCmd struct {
	Data     string   `short:"d" required:"" placeholder:"DATA" help:"Dataset with actions to train on."`
	Preset   []string `enum:"tworooms,eb-jepa" default:"tworooms,eb-jepa" help:"Presets to take apart (${default})."`
	Steps    int      `default:"200" help:"Steps of the first stage of each training (${default})."`
	Batch    int      `default:"64" help:"Clips a step of the first stage (${default})."`
	Episodes int      `default:"20" help:"Episodes of each success rate; 0 = none (${default})."`
	Seed     uint64   `default:"1" help:"Seed of weights, batches and episodes (${default})."`
}

// Run trains the ablations and prints what became of them.
func (c *evalCollapseCmd) Run(ctx context.Context, a *app) error {
	if c.Steps < 1 || c.Batch < 2 || c.Episodes < 0 {
		return usagef("eval collapse: --steps %d, --batch %d, --episodes %d: want at least 1, 2 and 0", c.Steps, c.Batch, c.Episodes)
	}
	d, err := data.Open(c.Data)
	if err != nil {
		return fmt.Errorf("eval collapse: %w", err)
	}
	defer d.Close()
	cfg := eval.CollapseConfig{Seed: c.Seed, Backend: a.flags.Backend, Presets: c.Preset, Steps: c.Steps, Batch: c.Batch, Episodes: orNone(c.Episodes)}
	p := a.progress("collapse", cfg.Trainings())
	started := 0
	cfg.Begun = func(preset, off string) {
		p.Add(min(1, started), preset+" without "+off)
		started++
		a.log.Info("training", "preset", preset, "off", off)
	}
	cfg.Measured = func(rows []report.Row) {
		for _, r := range rows {
			a.log.Info("measured", "row", r.Name, "value", r.Value)
		}
	}
	rows, err := eval.Collapse(ctx, d, cfg)
	if err != nil {
		return err
	}
	p.Add(1, "")
	p.End("")
	return a.printRows(c.Seed, rows)
}

// openModel loads a model on the chosen backend; end closes the backend.
func openModel(a *app, dir string) (m *jepa.Model, end func(), err error) {
	kind, err := holds(dir)
	switch {
	case err != nil:
		return nil, nil, err
	case kind == holdsNothing:
		return nil, nil, fmt.Errorf("there is no model in %s; make one with foresee train", dir)
	case kind != holdsModel:
		return nil, nil, fmt.Errorf("%s holds %s, not a model", dir, kind)
	}
	b, err := jepa.OpenBackend(a.flags.Backend)
	if err != nil {
		return nil, nil, err
	}
	if m, err = jepa.Load(b, dir); err != nil {
		b.Finalize()
		return nil, nil, err
	}
	return m, b.Finalize, nil
}

// printRows prints the rows as the document of the command that runs.
func (a *app) printRows(seed uint64, rows []report.Row) error {
	d := a.document(seed, 0)
	d.Add(rows...)
	return a.print(d)
}
