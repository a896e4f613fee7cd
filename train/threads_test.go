package train_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"foresee/data"
	"foresee/jepa"
	"foresee/train"
)

// steps makes two steps of every stage of cfg and returns each stage's scalars and variables, moments included;
// but not of the stages left out.
func steps(t *testing.T, d *data.Dataset, cfg train.Config, backend string, left ...string) map[string][]byte {
	t.Helper()
	b, err := jepa.OpenBackend(backend)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	made := map[string][]byte{}
	for stage, wanted := range map[string]int{"pixels": cfg.Train.Pixels.Steps, "latents": cfg.Train.Latents.Steps, "displacement": cfg.Train.Displacement.Steps} {
		if wanted == 0 || slices.Contains(left, stage) {
			continue
		}
		s, err := train.NewStepper(t.Context(), train.Options{Data: d, Config: cfg, Backend: b}, stage)
		if err != nil {
			t.Fatalf("%s: %v", stage, err)
		}
		var scalars []float32
		for range 2 {
			if scalars, err = s.Step(t.Context()); err != nil {
				t.Fatalf("%s: %v", stage, err)
			}
		}
		path := filepath.Join(t.TempDir(), stage)
		if err := s.Export(t.Context(), path, 1); err != nil {
			t.Fatalf("%s: %v", stage, err)
		}
		s.Close()
		made[stage] = append(fmt.Append(nil, scalars), read(t, path)...)
	}
	return made
}

// TestPresetStepsRepeat makes steps of every preset's own nets, with small batches, on 1, 2, 3
// and 8 threads and three times on 2 (physics' second stage once on each of 1, 2 and 3): scalars, weights and moments have the same bits.
func TestPresetStepsRepeat(t *testing.T) {
	d := rooms(t)
	for _, name := range train.Presets() {
		cfg, err := train.Preset(name, d)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Train.Pixels.Batch, cfg.Train.Latents.Batch, cfg.Train.Displacement.Batch = 6, 64, 64
		cfg.Train.Pixels.Steps = max(2, cfg.Train.Pixels.Steps) // physics has the stage, and takes no step of it
		cfg.Train.Pixels.Group = min(cfg.Train.Pixels.Group, 2) // clips of a group divide the batch
		var want map[string][]byte
		for run, backend := range []string{"cpu:threads=2", "cpu:threads=1", "cpu:threads=3", "cpu:threads=2", "cpu:threads=2", "cpu:threads=8"} {
			var left []string
			if run > 2 && cfg.Model.Encoder.Kind == jepa.EncoderCells {
				left = []string{"latents"} // whose principal parts take their time
			}
			got := steps(t, d, cfg, backend, left...)
			if want == nil {
				want = got
			}
			if len(got) == 0 {
				t.Errorf("%s has no stage", name)
			}
			for stage := range got {
				if !bytes.Equal(got[stage], want[stage]) {
					t.Errorf("%s, %s: %s gives other bits than the first run", name, stage, backend)
				}
			}
		}
	}
}
