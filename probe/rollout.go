package probe

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"foresee/data"
	"foresee/jepa"
	"foresee/report"
)

// RolloutConfig says which rollouts are graded.
type RolloutConfig struct {
	Steps  []int                  // steps k after the start that are graded; empty means 1, 2, 4, 8, 16, 32, 64, as far as episodes reach
	Clips  int                    // rollouts; 0 means 256
	Seed   uint64                 // keys the starts
	Filter func(episode int) bool // nil means all episodes
}

// RolloutPoint is one step of the error curves.
type RolloutPoint struct {
	Step      int
	LatentMSE float64 // mean over rollouts and dimensions of (ẑ_k - z_k)², normalised units
	CopyLast  float64 // the same for ẑ_k = z_0
	RMSE      float64 // of the quantity read off ẑ_k, sqrt(mean over rollouts and its columns); NaN without a readout
	StayPut   float64 // the same for saying that the true quantity is still that of the start
	N         int     // rollouts
}

// Rollout grades open-loop rollouts of model m on dataset d: it encodes a start
// (with the frames before it, where the model takes several), rolls the recorded
// actions through m.Rollout, and compares each step k asked for with the frame
// recorded k later. With a readout it also reads a quantity off the predicted
// latent and compares it with truth, the privileged column of that name.
//
// Starts are drawn uniformly from all that reach the last step within their
// episode. Frames of another shape than the model's, missing actions, no episode
// that is long enough and a missing column are errors.
func Rollout(ctx context.Context, m *jepa.Model, d *data.Dataset, readout *Readout, cfg RolloutConfig) ([]RolloutPoint, error) {
	points, err := rollout(ctx, m, d, readout, cfg)
	if err != nil {
		return nil, fmt.Errorf("probe: rollout on %s: %w", d.Dir(), err)
	}
	return points, nil
}

// Readout reads the quantity of a privileged column off a latent z [D].
type Readout struct {
	Affine
	Column string
}

func rollout(ctx context.Context, m *jepa.Model, d *data.Dataset, readout *Readout, cfg RolloutConfig) ([]RolloutPoint, error) {
	if err := checkFrames(m, d); err != nil {
		return nil, err
	}
	starts, steps, err := drawStarts(m.Config(), d, cfg)
	if err != nil {
		return nil, err
	}
	r := &rolling{m: m, d: d, starts: starts, steps: steps}
	if readout != nil {
		column, ok := d.Privileged(readout.Column)
		if !ok {
			return nil, fmt.Errorf("there is no privileged column %q", readout.Column)
		}
		if column.Width() != readout.Out || readout.In != m.Config().Latent() {
			return nil, fmt.Errorf("the readout maps %d to %d floats, the latent has %d and column %q %d", readout.In, readout.Out, m.Config().Latent(), readout.Column, column.Width())
		}
		r.readout, r.truth = readout, column
	}
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	points := make([]RolloutPoint, len(steps))
	for i := range steps {
		points[i] = r.point(i)
	}
	return points, nil
}

// drawStarts returns the global steps at which rollouts start, and the sorted
// steps to grade.
func drawStarts(model jepa.Config, d *data.Dataset, cfg RolloutConfig) (starts, steps []int, err error) {
	longest := 0
	keep := func(e int) bool { return cfg.Filter == nil || cfg.Filter(e) }
	for e := range d.Episodes() {
		if _, length := d.Episode(e); keep(e) {
			longest = max(longest, length)
		}
	}
	before := model.Context() - 1
	steps = slices.Clone(cfg.Steps)
	if len(steps) == 0 {
		for k := 1; k <= 64 && before+k < longest; k *= 2 {
			steps = append(steps, k)
		}
	}
	slices.Sort(steps)
	steps = slices.Compact(steps)
	if len(steps) == 0 || steps[0] < 1 {
		return nil, nil, fmt.Errorf("steps %v, want numbers of at least 1", cfg.Steps)
	}
	reach := steps[len(steps)-1]
	var all []int
	for e := range d.Episodes() {
		first, length := d.Episode(e)
		for s := before; keep(e) && s+reach < length; s++ {
			all = append(all, first+s)
		}
	}
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("a rollout of %d steps needs episodes of %d frames, the longest kept has %d", reach, before+reach+1, longest)
	}
	clips := cfg.Clips
	if clips < 1 {
		clips = 256
	}
	rng := rand.New(rand.NewPCG(cfg.Seed, 0x726f6c6c))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(clips, len(all))], steps, nil
}

