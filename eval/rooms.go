package eval

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"foresee/data"
	"foresee/env/tworooms"
)

// rooms are fresh trajectories of Two Rooms in a temporary folder.
type rooms struct {
	*data.Dataset
	dir string
}

// Recording says which trajectories of Two Rooms Record writes. All fields count.
type Recording struct {
	Episodes  int                 // at least 1
	Frames    int                 // of an episode, at least 2
	Size      int                 // pixels a side, 65 or 33
	Layout    tworooms.LayoutMode // from which layouts each episode draws its own
	Seed      uint64
	Generator string // the command, for meta.json
}

func (r Recording) walk() tworooms.WalkConfig {
	return tworooms.WalkConfig{Frames: r.Frames, Layout: r.Layout}
}

// Validate reports what is wrong with the recording, or nil.
func (r Recording) Validate() error {
	switch {
	case r.Episodes < 1:
		return fmt.Errorf("%d episodes: want 1 or more", r.Episodes)
	case r.Frames < 2:
		return fmt.Errorf("%d frames an episode: want 2 or more", r.Frames)
	case r.Size != tworooms.Size && r.Size != tworooms.SmallSize:
		return fmt.Errorf("%d pixels a side: want %d or %d", r.Size, tworooms.Size, tworooms.SmallSize)
	}
	return r.walk().Validate()
}

// Record writes training walks of Two Rooms as a dataset into the new folder dir
// and returns the number of frames; done, unless nil, is called after each
// episode. Columns: action, and privileged state (x, y) and layout (wall, door).
// Episode i is a pure function of r and i. When ctx ends or something fails,
// nothing is left behind. An invalid recording is an error.
func Record(ctx context.Context, dir string, r Recording, done func()) (frames int, err error) {
	if err := r.Validate(); err != nil {
		return 0, fmt.Errorf("eval: record: %w", err)
	}
	w, err := data.Create(dir, data.Meta{
		Name:  "tworooms",
		Frame: data.Frame{Height: r.Size, Width: r.Size, Channels: tworooms.Channels},
		Columns: []data.ColumnMeta{
			{Name: data.ActionColumn, Width: 2},
			{Name: data.StateColumn, Width: 2, Privileged: true},
			{Name: data.LayoutColumn, Width: 2, Privileged: true},
		},
		Source: "env/tworooms, training walks, layouts: " + r.Layout.String(), Generator: r.Generator, Seed: r.Seed,
	})
	if err != nil {
		return 0, err
	}
	defer w.Abort() // after Close it does nothing
	for i := range r.Episodes {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := appendWalk(w, tworooms.Walks(r.walk(), r.Seed, i), r.Size); err != nil {
			return 0, err
		}
		if done != nil {
			done()
		}
	}
	return w.Steps(), w.Close()
}

// freshRooms records n training walks of 91 frames, size pixels a side. The
// caller closes the result, which removes it.
func freshRooms(ctx context.Context, n, size int, layout tworooms.LayoutMode, seed uint64) (_ *rooms, err error) {
	dir, err := os.MkdirTemp("", "foresee-eval-*")
	if err != nil {
		return nil, fmt.Errorf("fresh trajectories: %w", err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
			err = fmt.Errorf("fresh trajectories: %w", err)
		}
	}()
	path := filepath.Join(dir, "tworooms")
	r := Recording{Episodes: n, Frames: 91, Size: size, Layout: layout, Seed: seed, Generator: "foresee eval"}
	if _, err := Record(ctx, path, r, nil); err != nil {
		return nil, err
	}
	d, err := data.Open(path)
	if err != nil {
		return nil, err
	}
	return &rooms{d, dir}, nil
}

// Close unmaps the trajectories and removes them.
func (r *rooms) Close() error {
	err := r.Dataset.Close()
	if e := os.RemoveAll(r.dir); err == nil {
		err = e
	}
	return err
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
