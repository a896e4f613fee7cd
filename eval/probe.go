package eval

import (
	"context"
	"fmt"
	"math"

	"foresee/data"
	"foresee/env/tworooms"
	"foresee/jepa"
	"foresee/probe"
	"foresee/report"
)

// ProbeConfig says how a model is probed.
type ProbeConfig struct {
	Seed     uint64 // of the suite, see the package comment
	Episodes int    // trajectories used; 0 means 1000
	SkipMLP  bool   // linear probes only
}

func (c ProbeConfig) withDefaults() ProbeConfig {
	if c.Episodes == 0 {
		c.Episodes = 1000
	}
	return c
}

// Probe says what model m's latents know, as the rows of probe.Position. With a
// nil d it records fresh trajectories of Two Rooms, layouts drawn from all 1,125,
// and adds
//
//	probe/tworooms/heldout/position_rmse, wall_rmse, door_rmse   linear, in px
//
// of probes that are fitted on layouts of training and graded on layouts kept
// out of it: neither the model nor the probe has seen them. A model of another
// frame size than the data's is an error.
func Probe(ctx context.Context, m *jepa.Model, d *data.Dataset, cfg ProbeConfig) ([]report.Row, error) {
	rows, err := probeSuite(ctx, m, d, cfg.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("eval: probe: %w", err)
	}
	return rows, nil
}

func probeSuite(ctx context.Context, m *jepa.Model, d *data.Dataset, cfg ProbeConfig) ([]report.Row, error) {
	seed := Seed("probe", cfg.Seed)
	fresh := d == nil
	if fresh {
		if err := checkTwoRooms(m); err != nil {
			return nil, err
		}
		r, err := freshRooms(ctx, cfg.Episodes, m.Config().Frame.Height, tworooms.LayoutRandom, seed)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		d = r.Dataset
	}
	r, err := probe.Position(ctx, m, d, probe.DatasetConfig{Name: rowName(d), Episodes: cfg.Episodes, Seed: seed, SkipMLP: cfg.SkipMLP})
	if err != nil {
		return nil, err
	}
	if !fresh {
		return r.Rows, nil
	}
	held, err := heldOutProbes(ctx, m, d)
	return append(r.Rows, held...), err
}

// rowName is what a dataset is called in row names.
func rowName(d *data.Dataset) string {
	if name := d.Meta().Name; name != "" {
		return name
	}
	return "data"
}

// seen are the codes of some frames of a dataset of Two Rooms with the truth.
type seen struct {
	z, w, state, layout probe.Table
	groups              []int // the layout of each row, numbered
	episodes            []int // the episode of each row
}

// framesPerEpisode is how many frames of an episode are probed.
const framesPerEpisode = 8

// look encodes framesPerEpisode evenly spread frames of the episodes that keep admits.
func look(ctx context.Context, m *jepa.Model, d *data.Dataset, keep func(tworooms.Layout) bool) (seen, error) {
	cfg := m.Config()
	truth, ok := d.Privileged(data.StateColumn)
	layouts, also := d.Privileged(data.LayoutColumn)
	if !ok || !also {
		return seen{}, fmt.Errorf("%s lacks the privileged columns %s and %s", d.Dir(), data.StateColumn, data.LayoutColumn)
	}
	s := seen{z: probe.Table{Width: cfg.Latent()}, w: probe.Table{Width: cfg.Encoder.Static}, state: probe.Table{Width: 2}, layout: probe.Table{Width: 2}}
	width := cfg.Latent() + cfg.Encoder.Static
	code := make([]float32, framesPerEpisode*width)
	frames := make([]uint8, 0, framesPerEpisode*cfg.Pixels())
	for e := range d.Episodes() {
		first, length := d.Episode(e)
		row := layouts.Row(first)
		l := tworooms.Layout{WallX: int(row[0]), DoorY: int(row[1])}
		n := min(framesPerEpisode, length)
		if !keep(l) {
			continue
		}
		frames = frames[:0]
		for i := range n {
			t := first + i*length/n
			frames = append(frames, d.Frame(t)...)
			s.state.Values = append(s.state.Values, truth.Row(t)...)
			s.layout.Values = append(s.layout.Values, row...)
			s.groups = append(s.groups, l.WallX*1000+l.DoorY)
			s.episodes = append(s.episodes, e)
		}
		if err := m.Encode(ctx, n, frames, code[:n*width]); err != nil {
			return seen{}, err
		}
		for i := range n {
			s.z.Values = append(s.z.Values, code[i*width:i*width+s.z.Width]...)
			s.w.Values = append(s.w.Values, code[i*width+s.z.Width:(i+1)*width]...)
		}
	}
	return s, nil
}

// splitByLayout looks at the layouts of training and at those kept out of it.
func splitByLayout(ctx context.Context, m *jepa.Model, d *data.Dataset) (fit, test seen, err error) {
	if fit, err = look(ctx, m, d, func(l tworooms.Layout) bool { return !l.HeldOut() }); err != nil {
		return seen{}, seen{}, err
	}
	test, err = look(ctx, m, d, tworooms.Layout.HeldOut)
	return fit, test, err
}

// heldOutProbes fits linear probes on layouts of training and grades them on those kept out.
func heldOutProbes(ctx context.Context, m *jepa.Model, d *data.Dataset) ([]report.Row, error) {
	fit, test, err := splitByLayout(ctx, m, d)
	if err != nil || len(test.groups) == 0 {
		return nil, err
	}
	static := func(s seen) probe.Table {
		if s.w.Width == 0 {
			return s.z
		}
		return s.w
	}
	_, position, err := probe.Linear(fit.z, fit.state, fit.groups, probe.LinearConfig{})
	if err != nil {
		return nil, err
	}
	_, layout, err := probe.Linear(static(fit), fit.layout, fit.groups, probe.LinearConfig{})
	if err != nil {
		return nil, err
	}
	const name, note = "probe/tworooms/heldout/", "linear, fitted on layouts of training, graded on layouts kept out of it; n counts episodes"
	p := squares(position, test.z, test.state)
	l := squares(layout, static(test), test.layout)
	return []report.Row{
		rootMean(name+"position_rmse", p, []int{0, 1}, test.episodes, note),
		rootMean(name+"wall_rmse", l, []int{0}, test.episodes, note),
		rootMean(name+"door_rmse", l, []int{1}, test.episodes, note),
	}, nil
}

// squares returns the squared errors of a readout, [n, 2].
func squares(a probe.Affine, features, truth probe.Table) []float64 {
	out := make([]float64, len(truth.Values))
	a.Apply(truth.Rows(), features.Values, out)
	for i, v := range truth.Values {
		out[i] = (out[i] - float64(v)) * (out[i] - float64(v))
	}
	return out
}

// rootMean returns the row of the root mean of the given columns of squared
// errors [n, 2], with a normal interval over the means of episodes.
func rootMean(name string, squared []float64, columns, episodes []int, note string) report.Row {
	var means []float64
	for i := 0; i < len(episodes); {
		sum, n := 0.0, 0
		for e := episodes[i]; i < len(episodes) && episodes[i] == e; i++ {
			for _, c := range columns {
				sum += squared[2*i+c]
				n++
			}
		}
		means = append(means, sum/float64(n))
	}
	row := report.Mean(name, "px", means, note)
	row.Value = math.Sqrt(row.Value)
	if row.Lo != nil {
		lo, hi := math.Sqrt(max(0, *row.Lo)), math.Sqrt(*row.Hi)
		row.Lo, row.Hi = &lo, &hi
	}
	return row
}
