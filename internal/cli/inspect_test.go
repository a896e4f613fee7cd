package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foresee/jepa"
)

// smallModel writes a model folder with one tensor of six numbers.
func smallModel(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cfg := jepa.Config{
		Version: jepa.FormatVersion, Frame: jepa.FrameConfig{Height: 9, Width: 9, Channels: 1}, ActionDim: 2, Input: jepa.InputUnit,
		Encoder: jepa.EncoderConfig{
			Kind: jepa.EncoderConv, Channels: []int{4}, Kernels: []int{3}, Strides: []int{2}, Latent: 5, Static: 3, StaticHidden: 4,
		},
		Predictor: jepa.PredictorConfig{Kind: jepa.PredictorMLP, Hidden: []int{8}},
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, jepa.ConfigFile), text, 0o644); err != nil {
		t.Fatal(err)
	}
	weights := map[string]jepa.Tensor{"w": {Shape: []int{2, 3}, Data: make([]float32, 6)}}
	if err := jepa.WriteTensors(filepath.Join(dir, jepa.WeightsFile), weights, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestInspectModel(t *testing.T) {
	d := call(t, "inspect", smallModel(t), "--json").document(t)
	for name, want := range map[string]float64{
		"inspect/model/parameters": 6, "inspect/model/tensors": 1,
		"inspect/model/latent": 5, "inspect/model/state": 8, "inspect/model/action": 2,
	} {
		if r, ok := d.Find(name); !ok || r.Value != want {
			t.Errorf("row %s = %v, want %v", name, r.Value, want)
		}
	}
}

func TestInspectModelRefuses(t *testing.T) {
	change := func(file string, with func(text string) string) string {
		dir := smallModel(t)
		path := filepath.Join(dir, file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := with(string(text))
		if changed == string(text) {
			t.Fatalf("%s was not changed", file)
		}
		if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dir := change(jepa.WeightsFile, func(s string) string { return s[:len(s)-4] })
	call(t, "inspect", dir).want(t, ExitFailed, jepa.WeightsFile, "truncated")
	dir = change(jepa.ConfigFile, func(s string) string { return strings.Replace(s, `"version":1`, `"version":7`, 1) })
	call(t, "inspect", dir).want(t, ExitFailed, jepa.ConfigFile, "version is 7")
	dir = change(jepa.ConfigFile, func(s string) string { return strings.Replace(s, `"latent"`, `"latnet"`, 1) })
	call(t, "inspect", dir).want(t, ExitFailed, jepa.ConfigFile, "latnet")
	call(t, "inspect", smallModel(t), "--sheet", "x.png").want(t, ExitUsage, "--sheet")
}

func TestInspectNeither(t *testing.T) {
	dir := t.TempDir()
	call(t, "inspect", dir).want(t, ExitFailed, dir, "neither a dataset")
	call(t, "inspect", filepath.Join(dir, "absent")).want(t, ExitFailed, "absent")
}
