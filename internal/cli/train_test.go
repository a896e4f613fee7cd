package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"foresee/data"
	"foresee/jepa"
	"foresee/train"
)

// walks records a small dataset of Two Rooms.
func walks(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "walks")
	call(t, "collect", "tworooms", "-o", dir, "--episodes", "12", "--steps", "20", "--size", "33").want(t, ExitDone)
	return dir
}

// tiny are assignments that make the preset tworooms quick to train.
func tiny() []string {
	var args []string
	for _, a := range []string{
		"train.log_every=1", "train.save_every=2", "train.stop_on_collapse=false", "train.probe_episodes=8",
		"model.encoder.channels=[4, 6, 6]", "model.predictor.hidden=[12]", "model.short.hidden=[12]", "model.inverse=[12]", "model.displacement.hidden=[12]",
		"train.pixels.batch=8", "train.latents.batch=8", "train.displacement.batch=8", "train.landmarks=4", "train.remembered=40",
	} {
		args = append(args, "--set", a)
	}
	return args
}

func TestTrain(t *testing.T) {
	dataset, out := walks(t), filepath.Join(t.TempDir(), "model")
	args := append([]string{"train", "-d", dataset, "-o", out, "--steps", "4", "--seed", "3", "--json"}, tiny()...)
	d := call(t, args...).document(t)
	for _, name := range []string{"train/seconds", "train/pixels/loss", "train/pixels/pred", "train/latents/one_step", "train/displacement/rms", "train/latents/steps_per_second"} {
		if _, ok := d.Find(name); !ok {
			t.Errorf("no row %s", name)
		}
	}
	if d.Seed != 3 {
		t.Errorf("seed = %d, want 3", d.Seed)
	}
	entries, err := train.ReadLog(filepath.Join(out, train.LogFile))
	if err != nil || len(entries) != 4+32+10 {
		t.Errorf("%d lines of train.jsonl, %v; want --steps 4 and the preset's 500 : 4000 : 1250, 46", len(entries), err)
	}
	for _, file := range []string{jepa.ConfigFile, jepa.WeightsFile, jepa.NormalizerFile, train.StateFile, train.CardFile, train.ReportFile} {
		if _, err := os.Stat(filepath.Join(out, file)); err != nil {
			t.Error(err)
		}
	}
	call(t, args...).want(t, ExitDone, "already trained")
	call(t, append(args, "--seed", "4")...).want(t, ExitFailed, out, "seed is 3 there, 4 here")
	call(t, append(args, "--set", "train.pixels.rate=0.5")...).want(t, ExitFailed, out, "train.pixels.rate is 0.002 there, 0.5 here")
	other := walks(t)
	args[2] = other
	if err := os.RemoveAll(other); err != nil {
		t.Fatal(err)
	}
	call(t, args...).want(t, ExitFailed, other)
}

// An interrupted training says how to go on, and the same command does.
func TestTrainResumes(t *testing.T) {
	dataset, out := walks(t), filepath.Join(t.TempDir(), "model")
	args := append([]string{"train", "-d", dataset, "-o", out, "--steps", "4"}, tiny()...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout bytes.Buffer
	stop := &stopAt{text: "train latents", stop: cancel}
	if code := Run(ctx, args, strings.NewReader(""), &stdout, stop); code != ExitFailed || !strings.Contains(stop.String(), "the same command resumes from "+out) {
		t.Fatalf("exit code %d, stderr %q; want 1 and how to resume", code, stop.String())
	}
	r := call(t, args...)
	r.want(t, ExitDone)
	if found := regexp.MustCompile(`resuming.* step=([0-9]+)`).FindStringSubmatch(r.stderr); found == nil || found[1] == "0" {
		t.Errorf("stderr %q does not name a step to resume at", r.stderr)
	}
}

// stopAt is a stderr that interrupts the program when a text was written to it.
type stopAt struct {
	bytes.Buffer
	text string
	stop func()
}

func (s *stopAt) Write(b []byte) (int, error) {
	n, err := s.Buffer.Write(b)
	if strings.Contains(s.String(), s.text) {
		s.stop()
	}
	return n, err
}

func TestTrainMistakes(t *testing.T) {
	dataset, out := walks(t), filepath.Join(t.TempDir(), "model")
	train := func(args ...string) result {
		return call(t, append([]string{"train", "-d", dataset, "-o", out}, args...)...)
	}
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	train("--set", "train.log_evry=1").want(t, ExitUsage, "log_evry")
	train("--set", "train.log_every").want(t, ExitUsage, "path=value")
	train("--preset", "threerooms").want(t, ExitUsage, "threerooms", "tworooms")
	train("--steps=-3").want(t, ExitUsage, "--steps -3")
	bad := file("train:\n  pixels:\n    bacth: 4\n")
	train("--config", bad).want(t, ExitFailed, bad, "bacth")
	train("--config", bad+"x").want(t, ExitFailed, bad+"x")
	train("--config", file("train: {pixels: {batch: 1}}")).want(t, ExitFailed, "batch 1")
	call(t, "train", "-d", dataset+"x", "-o", out).want(t, ExitFailed, dataset+"x")
	call(t, "train", "-o", out).want(t, ExitUsage, "--data")
	taken := filepath.Join(t.TempDir(), "thesis")
	if err := os.MkdirAll(filepath.Join(taken, "chapter"), 0o755); err != nil {
		t.Fatal(err)
	}
	call(t, "train", "-d", dataset, "-o", taken).want(t, ExitFailed, taken, "chapter")
	pixels := filepath.Join(dataset, "pixels.npy")
	if err := os.Truncate(pixels, 1000); err != nil {
		t.Fatal(err)
	}
	train().want(t, ExitFailed, dataset, "pixels.npy", "truncated")
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("a refused call left %s: %v", out, err)
	}
}

// Without actions the preset is video.
func TestTrainPresetOfActionFreeData(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "camera")
	w, err := data.Create(dir, data.Meta{Name: "camera", Frame: data.Frame{Height: 8, Width: 8, Channels: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if err := w.Append(bytes.Repeat([]byte{byte(i), byte(3 * i)}, 32), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := data.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	cfg, err := (&trainCmd{Preset: "auto", Seed: 7}).config(d)
	if err != nil || cfg.Preset != "video" || cfg.Seed != 7 {
		t.Errorf("preset %q, seed %d, %v; want video and 7", cfg.Preset, cfg.Seed, err)
	}
	call(t, "train", "-d", dir, "-o", filepath.Join(t.TempDir(), "m"), "--preset", "tworooms").want(t, ExitFailed, "needs actions", dir, "--preset video")
}
