package probe_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"foresee/data"
	"foresee/jepa"
	"foresee/probe"
	"foresee/report"
)

// TestPosition probes an untrained model, whose spatial softmax already tells
// roughly where the dot is.
func TestPosition(t *testing.T) {
	d := rooms(t, 60, 12)
	m := untrained(t, small(1))
	kept := map[int]bool{}
	r, err := probe.Position(context.Background(), m, d, probe.DatasetConfig{
		Episodes: 50, Frames: 6, Filter: func(e int) bool { kept[e] = e >= 5; return e >= 5 },
		MLP: probe.MLPConfig{Hidden: []int{16}, Steps: 40, Batch: 32},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(kept) != 60 || r.LatentCodes.Rows() != 50*6 {
		t.Errorf("the filter saw %d episodes, %d frames were probed, want 60 and 300", len(kept), r.LatentCodes.Rows())
	}
	if s := r.State.Joint; s.RMSE > 0.9*s.Floor {
		t.Errorf("position RMSE %.2f px, floor %.2f px: want clearly below", s.RMSE, s.Floor)
	}
	if f := r.State.Joint.Floor; f < 8 || f > 25 {
		t.Errorf("position floor %.2f px, want 8 to 25", f)
	}
	doc := report.Document{Rows: r.Rows}
	if err := doc.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"position_rmse", "wall_rmse", "door_rmse", "mlp/position_rmse", "mlp/wall_rmse", "mlp/door_rmse",
		"leak/position_rmse", "leak/mlp/position_rmse", "floor/position_rmse", "floor/wall_rmse", "floor/door_rmse",
	} {
		row, ok := doc.Find("probe/tworooms/" + name)
		if !ok || row.N == 0 || row.Unit != "px" || row.Note == "" || math.IsNaN(row.Value) {
			t.Errorf("row %s = %+v, %v", name, row, ok)
		}
	}
	if len(r.Rows) != 11 {
		t.Errorf("%d rows, want 11", len(r.Rows))
	}
}

// TestPositionColumns swaps a column for another to see that targets come from
// the right one: an own linear fit of x on the latents must grade the same.
func TestPositionColumns(t *testing.T) {
	d := rooms(t, 40, 8)
	m := untrained(t, small(1))
	r, err := probe.Position(context.Background(), m, d, probe.DatasetConfig{Episodes: 40, Frames: 8, SkipMLP: true})
	if err != nil {
		t.Fatal(err)
	}
	if r.StateMLP != nil || r.LeakMLP != nil {
		t.Error("SkipMLP: an MLP was fitted")
	}
	state, _ := d.Privileged(data.StateColumn)
	groups := make([]int, d.Steps())
	for s := range groups {
		groups[s] = d.EpisodeOf(s)
	}
	cfg := m.Config()
	width := cfg.Latent() + cfg.Encoder.Static
	codes := make([]float32, d.Steps()*width)
	if err := m.Encode(context.Background(), d.Steps(), d.FrameRange(0, d.Steps()), codes); err != nil {
		t.Fatal(err)
	}
	z, w := probe.Table{Width: cfg.Latent()}, probe.Table{Width: cfg.Encoder.Static}
	for s := range d.Steps() {
		z.Values = append(z.Values, codes[s*width:s*width+cfg.Latent()]...)
		w.Values = append(w.Values, codes[s*width+cfg.Latent():(s+1)*width]...)
	}
	layout, _ := d.Privileged(data.LayoutColumn)
	for _, c := range []struct {
		what     string
		features probe.Table
		truth    *data.Column
		got      *probe.Result
	}{{"state from z", z, state, r.State}, {"state from w", w, state, r.Leak}, {"layout from w", w, layout, r.Layout}} {
		own, _, err := probe.Linear(c.features, probe.Table{Values: c.truth.Rows(0, d.Steps()), Width: 2}, groups, probe.LinearConfig{})
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.what, c.got.Joint.RMSE, own.Joint.RMSE, 1e-4)
	}
}

func TestPositionErrors(t *testing.T) {
	d := rooms(t, 4, 4)
	cfg := small(1)
	cfg.Frame.Height = 32
	if _, err := probe.Position(context.Background(), untrained(t, cfg), d, probe.DatasetConfig{}); err == nil || !strings.Contains(err.Error(), "33x33x2") {
		t.Errorf("another frame size: %v", err)
	}
	cfg = small(1)
	cfg.ActionDim = 3
	if _, err := probe.Position(context.Background(), untrained(t, cfg), d, probe.DatasetConfig{}); err == nil || !strings.Contains(err.Error(), "actions have 2 floats") {
		t.Errorf("another action width: %v", err)
	}
	_, err := probe.Rollout(context.Background(), untrained(t, small(1)), d, nil, probe.RolloutConfig{Steps: []int{4}})
	if err == nil || !strings.Contains(err.Error(), "the longest kept has 4") {
		t.Errorf("too short episodes: %v", err)
	}
}