// rolling is the grading of one dataset.
type rolling struct {
	m       *jepa.Model
	d       *data.Dataset
	starts  []int
	steps   []int
	readout *Readout
	truth   *data.Column

	start     []float32   // z at the start, [B, D]
	seen      [][]float32 // z of the frame k later, [B, D] for each of steps
	predicted []float32   // [B, L, D]
}

// run encodes the frames and predicts.
func (r *rolling) run(ctx context.Context) error {
	cfg := r.m.Config()
	width, reach := cfg.Latent()+cfg.Encoder.Static, r.steps[len(r.steps)-1]
	b := len(r.starts)
	recent := make([][]float32, cfg.Context()) // the newest first
	var err error
	for i := range recent {
		if recent[i], err = encodeSteps(ctx, r.m, r.d, r.starts, -i); err != nil {
			return err
		}
	}
	states, actions := make([]float32, 0, b*cfg.State()), make([]float32, 0, b*reach*cfg.ActionDim)
	column, _ := r.d.Column(data.ActionColumn)
	state, codes := make([]float32, cfg.State()), make([][]float32, len(recent))
	for i, s := range r.starts {
		for j := range codes {
			codes[j] = recent[j][i*width : (i+1)*width]
		}
		r.m.StateAt(state, codes...)
		states = append(states, state...)
		r.start = append(r.start, codes[0][:cfg.Latent()]...)
		if cfg.ActionDim > 0 {
			actions = append(actions, column.Rows(s, reach)...)
		}
	}
	for _, k := range r.steps {
		codes, err := encodeSteps(ctx, r.m, r.d, r.starts, k)
		if err != nil {
			return err
		}
		r.seen = append(r.seen, latentsOf(codes, width, cfg.Latent()))
	}
	r.predicted = make([]float32, b*reach*cfg.Latent())
	return r.m.Rollout(ctx, jepa.Shape{B: b, N: 1, L: reach}, states, actions, r.predicted)
}

// point grades step number i.
func (r *rolling) point(i int) RolloutPoint {
	k, d, b := r.steps[i], r.m.Config().Latent(), len(r.starts)
	reach := r.steps[len(r.steps)-1]
	p := RolloutPoint{Step: k, N: b, RMSE: math.NaN(), StayPut: math.NaN()}
	last := make([]float32, 0, b*d)
	for c := range b {
		at := (c*reach + k - 1) * d
		last = append(last, r.predicted[at:at+d]...)
	}
	for j, z := range r.seen[i] {
		p.LatentMSE += sq(float64(last[j])-float64(z)) / float64(b*d)
		p.CopyLast += sq(float64(r.start[j])-float64(z)) / float64(b*d)
	}
	if r.readout == nil {
		return p
	}
	read := make([]float64, b*r.readout.Out)
	r.readout.Apply(b, last, read)
	var sum, stay float64
	for c, s := range r.starts {
		here := r.truth.Row(s)
		for j, y := range r.truth.Row(s + k) {
			sum += sq(read[c*len(here)+j] - float64(y))
			stay += sq(float64(here[j]) - float64(y))
		}
	}
	p.RMSE, p.StayPut = math.Sqrt(sum/float64(len(read))), math.Sqrt(stay/float64(len(read)))
	return p
}

func sq(x float64) float64 { return x * x }

// RolloutRows turns the curves of a dataset called name into rows
// rollout/<name>/rmse/<k>, .../floor/stay/<k>, .../latent_mse/<k> and
// .../floor/copy_last/<k>; the first two only where a readout was given.
func RolloutRows(name string, points []RolloutPoint) []report.Row {
	var rows []report.Row
	for _, p := range points {
		row := func(what, unit string, value float64, note string) {
			rows = append(rows, report.Row{Name: fmt.Sprintf("rollout/%s/%s/%d", name, what, p.Step), Value: value, Unit: unit, N: p.N, Note: note})
		}
		if !math.IsNaN(p.RMSE) {
			row("rmse", "px", p.RMSE, "read off the predicted latent by the linear position probe")
			row("floor/stay", "px", p.StayPut, "saying that nothing has moved")
		}
		row("latent_mse", "1", p.LatentMSE, "normalised latent units")
		row("floor/copy_last", "1", p.CopyLast, "predicting the latent of the start")
	}
	return rows
}
