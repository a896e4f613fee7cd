package eval

import (
	"context"
	"fmt"
	"math/rand/v2"

	"foresee/agent"
	"foresee/env/tworooms"
	"foresee/jepa"
)

// Shown is one episode in pictures.
type Shown struct {
	Frames   [][]uint8 // [H, W, C] each, the first before any action
	Goal     []uint8   // [H, W, C]
	Size     int       // H = W
	Distance float64   // px from the goal at the end
}

// Show plays episode i of the sequence behind seed, on a layout kept out of
// training, with actor, and returns what the camera saw. The episode ends once
// the dot is within half a pixel of the goal, or after its 200 steps.
func Show(ctx context.Context, m *jepa.Model, actor *agent.Actor, seed uint64, i int) (Shown, error) {
	if err := checkTwoRooms(m); err != nil {
		return Shown{}, fmt.Errorf("eval: show: %w", err)
	}
	size := m.Config().Frame.Height
	w := tworooms.NewEpisode(tworooms.EpisodeConfig{Size: size, Layout: tworooms.LayoutHeldOut}, Seed("show", seed), i)
	defer w.Close()
	a, err := actor.NewAgent()
	if err != nil {
		return Shown{}, fmt.Errorf("eval: show: %w", err)
	}
	s := Shown{Goal: w.GoalPixels(), Size: size}
	if err := a.Begin(agent.Task{Spec: w.Spec(), Goal: s.Goal}, rand.New(rand.NewPCG(seed, uint64(i)))); err != nil {
		return Shown{}, fmt.Errorf("eval: show: %w", err)
	}
	for o := w.Observation(); ; {
		s.Frames, s.Distance = append(s.Frames, o.Pixels), w.Distance()
		if w.Over() || s.Distance < 0.5 {
			return s, nil
		}
		action, err := a.Act(ctx, o)
		if err != nil {
			return Shown{}, fmt.Errorf("eval: show: %w", err)
		}
		step, err := w.Step(action)
		if err != nil {
			return Shown{}, fmt.Errorf("eval: show: %w", err)
		}
		o = step.Observation
	}
}
