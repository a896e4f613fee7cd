package probe

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"foresee/data"
	"foresee/jepa"
	"foresee/report"
)

// DatasetConfig says how a model is probed on a dataset.
type DatasetConfig struct {
	Name     string                 // in row names; empty means the name of the dataset
	Episodes int                    // episodes drawn; 0 means 1000
	Frames   int                    // frames drawn from each; 0 means 8
	Seed     uint64                 // keys the draws and the split
	Filter   func(episode int) bool // nil means all episodes
	SkipMLP  bool                   // linear probes only
	MLP      MLPConfig              // Split and Backend are filled in
}

// Report is what a model knows about a dataset's privileged columns. A nil
// Result was not asked for or has no column to compare with.
type Report struct {
	Position    Readout // linear, state from z
	State       *Result // linear, state (x, y) from z
	StateMLP    *Result
	Layout      *Result // linear, layout (wall_x, door_y) from w, or from z without a static code
	LayoutMLP   *Result
	Leak        *Result // linear, state from w: near its floor if w holds the layout alone
	LeakMLP     *Result
	Rows        []report.Row
	LatentCodes Table // the latents z probed, [n, D]
}

// Position probes model m on dataset d, whose frames it encodes with the weights
// as they are. It draws frames from episodes, splits by episode, and reads the
// privileged columns state (required) and layout (if present) off the latent z
// and the static code w. Rows are, for a dataset called tworooms,
//
//	probe/tworooms/position_rmse, wall_rmse, door_rmse   linear probes
//	probe/tworooms/mlp/...                               the same by an MLP
//	probe/tworooms/leak/..., leak/mlp/...                position from w
//	probe/tworooms/floor/...                             the mean of the training rows
//
// A dataset without the column state, frames of another shape than the model's,
// and codes that are not finite are errors.
func Position(ctx context.Context, m *jepa.Model, d *data.Dataset, cfg DatasetConfig) (*Report, error) {
	r, err := position(ctx, m, d, cfg)
	if err != nil {
		return nil, fmt.Errorf("probe: %s: %w", d.Dir(), err)
	}
	return r, nil
}

func position(ctx context.Context, m *jepa.Model, d *data.Dataset, cfg DatasetConfig) (*Report, error) {
	if err := checkFrames(m, d); err != nil {
		return nil, err
	}
	state, ok := d.Privileged(data.StateColumn)
	if !ok {
		return nil, fmt.Errorf("there is no privileged column %q: nothing to compare with", data.StateColumn)
	}
	if cfg.Name == "" {
		cfg.Name = d.Meta().Name
	}
	cfg.MLP.Split, cfg.MLP.Backend = Split{Seed: cfg.Seed}, m.Backend()
	model := m.Config()
	steps, groups := drawSteps(d, cfg)
	codes, err := encodeSteps(ctx, m, d, steps, 0)
	if err != nil {
		return nil, err
	}
	width := model.Latent() + model.Encoder.Static
	z := Table{latentsOf(codes, width, model.Latent()), model.Latent()}
	r := &Report{LatentCodes: z}
	b := bench{ctx: ctx, cfg: cfg, groups: groups}
	truth := tableOf(state, steps)
	if r.State, r.StateMLP, err = b.both(z, truth, &r.Position.Affine); err != nil {
		return nil, err
	}
	r.Position.Column = data.StateColumn
	static := z
	if model.Encoder.Static > 0 {
		static = Table{staticsOf(codes, width, model.Latent()), model.Encoder.Static}
		if r.Leak, r.LeakMLP, err = b.both(static, truth, nil); err != nil {
			return nil, err
		}
	}
	if layout, ok := d.Privileged(data.LayoutColumn); ok {
		if r.Layout, r.LayoutMLP, err = b.both(static, tableOf(layout, steps), nil); err != nil {
			return nil, err
		}
	}
	r.Rows = r.rows(cfg.Name, model.Encoder.Static > 0)
	return r, nil
}

// bench fits the two probes of one question.
type bench struct {
	ctx    context.Context
	cfg    DatasetConfig
	groups []int
}

// both returns the linear result and, unless skipped, that of the MLP, and keeps
// the linear readout in keep if it is not nil.
func (b bench) both(features, targets Table, keep *Affine) (linear, mlp *Result, err error) {
	res, readout, err := Linear(features, targets, b.groups, LinearConfig{Split: b.cfg.MLP.Split})
	if err != nil {
		return nil, nil, err
	}
	if keep != nil {
		*keep = readout
	}
	if b.cfg.SkipMLP {
		return &res, nil, nil
	}
	deep, err := MLP(b.ctx, features, targets, b.groups, b.cfg.MLP)
	if err != nil {
		return nil, nil, err
	}
	return &res, &deep, nil
}

