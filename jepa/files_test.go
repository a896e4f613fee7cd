package jepa_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foresee/jepa"
)

// saved is a folder with a complete model of cfg.
func saved(t *testing.T, cfg jepa.Config) string {
	t.Helper()
	m, dir := fresh(t, cfg), t.TempDir()
	encode(t, m, 1, frames(cfg, 1))
	rollout(t, m, jepa.Shape{B: 1, N: 1, L: 1}, make([]float32, cfg.State()), make([]float32, cfg.ActionDim))
	if len(cfg.Displacement.Hidden) > 0 {
		z := make([]float32, cfg.Latent())
		if err := m.Displacement(t.Context(), 1, z, z, make([]float32, cfg.ActionDim)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Save(dir, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// edit replaces text in a file, once, and wants that it was there.
func edit(t *testing.T, path, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), from) {
		t.Fatalf("%s does not hold %q", path, from)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(raw), from, to, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLoadNamesFileAndCause(t *testing.T) {
	dir := saved(t, rooms())
	config, weights, norm := filepath.Join(dir, jepa.ConfigFile), filepath.Join(dir, jepa.WeightsFile), filepath.Join(dir, jepa.NormalizerFile)
	keep := map[string][]byte{}
	for _, path := range []string{config, weights, norm} {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		keep[path] = raw
	}
	cut := func(path string, n int) func() {
		return func() {
			if err := os.WriteFile(path, keep[path][:len(keep[path])-n], 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	swap := func(path, from, to string) func() { return func() { edit(t, path, from, to) } }
	remove := func(path string) func() {
		return func() {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := backend(t)
	for what, c := range map[string]struct {
		harm func()
		says []string
	}{
		"config missing":     {remove(config), []string{"no config.json", "not a model folder"}},
		"weights missing":    {remove(weights), []string{"weights.safetensors", "no such file"}},
		"normaliser missing": {remove(norm), []string{"normalizer.json", "no such file"}},
		"config cut":         {cut(config, 9), []string{"config.json", "unexpected end"}},
		"weights cut":        {cut(weights, 1), []string{"weights.safetensors", "truncated"}},
		"normaliser cut":     {cut(norm, 9), []string{"normalizer.json", "unexpected EOF"}},
		"other version":      {swap(config, `"version": 1`, `"version": 2`), []string{"config.json", "version is 2", "version 1"}},
		"no version":         {swap(config, `"version": 1`, `"verse": 1`), []string{"config.json", "version is 0"}},
		"unknown field":      {swap(config, `"action_dim"`, `"action_dmi"`), []string{"config.json", `"action_dmi"`}},
		"unknown norm field": {swap(norm, `"latent_std"`, `"latent_sdt"`), []string{"normalizer.json", `"latent_sdt"`}},
		"text behind":        {swap(norm, "\n}\n", "\n} {}\n"), []string{"normalizer.json", "more text"}},
		"short normaliser":   {swap(norm, `"latent_mean": [`, `"latent_mean": [3,`), []string{"normalizer.json", "latent_mean has 5 numbers", "needs 4"}},
		"zero std":           {swap(norm, `"static_std": [`, `"static_std": [0], "static_std": [0,0,0,0,0], "static_mean": [`), []string{"normalizer.json", "static_std is not positive"}},
		"impossible config":  {swap(config, `"latent": 4`, `"latent": 0`), []string{"latent"}},
	} {
		for path, raw := range keep {
			if err := os.WriteFile(path, raw, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		c.harm()
		_, err := jepa.Load(b, dir)
		if err == nil {
			t.Errorf("%s: loads", what)
			continue
		}
		t.Run(what, func(t *testing.T) { wantError(t, err, append(c.says, dir)...) })
	}
}

// A tensor that is missing or has another shape is an error of loading, with its
// name; a head that training has not come to is one of its use. None becomes a
// random weight.
func TestTensorsAreWanted(t *testing.T) {
	cfg := rooms()
	for name, harm := range map[string]func(all map[string]jepa.Tensor, name string){
		"missing": func(all map[string]jepa.Tensor, name string) { delete(all, name) },
		"shape": func(all map[string]jepa.Tensor, name string) {
			all[name] = jepa.Tensor{Shape: []int{1}, Data: []float32{1}}
		},
	} {
		for _, part := range []string{"encoder/conv0", "predictor/out", "displacement/out", "usual/horizon1/in"} {
			dir := saved(t, cfg)
			if strings.HasPrefix(part, jepa.ScopeUsual) {
				dir = filepath.Join(t.TempDir(), "memory")
				if err := usual(t).Save(dir, nil); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(dir, jepa.WeightsFile)
			all, meta, err := jepa.ReadTensors(path)
			if err != nil {
				t.Fatal(err)
			}
			harmed := ""
			for tensor := range all {
				if strings.HasPrefix(tensor, part) && len(all[tensor].Shape) > 1 {
					harmed = tensor
				}
			}
			if harmed == "" {
				t.Fatalf("no tensor %s", part)
			}
			harm(all, harmed)
			if err := jepa.WriteTensors(path, all, meta); err != nil {
				t.Fatal(err)
			}
			_, err = jepa.Load(backend(t), dir)
			t.Run(name+" "+part, func(t *testing.T) { wantError(t, err, dir, jepa.WeightsFile, harmed) })
		}
	}
	dir := saved(t, cfg)
	path := filepath.Join(dir, jepa.WeightsFile)
	all, meta, err := jepa.ReadTensors(path)
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(all, func(name string, _ jepa.Tensor) bool { return strings.HasPrefix(name, jepa.ScopePredictor+"/") })
	if err := jepa.WriteTensors(path, all, meta); err != nil {
		t.Fatal(err)
	}
	m, err := jepa.Load(backend(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	err = m.Rollout(context.Background(), jepa.Shape{B: 1, N: 1, L: 1}, make([]float32, 9), make([]float32, 2), make([]float32, 4))
	wantError(t, err, "predictor/")
}

// Save leaves out what keep refuses, and no temporary file stays behind a failure.
func TestSave(t *testing.T) {
	m, dir := fresh(t, rooms()), t.TempDir()
	encode(t, m, 1, frames(rooms(), 1))
	if err := m.Save(dir, func(name string) bool { return !strings.HasPrefix(name, "encoder/conv0") }); err != nil {
		t.Fatal(err)
	}
	all, _, err := jepa.ReadTensors(filepath.Join(dir, jepa.WeightsFile))
	if err != nil || len(all) == 0 {
		t.Fatalf("%d tensors, %v", len(all), err)
	}
	for name := range all {
		if strings.HasPrefix(name, "encoder/conv0") {
			t.Errorf("%s was kept", name)
		}
	}
	file := filepath.Join(dir, jepa.ConfigFile)
	wantError(t, m.Save(file, nil), "jepa: save model", file)
	blocked := filepath.Join(dir, "blocked")
	if err := os.MkdirAll(filepath.Join(blocked, jepa.WeightsFile), 0o755); err != nil {
		t.Fatal(err)
	}
	wantError(t, m.Save(blocked, nil), filepath.Join(blocked, jepa.WeightsFile))
	left, err := filepath.Glob(filepath.Join(blocked, ".tmp-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	for name, cfg := range every() {
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := jepa.Config{
		Frame: jepa.FrameConfig{Height: 4, Channels: 3}, ActionDim: -1, Input: "raw", PixelMean: []float64{1}, PixelScale: []float64{1, -2, 3},
		Encoder: jepa.EncoderConfig{Kind: "resnet", Static: 3}, Predictor: jepa.PredictorConfig{Kind: "lstm", Context: -1}, Short: jepa.PredictorConfig{Kind: jepa.PredictorMLP},
	}
	wantError(t, bad.Validate(), "version is 0", "frame is 4x0x3", "action_dim is -1", `input is "raw"`, "pixel_mean has 1 numbers", "pixel_scale is -2",
		`encoder kind is "resnet"`, "latent is 0", "static_hidden is 0", `predictor kind is "lstm"`, "predictor context is -1", "short mlp has no hidden")
	for want, change := range map[string]func(*jepa.Config){
		"1 kernels":                    func(c *jepa.Config) { c.Encoder.Kernels = c.Encoder.Kernels[:1] },
		"kernel is 0":                  func(c *jepa.Config) { c.Encoder.Kernels = []int{0, 3} },
		"stride is 0":                  func(c *jepa.Config) { c.Encoder.Strides = []int{2, 0} },
		"hidden width is 0":            func(c *jepa.Config) { c.Inverse = []int{8, 0} },
		"predictor hidden width is -1": func(c *jepa.Config) { c.Predictor.Hidden = []int{-1} },
		"channels is 0":                func(c *jepa.Config) { c.Encoder.Channels = []int{0, 6} },
		"impala has neither":           func(c *jepa.Config) { c.Encoder.Kind = jepa.EncoderIMPALA },
		"impala has no channels":       func(c *jepa.Config) { c.Encoder.Kind, c.Encoder.Channels = jepa.EncoderIMPALA, nil },
		"gru has neither gate":         func(c *jepa.Config) { c.Predictor.Kind = jepa.PredictorGRU },
		"gru takes actions":            func(c *jepa.Config) { c.Predictor.Kind = jepa.PredictorGRU },
		"heads need actions":           func(c *jepa.Config) { c.ActionDim = 0 },
		`needs the 2 channels`:         func(c *jepa.Config) { c.Input, c.Frame.Channels = jepa.InputMinMax, 3 },
		"softmax_maps -1":              func(c *jepa.Config) { c.Encoder.SoftmaxMaps = -1 },
		"static_hidden is 0":           func(c *jepa.Config) { c.Encoder.StaticHidden = 0 },
		"short context is 2":           func(c *jepa.Config) { c.Short.Context = 2 },
	} {
		cfg := rooms()
		change(&cfg)
		t.Run(want, func(t *testing.T) { wantError(t, cfg.Validate(), want) })
	}
}
