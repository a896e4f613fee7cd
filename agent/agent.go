package agent

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"foresee/env"
	"foresee/jepa"
)

// Task is all that an agent is told of an episode: what the world delivers and
// accepts, and a picture of the goal, [Height, Width, Channels].
type Task struct {
	Spec env.Spec
	Goal []uint8
}

// Decision is the record of one call of Act.
type Decision struct {
	Time       time.Duration // wall time of the call, encoding included
	First      bool          // the first of an episode: goal perception and, with landmarks, the graph are in it
	ModelSteps int           // predictor steps spent, one a state and action
}

// mind is a way of planning, in one episode at a time.
type mind interface {
	// begin starts an episode towards latent goal [D], of so many steps (0: without end).
	begin(goal []float32, steps int, seed uint64)
	// decide writes the action for model state [S] and returns the predictor steps spent.
	decide(ctx context.Context, state, action []float32) (modelSteps int, err error)
}

// Actor is a world model with a way of planning. It is made by NewLandmark or
// NewCEM, does not change, and may be used by several goroutines at once.
type Actor struct {
	model *jepa.Model
	name  string
	make  func() (mind, error)
	warm  func(context.Context) error // runs every graph of deciding once; nil: deciding does
}

// Name describes the planner in a few words, for notes.
func (a *Actor) Name() string { return a.name }

// NewAgent returns an agent without an episode.
func (a *Actor) NewAgent() (*Agent, error) {
	m, err := a.make()
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	cfg := a.model.Config()
	width := cfg.Latent() + cfg.Encoder.Static
	g := &Agent{actor: a, mind: m, state: make([]float32, cfg.State()), action: make([]float32, cfg.ActionDim), goal: make([]float32, width)}
	for range cfg.Context() {
		g.recent = append(g.recent, make([]float32, width))
	}
	return g, nil
}

// WarmUp compiles the graphs that deciding needs, so that compile time is in no
// decision that counts. It may decide in a world of blank frames.
func (a *Actor) WarmUp(ctx context.Context, spec env.Spec) error {
	if a.warm != nil {
		cfg := a.model.Config()
		if err := a.model.Encode(ctx, 1, make([]uint8, cfg.Pixels()), make([]float32, cfg.Latent()+cfg.Encoder.Static)); err != nil {
			return fmt.Errorf("agent: warm up: %w", err)
		}
		return a.warm(ctx)
	}
	g, err := a.NewAgent()
	if err != nil {
		return err
	}
	blank := make([]uint8, spec.FrameSize())
	if err := g.Begin(Task{Spec: spec, Goal: blank}, rand.New(rand.NewPCG(0, 0))); err != nil {
		return err
	}
	for range 3 {
		if _, err := g.Act(ctx, env.Observation{Pixels: blank}); err != nil {
			return err
		}
	}
	return nil
}

// Agent perceives, keeps a state estimate and plans, in one episode at a time.
// It is for one goroutine.
//
// Its state is the latents of the last frames, as many as the predictor takes,
// and the mean static code of the goal and all frames since Begin, so that the
// layout a planner works with does not flicker from frame to frame. (It costs
// nothing and, measured, decides nothing: 379 of 400 development episodes of a
// weak model succeeded with the mean, 382 with the newest frame's code.)
type Agent struct {
	actor  *Actor
	mind   mind
	task   Task
	rng    *rand.Rand
	frames int // frames perceived in the episode, the goal included; 0 before the first decision

	goal      []float32   // [D + W] code of the goal frame
	recent    [][]float32 // codes of the last Context frames, the newest first, each [D + W]
	static    []float64   // [W] sum of the static codes seen
	state     []float32   // [S]
	action    []float32   // [A]
	decisions []Decision
}

// Begin starts an episode; r draws the planner's seed. Frames or actions that do
// not fit the model are errors. Perception happens in the first Act.
func (g *Agent) Begin(task Task, r *rand.Rand) error {
	cfg := g.actor.model.Config()
	if s := task.Spec; s.Height != cfg.Frame.Height || s.Width != cfg.Frame.Width || s.Channels != cfg.Frame.Channels {
		return fmt.Errorf("agent: frames are %dx%dx%d, the model was trained on %dx%dx%d",
			s.Height, s.Width, s.Channels, cfg.Frame.Height, cfg.Frame.Width, cfg.Frame.Channels)
	}
	if a := task.Spec.Action.Size(); a != cfg.ActionDim {
		return fmt.Errorf("agent: actions have %d values, the model was trained on %d", a, cfg.ActionDim)
	}
	if len(task.Goal) != cfg.Pixels() {
		return fmt.Errorf("agent: the goal has %d bytes, a frame %d", len(task.Goal), cfg.Pixels())
	}
	g.task, g.rng, g.frames = task, r, 0
	return nil
}

// Act returns the action for the latest observation. The slice is reused by the
// next call. It fails before Begin, on an observation of another size, when ctx
// ends, and with what the engine or the planner reports.
func (g *Agent) Act(ctx context.Context, o env.Observation) ([]float32, error) {
	start := time.Now()
	cfg := g.actor.model.Config()
	if g.rng == nil {
		return nil, fmt.Errorf("agent: Act before Begin")
	}
	if len(o.Pixels) != cfg.Pixels() {
		return nil, fmt.Errorf("agent: the observation has %d bytes, a frame %d", len(o.Pixels), cfg.Pixels())
	}
	first := g.frames == 0
	if err := g.perceive(ctx, o.Pixels); err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	if first {
		g.mind.begin(g.goal[:cfg.Latent()], g.task.Spec.MaxSteps, g.rng.Uint64())
	}
	steps, err := g.mind.decide(ctx, g.state, g.action)
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	g.decisions = append(g.decisions, Decision{Time: time.Since(start), First: first, ModelSteps: steps})
	return g.action, nil
}

// Decisions returns the records of all decisions since the agent was made.
func (g *Agent) Decisions() []Decision { return g.decisions }

// perceive brings the state up to date with a frame, and at first with the goal.
func (g *Agent) perceive(ctx context.Context, pixels []uint8) error {
	cfg := g.actor.model.Config()
	d := cfg.Latent()
	if g.frames == 0 {
		if err := g.actor.model.Encode(ctx, 1, g.task.Goal, g.goal); err != nil {
			return err
		}
		g.static = make([]float64, cfg.Encoder.Static)
		g.remember(g.goal[d:])
	}
	newest := g.recent[len(g.recent)-1]
	copy(g.recent[1:], g.recent)
	g.recent[0] = newest
	if err := g.actor.model.Encode(ctx, 1, pixels, newest); err != nil {
		return err
	}
	if g.frames == 1 { // before the first frame, as far as known, nothing moved
		for _, code := range g.recent[1:] {
			copy(code, newest)
		}
	}
	g.remember(newest[d:])
	g.actor.model.StateAt(g.state, g.recent...)
	carried := g.state[len(g.state)-len(g.static):]
	for i, sum := range g.static {
		carried[i] = float32(sum / float64(g.frames))
	}
	return nil
}

// remember counts one more static code in.
func (g *Agent) remember(code []float32) {
	for i, v := range code {
		g.static[i] += float64(v)
	}
	g.frames++
}