// still makes the predictor repeat the latest latent: its last layer is zero.
func still(t *testing.T, m *jepa.Model) {
	t.Helper()
	ctx := context.Background()
	cfg := m.Config()
	out := make([]float32, cfg.Latent())
	if err := m.Rollout(ctx, jepa.Shape{B: 1, N: 1, L: 1}, make([]float32, cfg.State()), make([]float32, 2), out); err != nil {
		t.Fatal(err) // creates the variables
	}
	for _, name := range []string{"weight", "bias"} {
		v := m.Store().GetVariable("/predictor/out/" + name)
		if v == nil {
			t.Fatalf("no variable /predictor/out/%s", name)
		}
		if err := v.SetValue(tensors.FromShape(v.Shape())); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRolloutStill grades a model that predicts no change: its error is that of
// repeating the last latent, at every step and with any context.
func TestRolloutStill(t *testing.T) {
	d := rooms(t, 20, 14)
	for _, context_ := range []int{1, 3} {
		m := untrained(t, small(context_))
		still(t, m)
		points, err := probe.Rollout(context.Background(), m, d, nil, probe.RolloutConfig{Clips: 37})
		if err != nil {
			t.Fatal(err)
		}
		if len(points) != 4 || points[3].Step != 8 || points[0].N != 37 {
			t.Fatalf("context %d: points %+v, want steps 1, 2, 4, 8 of 37", context_, points)
		}
		for i, p := range points {
			if !(p.LatentMSE > 0) || math.Abs(p.LatentMSE-p.CopyLast) > 1e-6*p.CopyLast {
				t.Errorf("context %d, step %d: latent MSE %g, copy-last %g, want equal and above 0", context_, p.Step, p.LatentMSE, p.CopyLast)
			}
			if i > 0 && p.CopyLast < points[i-1].CopyLast {
				t.Errorf("copy-last falls from %g to %g at step %d", points[i-1].CopyLast, p.CopyLast, p.Step)
			}
			if !math.IsNaN(p.RMSE) {
				t.Errorf("RMSE %g without a readout", p.RMSE)
			}
		}
	}
}

// TestRolloutTwin grades one clip after another, step by step, and compares.
func TestRolloutTwin(t *testing.T) {
	d := rooms(t, 2, 7)
	m := untrained(t, small(2))
	ctx := context.Background()
	report, err := probe.Position(ctx, m, rooms(t, 20, 6), probe.DatasetConfig{SkipMLP: true})
	if err != nil {
		t.Fatal(err)
	}
	points, err := probe.Rollout(ctx, m, d, &report.Position, probe.RolloutConfig{Steps: []int{4, 2, 2}})
	if err != nil {
		t.Fatal(err)
	}
	if len(points) != 2 || points[0].Step != 2 || points[1].Step != 4 || points[0].N != 4 {
		t.Fatalf("points %+v, want steps 2 and 4 of 4 clips", points)
	}
	cfg := m.Config()
	width := cfg.Latent() + cfg.Encoder.Static
	codes := make([]float32, d.Steps()*width)
	if err := m.Encode(ctx, d.Steps(), d.FrameRange(0, d.Steps()), codes); err != nil {
		t.Fatal(err)
	}
	code := func(step int) []float32 { return codes[step*width : (step+1)*width] }
	actions, _ := d.Column(data.ActionColumn)
	state, _ := d.Privileged(data.StateColumn)
	want := map[int]*probe.RolloutPoint{2: {}, 4: {}}
	for _, start := range []int{1, 2, 8, 9} { // 7 frames an episode, one before, four after
		s := make([]float32, cfg.State())
		m.StateAt(s, code(start), code(start-1))
		for k := 1; k <= 4; k++ {
			next := make([]float32, cfg.Latent())
			if err := m.Rollout(ctx, jepa.Shape{B: 1, N: 1, L: 1}, s, actions.Row(start+k-1), next); err != nil {
				t.Fatal(err)
			}
			copy(s[cfg.Latent():2*cfg.Latent()], s[:cfg.Latent()])
			copy(s, next)
			w, graded := want[k]
			if !graded {
				continue
			}
			for i, v := range next {
				w.LatentMSE += math.Pow(float64(v-code(start + k)[i]), 2) / float64(4*len(next))
				w.CopyLast += math.Pow(float64(code(start)[i]-code(start + k)[i]), 2) / float64(4*len(next))
			}
			read := make([]float64, 2)
			report.Position.Apply(1, next, read)
			for i, y := range state.Row(start + k) {
				w.RMSE += math.Pow(read[i]-float64(y), 2) / 8
				w.StayPut += math.Pow(float64(state.Row(start)[i]-y), 2) / 8
			}
		}
	}
	for _, p := range points {
		w := want[p.Step]
		// An untrained encoder's latents differ by 2e-4 between frames, and float32 rounds them at 1e-7
		// differently in batches of another size: 1e-3 relative on the square of the difference.
		near(t, "latent MSE", p.LatentMSE, w.LatentMSE, 1e-3*w.LatentMSE)
		near(t, "copy-last", p.CopyLast, w.CopyLast, 1e-3*w.CopyLast)
		near(t, "RMSE", p.RMSE, math.Sqrt(w.RMSE), 1e-5*p.RMSE)
		near(t, "stay-put", p.StayPut, math.Sqrt(w.StayPut), 1e-6)
	}
	checkRows(t, probe.RolloutRows("tworooms", points))
}

func checkRows(t *testing.T, rows []report.Row) {
	t.Helper()
	doc := report.Document{Rows: rows}
	if err := doc.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rmse/2", "floor/stay/4", "latent_mse/4", "floor/copy_last/2"} {
		if _, ok := doc.Find("rollout/tworooms/" + name); !ok {
			t.Errorf("no row %s", name)
		}
	}
}
