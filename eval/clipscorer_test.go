package eval

import (
	"slices"
	"strings"
	"testing"

	"foresee/env/physics"
	"foresee/jepa"
	"foresee/watch"
)

// rgb is a tiny model without actions.
func rgb(t *testing.T) *jepa.Model {
	return tiny(t, func(c *jepa.Config) {
		c.Frame, c.ActionDim = jepa.FrameConfig{Height: 64, Width: 64, Channels: 3}, 0
		c.Displacement, c.Predictor.Context = jepa.DisplacementConfig{}, 2
	})
}

// A model's surprise is what foresee watch reports, 0 before the first.
func TestModelScorer(t *testing.T) {
	m := rgb(t)
	s, err := ModelScorer(m)
	if err != nil {
		t.Fatal(err)
	}
	clip := Frames{physics.Frames, physics.Size, physics.Size, physics.Channels, physics.Train(physics.Config{}, 1, 0).Pixels}
	rows, err := s.Score(t.Context(), []Frames{clip, clip})
	if err != nil {
		t.Fatal(err)
	}
	first, scores, err := watch.Surprises(t.Context(), m, watch.Clip{Frames: clip.Pixels})
	if err != nil || first != 2 {
		t.Fatalf("first %d, %v", first, err)
	}
	if want := append([]float64{0, 0}, scores...); !slices.Equal(rows[0], want) || !slices.Equal(rows[1], want) {
		t.Errorf("rows %v, want twice %v", rows, want)
	}
	short := clip
	short.T, short.Pixels = 2, clip.Pixels[:2*64*64*3]
	if _, err := s.Score(t.Context(), []Frames{short}); err == nil || !strings.Contains(err.Error(), "2 frames") {
		t.Errorf("a clip too short: %v", err)
	}
	if _, err := s.Score(t.Context(), []Frames{{T: 4, H: 8, W: 8, C: 3, Pixels: make([]uint8, 4*8*8*3)}}); err == nil || !strings.Contains(err.Error(), "8x8x3") {
		t.Errorf("another size: %v", err)
	}
	if _, err := ModelScorer(tiny(t, nil)); err == nil || !strings.Contains(err.Error(), "2 actions") {
		t.Errorf("a model with actions: %v", err)
	}
}