func (r *Report) rows(name string, static bool) []report.Row {
	var rows []report.Row
	add := func(what, from string, res *Result, s Score) {
		note := fmt.Sprintf("from %s, %s, R2 %.4f, %d episodes held back", from, res.Detail, s.R2, s.Groups)
		rows = append(rows, report.Row{Name: "probe/" + name + "/" + what, Value: s.RMSE, Unit: "px", N: s.N, Lo: &s.Lo, Hi: &s.Hi, Note: note})
	}
	floor := func(what string, s Score) {
		rows = append(rows, report.Row{Name: "probe/" + name + "/floor/" + what, Value: s.Floor, Unit: "px", N: s.N, Note: "the mean of the training episodes"})
	}
	layout := func(do func(i int, what string)) {
		for i, what := range []string{"wall_rmse", "door_rmse"} {
			if r.Layout != nil && i < len(r.Layout.Targets) {
				do(i, what)
			}
		}
	}
	source := "z"
	if static {
		source = "w"
	}
	add("position_rmse", "z", r.State, r.State.Joint)
	layout(func(i int, what string) { add(what, source, r.Layout, r.Layout.Targets[i]) })
	if r.StateMLP != nil {
		add("mlp/position_rmse", "z", r.StateMLP, r.StateMLP.Joint)
		layout(func(i int, what string) { add("mlp/"+what, source, r.LayoutMLP, r.LayoutMLP.Targets[i]) })
	}
	if r.Leak != nil {
		add("leak/position_rmse", "w (at its floor w holds the layout alone)", r.Leak, r.Leak.Joint)
	}
	if r.LeakMLP != nil {
		add("leak/mlp/position_rmse", "w (at its floor w holds the layout alone)", r.LeakMLP, r.LeakMLP.Joint)
	}
	floor("position_rmse", r.State.Joint)
	layout(func(i int, what string) { floor(what, r.Layout.Targets[i]) })
	return rows
}

// checkFrames compares the frames and the actions of a dataset with the model's.
func checkFrames(m *jepa.Model, d *data.Dataset) error {
	h, w, c := d.FrameShape()
	f := m.Config().Frame
	if h != f.Height || w != f.Width || c != f.Channels {
		return fmt.Errorf("frames are %dx%dx%d, the model was trained on %dx%dx%d", h, w, c, f.Height, f.Width, f.Channels)
	}
	if a := m.Config().ActionDim; a > 0 && d.ActionWidth() != a {
		return fmt.Errorf("actions have %d floats, the model was trained on %d", d.ActionWidth(), a)
	}
	return nil
}

// drawSteps returns global steps and the episode of each, by episode and time.
func drawSteps(d *data.Dataset, cfg DatasetConfig) (steps, groups []int) {
	if cfg.Episodes == 0 {
		cfg.Episodes = 1000
	}
	if cfg.Frames == 0 {
		cfg.Frames = 8
	}
	rng := rand.New(rand.NewPCG(cfg.Seed, 0x66726d65))
	var episodes []int
	for e := range d.Episodes() {
		if cfg.Filter == nil || cfg.Filter(e) {
			episodes = append(episodes, e)
		}
	}
	rng.Shuffle(len(episodes), func(i, j int) { episodes[i], episodes[j] = episodes[j], episodes[i] })
	episodes = episodes[:min(cfg.Episodes, len(episodes))]
	slices.Sort(episodes)
	for _, e := range episodes {
		first, length := d.Episode(e)
		times := rng.Perm(length)[:min(cfg.Frames, length)]
		slices.Sort(times)
		for _, t := range times {
			steps, groups = append(steps, first+t), append(groups, e)
		}
	}
	return steps, groups
}

// encodeSteps returns the codes [len(steps), D + W] of the frames shift after
// the given global steps.
func encodeSteps(ctx context.Context, m *jepa.Model, d *data.Dataset, steps []int, shift int) ([]float32, error) {
	cfg := m.Config()
	width, px := cfg.Latent()+cfg.Encoder.Static, cfg.Pixels()
	codes := make([]float32, len(steps)*width)
	const chunk = 256
	frames := make([]uint8, 0, chunk*px)
	for lo := 0; lo < len(steps); lo += chunk {
		hi := min(len(steps), lo+chunk)
		frames = frames[:0]
		for _, s := range steps[lo:hi] {
			frames = append(frames, d.Frame(s+shift)...)
		}
		if err := m.Encode(ctx, hi-lo, frames, codes[lo*width:hi*width]); err != nil {
			return nil, err
		}
	}
	return codes, nil
}

// latentsOf and staticsOf take codes [n, width] apart.
func latentsOf(codes []float32, width, latent int) []float32 {
	return columns(codes, width, 0, latent)
}

func staticsOf(codes []float32, width, latent int) []float32 {
	return columns(codes, width, latent, width)
}

func columns(codes []float32, width, lo, hi int) []float32 {
	out := make([]float32, 0, len(codes)/width*(hi-lo))
	for s := 0; s < len(codes); s += width {
		out = append(out, codes[s+lo:s+hi]...)
	}
	return out
}

// tableOf copies the rows of a column at global steps.
func tableOf(c *data.Column, steps []int) Table {
	out := make([]float32, 0, len(steps)*c.Width())
	for _, s := range steps {
		out = append(out, c.Row(s)...)
	}
	return Table{out, c.Width()}
}
