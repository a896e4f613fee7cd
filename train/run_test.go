package train_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/ml/model"

	"foresee/data"
	"foresee/jepa"
	"foresee/nn"
	"foresee/train"
)

// A run leaves a loadable model, a report and a card; numbers fall where they can in so few steps.
func TestRunLeavesAModel(t *testing.T) {
	d, out := rooms(t), filepath.Join(t.TempDir(), "model")
	var seen []train.Progress
	m := mustRun(t, train.Options{Data: d, Out: out, Config: small(d), Version: "v9.8.7", Progress: func(p train.Progress) { seen = append(seen, p) }})
	if len(seen) != allSteps || seen[0].Stage != "pixels" || seen[allSteps-1].Stage != "displacement" || seen[11].Step != 12 || seen[11].Steps != 12 {
		t.Errorf("progress was called %d times, want once a step", len(seen))
	}
	for _, p := range seen {
		if len(p.Names) != len(p.Values) || p.Names[0] != "loss" || p.Left < 0 {
			t.Fatalf("progress = %+v", p)
		}
	}
	backend, err := jepa.OpenBackend("")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	loaded, err := jepa.Load(backend, out)
	if err != nil {
		t.Fatal(err)
	}
	width := m.Config().Latent() + m.Config().Encoder.Static
	codes := make([]float32, d.Steps()*width)
	if err := loaded.Encode(t.Context(), d.Steps(), d.FrameRange(0, d.Steps()), codes); err != nil {
		t.Fatal(err)
	}
	checkNormalised(t, codes, m.Config().Latent(), width)
	if !slices.Equal(loaded.Landmarks(), m.Landmarks()) || len(m.Landmarks()) != 6*6 {
		t.Errorf("%d landmark floats loaded, %d in the run, want 36", len(loaded.Landmarks()), len(m.Landmarks()))
	}
	for v := range loaded.Store().IterVariables() {
		if nn.IsMoment(v) {
			t.Errorf("the weights hold the moment %s", v.Path())
		}
	}
	entries := logged(t, out, allSteps)
	if entries[0].Monitor == nil || entries[5].Monitor == nil || entries[1].Monitor != nil || entries[20].Monitor != nil {
		t.Error("collapse monitors are not where MonitorEvery 5 puts them")
	}
	want := []string{"copy_ratio", "grad_norm", "idm", "pred", "static_cov", "static_inv", "static_std", "std"}
	if got := keys(entries[3].Terms); !slices.Equal(got, want) {
		t.Errorf("terms of stage 1 = %q, want %q", got, want)
	}
	if got := keys(entries[15].Terms); !slices.Equal(got, []string{"copy_ratio", "grad_norm", "one_step"}) {
		t.Errorf("terms of stage 2 = %q", got)
	}
	checkReport(t, string(read(t, filepath.Join(out, train.ReportFile))))
	card := string(read(t, filepath.Join(out, train.CardFile)))
	if strings.Index(card, "Stage pixels") > strings.Index(card, "Stage latents") {
		t.Error("card.md does not list the stages in their order")
	}
	for _, part := range []string{"preset tworooms", "tworooms, 480 frames in 20 episodes", "seed 1", "33 x 33, 2 channels; actions: 2", "Latent: 6 numbers; static code: 5",
		"Stage pixels: 12 steps", "Stage latents: 12 steps", "Stage displacement: 4 steps"} {
		if !strings.Contains(card, part) {
			t.Errorf("card.md does not say %q:\n%s", part, card)
		}
	}
}

// checkNormalised wants the scale that predictors learnt on: mean 0, overall std 1 of z; by dimension of w.
func checkNormalised(t *testing.T, codes []float32, latent, width int) {
	t.Helper()
	n, overall := float64(len(codes)/width), 0.0
	for i := range width {
		var sum, sq float64
		for k := i; k < len(codes); k += width {
			sum += float64(codes[k])
			sq += float64(codes[k]) * float64(codes[k])
		}
		variance := sq/n - sum/n*sum/n
		if math.Abs(sum/n) > 1e-3 {
			t.Errorf("mean of dimension %d = %g, want 0", i, sum/n)
		}
		if i < latent {
			overall += variance / float64(latent)
		} else if math.Abs(variance-1) > 1e-2 {
			t.Errorf("variance of w[%d] = %g, want 1", i-latent, variance)
		}
	}
	if math.Abs(overall-1) > 1e-2 {
		t.Errorf("mean variance of z = %g, want 1", overall)
	}
}

func checkReport(t *testing.T, page string) {
	t.Helper()
	for _, part := range []string{"<svg", "stage pixels", "stage latents", "stage displacement", "What it expects", "what came", "what was expected", "data:image/png;base64,",
		"Spread of the latent", "Dimensions in use", "probe/tworooms/position_rmse", "&#34;landmarks&#34;: 6", "v9.8.7"} {
		if !strings.Contains(page, part) {
			t.Errorf("report.html does not hold %q", part)
		}
	}
	if n := strings.Count(page, "data:image/png;base64,"); n != 16 {
		t.Errorf("report.html has %d frames, want 8 that came and 8 expected", n)
	}
	if out := regexp.MustCompile(`(src|href)="(https?:|//)`).FindString(page); out != "" {
		t.Errorf("report.html loads %s from elsewhere", out)
	}
}

