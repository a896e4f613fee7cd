package eval

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"foresee/agent"
	"foresee/env"
	"foresee/env/tworooms"
	"foresee/jepa"
)

// blind stands between a world and an agent: what it hands on is all that the
// agent knows of an episode.
type blind struct {
	ctx   context.Context // of the whole evaluation
	agent *agent.Agent
	begun func() // called at the start of each episode
}

// Begin implements tworooms.Agent.
func (b *blind) Begin(w *tworooms.World, r *rand.Rand) error {
	b.begun()
	return b.agent.Begin(agent.Task{Spec: w.Spec(), Goal: w.GoalPixels()}, r)
}

// Act implements tworooms.Agent.
func (b *blind) Act(o env.Observation) ([]float32, error) { return b.agent.Act(b.ctx, o) }

// episodes are played by agents of one actor.
type played struct {
	tworooms.Result
	decisions []agent.Decision // of all episodes, in no order that means anything
}

// play runs an evaluation with agents of actor.
func play(ctx context.Context, actor *agent.Actor, e tworooms.Evaluation, begun func()) (played, error) {
	if begun == nil {
		begun = func() {}
	}
	var mu sync.Mutex
	var agents []*agent.Agent
	result, err := tworooms.Evaluate(ctx, e, func() (tworooms.Agent, error) {
		a, err := actor.NewAgent()
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		agents = append(agents, a)
		return &blind{ctx: ctx, agent: a, begun: begun}, nil
	})
	p := played{Result: result}
	for _, a := range agents {
		p.decisions = append(p.decisions, a.Decisions()...)
	}
	return p, err
}

// checkTwoRooms says why a model cannot act in Two Rooms, or returns nil.
func checkTwoRooms(m *jepa.Model) error {
	cfg := m.Config()
	f := cfg.Frame
	square := f.Height == f.Width && (f.Height == tworooms.Size || f.Height == tworooms.SmallSize)
	switch {
	case !square || f.Channels != tworooms.Channels:
		return fmt.Errorf("the model was trained on frames of %dx%dx%d; Two Rooms has %dx%[4]dx%[5]d and %[6]dx%[6]dx%[5]d",
			f.Height, f.Width, f.Channels, tworooms.Size, tworooms.Channels, tworooms.SmallSize)
	case cfg.ActionDim == 0:
		return fmt.Errorf("the model takes no actions; train it on a dataset that has them")
	case cfg.ActionDim != 2:
		return fmt.Errorf("the model takes actions of %d values, Two Rooms 2", cfg.ActionDim)
	}
	return nil
}
