package jepa_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
	"foresee/nn"
)

func backend(t testing.TB) compute.Backend {
	t.Helper()
	b, err := jepa.OpenBackend("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// rooms is a small net with every part of the tworooms preset.
func rooms() jepa.Config {
	return jepa.Config{
		Version: jepa.FormatVersion, Frame: jepa.FrameConfig{Height: 11, Width: 12, Channels: 2}, ActionDim: 2, Input: jepa.InputUnit,
		PixelMean: []float64{0.1, 0.2}, PixelScale: []float64{0.5, 0.4},
		Encoder: jepa.EncoderConfig{Kind: jepa.EncoderConv, Channels: []int{4, 6}, Kernels: []int{5, 3}, Strides: []int{2, 2},
			Latent: 4, SoftmaxMaps: 3, SoftmaxScale: 5, Static: 5, StaticHidden: 8, StaticMaps: 2},
		Predictor:    jepa.PredictorConfig{Kind: jepa.PredictorMLP, Hidden: []int{16, 8}, Gate: true},
		Short:        jepa.PredictorConfig{Kind: jepa.PredictorMLP, Hidden: []int{8}},
		Inverse:      []int{8},
		Displacement: jepa.DisplacementConfig{Hidden: []int{8}},
	}
}

// camera is an action-free net with two latents of context.
func camera() jepa.Config {
	cfg := rooms()
	cfg.Frame.Channels, cfg.PixelMean, cfg.PixelScale, cfg.ActionDim = 1, nil, nil, 0
	cfg.Encoder = jepa.EncoderConfig{Kind: jepa.EncoderConv, Channels: []int{4}, Kernels: []int{3}, Strides: []int{2}, Latent: 6, Hidden: 8}
	cfg.Predictor = jepa.PredictorConfig{Kind: jepa.PredictorMLP, Hidden: []int{16}, Context: 2}
	cfg.Short, cfg.Inverse, cfg.Displacement = jepa.PredictorConfig{}, nil, jepa.DisplacementConfig{}
	return cfg
}

// cells is an action-free net over a map of 3 x 3 cells, with two latents of context.
func cells() jepa.Config {
	cfg := camera()
	cfg.Encoder = jepa.EncoderConfig{Kind: jepa.EncoderGrid, Channels: []int{4, 3}, Kernels: []int{3, 1}, Strides: []int{4, 1}, Latent: 27}
	cfg.Predictor = jepa.PredictorConfig{Kind: jepa.PredictorConv, Hidden: []int{5, 4}, Gate: true, Context: 2}
	return cfg
}

// published is a small net of the eb-jepa preset's kind.
func published() jepa.Config {
	cfg := rooms()
	cfg.Input, cfg.PixelMean, cfg.PixelScale = jepa.InputMinMax, nil, nil
	cfg.Encoder = jepa.EncoderConfig{Kind: jepa.EncoderIMPALA, Channels: []int{3, 4}, Latent: 7, LayerNorm: true}
	cfg.Predictor, cfg.Short = jepa.PredictorConfig{Kind: jepa.PredictorGRU}, jepa.PredictorConfig{}
	cfg.Displacement = jepa.DisplacementConfig{}
	return cfg
}

func every() map[string]jepa.Config {
	return map[string]jepa.Config{"rooms": rooms(), "camera": camera(), "cells": cells(), "published": published()}
}

// fresh is an untrained model with a normaliser that does something.
func fresh(t testing.TB, cfg jepa.Config) *jepa.Model {
	t.Helper()
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), 5)
	m, err := jepa.New(backend(t), cfg, store)
	if err != nil {
		t.Fatal(err)
	}
	norm := jepa.Normalizer{LatentMean: numbers("mean", cfg.Latent()), LatentStd: 0.3}
	if w := cfg.Encoder.Static; w > 0 {
		norm.StaticMean, norm.StaticStd = numbers("wmean", w), slices.Repeat([]float32{0.7}, w)
	}
	m.SetNormalizer(norm)
	return m
}

func numbers(name string, n int) []float32 {
	rng, out := nn.Rand(3, name), make([]float32, n)
	for i := range out {
		out[i] = float32(nn.Normal(rng))
	}
	return out
}

func frames(cfg jepa.Config, n int) []uint8 {
	rng, out := nn.Rand(3, "frames"), make([]uint8, n*cfg.Pixels())
	for i := range out {
		out[i] = uint8(rng.Uint64() >> 56)
	}
	return out
}