func keys(m map[string]float32) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// A loss that is not finite ends the run with its step and name, in either stage; the last checkpoint loads.
func TestNonFiniteLossStops(t *testing.T) {
	d := rooms(t)
	for stage, change := range map[string]func(*train.Config){
		"pixels":  func(c *train.Config) { c.Train.Pixels.Rate, c.Train.SaveEvery = 1e25, 1 },
		"latents": func(c *train.Config) { c.Train.Latents.Rate = 1e25 },
	} {
		t.Run(stage, func(t *testing.T) {
			out, cfg := filepath.Join(t.TempDir(), "model"), small(d)
			change(&cfg)
			_, err := run(t, train.Options{Data: d, Out: out, Config: cfg})
			var bad *train.NonFiniteError
			if !errors.As(err, &bad) {
				t.Fatalf("error = %v, want a NonFiniteError", err)
			}
			if bad.Stage != stage || bad.Step < 1 || bad.What == "" || !(math.IsNaN(bad.Value) || math.IsInf(bad.Value, 0)) {
				t.Errorf("error = %+v", bad)
			}
			wantError(t, err, "train: "+bad.What+" is", "of stage "+stage, "last checkpoint is good")
			backend, err := jepa.OpenBackend("")
			if err != nil {
				t.Fatal(err)
			}
			defer backend.Finalize()
			m, err := jepa.Load(backend, out)
			if err != nil {
				t.Fatal(err)
			}
			for v := range m.Store().IterVariables() {
				v.MustValue().MustConstFlatData(func(flat any) {
					if slices.ContainsFunc(flat.([]float32), func(x float32) bool { return x != x }) {
						t.Errorf("the checkpoint's %s holds NaN", v.Path())
					}
				})
			}
			entries, err := train.ReadLog(filepath.Join(out, train.LogFile))
			if err != nil || len(entries) == 0 || entries[len(entries)-1].Stage != stage {
				t.Errorf("%d lines, %v", len(entries), err)
			}
		})
	}
}

// Prediction alone collapses: the run stops and says why; told not to, it goes on.
func TestCollapseStops(t *testing.T) {
	d := rooms(t)
	cfg := small(d)
	cfg.Train.Pixels.Weights = train.Weights{Pred: 1}
	cfg.Train.StopOnCollapse = true
	_, err := run(t, train.Options{Data: d, Out: filepath.Join(t.TempDir(), "model"), Config: cfg})
	if !errors.Is(err, train.ErrCollapsed) {
		t.Fatalf("error = %v, want ErrCollapsed", err)
	}
	wantError(t, err, "train: ", "collapsed at step 5", "mean std of z is 0.0", "below 0.02", "strengthen")
	cfg.Train.StopOnCollapse = false
	mustRun(t, train.Options{Data: d, Out: filepath.Join(t.TempDir(), "model"), Config: cfg})
}

