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
	w, err := data.Create(path, data.Meta{
		Name:  "tworooms",
		Frame: data.Frame{Height: size, Width: size, Channels: tworooms.Channels},
		Columns: []data.ColumnMeta{
			{Name: data.ActionColumn, Width: 2},
			{Name: data.StateColumn, Width: 2, Privileged: true},
			{Name: data.LayoutColumn, Width: 2, Privileged: true},
		},
		Source: "env/tworooms, training walks, layouts: " + layout.String(), Generator: "foresee eval", Seed: seed,
	})
	if err != nil {
		return nil, err
	}
	defer w.Abort() // after Close it does nothing
	for i := range n {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := appendWalk(w, tworooms.Walks(tworooms.WalkConfig{Layout: layout}, seed, i), size); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
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

// appendWalk writes one episode.
func appendWalk(w *data.Writer, walk tworooms.Walk, size int) error {
	frames := walk.Render(size)
	px := len(frames) / len(walk.Points)
	for t, p := range walk.Points {
		action := []float32{0, 0} // no frame follows the last
		if t < len(walk.Actions) {
			action = []float32{float32(walk.Actions[t].X), float32(walk.Actions[t].Y)}
		}
		err := w.Append(frames[t*px:(t+1)*px], map[string][]float32{
			data.ActionColumn: action,
			data.StateColumn:  {float32(p.X), float32(p.Y)},
			data.LayoutColumn: {float32(walk.Layout.WallX), float32(walk.Layout.DoorY)},
		})
		if err != nil {
			return err
		}
	}
	return w.EndEpisode()
}