func encode(t testing.TB, m *jepa.Model, n int, px []uint8) []float32 {
	t.Helper()
	out := make([]float32, n*(m.Config().Latent()+m.Config().Encoder.Static))
	if err := m.Encode(context.Background(), n, px, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func rollout(t testing.TB, m *jepa.Model, s jepa.Shape, states, actions []float32) []float32 {
	t.Helper()
	out := make([]float32, s.B*s.N*s.L*m.Config().Latent())
	if err := m.Rollout(context.Background(), s, states, actions, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// near wants two slices equal within tol, 0 meaning bit for bit.
func near(t testing.TB, what string, got, want []float32, tol float64) {
	t.Helper()
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if gap := math.Abs(float64(got[i]) - float64(want[i])); !(gap <= tol) {
			t.Fatalf("%s[%d] = %v, want %v", what, i, got[i], want[i])
		}
	}
}

// wantError fails unless err says every part.
func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", parts)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

func TestSaveLoadSameBits(t *testing.T) {
	for name, cfg := range every() {
		t.Run(name, func(t *testing.T) {
			m, dir := fresh(t, cfg), filepath.Join(t.TempDir(), "deep", "model")
			px, shape := frames(cfg, 3), jepa.Shape{B: 2, N: 3, L: 4}
			states, actions := numbers("states", 2*cfg.State()), numbers("actions", 24*cfg.ActionDim)
			codes, latents := encode(t, m, 3, px), rollout(t, m, shape, states, actions)
			m.SetLandmarks(numbers("landmarks", 9*cfg.Latent()))
			if err := m.Save(dir, nil); err != nil {
				t.Fatal(err)
			}
			got, err := jepa.Load(backend(t), dir)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "codes", encode(t, got, 3, px), codes, 0)
			near(t, "latents", rollout(t, got, shape, states, actions), latents, 0)
			near(t, "landmarks", got.Landmarks(), m.Landmarks(), 0)
			near(t, "latent mean", got.Normalizer().LatentMean, m.Normalizer().LatentMean, 0)
			if got.Normalizer().LatentStd != m.Normalizer().LatentStd {
				t.Errorf("latent std = %v, want %v", got.Normalizer().LatentStd, m.Normalizer().LatentStd)
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 3 {
				t.Errorf("folder holds %v, %v; want three files", entries, err)
			}
		})
	}
}

// A state carries all that a rollout needs: going on from its last latents is the same rollout.
func TestRolloutInTwoPieces(t *testing.T) {
	for name, cfg := range every() {
		t.Run(name, func(t *testing.T) {
			m, d, a, first, all := fresh(t, cfg), cfg.Latent(), cfg.ActionDim, 3, 7
			state, actions := numbers("states", cfg.State()), numbers("actions", all*a)
			whole := rollout(t, m, jepa.Shape{B: 1, N: 1, L: all}, state, actions)
			head := rollout(t, m, jepa.Shape{B: 1, N: 1, L: first}, state, actions[:first*a])
			near(t, "head", head, whole[:first*d], 1e-6)
			next := slices.Clone(state)
			for i := range cfg.Context() {
				copy(next[i*d:(i+1)*d], head[(first-1-i)*d:])
			}
			tail := rollout(t, m, jepa.Shape{B: 1, N: 1, L: all - first}, next, actions[first*a:])
			near(t, "tail", tail, whole[first*d:], 1e-6)
			if slices.Equal(whole[:d], whole[d:2*d]) {
				t.Error("the rollout stands still")
			}
		})
	}
}

func TestRolloutBatchIsItsParts(t *testing.T) {
	for name, cfg := range every() {
		t.Run(name, func(t *testing.T) {
			m, s := fresh(t, cfg), jepa.Shape{B: 3, N: 5, L: 2}
			row, act := s.L*cfg.Latent(), s.L*cfg.ActionDim
			states, actions := numbers("states", s.B*cfg.State()), numbers("actions", s.B*s.N*act)
			whole := rollout(t, m, s, states, actions)
			for b := range s.B {
				for n := range s.N {
					i := b*s.N + n
					one := rollout(t, m, jepa.Shape{B: 1, N: 1, L: s.L}, states[b*cfg.State():(b+1)*cfg.State()], actions[i*act:(i+1)*act])
					near(t, "one", one, whole[i*row:(i+1)*row], 1e-5)
				}
			}
		})
	}
	m := fresh(t, rooms())
	if got := rollout(t, m, jepa.Shape{B: 2, N: 0, L: 3}, numbers("states", 2*m.Config().State()), nil); len(got) != 0 {
		t.Errorf("no candidates gave %d numbers", len(got))
	}
}

// 261 frames are a full chunk and one of 5, padded to 8.
func TestEncodeBatchIsItsParts(t *testing.T) {
	for name, cfg := range every() {
		t.Run(name, func(t *testing.T) {
			m, n := fresh(t, cfg), 261
			px, width := frames(cfg, n), cfg.Latent()+cfg.Encoder.Static
			whole := encode(t, m, n, px)
			for _, i := range []int{0, 1, 255, 256, 259, 260} {
				one := encode(t, m, 1, px[i*cfg.Pixels():(i+1)*cfg.Pixels()])
				near(t, "code", one, whole[i*width:(i+1)*width], 1e-4)
			}
			if slices.Equal(whole[:width], whole[width:2*width]) {
				t.Error("two frames have one code")
			}
		})
	}
}

func TestStateHoldsNewestFirst(t *testing.T) {
	m := fresh(t, camera())
	state := make([]float32, 12)
	m.StateAt(state, []float32{1, 2, 3, 4, 5, 6}, []float32{7, 8, 9, 10, 11, 12})
	near(t, "state", state, []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 0)
	m = fresh(t, rooms())
	state = make([]float32, 9)
	m.StateAt(state, []float32{1, 2, 3, 4, 50, 60, 70, 80, 90})
	near(t, "state", state, []float32{1, 2, 3, 4, 50, 60, 70, 80, 90}, 0)
}

// The normaliser is (z - mean)/std with one std for z, and by dimension for w.
func TestNormalizer(t *testing.T) {
	cfg := rooms()
	m, px := fresh(t, cfg), frames(cfg, 2)
	norm, d := m.Normalizer(), cfg.Latent()
	got := encode(t, m, 2, px)
	m.SetNormalizer(jepa.Normalizer{})
	want := encode(t, m, 2, px)
	for i := range want {
		if k := i % (d + cfg.Encoder.Static); k < d {
			want[i] = (want[i] - norm.LatentMean[k]) / norm.LatentStd
		} else {
			want[i] = (want[i] - norm.StaticMean[k-d]) / norm.StaticStd[k-d]
		}
	}
	near(t, "codes", got, want, 1e-5)
	m.SetNormalizer(jepa.Normalizer{StaticMean: norm.StaticMean}) // an empty std counts as 1
	encode(t, m, 2, px)
}

// The GRU predictor's output goes through the encoder's own norm.
func TestGRUTiesTheEncodersNorm(t *testing.T) {
	cfg := published()
	m := fresh(t, cfg)
	state, actions := numbers("states", cfg.State()), numbers("actions", 2)
	shape := jepa.Shape{B: 1, N: 1, L: 1}
	encode(t, m, 1, frames(cfg, 1))
	rollout(t, m, shape, state, actions)
	dir := t.TempDir()
	if err := m.Save(dir, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, jepa.WeightsFile)
	all, meta, err := jepa.ReadTensors(path)
	if err != nil {
		t.Fatal(err)
	}
	norms := 0
	for name, tensor := range all {
		if !strings.Contains(name, "norm") {
			continue
		}
		norms++
		if !strings.HasPrefix(name, "encoder/") {
			t.Errorf("a norm lies at %s, want only the encoder's", name)
		}
		for i := range tensor.Data {
			tensor.Data[i] = 0
		}
	}
	if norms != 2 {
		t.Fatalf("%d tensors of norms, want gain and bias", norms)
	}
	if err := jepa.WriteTensors(path, all, meta); err != nil {
		t.Fatal(err)
	}
	changed, err := jepa.Load(backend(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "prediction with the encoder's norm at 0", rollout(t, changed, shape, state, actions), make([]float32, cfg.Latent()), 0)
}

func TestCallerMistakesPanic(t *testing.T) {
	m, ctx := fresh(t, camera()), context.Background()
	for want, f := range map[string]func(){
		"Encode frames":     func() { _ = m.Encode(ctx, 2, make([]uint8, 5), make([]float32, 12)) },
		"Encode codes":      func() { _ = m.Encode(ctx, 1, make([]uint8, 132), make([]float32, 5)) },
		"Rollout states":    func() { _ = m.Rollout(ctx, jepa.Shape{B: 1, N: 1, L: 1}, nil, nil, make([]float32, 6)) },
		"Rollout latents":   func() { _ = m.Rollout(ctx, jepa.Shape{B: 1, N: 1, L: 1}, make([]float32, 12), nil, nil) },
		"displacement head": func() { _ = m.Displacement(ctx, 0, nil, nil, nil) },
		"StateAt codes":     func() { m.StateAt(make([]float32, 12), make([]float32, 6)) },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, want) {
					t.Errorf("panic %q, want one with %q", text, want)
				}
			}()
			f()
		}()
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := m.Encode(ended, 1, make([]uint8, 132), make([]float32, 6)); err != context.Canceled {
		t.Errorf("Encode of an ended context = %v, want context.Canceled", err)
	}
	if err := m.Rollout(ended, jepa.Shape{B: 1, N: 1, L: 1}, make([]float32, 12), nil, make([]float32, 6)); err != context.Canceled {
		t.Errorf("Rollout of an ended context = %v, want context.Canceled", err)
	}
}

func TestOpenBackend(t *testing.T) {
	for _, name := range []string{"abacus", ":cpu"} {
		_, err := jepa.OpenBackend(name)
		wantError(t, err, fmt.Sprintf("jepa: backend %q: no such backend", name), "cpu", "xla:PLUGIN")
	}
}
