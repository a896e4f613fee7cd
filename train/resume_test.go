package train_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"foresee/data"
	"foresee/jepa"
	"foresee/train"
)

const allSteps = 28 // of small

// The weights do not depend on the number of threads, nor on the run; a seed changes them.
func TestSameBytes(t *testing.T) {
	d := rooms(t)
	want := reference(t, d)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, threads := range []int{1, 2} {
		runtime.GOMAXPROCS(threads)
		out := filepath.Join(t.TempDir(), "model")
		mustRun(t, train.Options{Data: d, Out: out, Config: small(d)})
		if !bytes.Equal(weights(t, out), want) {
			t.Errorf("GOMAXPROCS %d: other weights", threads)
		}
	}
	cfg, out := small(d), filepath.Join(t.TempDir(), "model")
	cfg.Seed = 2
	mustRun(t, train.Options{Data: d, Out: out, Config: cfg})
	if bytes.Equal(weights(t, out), want) {
		t.Error("seed 2 gave the weights of seed 1")
	}
}

// resumedAt returns the step in the log line of a resumed run.
func resumedAt(t *testing.T, j *journal) int {
	t.Helper()
	found := regexp.MustCompile(`msg=resuming step=(\d+)`).FindStringSubmatch(j.String())
	if found == nil {
		t.Fatalf("the log does not say at which step it resumes: %s", j)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A run is killed in stage 1, again in stage 2 and again in stage 3, each time a
// step or two after a checkpoint.
func TestKilledRunIsTheUndisturbedOne(t *testing.T) {
	d, out := rooms(t), filepath.Join(t.TempDir(), "model")
	want := reference(t, d)
	for i, kill := range []string{"pixels:8", "latents:11", "displacement:4"} {
		if text, err := start(t, d.Dir(), out, kill, ""); err == nil || strings.Contains(text, "train:") {
			t.Fatalf("child to be killed at %s: %v, %s", kill, err, text)
		}
		_, meta, err := jepa.ReadTensors(filepath.Join(out, train.StateFile))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := meta["stage"]+":"+meta["step"], []string{"pixels:6", "latents:9", "displacement:3"}[i]; got != want {
			t.Errorf("killed at %s: the checkpoint is of %s, want %s", kill, got, want)
		}
	}
	if err := os.WriteFile(filepath.Join(out, ".tmp-state.safetensors-1"), []byte("cut"), 0o644); err != nil {
		t.Fatal(err)
	}
	var j journal
	mustRun(t, train.Options{Data: d, Out: out, Config: small(d), Log: j.logger()})
	if got := resumedAt(t, &j); got != 27 {
		t.Errorf("resumed at step %d, want 27", got)
	}
	if !bytes.Equal(weights(t, out), want) {
		t.Error("the resumed run has other weights than the undisturbed one")
	}
	logged(t, out, allSteps)
	clean(t, out)
	j.Reset()
	m := mustRun(t, train.Options{Data: d, Out: out, Config: small(d), Log: j.logger()})
	if !strings.Contains(j.String(), "already trained") || len(m.Landmarks()) != 6*6 {
		t.Errorf("a finished run: log %s, %d landmark floats; want it loaded", &j, len(m.Landmarks()))
	}
}

// A cancelled run keeps every step it made, leaves no goroutine that reads the dataset, and goes on.
func TestCancelledRunLosesNothing(t *testing.T) {
	for stage, at := range map[string]int{"pixels": 5, "latents": 8} {
		t.Run(stage, func(t *testing.T) {
			d, out := open(t, rooms(t).Dir()), filepath.Join(t.TempDir(), "model")
			backend, err := jepa.OpenBackend("")
			if err != nil {
				t.Fatal(err)
			}
			defer backend.Finalize()
			before := goleak.IgnoreCurrent()
			ctx, cancel := context.WithCancel(t.Context())
			_, err = train.Run(ctx, train.Options{Data: d, Out: out, Config: small(d), Backend: backend, Progress: func(p train.Progress) {
				if p.Stage == stage && p.Step == at {
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("error = %v, want context.Canceled", err)
			}
			if err := goleak.Find(before); err != nil {
				t.Error(err)
			}
			_, meta, err := jepa.ReadTensors(filepath.Join(out, train.StateFile))
			if err != nil || meta["stage"] != stage || meta["step"] != strconv.Itoa(at) {
				t.Errorf("checkpoint of %s:%s, %v; want %s:%d", meta["stage"], meta["step"], err, stage, at)
			}
			if _, err := jepa.Load(backend, out); err != nil {
				t.Error(err)
			}
			mustRun(t, train.Options{Data: d, Out: out, Config: small(d)})
			if !bytes.Equal(weights(t, out), reference(t, d)) {
				t.Error("the resumed run has other weights")
			}
		})
	}
}

func TestOtherRunsAreRefused(t *testing.T) {
	d, out := rooms(t), filepath.Join(t.TempDir(), "model")
	if _, err := start(t, d.Dir(), out, "pixels:5", ""); err == nil {
		t.Fatal("the child was not killed")
	}
	before := read(t, filepath.Join(out, train.StateFile))
	cfg := small(d)
	cfg.Seed, cfg.Train.Pixels.Rate = 9, 0.125
	_, err := run(t, train.Options{Data: d, Out: out, Config: cfg})
	wantError(t, err, out, "another run", "seed is 1 there, 9 here", "train.pixels.rate is 0.002 there, 0.125 here")
	if !errors.Is(err, train.ErrOtherRun) {
		t.Errorf("%v is not ErrOtherRun", err)
	}
	otherDir := filepath.Join(t.TempDir(), "other")
	if err := writeRooms(otherDir, 4, 24, 33); err != nil {
		t.Fatal(err)
	}
	other := open(t, otherDir)
	cfg = small(d)
	_, err = run(t, train.Options{Data: other, Out: out, Config: cfg})
	wantError(t, err, out, "another run", d.Dir(), otherDir)
	if !bytes.Equal(read(t, filepath.Join(out, train.StateFile)), before) {
		t.Error("a refused run changed the state")
	}
}

func TestForeignFoldersAreRefused(t *testing.T) {
	d := rooms(t)
	for _, name := range []string{"thesis.txt", "config.json", "train.jsonl"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := run(t, train.Options{Data: d, Out: dir, Config: small(d)})
		wantError(t, err, dir, name, "choose another -o")
		if entries, _ := os.ReadDir(dir); len(entries) != 1 || string(read(t, filepath.Join(dir, name))) != "{}" {
			t.Errorf("the folder with %s was changed: %v", name, entries)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := run(t, train.Options{Data: d, Out: file, Config: small(d)})
	wantError(t, err, "train:", file)
	_, err = run(t, train.Options{Data: d, Out: filepath.Join(file, "model"), Config: small(d)})
	wantError(t, err, "train:", file, "not a directory")
}

func TestBrokenStateIsNamed(t *testing.T) {
	d, out := rooms(t), t.TempDir()
	path := filepath.Join(out, train.StateFile)
	for says, write := range map[string]func() error{
		"not a safetensors file": func() error { return os.WriteFile(path, []byte("cut"), 0o644) },
		`version "7"`:            func() error { return jepa.WriteTensors(path, nil, map[string]string{"version": "7"}) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		_, err := run(t, train.Options{Data: d, Out: out, Config: small(d)})
		wantError(t, err, path, says)
	}
}

// Files that cannot grow, as on a full disk: the error names the file, nothing half-written stays, and with room again
// the run goes on to the same weights.
func TestFullDisk(t *testing.T) {
	d, out := rooms(t), filepath.Join(t.TempDir(), "model")
	text, err := start(t, d.Dir(), out, "", "9000")
	if err == nil || !strings.Contains(text, out) || !strings.Contains(text, ".safetensors") || !strings.Contains(text, "file too large") {
		t.Fatalf("child on a full disk: %v, %s; want an error that names the file and the cause", err, text)
	}
	clean(t, out)
	if _, _, err := jepa.ReadTensors(filepath.Join(out, train.StateFile)); err != nil {
		t.Errorf("the state is broken: %v", err)
	}
	mustRun(t, train.Options{Data: d, Out: out, Config: small(d)})
	if !bytes.Equal(weights(t, out), reference(t, d)) {
		t.Error("the run has other weights after a full disk")
	}
	logged(t, out, allSteps)
}

// What is wrong with config or data is said before the output folder is touched.
func TestUnfitDataIsRefusedFirst(t *testing.T) {
	d, out := rooms(t), filepath.Join(t.TempDir(), "model")
	shortDir := filepath.Join(t.TempDir(), "short")
	if err := writeRooms(shortDir, 3, 10, 33); err != nil {
		t.Fatal(err)
	}
	short := open(t, shortDir)
	for _, c := range []struct {
		d      *data.Dataset
		change func(*train.Config)
		says   []string
	}{
		{short, func(*train.Config) {}, []string{shortDir, "displacement", "13 frames", "has 10"}},
		{short, func(c *train.Config) { c.Train.Latents.Rollout, c.Train.Displacement.Steps = 30, 0 }, []string{shortDir, "latents", "31 frames"}},
		{d, func(c *train.Config) { c.Model.Frame.Height = 65 }, []string{d.Dir(), "33x33x2", "65x33x2"}},
		{d, func(c *train.Config) { c.Model.ActionDim = 3 }, []string{d.Dir(), "width 2", "wants 3"}},
		{d, func(c *train.Config) { c.Train.LogEvery, c.Train.Pixels.Batch = 0, 1 }, []string{"train: config", "log_every 0", "batch 1"}},
	} {
		cfg := small(d)
		c.change(&cfg)
		_, err := run(t, train.Options{Data: c.d, Out: out, Config: cfg})
		wantError(t, err, c.says...)
		if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after %q the output folder exists", c.says)
		}
	}
}
