package tworooms

import (
	"fmt"
	"math"
	"math/rand/v2"

	"foresee/env"
)

// The published task: 200 steps, actions in a box of ±2.45 px, and when the goal counts as reached.
const (
	DefaultSteps = 200
	MaxAction    = 2.45
	FinalRadius  = 4.5 // px; success of EB-JEPA: the last position is nearer than this
	EverMSE      = 1.0 // px²; success of PLDM: mean((p-g)²) below this, that is within 1.41 px, at any step

	goalMargin = 2 * DotStd // starts and goals keep this far from walls and border
)

// Rule is a success rule.
type Rule int

// The published success rules. The zero value is EB-JEPA's.
const (
	RuleFinal Rule = iota // |p-g| < 4.5 px after the last step; earlier hits do not count
	RuleEver              // mean((p-g)²) < 1 px² after any step; the episode then terminates
)

// EpisodeConfig says how evaluation episodes are drawn. The zero value is EB-JEPA's task: 65-px frames, random
// layouts, 200 steps, success at the end.
type EpisodeConfig struct {
	// Size is pixels a side of a frame, 65 or 33; 0 means 65.
	Size int
	// Layout says from which layouts each episode draws its own; Fixed is the one of LayoutFixed, zero meaning 32/18.
	Layout LayoutMode
	Fixed  Layout
	// MaxSteps is the number of steps until truncation; 0 means 200.
	MaxSteps int
	// Rule decides Success and Terminated.
	Rule Rule
	// AnyRoom draws start and goal anywhere; the published task has them in opposite rooms.
	AnyRoom bool
}

// Validate reports what is wrong with the config, or nil.
func (c EpisodeConfig) Validate() error {
	if c.Size != 0 && c.Size != Size && c.Size != SmallSize {
		return fmt.Errorf("tworooms: frame size %d, want %d or %d", c.Size, Size, SmallSize)
	}
	if c.MaxSteps < 0 {
		return fmt.Errorf("tworooms: %d steps an episode", c.MaxSteps)
	}
	if c.Rule != RuleFinal && c.Rule != RuleEver {
		return fmt.Errorf("tworooms: no success rule %d", int(c.Rule))
	}
	return validLayout(c.Layout, c.Fixed)
}

// World is the evaluation environment with the goal of one episode. It implements env.Env: reward is always 0,
// Proprio nil, and Terminated is true only under RuleEver. An action is added to the position as it is: Step does not
// clip it to the box, as published, and a wall is seen only on the way to the first plane behind it, so actions far
// outside the box could jump walls. A World is used by one goroutine at a time.
//
// Layout, Start, Position, Goal, Distance, Final and Ever are privileged: scoring and the floors read them, a learnt
// agent must not.
type World struct {
	cfg                EpisodeConfig
	renderer           *Renderer
	layout             Layout
	start, dot, goal   Point
	steps              int
	ever, done, closed bool
	r                  *rand.Rand
}

// NewEpisode returns episode i of the sequence that cfg and seed name, ready for its first step. Layout, start, goal
// and the noise at walls are a pure function of (cfg, seed, i); Rule, Size and MaxSteps do not influence them. Start
// and goal lie in opposite rooms, 2.6 px or more from every wall; direction is left to right in half of the episodes. A
// pair that is solved at the start by either rule is drawn again. An invalid cfg panics with what Validate reports.
//
// Source: PLDM and EB-JEPA, DotWall's reset and step.
func NewEpisode(cfg EpisodeConfig, seed uint64, i int) *World {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	if cfg.Size == 0 {
		cfg.Size = Size
	}
	if cfg.MaxSteps == 0 {
		cfg.MaxSteps = DefaultSteps
	}
	w := &World{cfg: cfg}
	w.begin(seed, i)
	return w
}

func (w *World) begin(seed uint64, i int) {
	w.r = newRand(seed, streamEpisode, i)
	w.layout = w.cfg.Layout.draw(w.r, w.cfg.Fixed)
	w.renderer = NewRenderer(w.cfg.Size, w.layout)
	for {
		w.start, w.goal = drawPair(w.r, w.layout, w.cfg.AnyRoom)
		if !solved(w.start, w.goal) {
			break
		}
	}
	w.dot, w.steps, w.ever, w.done = w.start, 0, false, false
}

// drawPair draws a start and a goal.
func drawPair(r *rand.Rand, l Layout, anyRoom bool) (start, goal Point) {
	startLeft := r.Uint64()&1 == 0
	goalLeft := !startLeft
	if anyRoom {
		goalLeft = r.Uint64()&1 == 0
	}
	return drawInRoom(r, l, startLeft), drawInRoom(r, l, goalLeft)
}

