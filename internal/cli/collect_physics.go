package cli

import (
	"context"
	"fmt"
	"slices"

	"foresee/env/physics"
	"foresee/eval/quads"
)

// quadFlags choose clips of env/physics; all but noise and plainness are about quadruplets alone.
type quadFlags struct {
	Noise    string   `default:"N0" enum:"N0,N1,N2,N3,N4,N5,N6,N7" help:"Noise: N0 none, N1 flickering patch, N2 leaves, N3 still texture, N4 drifting texture, N5 discs passing, N6 light, N7 sensor (${default})."`
	Level    int      `default:"2" help:"Strength of the noise, 1 to 4 (${default})."`
	Plain    bool     `help:"Clips of one look: one background, two colours, discs and squares, the cut in most families at the same time and hidden for 12 frames, and nothing in sight but the event."`
	Families []string `placeholder:"NAME,..." help:"Families of quadruplets; all if left out."`
	Split    string   `default:"seen" enum:"seen,unseen-colours,unseen-shapes,unseen-speeds,unseen-screens,unseen-sizes" help:"Draw quadruplets from what training has not: unseen-colours, unseen-shapes, unseen-speeds, unseen-screens (${default})."`
	Hidden   int      `default:"0" enum:"0,4,8,12,16" help:"Frames for which the cut is hidden, as far as the family has room: 4, 8, 12, 16; 0 = all of them, of plain clips 12 (${default})."`
	Dev      bool     `help:"Use the quadruplets meant for tuning; do not report these figures."`
}

// config returns the suite's configuration, or what is wrong with the flags.
func (f quadFlags) config(seed uint64) (quads.Config, error) {
	cfg := quads.Config{Seed: seed, Development: f.Dev}
	if f.Level < 1 || f.Level > physics.MaxLevel {
		return cfg, fmt.Errorf("--level %d: want 1 to %d", f.Level, physics.MaxLevel)
	}
	split, err := physics.ParseSplit(f.Split)
	if err != nil {
		return cfg, fmt.Errorf("--split: %w", err)
	}
	if f.Plain && split != physics.Seen {
		return cfg, fmt.Errorf("--plain with --split %s: plain clips are all like those of training", f.Split)
	}
	cfg.World = physics.Config{Noise: physics.Noise(f.Noise[1] - '0'), Level: f.Level, Split: split, Hidden: f.Hidden, Plain: f.Plain}
	for _, name := range f.Families {
		family, err := physics.ParseFamily(name)
		if err != nil {
			return cfg, fmt.Errorf("--families: %w", err)
		}
		if slices.Contains(cfg.Families, family) {
			return cfg, fmt.Errorf("--families: %s is there twice", name)
		}
		cfg.Families = append(cfg.Families, family)
	}
	return cfg, nil
}

// collectPhysicsCmd records clips of quad-splice.
type collectPhysicsCmd struct {
	Out      string `short:"o" required:"" placeholder:"DIR" help:"Folder of the new dataset, or of the quadruplets."`
	Episodes int    `default:"12000" help:"Clips of 32 frames to record (${default})."`
	Every    int    `default:"1" help:"Keep every so manyth frame, the first of all (${default})."`
	Quads    int    `default:"0" placeholder:"N" help:"Write N quadruplets of each family as pictures instead, for foresee eval surprise --clips."`
	quadFlags
	Seed uint64 `default:"1" help:"Seed of the sequence of clips (${default})."`
}

// Help says what the clips are to --help.
func (c *collectPhysicsCmd) Help() string {
	return "Every clip obeys the laws of its world, all families mixed, and none of them is part of foresee eval surprise. " +
		"Frames are 64x64x3; there are no actions. With --quads the folder holds what foresee eval surprise scores with the same seed: " +
		"two possible and two impossible clips each, of the ten families whose clips match exactly unless --families says others."
}

// Run records the dataset and says what it holds.
func (c *collectPhysicsCmd) Run(ctx context.Context, a *app) error {
	cfg, err := c.quadFlags.config(c.Seed)
	switch {
	case err != nil:
		return usagef("collect: %w", err)
	case c.Episodes < 1:
		return usagef("collect: --episodes %d: want 1 or more", c.Episodes)
	case c.Every < 1 || c.Every > physics.Frames/2:
		return usagef("collect: --every %d: want 1 to %d", c.Every, physics.Frames/2)
	case c.Quads < 0:
		return usagef("collect: --quads %d: want 0 or more", c.Quads)
	case c.Quads > 0 && c.Every > 1:
		return usagef("collect: --every %d: quadruplets are written whole", c.Every)
	case c.Quads == 0 && (c.Families != nil || c.Dev || cfg.World.Split != physics.Seen || c.Hidden != 0):
		return usagef("collect: --families, --split, --hidden and --dev choose quadruplets: give --quads too")
	}
	if err := freshOutput(c.Out); err != nil {
		return err
	}
	if c.Quads > 0 {
		return c.quadruplets(ctx, a, cfg)
	}
	r := quads.Recording{Episodes: c.Episodes, Every: c.Every, World: cfg.World, Seed: c.Seed, Generator: "foresee collect"}
	p := a.progress("collect", c.Episodes)
	frames, err := quads.Record(ctx, c.Out, r, func() { p.Add(1, "") })
	if err != nil {
		return err
	}
	p.End("")
	note := fmt.Sprintf("%s, %dx%dx%d, noise %s, every %d", c.Out, physics.Size, physics.Size, physics.Channels, quads.WorldName(r.World), c.Every)
	return a.printCollected("physics", c.Seed, c.Episodes, frames, note)
}

// quadruplets writes quadruplets as pictures.
func (c *collectPhysicsCmd) quadruplets(ctx context.Context, a *app, cfg quads.Config) error {
	cfg.Quads = c.Quads
	if cfg.Families == nil {
		cfg.Families = physics.Families()
	}
	p := a.progress("quadruplets", c.Quads*len(cfg.Families))
	cfg.Begun = func() { p.Add(1, "") }
	n, err := quads.Write(ctx, c.Out, cfg)
	if err != nil {
		return err
	}
	p.End("")
	return a.printCollected("physics", c.Seed, 4*n, 4*n*physics.Frames, fmt.Sprintf("%s, quadruplets, noise %s", c.Out, quads.WorldName(cfg.World)))
}
