package eval

import (
	"context"
	"fmt"

	"foresee/jepa"
	"foresee/watch"
)

// Frames is a clip: [T, H, W, C] uint8.
type Frames struct {
	T, H, W, C int
	Pixels     []uint8
}

// ClipScorer gives the surprise of clips, frame by frame. It is all that the suite of surprise knows of a model.
type ClipScorer interface {
	// Score returns one row a clip; row[i][t] judges frame t of clip i from frames up to t, and is 0 where there is
	// not yet enough to judge from. It is below 0 where a frame was expected better than by one who remembers nothing.
	// All clips of a call have one shape, and at least one frame. The clips are read only; each is scored by itself, so
	// that a row does not depend on the others.
	Score(ctx context.Context, clips []Frames) ([][]float64, error)
}

// ModelScorer returns the surprise of a model: Model.Surprise of one that reads whole clips, of others the squared error of
// their predictions, as foresee watch has it. A model that takes actions is an error: clips have none.
func ModelScorer(m *jepa.Model) (ClipScorer, error) {
	if a := m.Config().ActionDim; a > 0 {
		return nil, fmt.Errorf("eval: the model takes %d actions, and clips have none", a)
	}
	if m.Config().Remembers() {
		return clipScorer{m}, nil
	}
	return stepScorer{m}, nil
}

// clipScorer scores by a model that reads whole clips.
type clipScorer struct{ m *jepa.Model }

func (s clipScorer) Score(ctx context.Context, clips []Frames) ([][]float64, error) {
	f := s.m.Config().Frame
	var pixels []uint8
	for _, c := range clips {
		if c.H != f.Height || c.W != f.Width || c.C != f.Channels {
			return nil, fmt.Errorf("eval: clip of %dx%dx%d frames, the model takes %dx%dx%d", c.H, c.W, c.C, f.Height, f.Width, f.Channels)
		}
		pixels = append(pixels, c.Pixels...)
	}
	if len(clips) == 0 {
		return nil, nil
	}
	t := clips[0].T
	flat := make([]float64, len(clips)*t)
	if err := s.m.Surprise(ctx, len(clips), t, pixels, flat); err != nil {
		return nil, err
	}
	rows := make([][]float64, len(clips))
	for i := range rows {
		rows[i] = flat[i*t : (i+1)*t]
	}
	return rows, nil
}

// stepScorer scores by a model that predicts each frame from a fixed number before it.
type stepScorer struct{ m *jepa.Model }

func (s stepScorer) Score(ctx context.Context, clips []Frames) ([][]float64, error) {
	f := s.m.Config().Frame
	rows := make([][]float64, len(clips))
	for i, c := range clips {
		if c.H != f.Height || c.W != f.Width || c.C != f.Channels {
			return nil, fmt.Errorf("eval: clip of %dx%dx%d frames, the model takes %dx%dx%d", c.H, c.W, c.C, f.Height, f.Width, f.Channels)
		}
		if n := s.m.Config().Context(); c.T <= n {
			return nil, fmt.Errorf("eval: clip of %d frames, the model needs %d before it can predict one", c.T, n)
		}
		first, scores, err := watch.Surprises(ctx, s.m, watch.Clip{Frames: c.Pixels})
		if err != nil {
			return nil, err
		}
		rows[i] = append(make([]float64, first), scores...)
	}
	return rows, nil
}
