package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"foresee/data"
	"foresee/env/tworooms"
	"foresee/jepa"
	"foresee/train"
)

// What TestMain does instead of testing when the first is set.
const (
	childOut   = "FORESEE_TRAIN_TEST_OUT"
	childData  = "FORESEE_TRAIN_TEST_DATA"
	childKill  = "FORESEE_TRAIN_TEST_KILL"  // stage:step at which the child kills itself
	childHold  = "FORESEE_TRAIN_TEST_HOLD"  // stage:step at which the child prints "held" and waits to be killed
	childLimit = "FORESEE_TRAIN_TEST_LIMIT" // bytes of the largest file
)

func TestMain(m *testing.M) {
	if out := os.Getenv(childOut); out != "" {
		os.Exit(child(out))
	}
	code := m.Run()
	if shared.dir != "" {
		os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// child trains and dies as told; 3 is the exit code of an error.
func child(out string) int {
	limitFileSize(os.Getenv(childLimit))
	d, err := data.Open(os.Getenv(childData))
	if err != nil {
		fmt.Println(err)
		return 4
	}
	defer d.Close()
	stage, at, _ := strings.Cut(os.Getenv(childKill), ":")
	step, _ := strconv.Atoi(at)
	backend, err := jepa.OpenBackend("")
	if err != nil {
		fmt.Println(err)
		return 4
	}
	_, err = train.Run(context.Background(), train.Options{Data: d, Out: out, Config: small(d), Backend: backend, Progress: func(p train.Progress) {
		if p.Stage == stage && p.Step == step {
			dieNow()
		}
		if fmt.Sprintf("%s:%d", p.Stage, p.Step) == os.Getenv(childHold) {
			fmt.Println("held")
			time.Sleep(time.Hour) // not select {}, which Go ends as a deadlock
		}
	}})
	if err != nil {
		fmt.Println(err)
		return 3
	}
	return 0
}

// start runs child in a process of its own and returns what it printed.
func start(t *testing.T, dataDir, out, kill, limit string) (string, error) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childOut+"="+out, childData+"="+dataDir, childKill+"="+kill, childLimit+"="+limit)
	text, err := cmd.CombinedOutput()
	return string(text), err
}

var shared struct {
	once sync.Once
	dir  string
	err  error
}

// rooms opens a dataset of Two Rooms walks: 20 episodes of 24 frames of 33 px.
func rooms(t testing.TB) *data.Dataset {
	t.Helper()
	shared.once.Do(func() {
		shared.dir = filepath.Join(os.TempDir(), fmt.Sprintf("foresee-train-test-%d", os.Getpid()))
		shared.err = errors.Join(os.RemoveAll(shared.dir), writeRooms(shared.dir, 20, 24, 33))
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return open(t, shared.dir)
}

func open(t testing.TB, dir string) *data.Dataset {
	t.Helper()
	d, err := data.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func writeRooms(dir string, episodes, frames, size int) error {
	w, err := data.Create(dir, data.Meta{
		Name: "tworooms", Frame: data.Frame{Height: size, Width: size, Channels: 2},
		Columns: []data.ColumnMeta{{Name: data.ActionColumn, Width: 2}, {Name: data.StateColumn, Width: 2, Privileged: true}, {Name: data.LayoutColumn, Width: 2, Privileged: true}},
	})
	if err != nil {
		return err
	}
	defer w.Abort()
	for i := range episodes {
		walk := tworooms.Walks(tworooms.WalkConfig{Frames: frames}, 1, i)
		pixels := walk.Render(size)
		for k, p := range walk.Points {
			rows := map[string][]float32{data.StateColumn: {float32(p.X), float32(p.Y)}, data.LayoutColumn: {float32(walk.Layout.WallX), float32(walk.Layout.DoorY)}}
			if k < len(walk.Actions) {
				rows[data.ActionColumn] = []float32{float32(walk.Actions[k].X), float32(walk.Actions[k].Y)}
			}
			if err := w.Append(pixels[k*size*size*2:(k+1)*size*size*2], rows); err != nil {
				return err
			}
		}
		if err := w.EndEpisode(); err != nil {
			return err
		}
	}
	return w.Close()
}

// small is the tworooms preset, shrunk: every stage and loss, 12 + 12 + 4 steps,
// a line a step and a checkpoint every third.
func small(d *data.Dataset) train.Config {
	cfg, err := train.Preset("tworooms", d)
	if err != nil {
		panic(err)
	}
	m, s := &cfg.Model, &cfg.Train
	m.Encoder.Channels, m.Encoder.Strides = []int{4, 6, 6}, []int{4, 2, 2}
	m.Encoder.Latent, m.Encoder.SoftmaxMaps, m.Encoder.Static, m.Encoder.StaticHidden, m.Encoder.StaticMaps = 6, 4, 5, 12, 3
	m.Predictor.Hidden, m.Short.Hidden, m.Inverse, m.Displacement.Hidden = []int{16, 12}, []int{12}, []int{12}, []int{12}
	s.Pixels.Steps, s.Pixels.Batch, s.Pixels.WarmUp = 12, 8, 2
	s.Latents.Steps, s.Latents.Batch, s.Latents.WarmUp, s.Latents.Refresh = 12, 16, 2, 4
	s.Displacement.Steps, s.Displacement.Batch = 4, 16
	s.Landmarks, s.Remembered, s.ProbeEpisodes = 6, 60, 12
	s.LogEvery, s.MonitorEvery, s.SaveEvery, s.SaveShare, s.StopOnCollapse = 1, 5, 3, 0, false
	return cfg
}

// journal collects the lines that a run logs.
type journal struct{ bytes.Buffer }

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// run trains in this process.
func run(t testing.TB, o train.Options) (*jepa.Model, error) {
	t.Helper()
	backend, err := jepa.OpenBackend("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	o.Backend = backend
	return train.Run(t.Context(), o)
}

func mustRun(t testing.TB, o train.Options) *jepa.Model {
	t.Helper()
	m, err := run(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// weights reads the bytes of a model's weights file.
func weights(t testing.TB, dir string) []byte {
	t.Helper()
	return read(t, filepath.Join(dir, jepa.WeightsFile))
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

var undisturbed struct {
	once sync.Once
	raw  []byte
}

// reference is the weights file of small, trained in one piece.
func reference(t testing.TB, d *data.Dataset) []byte {
	t.Helper()
	undisturbed.once.Do(func() {
		out := filepath.Join(t.TempDir(), "model")
		mustRun(t, train.Options{Data: d, Out: out, Config: small(d)})
		undisturbed.raw = weights(t, out)
	})
	if len(undisturbed.raw) == 0 {
		t.Fatal("the undisturbed run failed")
	}
	return undisturbed.raw
}

// wantError fails unless err says every part.
func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

// logged wants one line for each of n steps in train.jsonl, in order.
func logged(t testing.TB, dir string, n int) []train.LogEntry {
	t.Helper()
	entries, err := train.ReadLog(filepath.Join(dir, train.LogFile))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if e.Step != i {
			t.Fatalf("line %d is step %d", i, e.Step)
		}
	}
	if len(entries) != n {
		t.Errorf("%d lines, want %d", len(entries), n)
	}
	return entries
}

// clean wants a folder without temporary files.
func clean(t testing.TB, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, ".tmp-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
