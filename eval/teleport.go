package eval

import (
	"context"
	"fmt"

	"foresee/env/tworooms"
	"foresee/jepa"
	"foresee/report"
	"foresee/watch"
)

// TeleportConfig says how surprise at teleports is evaluated.
type TeleportConfig struct {
	Seed  uint64 // of the suite, see the package comment
	Clips int    // half of them with a teleport; 0 means 400
}

// TeleportExample is one clip with a teleport and its twin without, for showing.
type TeleportExample struct {
	At            int       // frame at which the dot is suddenly elsewhere
	First         int       // frame of the first surprise
	Jump, Twin    []float64 // surprise of frames First, First+1, ...
	Frames        []uint8   // [T, H, W, C] of the clip with the teleport
	Height, Width int
}

// Teleport scores how well the surprise of model m tells clips of Two Rooms in
// which the dot teleports from their twins in which it does not, as the rows of
// watch.TeleportRows: surprise/teleport/auroc, the largest surprise of the three
// frames around the moment, and surprise/teleport/ceiling/pixels. Layouts are
// drawn from all 1,125. A model that is not of Two Rooms is an error.
func Teleport(ctx context.Context, m *jepa.Model, cfg TeleportConfig) ([]report.Row, TeleportExample, error) {
	if err := checkTwoRooms(m); err != nil {
		return nil, TeleportExample{}, fmt.Errorf("eval: teleport: %w", err)
	}
	if cfg.Clips == 0 {
		cfg.Clips = 400
	}
	seed, size := Seed("teleport", cfg.Seed), m.Config().Frame.Height
	clip := func(i int) watch.Clip { return teleportClip(tworooms.Teleports(tworooms.WalkConfig{}, seed, i), size) }
	d, err := watch.Discriminate(ctx, m, cfg.Clips, clip)
	if err != nil {
		return nil, TeleportExample{}, fmt.Errorf("eval: teleport: %w", err)
	}
	note := fmt.Sprintf("largest surprise of frames t-1..t+1, clips with a jump of 10 px or more at t against their twins, %d-px frames", size)
	twin, jump := clip(0), clip(1)
	example := TeleportExample{At: jump.At, Frames: jump.Frames, Height: size, Width: size}
	for _, part := range []struct {
		clip watch.Clip
		out  *[]float64
	}{{twin, &example.Twin}, {jump, &example.Jump}} {
		if example.First, *part.out, err = watch.Surprises(ctx, m, part.clip); err != nil {
			return nil, TeleportExample{}, fmt.Errorf("eval: teleport: %w", err)
		}
	}
	return watch.TeleportRows(d, note), example, nil
}

// teleportClip renders a clip of the world for the watcher.
func teleportClip(c tworooms.Clip, size int) watch.Clip {
	out := watch.Clip{Frames: c.Render(size), At: c.At, Violates: c.Jump >= 0}
	for _, a := range c.Actions {
		out.Actions = append(out.Actions, float32(a.X), float32(a.Y))
	}
	return out
}
