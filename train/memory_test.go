package train_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"gonum.org/v1/gonum/mat"

	"foresee/data"
	"foresee/env/physics"
	"foresee/jepa"
	"foresee/train"
)

var hidden struct {
	once sync.Once
	dir  string
	err  error
}

// clips opens a dataset of possible clips of quad-splice, two of them cut short.
func clips(t testing.TB) *data.Dataset {
	t.Helper()
	hidden.once.Do(func() {
		shared := rooms(t) // its folder goes when the tests end
		hidden.dir = filepath.Join(shared.Dir(), "clips")
		hidden.err = writeClips(hidden.dir, physics.Config{})
	})
	if hidden.err != nil {
		t.Fatal(hidden.err)
	}
	return open(t, hidden.dir)
}

// To learn from mirror images is to learn from a dataset that has them too.
func TestMemoryMirror(t *testing.T) {
	d := clips(t)
	dir := filepath.Join(t.TempDir(), "both")
	w, err := data.Create(dir, d.Meta())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for view := range 2 {
		for e := range d.Episodes() {
			first, length := d.Episode(e)
			for s := first; s < first+length; s++ {
				px := slices.Clone(d.Frame(s))
				for i := range len(px) * view { // pixel x of a row of 64 becomes 63 - x
					at := i / 3 % 64
					px[i] = d.Frame(s)[i+3*(63-2*at)]
				}
				if err := w.Append(px, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.EndEpisode(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := smallMemory(t, d)
	cfg.Train.Pixels.Steps = 0 // the encoder learns from the frames as they are
	cfg.Model.Predictor.Mirror = false
	for _, target := range []string{jepa.TargetLatent, jepa.TargetPixels} {
		cfg.Model.Predictor.Target, cfg.Model.Predictor.Copy, cfg.Train.Latents.Mirror = target, target == jepa.TargetLatent, true
		one := predictorWeights(t, mustRun(t, train.Options{Data: d, Out: filepath.Join(t.TempDir(), "one"), Config: cfg}))
		cfg.Train.Latents.Mirror = false
		both := predictorWeights(t, mustRun(t, train.Options{Data: open(t, dir), Out: filepath.Join(t.TempDir(), "both"), Config: cfg}))
		plain := predictorWeights(t, mustRun(t, train.Options{Data: d, Out: filepath.Join(t.TempDir(), "plain"), Config: cfg}))
		if same, other := gap(one, both), gap(one, plain); !(same < 1e-4) || !(other > 1e-2) { // frames are encoded in other batches
			t.Errorf("target %q: weights differ by %g from those of a dataset with the mirror images, by %g from those without", target, same, other)
		}
	}
}

// predictorWeights are the numbers of a model's predictor, by name.
func predictorWeights(t testing.TB, m *jepa.Model) map[string]jepa.Tensor {
	t.Helper()
	all, err := jepa.ReadStore(m.Store(), func(name string) bool { return strings.HasPrefix(name, "predictor/") })
	if err != nil || len(all) == 0 {
		t.Fatalf("%d tensors, %v", len(all), err)
	}
	return all
}

// gap is the greatest difference between two models' numbers.
func gap(a, b map[string]jepa.Tensor) float64 {
	most := 0.0
	for name, tensor := range a {
		for i, v := range tensor.Data {
			most = max(most, math.Abs(float64(v-b[name].Data[i])))
		}
	}
	return most
}

func writeClips(dir string, world physics.Config) error {
	w, err := data.Create(dir, data.Meta{Name: "physics", Frame: data.Frame{Height: physics.Size, Width: physics.Size, Channels: physics.Channels}})
	if err != nil {
		return err
	}
	defer w.Abort()
	for i := range 24 {
		c, frames := physics.Train(world, 7, i), physics.Frames
		if i < 2 {
			frames = 9 + i
		}
		for f := range frames {
			if err := w.Append(c.Frame(f), nil); err != nil {
				return err
			}
		}
		if err := w.EndEpisode(); err != nil {
			return err
		}
	}
	return w.Close()
}

// smallMemory is the physics preset, shrunk: 8 + 12 + 6 steps.
func smallMemory(t testing.TB, d *data.Dataset) train.Config {
	t.Helper()
	cfg, err := train.Preset("physics", d)
	if err != nil {
		t.Fatal(err)
	}
	m, s := &cfg.Model, &cfg.Train
	m.Encoder.Channels, m.Encoder.Latent = []int{6, 4}, 12+39
	m.Encoder.Kernels, m.Encoder.Strides = m.Encoder.Kernels[:2], m.Encoder.Strides[:2]
	m.Predictor.Width, m.Predictor.Blocks, m.Predictor.Heads, m.Predictor.Hidden = 16, 1, 2, []int{16, 16}
	m.Predictor.Rank = 4
	m.Short.Hidden = []int{6}
	s.Pixels.Steps, s.Pixels.Batch, s.Pixels.Group, s.Pixels.WarmUp = 8, 8, 4, 2
	s.Latents.Steps, s.Latents.Batch, s.Latents.WarmUp, s.Latents.Refresh = 12, 8, 2, 4
	s.Latents.Hide = 0.6 // the preset hides nothing
	s.Usual.Steps, s.Usual.Batch, s.Usual.WarmUp = 6, 8, 2
	s.LogEvery, s.MonitorEvery, s.SaveEvery, s.SaveShare, s.StopOnCollapse, s.Minutes = 1, 5, 3, 0, false, 0
	return cfg
}

// Brief learns from the share of clips that it is given, and by default from all that hide nothing.
func TestBriefShare(t *testing.T) {
	d := clips(t)
	trained := func(share float64) map[string]jepa.Tensor {
		cfg := smallMemory(t, d)
		cfg.Train.Latents.Hide, cfg.Train.Latents.Brief = 0, share
		cfg.Train.Pixels.Steps, cfg.Train.Latents.Steps, cfg.Train.Usual.Steps = 0, 4, 1
		return predictorWeights(t, mustRun(t, train.Options{Data: d, Out: filepath.Join(t.TempDir(), "model"), Config: cfg}))
	}
	all := trained(0)
	if g := gap(all, trained(1)); g != 0 {
		t.Errorf("a share of 1 is %v away from all", g)
	}
	if g := gap(all, trained(0.5)); g == 0 {
		t.Error("half of the clips teach what all do")
	}
}

// An interrupted run of a memory model is the undisturbed one, wherever it is interrupted.
func TestMemoryRunResumes(t *testing.T) {
	d := clips(t)
	cfg := smallMemory(t, d)
	whole := filepath.Join(t.TempDir(), "whole")
	m := mustRun(t, train.Options{Data: d, Out: whole, Config: cfg})
	logged(t, whole, 26)
	for _, stage := range []struct {
		name string
		step int
	}{{"pixels", 5}, {"latents", 1}, {"latents", 7}, {"latents", 8}, {"usual", 2}} {
		out := filepath.Join(t.TempDir(), "cut")
		interrupt(t, train.Options{Data: d, Out: out, Config: cfg}, stage.name, stage.step)
		mustRun(t, train.Options{Data: d, Out: out, Config: cfg})
		if !bytes.Equal(weights(t, out), weights(t, whole)) {
			t.Errorf("interrupted at %s:%d: other weights", stage.name, stage.step)
		}
	}
	card := string(read(t, filepath.Join(whole, train.CardFile)))
	if !strings.Contains(card, "foresee eval surprise") {
		t.Errorf("card: %s", card)
	}
	if !strings.Contains(card, "encoder cells, predictor transformer") || strings.Contains(card, "Ended by the clock, train.minutes 0.06: latents and usual,") {
		t.Errorf("card: %s", card)
	}
	all, err := jepa.ReadStore(m.Store(), func(name string) bool { return strings.HasPrefix(name, "predictor/brief/horizon") })
	if err != nil {
		t.Fatal(err)
	}
	for name, tensor := range all {
		if !slices.ContainsFunc(tensor.Data, func(v float32) bool { return v != 0 }) {
			t.Errorf("%s is all 0: nothing was learnt of two latents alone", name)
		}
	}
	if want := 2 * len(cfg.Model.Predictor.Horizons); len(all) != want {
		t.Errorf("%d tensors of the two-latent guesses, want %d", len(all), want)
	}
	px := physics.Train(physics.Config{}, 8, 0).Pixels
	scores := make([]float64, physics.Frames)
	if err := m.Surprise(t.Context(), 1, physics.Frames, px, scores); err != nil {
		t.Fatal(err)
	}
	for f, s := range scores {
		if judged := f >= 4 && f%2 == 0; judged != (s != 0) {
			t.Errorf("frame %d has surprise %v", f, s)
		}
	}
}

// interrupt trains until a step of a stage is done.
func interrupt(t *testing.T, o train.Options, stage string, step int) {
	t.Helper()
	backend, err := jepa.OpenBackend("")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	ctx, cancel := context.WithCancel(t.Context())
	o.Backend = backend
	o.Progress = func(p train.Progress) {
		if p.Stage == stage && p.Step == step {
			cancel()
		}
	}
	before := goleak.IgnoreCurrent()
	if _, err := train.Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted at %s:%d: %v", stage, step, err)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// Every variant trains: no stage 1, no layers, the pixel twin, SIGReg, one guess, nothing carried, no memory.
func TestMemoryVariants(t *testing.T) {
	d := clips(t)
	for name, change := range map[string]func(*train.Config){
		"random encoder": func(c *train.Config) { c.Train.Pixels.Steps, c.Model.Short = 0, jepa.PredictorConfig{} },
		"components": func(c *train.Config) {
			c.Train.Pixels.Steps, c.Model.Short = 0, jepa.PredictorConfig{}
			c.Model.Encoder.Channels, c.Model.Encoder.Kernels, c.Model.Encoder.Strides = nil, nil, nil
		},
		"stretches hidden": func(c *train.Config) { c.Train.Latents.Hide = 0.6 },
		"one guess": func(c *train.Config) {
			c.Model.Predictor.Modes, c.Model.Predictor.Rank, c.Model.Predictor.Temperature = 0, 0, 0
		},
		"modes of full rank": func(c *train.Config) { c.Model.Predictor.Rank = 0 },
		"nothing carried":    func(c *train.Config) { c.Model.Predictor.Carry = false },
		"nothing copied":     func(c *train.Config) { c.Model.Predictor.Copy = false },
		"no excess": func(c *train.Config) {
			c.Model.Predictor.Excess, c.Model.Predictor.Usual, c.Train.Usual.Steps = 0, 0, 0
		},
		"pixel twin": func(c *train.Config) {
			c.Train.Pixels.Target, c.Model.Predictor.Target, c.Model.Predictor.Copy = jepa.TargetPixels, jepa.TargetPixels, false
			c.Train.Pixels.Weights = train.Weights{Pred: 1}
		},
		"sigreg": func(c *train.Config) {
			c.Train.Pixels.Weights, c.Train.Pixels.Slices = train.Weights{Pred: 1, SIGReg: 1}, 4
		},
		"no memory": func(c *train.Config) {
			c.Model.Predictor.Window, c.Model.Predictor.Excess, c.Model.Predictor.Usual, c.Train.Usual.Steps = 1, 0, 0, 0
			c.Model.Predictor.Carry, c.Model.Predictor.Copy = false, false
		},
	} {
		cfg, out := smallMemory(t, d), filepath.Join(t.TempDir(), "model")
		cfg.Train.Latents.Steps, cfg.Train.Latents.Rate, cfg.Train.Latents.Hard, cfg.Train.Latents.Hide = 100, 4e-3, 0, 0
		cfg.Train.Latents.Batch = 32
		change(&cfg)
		mustRun(t, train.Options{Data: d, Out: out, Config: cfg})
		entries := logged(t, out, cfg.Train.Pixels.Steps+100+cfg.Train.Usual.Steps)[cfg.Train.Pixels.Steps:]
		first, last := 0.0, 0.0
		for i := range 10 {
			first, last = first+float64(entries[i].Loss)/10, last+float64(entries[99-i].Loss)/10
		}
		if !(last < 0.9*first) {
			t.Errorf("%s: the loss of stage 2 went from %v to %v", name, first, last)
		}
	}
}

// The stage usual explains errors of the memory, better as it goes on, and leaves the memory as it is.
func TestUsualStage(t *testing.T) {
	d := clips(t)
	for _, target := range []string{jepa.TargetLatent, jepa.TargetPixels} {
		cfg := smallMemory(t, d)
		cfg.Model.Predictor.Target, cfg.Model.Predictor.Copy = target, target == jepa.TargetLatent
		cfg.Train.Pixels.Steps, cfg.Train.Latents.Steps, cfg.Train.Usual.Steps, cfg.Train.Usual.Batch = 0, 60, 200, 32
		out := filepath.Join(t.TempDir(), "with")
		with := predictorWeights(t, mustRun(t, train.Options{Data: d, Out: out, Config: cfg}))
		entries := logged(t, out, 260)
		var first, last, explained, ratio float64
		for i := range 10 {
			first, last = first+float64(entries[60+i].Loss)/10, last+float64(entries[259-i].Loss)/10
			explained += float64(entries[259-i].Terms["explained_2"]) / 10
			ratio += float64(entries[259-i].Terms["ratio_2"]) / 10
		}
		if entries[60].Stage != "usual" || !(last < 0.7*first) || !(explained > 0.5) || !(math.Abs(ratio-1) < 0.05) {
			t.Errorf("target %q: stage %s: the loss went from %v to %v, the explained share is %v, errors are %v of the usual ones",
				target, entries[60].Stage, first, last, explained, ratio)
		}
		cfg.Model.Predictor.Usual, cfg.Train.Usual.Steps = 0, 0
		without := predictorWeights(t, mustRun(t, train.Options{Data: d, Out: filepath.Join(t.TempDir(), "without"), Config: cfg}))
		if len(with) != len(without) || gap(with, without) != 0 {
			t.Errorf("target %q: the stage changed the predictor by %g", target, gap(with, without))
		}
	}
	for says, change := range map[string]func(*train.Config){
		"usual: steps is 0": func(c *train.Config) { c.Train.Usual.Steps = 0 },
		"usual 0: what is":  func(c *train.Config) { c.Model.Predictor.Usual = 0 },
		"usual is 0.6":      func(c *train.Config) { c.Model.Predictor.Excess = 0 },
		"steps -1, batch":   func(c *train.Config) { c.Train.Usual.Steps = -1 },
		"steps 6, batch 0":  func(c *train.Config) { c.Train.Usual.Batch = 0 },
	} {
		cfg := smallMemory(t, d)
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// A world of two colours is not read in others, and one that has all is; a finished run keeps what it found.
func TestColoursAreSettled(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := writeClips(plain, physics.Config{Plain: true}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		data *data.Dataset
		want bool
	}{{clips(t), true}, {open(t, plain), false}} {
		o := train.Options{Data: c.data, Out: filepath.Join(t.TempDir(), "model"), Config: smallMemory(t, c.data)}
		mustRun(t, o)
		if got := mustRun(t, o).Config().Predictor.Colours; got != c.want {
			t.Errorf("%s: read in other colours: %t, want %t", c.data.Dir(), got, c.want)
		}
	}
}

// A run that is out of time ends, and says so.
func TestMinutes(t *testing.T) {
	d, out := clips(t), filepath.Join(t.TempDir(), "model")
	cfg := smallMemory(t, d)
	cfg.Train.Latents.Steps, cfg.Train.Usual.Steps, cfg.Train.Minutes = 20_000, 20_000, 0.06
	var j journal
	mustRun(t, train.Options{Data: d, Out: out, Config: cfg, Log: j.logger()})
	entries, err := train.ReadLog(filepath.Join(out, train.LogFile))
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]int{}
	for _, e := range entries {
		made[e.Stage]++
	}
	if made["latents"] == 0 || made["latents"] >= 20_000 || made["usual"] == 0 || made["usual"] >= 20_000 {
		t.Errorf("%v steps: the clock did not end both stages", made)
	}
	if !strings.Contains(j.String(), "out of time") {
		t.Errorf("the log does not say that time ran out: %s", &j)
	}
	if card := string(read(t, filepath.Join(out, train.CardFile))); !strings.Contains(card, "Ended by the clock, train.minutes 0.06: latents and usual,") {
		t.Errorf("card: %s", card)
	}
}

// The preset's mix makes the channels of its dataset uncorrelated and equally strong.
func TestPhysicsMix(t *testing.T) {
	d := clips(t)
	cfg, err := train.Preset("physics", d)
	if err != nil {
		t.Fatal(err)
	}
	var rows []float64
	for s := range d.Steps() {
		for _, v := range d.Frame(s) {
			rows = append(rows, float64(v)/255)
		}
	}
	mixed := mat.NewDense(len(rows)/3, 3, rows)
	mixed.Apply(func(_, c int, v float64) float64 { return v - cfg.Model.PixelMean[c] }, mixed)
	var out mat.Dense
	out.Mul(mixed, mat.NewDense(3, 3, cfg.Model.PixelMix))
	var cov mat.SymDense
	cov.SymOuterK(3/float64(len(rows)), out.T())
	for i := range 3 {
		for j := range 3 {
			want := 0.0
			if i == j {
				want = 1
			}
			if gap := math.Abs(cov.At(i, j) - want); gap > 0.15 { // the ridge shrinks weak channels
				t.Errorf("covariance (%d, %d) of the mixed channels is %.3f, want about %g", i, j, cov.At(i, j), want)
			}
		}
	}
}

func TestMemoryConfigs(t *testing.T) {
	d := clips(t)
	for says, change := range map[string]func(*train.Config){
		"group is 3, want at least 2 and a divisor of batch 8": func(c *train.Config) { c.Train.Pixels.Group = 3 },
		"short predictor of kind cells":                        func(c *train.Config) { c.Model.Short = jepa.PredictorConfig{} },
		"do not divide frames of 64x64 evenly": func(c *train.Config) {
			c.Train.Pixels.Target, c.Model.Encoder.Kernels, c.Model.Encoder.Strides = jepa.TargetPixels, []int{6, 1}, []int{3, 1}
		},
		`target is "words"`:      func(c *train.Config) { c.Train.Pixels.Target = "words" },
		"latents: steps is 0":    func(c *train.Config) { c.Train.Latents.Steps = 0 },
		"hide is 1.5":            func(c *train.Config) { c.Train.Latents.Hide = 1.5 },
		"brief is 1.5":           func(c *train.Config) { c.Train.Latents.Brief = 1.5 },
		"a stride of 3 has none": func(c *train.Config) { c.Train.Latents.Sparse, c.Model.Predictor.Stride = true, 3 },
		"minutes is -1":          func(c *train.Config) { c.Train.Minutes = -1 },
		"not for a memory model": func(c *train.Config) { c.Train.ProbeEpisodes = 3 },
	} {
		cfg := smallMemory(t, d)
		change(&cfg)
		_, err := run(t, train.Options{Data: d, Out: filepath.Join(t.TempDir(), "x"), Config: cfg})
		wantError(t, err, says)
	}
	if _, err := os.Stat(filepath.Join(d.Dir(), "x")); err == nil {
		t.Error("a folder was made")
	}
}

// Actions have no mirror image, so a model that takes them is not taught from any; nor does it leave out frames.
func TestMirrorAndSparseAreForMemoryModels(t *testing.T) {
	cfg, err := train.Preset("tworooms", rooms(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	cfg.Train.Latents.Mirror = true
	wantError(t, cfg.Validate(), "mirror is for memory models")
	cfg.Train.Latents.Mirror, cfg.Train.Latents.Sparse = false, true
	wantError(t, cfg.Validate(), "sparse is for memory models")
}

// A model that reads mirror images is taught from some.
func TestMirrorIsTaught(t *testing.T) {
	cfg := smallMemory(t, clips(t))
	cfg.Model.Predictor.Mirror, cfg.Train.Latents.Mirror = true, true
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	cfg.Train.Latents.Mirror = false
	wantError(t, cfg.Validate(), "set both or none")
}
