package cli

import (
	"context"
	"fmt"

	"foresee/data"
	"foresee/env/tworooms"
	"foresee/report"
)

// collectCmd records experience in a built-in world.
type collectCmd struct {
	World    string `arg:"" enum:"tworooms" help:"Built-in world: tworooms."`
	Out      string `short:"o" required:"" placeholder:"DIR" help:"Folder of the new dataset."`
	Episodes int    `default:"3000" help:"Trajectories to record (${default})."`
	Steps    int    `default:"91" help:"Frames of a trajectory (${default})."`
	Size     int    `default:"65" help:"Pixels a side of a frame: 65 or 33 (${default})."`
	Layout   string `default:"random" enum:"random,fixed" help:"Wall and door: random in every episode, or fixed (${default})."`
	HeldOut  bool   `name:"heldout" help:"Let random layouts include those kept out for evaluation."`
	Seed     uint64 `default:"1" help:"Seed of the sequence of trajectories (${default})."`
}

// Help adds the columns and the rule of the held-out layouts to --help.
func (c *collectCmd) Help() string {
	return "Columns: pixels, action, and for evaluation alone state (x, y of the dot) and layout (wall x, door y). " +
		"Layouts with (7*wall + 3*door) mod 10 = 0 stay out unless --heldout is given."
}

// Run records the dataset and says what it holds.
func (c *collectCmd) Run(ctx context.Context, a *app) error {
	cfg := roomsConfig{Episodes: c.Episodes, Frames: c.Steps, Size: c.Size, Seed: c.Seed}
	switch {
	case c.Size != tworooms.Size && c.Size != tworooms.SmallSize:
		return usagef("collect: --size %d: want %d or %d", c.Size, tworooms.Size, tworooms.SmallSize)
	case c.Layout == "fixed" && c.HeldOut:
		return usagef("collect: --heldout is about random layouts, and --layout is fixed")
	case c.Layout == "fixed":
		cfg.Layout = tworooms.LayoutFixed
	case !c.HeldOut:
		cfg.Layout = tworooms.LayoutTrain
	}
	if err := cfg.validate(); err != nil {
		return usagef("collect: %w", err)
	}
	if err := freshOutput(c.Out); err != nil {
		return err
	}
	p := a.progress("collect", c.Episodes)
	steps, err := collectRooms(ctx, c.Out, cfg, p)
	if err != nil {
		return err
	}
	p.End("")
	d := a.document(c.Seed, 0)
	note := fmt.Sprintf("%s, %dx%dx%d, layouts %v", c.Out, c.Size, c.Size, tworooms.Channels, cfg.Layout)
	d.Add(report.Row{Name: "collect/tworooms/episodes", Value: float64(c.Episodes), Unit: "1", Note: note},
		report.Row{Name: "collect/tworooms/frames", Value: float64(steps), Unit: "1", Note: note})
	return a.print(d)
}

// roomsConfig says what collectRooms records.
type roomsConfig struct {
	Episodes int
	Frames   int // of an episode
	Size     int // pixels a side, 65 or 33
	Layout   tworooms.LayoutMode
	Seed     uint64
}

func (c roomsConfig) walk() tworooms.WalkConfig {
	return tworooms.WalkConfig{Frames: c.Frames, Layout: c.Layout}
}

func (c roomsConfig) validate() error {
	if c.Episodes < 1 {
		return fmt.Errorf("--episodes %d: want 1 or more", c.Episodes)
	}
	if c.Frames < 2 {
		return fmt.Errorf("--steps %d: want 2 or more", c.Frames)
	}
	return c.walk().Validate()
}

// collectRooms records Two Rooms into the new folder dir and returns the number
// of frames. Episode i is a pure function of cfg.Seed and i. When ctx ends or
// something fails, nothing is left behind.
func collectRooms(ctx context.Context, dir string, cfg roomsConfig, p *progress) (steps int, err error) {
	w, err := data.Create(dir, data.Meta{
		Name:  "tworooms",
		Frame: data.Frame{Height: cfg.Size, Width: cfg.Size, Channels: tworooms.Channels},
		Columns: []data.ColumnMeta{
			{Name: data.ActionColumn, Width: 2},
			{Name: data.StateColumn, Width: 2, Privileged: true},
			{Name: data.LayoutColumn, Width: 2, Privileged: true},
		},
		Source:    "env/tworooms, training walks, layouts: " + cfg.Layout.String(),
		Generator: "foresee collect",
		Seed:      cfg.Seed,
	})
	if err != nil {
		return 0, err
	}
	defer w.Abort() // after Close it does nothing
	for i := range cfg.Episodes {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := appendWalk(w, tworooms.Walks(cfg.walk(), cfg.Seed, i), cfg.Size); err != nil {
			return 0, err
		}
		p.Add(1, "")
	}
	return w.Steps(), w.Close()
}

// appendWalk writes one episode. Its last action row is 0: no frame follows it.
func appendWalk(w *data.Writer, walk tworooms.Walk, size int) error {
	r := tworooms.NewRenderer(size, walk.Layout)
	frame := make([]uint8, r.FrameSize())
	action, state := make([]float32, 2), make([]float32, 2)
	rows := map[string][]float32{
		data.ActionColumn: action,
		data.StateColumn:  state,
		data.LayoutColumn: {float32(walk.Layout.WallX), float32(walk.Layout.DoorY)},
	}
	for t, p := range walk.Points {
		r.Draw(frame, p)
		state[0], state[1] = float32(p.X), float32(p.Y)
		action[0], action[1] = 0, 0
		if t < len(walk.Actions) {
			action[0], action[1] = float32(walk.Actions[t].X), float32(walk.Actions[t].Y)
		}
		if err := w.Append(frame, rows); err != nil {
			return err
		}
	}
	return w.EndEpisode()
}
