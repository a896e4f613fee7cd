package cli

import (
	"context"
	"fmt"

	"foresee/env/physics"
	"foresee/eval"
)

// noiseFlags choose the noise of physics clips.
type noiseFlags struct {
	Noise string `default:"N0" enum:"N0,N1,N2,N3,N4,N5,N6,N7" help:"Noise: N0 none, N1 flickering patch, N2 leaves, N3 still texture, N4 drifting texture, N5 discs passing, N6 light, N7 sensor (${default})."`
	Level int    `default:"2" help:"Strength of the noise, 1 to 4 (${default})."`
}

// config returns the world with that noise; its faults are found by Validate.
func (f noiseFlags) config() physics.Config {
	return physics.Config{Noise: physics.Noise(f.Noise[1] - '0'), Level: f.Level}
}

// collectPhysicsCmd records possible clips of quad-splice.
type collectPhysicsCmd struct {
	Out      string `short:"o" required:"" placeholder:"DIR" help:"Folder of the new dataset."`
	Episodes int    `default:"12000" help:"Clips of 32 frames to record (${default})."`
	Every    int    `default:"1" help:"Keep every so manyth frame, the first of all (${default})."`
	noiseFlags
	Seed uint64 `default:"1" help:"Seed of the sequence of clips (${default})."`
}

// Help says what the clips are to --help.
func (c *collectPhysicsCmd) Help() string {
	return "Every clip obeys the laws of its world, all families mixed, and none of them is part of foresee eval surprise. " +
		"Frames are 64x64x3; there are no actions."
}

// Run records the dataset and says what it holds.
func (c *collectPhysicsCmd) Run(ctx context.Context, a *app) error {
	r := eval.PhysicsRecording{Episodes: c.Episodes, Every: c.Every, World: c.config(), Seed: c.Seed, Generator: "foresee collect"}
	switch {
	case c.Episodes < 1:
		return usagef("collect: --episodes %d: want 1 or more", c.Episodes)
	case c.Every < 1 || c.Every > physics.Frames/2:
		return usagef("collect: --every %d: want 1 to %d", c.Every, physics.Frames/2)
	case c.Level < 1 || c.Level > physics.MaxLevel:
		return usagef("collect: --level %d: want 1 to %d", c.Level, physics.MaxLevel)
	}
	if err := freshOutput(c.Out); err != nil {
		return err
	}
	p := a.progress("collect", c.Episodes)
	frames, err := eval.RecordPhysics(ctx, c.Out, r, func() { p.Add(1, "") })
	if err != nil {
		return err
	}
	p.End("")
	note := fmt.Sprintf("%s, %dx%dx%d, noise %s, every %d", c.Out, physics.Size, physics.Size, physics.Channels, eval.NoiseName(r.World), c.Every)
	return a.printCollected("physics", c.Seed, c.Episodes, frames, note)
}
