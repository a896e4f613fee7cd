package eval

import (
	"context"
	"fmt"

	"foresee/data"
	"foresee/env/tworooms"
	"foresee/jepa"
	"foresee/probe"
	"foresee/report"
)

// rolloutSteps are the steps at which rollouts are graded, where episodes reach so far.
func rolloutSteps() []int { return []int{1, 8, 16, 32, 64} }

// Rollout says how far model m's open-loop rollouts drift, as the rows of
// probe.RolloutRows at steps 1, 8, 16, 32 and 64: in px through a linear position
// probe where d has positions, and in latent units, each beside its floor. With a
// nil d it records fresh trajectories of Two Rooms in layouts kept out of
// training. A model of another frame size than the data's is an error.
func Rollout(ctx context.Context, m *jepa.Model, d *data.Dataset, cfg ProbeConfig) ([]report.Row, error) {
	rows, err := rolloutSuite(ctx, m, d, cfg.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("eval: rollout: %w", err)
	}
	return rows, nil
}

func rolloutSuite(ctx context.Context, m *jepa.Model, d *data.Dataset, cfg ProbeConfig) ([]report.Row, error) {
	seed := Seed("rollout", cfg.Seed)
	if d == nil {
		if err := checkTwoRooms(m); err != nil {
			return nil, err
		}
		r, err := heldOutRooms(ctx, cfg.Episodes, m.Config().Frame.Height, seed)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		d = r.Dataset
	}
	var readout *probe.Readout
	if _, ok := d.Privileged(data.StateColumn); ok {
		r, err := probe.Position(ctx, m, d, probe.DatasetConfig{Episodes: cfg.Episodes, Seed: seed, SkipMLP: true})
		if err != nil {
			return nil, err
		}
		readout = &r.Position
	}
	points, err := probe.Rollout(ctx, m, d, readout, probe.RolloutConfig{Steps: reachable(d, m), Seed: seed})
	if err != nil {
		return nil, err
	}
	return probe.RolloutRows(rowName(d), points), nil
}

// heldOutRooms records fresh trajectories in layouts kept out of training.
func heldOutRooms(ctx context.Context, n, size int, seed uint64) (*rooms, error) {
	return freshRooms(ctx, n, size, tworooms.LayoutHeldOut, seed)
}

// reachable returns the steps that some episode of d is long enough for.
func reachable(d *data.Dataset, m *jepa.Model) []int {
	longest := 0
	for e := range d.Episodes() {
		_, length := d.Episode(e)
		longest = max(longest, length)
	}
	var steps []int
	for _, k := range rolloutSteps() {
		if k+m.Config().Context() <= longest {
			steps = append(steps, k)
		}
	}
	return steps
}