// An action-free model of a gray camera learns, with two latents of context.
func TestVideoPreset(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "camera")
	w, err := data.Create(dir, data.Meta{Name: "camera", Frame: data.Frame{Height: 20, Width: 30, Channels: 1}, FPS: 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		frame := make([]uint8, 600)
		for k := range frame {
			frame[k] = uint8(20 * (k % 3))
			if (k/30-i/4)%20 < 5 && (k%30-i)%30 < 5 { // a block on its way
				frame[k] = 240
			}
		}
		if err := w.Append(frame, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir)
	if _, err := train.Preset("tworooms", d); err == nil {
		t.Error("the preset tworooms takes a dataset without actions")
	} else {
		wantError(t, err, "needs actions", dir, "--preset video")
	}
	cfg, err := train.Preset("video", d)
	if err != nil {
		t.Fatal(err)
	}
	if f := cfg.Model.Frame; f != (jepa.FrameConfig{Height: 20, Width: 30, Channels: 1, FPS: 10}) || len(cfg.Model.PixelMean) != 1 {
		t.Errorf("frame %+v, %d pixel means", f, len(cfg.Model.PixelMean))
	}
	if rows, cols, width := cfg.Model.Grid(); rows != 3 || cols != 4 || width != 16 || cfg.Model.Latent() != 192 {
		t.Errorf("a map of %d x %d cells of %d, latent %d; want 3 x 4 of 16", rows, cols, width, cfg.Model.Latent())
	}
	cfg.Model.Encoder.Channels, cfg.Model.Encoder.Latent, cfg.Model.Predictor.Hidden = []int{4, 6, 8, 5}, 60, []int{8}
	cfg.Train.Pixels.Batch, cfg.Train.Pixels.Steps, cfg.Train.Pixels.WarmUp, cfg.Train.LogEvery = 8, 250, 10, 1
	out := filepath.Join(t.TempDir(), "model")
	m := mustRun(t, train.Options{Data: d, Out: out, Config: cfg})
	if m.Config().ActionDim != 0 || m.Config().State() != 120 {
		t.Errorf("A = %d, S = %d; want 0 and two latents", m.Config().ActionDim, m.Config().State())
	}
	entries := logged(t, out, 250)
	var first, last float32
	for i := range 20 {
		first, last = first+entries[i].Loss, last+entries[230+i].Loss
	}
	if !(last < first/2) {
		t.Errorf("mean loss from %g to %g, want it halved", first/20, last/20)
	}
	if ratio := entries[249].Terms["copy_ratio"]; !(ratio < 0.8) {
		t.Errorf("the prediction error is %g of that of no change, want less than 0.8", ratio)
	}
}

// Without a stage 2 the predictor knows raw latents, so nothing is normalised: its rollouts land where the encoder does.
func TestOneStageModelIsNotNormalised(t *testing.T) {
	d, out := rooms(t), filepath.Join(t.TempDir(), "model")
	cfg, err := train.Preset("eb-jepa", d)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Model.Encoder.Channels, cfg.Model.Encoder.Latent, cfg.Model.Inverse = []int{3, 4}, 8, []int{12}
	cfg.Train.Pixels.Batch, cfg.Train.LogEvery, cfg.Train.ProbeEpisodes, cfg.Train.StopOnCollapse = 8, 1, 0, false
	cfg.Scale(6)
	m := mustRun(t, train.Options{Data: d, Out: out, Config: cfg})
	if n := m.Normalizer(); n.LatentStd != 0 || len(n.LatentMean) != 0 {
		t.Errorf("normaliser = %+v, want none", n)
	}
	logged(t, out, 6)
}

// The preset eb-jepa is the published network at its published size.
func TestPublishedParameterCounts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rooms65")
	if err := writeRooms(dir, 1, 10, 65); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir)
	cfg, err := train.Preset("eb-jepa", d)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := jepa.OpenBackend("")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), 1)
	m, err := jepa.New(backend, cfg.Model, store)
	if err != nil {
		t.Fatal(err)
	}
	code := make([]float32, 512)
	if err := errors.Join(m.Encode(context.Background(), 1, d.Frame(0), code), m.Rollout(context.Background(), jepa.Shape{B: 1, N: 1, L: 1}, code, make([]float32, 2), make([]float32, 512))); err != nil {
		t.Fatal(err)
	}
	for scope, want := range map[string]int{jepa.ScopeEncoder: 1_426_096, jepa.ScopePredictor: 792_576} {
		if got := nn.Parameters(store.RootScope().At("%s", scope)); got != want {
			t.Errorf("%s has %d parameters, want %d", scope, got, want)
		}
	}
	if s := cfg.Train.Pixels; s.Weights.Std != 16 || s.Weights.Cov != 8 || s.Weights.Sim != 12 || s.Weights.InverseDynamics != 1 || !s.SplitClip {
		t.Errorf("weights %+v, want the published 16, 8, 12, 1, clipped apart", s.Weights)
	}
}

func TestPresets(t *testing.T) {
	d := rooms(t)
	for _, name := range train.Presets() {
		cfg, err := train.Preset(name, d)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if err := cfg.Validate(); err != nil || cfg.Preset != name || cfg.Model.Frame.Height != 33 {
			t.Errorf("%s: preset %q of %d px, %v", name, cfg.Preset, cfg.Model.Frame.Height, err)
		}
	}
	_, err := train.Preset("threerooms", d)
	wantError(t, err, "threerooms", "tworooms, eb-jepa, video")
}

// ReadLog leaves out a last line that a crash cut, and names any other broken line.
func TestReadLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), train.LogFile)
	lines := []string{`{"step":0,"stage":"pixels","loss":2}`, `{"step":1,"stage":"pixels","loss":1.5,"terms":{"pred":1}}`}
	for text, want := range map[string]int{
		"":                                0,
		lines[0]:                          1, // whole, only its newline is missing
		lines[0][:20]:                     0,
		lines[0] + "\n" + lines[1] + "\n": 2,
		lines[0] + "\n" + lines[1][:9]:    1,
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := train.ReadLog(path)
		if err != nil || len(got) != want {
			t.Errorf("ReadLog(%q) = %d entries, %v; want %d", text, len(got), err, want)
		}
	}
	if err := os.WriteFile(path, []byte(lines[0]+"\n"+lines[1][:9]+"\n"+lines[1]+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := train.ReadLog(path)
	wantError(t, err, path, "line 2")
	_, err = train.ReadLog(path + "x")
	wantError(t, err, path+"x")
}