func drawInRoom(r *rand.Rand, l Layout, left bool) Point {
	lo, hi := borderLow+goalMargin, borderHigh-goalMargin
	y := uniform(r, lo, hi)
	if left {
		return Point{uniform(r, lo, l.left()-goalMargin), y}
	}
	return Point{uniform(r, l.right()+goalMargin, hi), y}
}

// solved reports whether p counts as reaching goal by either rule.
func solved(p, goal Point) bool { return within(p, goal) || near(p, goal) }

func within(p, goal Point) bool { return distance(p, goal) < FinalRadius }

func near(p, goal Point) bool {
	d := p.Sub(goal)
	return (d.X*d.X+d.Y*d.Y)/2 < EverMSE
}

// Spec describes the world: frames [Size, Size, 2], two action values within ±2.45 px.
func (w *World) Spec() env.Spec { return w.cfg.spec() }

func (c EpisodeConfig) spec() env.Spec {
	return env.Spec{
		Name: "tworooms", Height: c.Size, Width: c.Size, Channels: Channels, MaxSteps: c.MaxSteps,
		Action: env.Box{Low: []float32{-MaxAction, -MaxAction}, High: []float32{MaxAction, MaxAction}},
	}
}

// Reset starts episode 0 of seed, the one NewEpisode(cfg, seed, 0) returns. It fails only after Close.
func (w *World) Reset(seed uint64) (env.Observation, error) {
	if w.closed {
		return env.Observation{}, fmt.Errorf("tworooms: reset: the world is closed")
	}
	w.begin(seed, 0)
	return w.Observation(), nil
}

// Step moves the dot by action, (dx, dy) in px, under the evaluation rule. See env.Env for its failures.
func (w *World) Step(action []float32) (env.Step, error) {
	if w.done || w.closed {
		return env.Step{}, fmt.Errorf("tworooms: step %d: %w", w.steps, env.ErrEpisodeOver)
	}
	if len(action) != 2 {
		return env.Step{}, fmt.Errorf("tworooms: step %d: action has %d values, want 2", w.steps, len(action))
	}
	a := Point{float64(action[0]), float64(action[1])}
	if s := a.X + a.Y; math.IsNaN(s) || math.IsInf(s, 0) {
		return env.Step{}, fmt.Errorf("tworooms: step %d: action %v is not finite", w.steps, action)
	}
	w.dot = moveEvaluation(w.layout, w.dot, a, w.r)
	w.steps++
	w.ever = w.ever || near(w.dot, w.goal)
	step := env.Step{
		Observation: w.Observation(),
		Terminated:  w.cfg.Rule == RuleEver && w.ever,
		Truncated:   w.steps >= w.cfg.MaxSteps,
	}
	w.done = step.Terminated || step.Truncated
	return step, nil
}

// Close ends the episode. It returns nil.
func (w *World) Close() error {
	w.closed = true
	return nil
}

// Observation renders the current frame.
func (w *World) Observation() env.Observation {
	return env.Observation{Pixels: w.frame(w.dot)}
}

// GoalPixels returns the frame [Size, Size, 2] with the dot at the goal in the episode's layout. The caller owns it.
func (w *World) GoalPixels() []uint8 { return w.frame(w.goal) }

func (w *World) frame(p Point) []uint8 {
	pixels := make([]uint8, w.renderer.FrameSize())
	w.renderer.Draw(pixels, p)
	return pixels
}

// Layout returns the episode's layout. Privileged.
func (w *World) Layout() Layout { return w.layout }

// Start returns where the episode began. Privileged.
func (w *World) Start() Point { return w.start }

// Position returns where the dot is. Privileged.
func (w *World) Position() Point { return w.dot }

// Goal returns where the goal is. Privileged.
func (w *World) Goal() Point { return w.goal }

// Distance returns the px between dot and goal. Privileged.
func (w *World) Distance() float64 { return distance(w.dot, w.goal) }

// Steps returns how many actions were taken in the episode.
func (w *World) Steps() int { return w.steps }

// Over reports whether the episode was terminated or truncated.
func (w *World) Over() bool { return w.done }

// Final reports whether the dot is within 4.5 px of the goal now; after the last step it is EB-JEPA's success.
func (w *World) Final() bool { return within(w.dot, w.goal) }

// Ever reports whether mean((p-g)²) was below 1 px² after any step: PLDM's success.
func (w *World) Ever() bool { return w.ever }

// Success reports success by the configured rule. Under RuleFinal it is false until the episode is over.
func (w *World) Success() bool {
	if w.cfg.Rule == RuleEver {
		return w.ever
	}
	return w.done && w.Final()
}
