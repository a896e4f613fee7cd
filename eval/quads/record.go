package quads

import (
	"context"
	"fmt"

	"foresee/data"
	"foresee/env/physics"
)

// physicsFrame returns the shape of frames of env/physics.
func physicsFrame() data.Frame {
	return data.Frame{Height: physics.Size, Width: physics.Size, Channels: physics.Channels}
}

// Recording says which training clips of env/physics Record writes.
type Recording struct {
	Episodes  int            // clips, at least 1
	Every     int            // keep every so manyth frame, the first of all; 1 to 16, 0 means 1
	World     physics.Config // noise; its Split is not read
	Seed      uint64
	Generator string // the command, for meta.json
}

// Validate reports what is wrong with the recording, or nil.
func (r Recording) Validate() error {
	switch {
	case r.Episodes < 1:
		return fmt.Errorf("%d episodes: want 1 or more", r.Episodes)
	case r.Every < 0 || r.Every > physics.Frames/2:
		return fmt.Errorf("every %d frames: want 1 to %d", r.Every, physics.Frames/2)
	}
	return r.World.Validate()
}

// Record writes possible clips of quad-splice, all families mixed, as a dataset into the new folder dir and
// returns the number of frames; done, unless nil, is called after each clip. Pixels are the only column. Episode i is
// clip i of physics.Train, which shares no clip with any evaluation. When ctx ends or something fails, nothing is left
// behind. An invalid recording is an error.
func Record(ctx context.Context, dir string, r Recording, done func()) (frames int, err error) {
	if err := r.Validate(); err != nil {
		return 0, fmt.Errorf("quads: record: %w", err)
	}
	r.Every = max(r.Every, 1)
	w, err := data.Create(dir, data.Meta{
		Name:      "physics",
		Frame:     physicsFrame(),
		Source:    fmt.Sprintf("env/physics, training clips, noise %s, every %d", WorldName(r.World), r.Every),
		Generator: r.Generator, Seed: r.Seed,
	})
	if err != nil {
		return 0, err
	}
	defer w.Abort() // after Close it does nothing
	draw := func(i int) physics.Clip { return physics.Train(r.World, r.Seed, i) }
	err = ordered(ctx, r.Episodes, draw, func(_ int, clip physics.Clip) error {
		for t := 0; t < physics.Frames; t += r.Every {
			if err := w.Append(clip.Frame(t), nil); err != nil {
				return err
			}
		}
		if done != nil {
			done()
		}
		return w.EndEpisode()
	})
	if err != nil {
		return 0, err
	}
	return w.Steps(), w.Close()
}

// WorldName says which noise a config has, and whether it is plain, such as "N0", "N3 level 2" or "N0, plain".
func WorldName(c physics.Config) string {
	name := "N0"
	if c.Noise != physics.N0 {
		level := c.Level
		if level == 0 {
			level = 2
		}
		name = fmt.Sprintf("N%d level %d", c.Noise, level)
	}
	if c.Plain {
		name += ", plain"
	}
	return name
}
