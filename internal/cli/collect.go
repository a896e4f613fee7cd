package cli

import (
	"context"
	"fmt"

	"foresee/env/tworooms"
	"foresee/eval"
	"foresee/report"
)

// collectCmd records experience in a built-in world.
type collectCmd struct {
	TwoRooms collectRoomsCmd   `cmd:"" name:"tworooms" help:"A dot in two rooms joined by a door: frames and actions."`
	Plant    collectPlantCmd   `cmd:"" help:"Sensor readings of a simulated plant, as CSV."`
	Physics  collectPhysicsCmd `cmd:"" help:"Possible clips of things that move, rest and hide: frames alone."`
}

// collectRoomsCmd records walks in Two Rooms.
type collectRoomsCmd struct {
	Out      string `short:"o" required:"" placeholder:"DIR" help:"Folder of the new dataset."`
	Episodes int    `default:"3000" help:"Trajectories to record (${default})."`
	Steps    int    `default:"91" help:"Frames of a trajectory (${default})."`
	Size     int    `default:"65" help:"Pixels a side of a frame: 65 or 33 (${default})."`
	Layout   string `default:"random" enum:"random,fixed" help:"Wall and door: random in every episode, or fixed (${default})."`
	HeldOut  bool   `name:"heldout" help:"Let random layouts include those kept out for evaluation."`
	Seed     uint64 `default:"1" help:"Seed of the sequence of trajectories (${default})."`
}

// Help adds the columns and the rule of the held-out layouts to --help.
func (c *collectRoomsCmd) Help() string {
	return "Columns: pixels, action, and for evaluation alone state (x, y of the dot) and layout (wall x, door y). " +
		"Layouts with (7*wall + 3*door) mod 10 = 0 stay out unless --heldout is given."
}

// Run records the dataset and says what it holds.
func (c *collectRoomsCmd) Run(ctx context.Context, a *app) error {
	cfg := eval.Recording{Episodes: c.Episodes, Frames: c.Steps, Size: c.Size, Seed: c.Seed, Generator: "foresee collect"}
	switch {
	case c.Episodes < 1:
		return usagef("collect: --episodes %d: want 1 or more", c.Episodes)
	case c.Steps < 2:
		return usagef("collect: --steps %d: want 2 or more", c.Steps)
	case c.Size != tworooms.Size && c.Size != tworooms.SmallSize:
		return usagef("collect: --size %d: want %d or %d", c.Size, tworooms.Size, tworooms.SmallSize)
	case c.Layout == "fixed" && c.HeldOut:
		return usagef("collect: --heldout is about random layouts, and --layout is fixed")
	case c.Layout == "fixed":
		cfg.Layout = tworooms.LayoutFixed
	case !c.HeldOut:
		cfg.Layout = tworooms.LayoutTrain
	}
	if err := cfg.Validate(); err != nil {
		return usagef("collect: %w", err)
	}
	if err := freshOutput(c.Out); err != nil {
		return err
	}
	p := a.progress("collect", c.Episodes)
	steps, err := eval.Record(ctx, c.Out, cfg, func() { p.Add(1, "") })
	if err != nil {
		return err
	}
	p.End("")
	note := fmt.Sprintf("%s, %dx%dx%d, layouts %v", c.Out, c.Size, c.Size, tworooms.Channels, cfg.Layout)
	return a.printCollected("tworooms", c.Seed, c.Episodes, steps, note)
}

// printCollected prints what was recorded in a world.
func (a *app) printCollected(world string, seed uint64, episodes, frames int, note string) error {
	return a.printRows(seed, []report.Row{
		{Name: "collect/" + world + "/episodes", Value: float64(episodes), Unit: "1", Note: note},
		{Name: "collect/" + world + "/frames", Value: float64(frames), Unit: "1", Note: note},
	})
}
