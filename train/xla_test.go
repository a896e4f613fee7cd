//go:build xla && cgo

package train_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/compute"

	"foresee/data"
	"foresee/jepa"
	"foresee/nn"
	"foresee/train"
)

// How far XLA may be from the backend cpu, which docs/scaling.md states.
const (
	lossApart     = 3e-5 // of any of 20 losses
	scalarApart   = 3e-4 // of any other logged number of those steps
	gradientApart = 1e-4 // of any first gradient, of the largest number in its tensor
	textureApart  = 5e-4 // of one of latents with a texture: whitening blows rounding up, and a low temperature of guesses more
)

// backendOf opens a backend: cpu, or the plugin that FORESEE_XLA_PLUGIN names.
func backendOf(t *testing.T, name string) compute.Backend {
	t.Helper()
	if name == "xla" {
		plugin := os.Getenv("FORESEE_XLA_PLUGIN")
		if plugin == "" && os.Getenv("FORESEE_CI") == "1" {
			t.Fatal("FORESEE_XLA_PLUGIN names no PJRT plugin, and FORESEE_CI=1")
		}
		if plugin == "" {
			t.Skip("FORESEE_XLA_PLUGIN names no PJRT plugin (docs/scaling.md)")
		}
		name = "xla:" + plugin
	}
	b, err := jepa.OpenBackend(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// curve is what 20 steps gave: the scalars of each, and the optimizer's first
// moments after the first, which are its gradients times 1 - β₁.
type curve struct {
	scalars   [][]float32
	gradients map[string]jepa.Tensor
}

func lockstep(t *testing.T, o train.Options, stage string) curve {
	t.Helper()
	s, err := train.NewStepper(t.Context(), o, stage)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var c curve
	for k := range 20 {
		scalars, err := s.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.scalars = append(c.scalars, scalars)
		if k == 0 {
			c.gradients = moments(t, s)
		}
	}
	return c
}

func moments(t *testing.T, s *train.Stepper) map[string]jepa.Tensor {
	t.Helper()
	path := filepath.Join(t.TempDir(), "step.safetensors")
	if err := s.Export(t.Context(), path, 0); err != nil {
		t.Fatal(err)
	}
	all, _, err := jepa.ReadTensors(path)
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(all, func(name string, _ jepa.Tensor) bool { return filepath.Base(name) != nn.FirstMoment })
	return all
}

// apart returns the largest difference of got and want over size, +Inf if their
// lengths differ or a number is NaN.
func apart(got, want []float32, size float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	most := 0.0
	for i := range want {
		diff := math.Abs(float64(got[i]) - float64(want[i]))
		if math.IsNaN(diff) {
			return math.Inf(1)
		}
		most = max(most, diff)
	}
	return most / size
}

func largest(x []float32) float64 {
	most := 0.0
	for _, v := range x {
		most = max(most, math.Abs(float64(v)))
	}
	return most
}

// close wants got to be want within the tolerances above, that of gradients given, and logs how close.
func (c curve) close(t *testing.T, want curve, gradient float64) {
	t.Helper()
	all := 0.0
	for _, w := range want.gradients {
		all = max(all, largest(w.Data))
	}
	worst, where := 0.0, ""
	for name, w := range want.gradients { // a gradient that is 0 but for rounding has no size of its own
		if e := apart(c.gradients[name].Data, w.Data, largest(w.Data)+1e-3*all); e >= worst {
			worst, where = e, name
		}
	}
	if len(want.gradients) < 4 || worst > gradient {
		t.Errorf("gradient of %s, one of %d, is %.2g apart, want at most %g", where, len(want.gradients), worst, gradient)
	}
	loss, other := 0.0, 0.0
	for k, w := range want.scalars {
		loss = max(loss, apart(c.scalars[k][:1], w[:1], largest(w[:1])))
		for i := 1; i < len(w); i++ {
			other = max(other, apart(c.scalars[k][i:i+1], w[i:i+1], largest(w[i:i+1])))
		}
	}
	if loss > lossApart || other > scalarApart {
		t.Errorf("losses are %.2g apart, want at most %g; other scalars %.2g, want at most %g", loss, lossApart, other, scalarApart)
	}
	t.Logf("apart: loss %.2g, scalars %.2g, gradients %.2g (%s)", loss, other, worst, where)
}

// shrunk is a preset at a size for tests.
func shrunk(t *testing.T, d *data.Dataset, preset string) train.Config {
	t.Helper()
	if preset == "tworooms" {
		cfg := small(d)
		cfg.Train.Latents.Hard = 0 // draws that follow errors fork at a last bit
		return cfg
	}
	if preset == "physics" {
		cfg := smallMemory(t, d)
		cfg.Train.Pixels.Steps, cfg.Train.Latents.Steps, cfg.Train.Latents.Hard = 40, 40, 0
		return cfg
	}
	cfg, err := train.Preset(preset, d)
	if err != nil {
		t.Fatal(err)
	}
	m, p := &cfg.Model, &cfg.Train.Pixels
	p.Batch, p.WarmUp, p.Steps = 8, 2, 40
	if preset == "eb-jepa" {
		m.Encoder.Channels, m.Encoder.Latent, m.Inverse = []int{4, 6, 6}, 24, []int{12}
	} else {
		m.Encoder.Channels, m.Predictor.Hidden = []int{4, 6, 6, 2}, []int{6}
		rows, cols, channels := m.Grid()
		m.Encoder.Latent = rows * cols * channels
		p.Weights.SIGReg, p.Slices = 0.5, 16 // directions [50, 16], which 4 devices cannot share
	}
	return cfg
}

// XLA makes the steps of the backend cpu, on one device and on several: the
// gradients of the first, the losses and every other logged number of 20.
func TestXLASteps(t *testing.T) {
	d, plugin := rooms(t), backendOf(t, "xla")
	for _, c := range []struct {
		preset, stage string
		devices       []int
		gradient      float64
	}{
		{"eb-jepa", "pixels", []int{1, 2}, gradientApart},
		{"video", "pixels", []int{4}, gradientApart},
		{"tworooms", "displacement", []int{2}, gradientApart},
		{"physics", "pixels", []int{2}, gradientApart},
		{"physics", "latents", []int{2}, textureApart},
	} {
		if c.preset == "physics" {
			d = clips(t)
		}
		o := train.Options{Data: d, Config: shrunk(t, d, c.preset), Backend: backendOf(t, "cpu")}
		want := lockstep(t, o, c.stage)
		for _, n := range c.devices {
			t.Run(fmt.Sprintf("%s/%s/%d", c.preset, c.stage, n), func(t *testing.T) {
				o.Backend, o.Devices = plugin, n
				lockstep(t, o, c.stage).close(t, want, c.gradient)
			})
		}
	}
}

// A run begun on two devices is continued by another backend: what it leaves is
// the model that one backend alone trains, within rounding.
func TestXLARunGoesOnElsewhere(t *testing.T) {
	d, root := rooms(t), t.TempDir()
	o := train.Options{Data: d, Out: filepath.Join(root, "alone"), Config: shrunk(t, d, "tworooms"), Backend: backendOf(t, "cpu")}
	if _, err := train.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	o.Out = filepath.Join(root, "shared")
	first := o
	first.Backend, first.Devices = backendOf(t, "xla"), 2
	ctx, cancel := context.WithCancel(t.Context())
	first.Progress = func(p train.Progress) {
		if p.Stage == "latents" && p.Step == 5 {
			cancel()
		}
	}
	if _, err := train.Run(ctx, first); !errors.Is(err, context.Canceled) {
		t.Fatalf("error = %v, want context.Canceled", err)
	}
	var j journal
	o.Log = j.logger()
	if _, err := train.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got := resumedAt(t, &j); got != 17 {
		t.Errorf("resumed at step %d, want 17", got)
	}
	alone, shared := logged(t, filepath.Join(root, "alone"), allSteps), logged(t, filepath.Join(root, "shared"), allSteps)
	for k := range alone {
		if e := apart([]float32{shared[k].Loss}, []float32{alone[k].Loss}, float64(alone[k].Loss)); e > lossApart {
			t.Errorf("step %d: loss %v, want %v", k, shared[k].Loss, alone[k].Loss)
		}
	}
}

// What cannot be shared is refused before anything is written.
func TestXLADevicesRefused(t *testing.T) {
	d, plugin := rooms(t), backendOf(t, "xla")
	has := plugin.NumDevices()
	for _, c := range []struct {
		devices, batch int
		says           []string
	}{
		{has + 1, 8, []string{fmt.Sprint(has+1, " devices wanted"), fmt.Sprint("has ", has)}},
		{2, 7, []string{"batch of 7", "pixels", "multiple of 2"}},
	} {
		o := train.Options{Data: d, Out: filepath.Join(t.TempDir(), "m"), Config: small(d), Backend: plugin, Devices: c.devices}
		o.Config.Train.Pixels.Batch = c.batch
		_, err := train.Run(t.Context(), o)
		wantError(t, err, c.says...)
		if _, err := os.Stat(o.Out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a refused run left %s: %v", o.Out, err)
		}
	}
}
