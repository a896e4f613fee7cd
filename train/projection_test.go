package train_test

import (
	"path/filepath"
	"testing"

	"foresee/jepa"
	"foresee/train"
)

// What a latent says of the grid and of the texture is as strong as promised: a mean variance of 1 and of jepa.TextureVariance,
// by the pairs of frames that it was measured on, so by all frames nearly.
func TestProjectionsAreInProportion(t *testing.T) {
	d := clips(t)
	cfg := smallMemory(t, d)
	cfg.Train.Pixels.Steps, cfg.Train.Latents.Steps, cfg.Train.Usual.Steps, cfg.Model.Predictor.Usual = 0, 1, 0, 0
	m := mustRun(t, train.Options{Data: d, Out: filepath.Join(t.TempDir(), "model"), Config: cfg})
	width := cfg.Model.Latent()
	z, px := make([]float32, d.Steps()*width), []uint8(nil)
	for s := range d.Steps() {
		px = append(px, d.Frame(s)...)
	}
	if err := m.Encode(t.Context(), d.Steps(), px, z); err != nil {
		t.Fatal(err)
	}
	variance := func(from, to int) (total float64) {
		for j := from; j < to; j++ {
			mean, square := 0.0, 0.0
			for s := range d.Steps() {
				v := float64(z[s*width+j]) / float64(d.Steps())
				mean, square = mean+v, square+v*float64(z[s*width+j])
			}
			total += (square - mean*mean) / float64(to-from)
		}
		return total
	}
	grid := cfg.Model.Projected(jepa.ProjectGrid)
	if r := variance(grid, width) / variance(0, grid); r < 0.8*jepa.TextureVariance || r > 1.25*jepa.TextureVariance {
		t.Errorf("a texture's numbers have %g times the variance of the grid's, want about %g", r, jepa.TextureVariance)
	}
}
