package train_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"foresee/train"
)

// Merge changes the fields that the text names, and no others.
func TestMergeKeepsOtherFields(t *testing.T) {
	cfg, want := small(rooms(t)), small(rooms(t))
	err := cfg.Merge([]byte("train:\n  pixels:\n    rate: 0.5\n    weights: {cov: 3}\nmodel:\n  encoder:\n    channels: [7, 8, 9]\n"))
	if err != nil {
		t.Fatal(err)
	}
	want.Train.Pixels.Rate, want.Train.Pixels.Weights.Cov, want.Model.Encoder.Channels = 0.5, 3, []int{7, 8, 9}
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("config = %+v\nwant %+v", cfg, want)
	}
	for _, empty := range []string{"", "# nothing\n"} {
		if err := cfg.Merge([]byte(empty)); err != nil || !reflect.DeepEqual(cfg, want) {
			t.Errorf("Merge(%q) = %v, or it changed the config", empty, err)
		}
	}
}

func TestUnknownFieldsAreRefusedByName(t *testing.T) {
	cfg := small(rooms(t))
	for key, text := range map[string]string{
		"trian":  "trian:\n  log_every: 1\n",
		"raet":   "train:\n  pixels:\n    raet: 1\n",
		"latnet": "model:\n  encoder:\n    latnet: 4\n",
	} {
		wantError(t, cfg.Merge([]byte(text)), key)
	}
	path := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(path, []byte("train:\n  log_evry: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	wantError(t, cfg.MergeFile(path), path, "log_evry", "2")
	wantError(t, cfg.MergeFile(path+"x"), path+"x")
}

func TestSet(t *testing.T) {
	cfg, want := small(rooms(t)), small(rooms(t))
	for _, a := range []string{"train.log_every=7", "seed=18446744073709551615", "train.pixels.offsets=[0, 1, 2]", "model.encoder.kind=impala", "train.pixels.weights.sigreg=1e-3", "train.stop_on_collapse=true"} {
		if err := cfg.Set(a); err != nil {
			t.Fatalf("Set(%q): %v", a, err)
		}
	}
	want.Train.LogEvery, want.Seed, want.Train.Pixels.Offsets, want.Model.Encoder.Kind = 7, 1<<64-1, []int{0, 1, 2}, "impala"
	want.Train.Pixels.Weights.SIGReg, want.Train.StopOnCollapse = 1e-3, true
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("config = %+v\nwant %+v", cfg, want)
	}
	for assignment, says := range map[string]string{
		"train.log_evry=1": "log_evry", "log_every=1": "log_every", "train.log_every": "want path=value", "=3": "want path=value", "train.log_every=often": "often",
	} {
		wantError(t, cfg.Set(assignment), `train: set "`+assignment+`"`, says)
	}
	if !reflect.DeepEqual(cfg, want) {
		t.Error("a refused assignment changed the config")
	}
}

func TestScale(t *testing.T) {
	for _, c := range []struct{ pixels, latents, usual, displacement, n, wantPixels, wantLatents, wantUsual, wantDisplacement int }{
		{800, 5000, 0, 2000, 400, 400, 2500, 0, 1000},
		{800, 5000, 0, 2000, 1, 1, 6, 0, 3},
		{800, 5000, 1000, 0, 80, 80, 500, 100, 0},
		{800, 100, 4, 4, 2, 2, 1, 1, 1},
		{0, 100, 50, 4, 8, 0, 8, 4, 1},
		{0, 100, 0, 0, 30, 0, 30, 0, 0},
	} {
		var cfg train.Config
		cfg.Train.Pixels.Steps, cfg.Train.Latents.Steps, cfg.Train.Usual.Steps, cfg.Train.Displacement.Steps = c.pixels, c.latents, c.usual, c.displacement
		cfg.Scale(c.n)
		if s := cfg.Train; s.Pixels.Steps != c.wantPixels || s.Latents.Steps != c.wantLatents || s.Usual.Steps != c.wantUsual || s.Displacement.Steps != c.wantDisplacement {
			t.Errorf("Scale(%d) of %+v = %d, %d, %d, %d", c.n, c, s.Pixels.Steps, s.Latents.Steps, s.Usual.Steps, s.Displacement.Steps)
		}
	}
}
