package cli

import (
	"encoding/json"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foresee/data"
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

func TestInspectDataset(t *testing.T) {
	_, dir := collected(t, "--episodes", "3", "--steps", "9", "--size", "33", "--seed", "7")
	sheet := filepath.Join(t.TempDir(), "sheet.png")
	d := call(t, "inspect", dir, "--json", "--sheet", sheet).document(t)
	value := func(name string) float64 {
		t.Helper()
		r, ok := d.Find("inspect/dataset/" + name)
		if !ok {
			t.Errorf("no row %s", name)
		}
		return r.Value
	}
	for name, want := range map[string]float64{
		"episodes": 3, "steps": 27, "height": 33, "width": 33, "channels": 2, "fps": 0, "pixels/min": 0, "pixels/max": 255,
	} {
		if got := value(name); got != want {
			t.Errorf("row %s = %v, want %v", name, got, want)
		}
	}
	if d.Seed != 7 {
		t.Errorf("seed = %d, want the dataset's, 7", d.Seed)
	}
	ds := imported(t, dir)
	action, _ := ds.Column(data.ActionColumn)
	lo, hi, sum := math.Inf(1), math.Inf(-1), 0.0
	for _, v := range action.Rows(0, 27) {
		lo, hi, sum = min(lo, float64(v)), max(hi, float64(v)), sum+float64(v)
	}
	if value("action/min") != lo || value("action/max") != hi || math.Abs(value("action/mean")-sum/54) > 1e-12 {
		t.Errorf("action range %v %v %v, want %v %v %v", value("action/min"), value("action/mean"), value("action/max"), lo, sum/54, hi)
	}
	checkSheet(t, sheet)
}

// checkSheet wants a picture with room for three rows of frames, and no
// temporary file beside it.
func checkSheet(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if size := m.Bounds().Size(); size.X < 9*33 || size.Y < 3*33 {
		t.Errorf("the sheet has %v pixels, too few for three rows of nine frames", size)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("beside the sheet lies %v (%v), want nothing", left, err)
	}
}

func TestInspectDatasetRefuses(t *testing.T) {
	_, dir := collected(t, "--episodes", "2", "--steps", "3", "--size", "33")
	path := filepath.Join(dir, "pixels.npy")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "no", "sheet.png")
	call(t, "inspect", dir, "--sheet", missing).want(t, ExitFailed, missing)
	if err := os.Truncate(path, info.Size()-1); err != nil {
		t.Fatal(err)
	}
	call(t, "inspect", dir).want(t, ExitFailed, "pixels.npy", "truncated")
}

// TestColumnRows shows that numbers that are not finite are told, and that
// nothing finite gives NaN, not 0.
func TestColumnRows(t *testing.T) {
	c := data.ColumnReport{Name: "x", Type: data.Float32, Shape: []int{9, 2}, Rows: 4, NonFinite: 3, Min: -1, Mean: 1, Max: 3}
	rows := columnRows(c)
	if rows[0].Value != -1 || rows[1].Value != 1 || rows[3].Value != 3 || !strings.Contains(rows[0].Note, "3 of 8 numbers are not finite") {
		t.Errorf("rows %+v, want -1, 1, 3 and a note about three of eight", rows)
	}
	c.NonFinite, c.Min, c.Mean, c.Max = 8, 0, 0, 0
	for _, r := range columnRows(c) {
		if !math.IsNaN(r.Value) {
			t.Errorf("row %s of nothing finite = %v, want NaN", r.Name, r.Value)
		}
	}
}
