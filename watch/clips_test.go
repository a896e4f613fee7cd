package watch_test

import (
	"context"
	"math"
	"testing"

	"github.com/gomlx/gomlx/ml/model"

	"foresee/env/tworooms"
	"foresee/jepa"
	"foresee/nn"
	"foresee/report"
	"foresee/watch"
)

// rooms is an untrained model of Two Rooms whose predictor repeats the latent
// nearly: its surprise is how far the latent moved.
func rooms(t *testing.T, context int) *jepa.Model {
	t.Helper()
	b := untrained(t, 0, 1).Backend()
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), 5)
	m, err := jepa.New(b, jepa.Config{
		Version: jepa.FormatVersion, Frame: jepa.FrameConfig{Height: 33, Width: 33, Channels: 2},
		ActionDim: 2, Input: jepa.InputUnit,
		Encoder:   jepa.EncoderConfig{Kind: jepa.EncoderConv, Channels: []int{8}, Kernels: []int{5}, Strides: []int{2}, Latent: 8},
		Predictor: jepa.PredictorConfig{Kind: jepa.PredictorMLP, Hidden: []int{8}, Context: context},
	}, store)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func clip(i int) watch.Clip {
	c := tworooms.Teleports(tworooms.WalkConfig{Frames: 17, Layout: tworooms.LayoutHeldOut}, 9, i)
	out := watch.Clip{Frames: c.Render(33), At: c.At, Violates: c.Jump >= 0}
	for _, a := range c.Actions {
		out.Actions = append(out.Actions, float32(a.X), float32(a.Y))
	}
	return out
}

// TestSurprises sees that a clip scored whole, and its window, agree with the
// stream.
func TestSurprises(t *testing.T) {
	for _, context_ := range []int{1, 3} {
		m := rooms(t, context_)
		first, scores, err := watch.Surprises(context.Background(), m, clip(1))
		if err != nil {
			t.Fatal(err)
		}
		if first != context_ || len(scores) != 17-context_ {
			t.Fatalf("context %d: scores of %d frames from %d on, want %d from %d", context_, len(scores), first, 17-context_, context_)
		}
	}
}

// A model that reads every second frame judges each by those two, four, ... frames before it. Untrained it repeats the
// newest latent it has seen.
func TestSurprisesOfAStride(t *testing.T) {
	b := untrained(t, 0, 1).Backend()
	cfg := jepa.Config{
		Version: jepa.FormatVersion, Frame: jepa.FrameConfig{Height: 8, Width: 8, Channels: 3}, Input: jepa.InputUnit,
		Encoder:   jepa.EncoderConfig{Kind: jepa.EncoderCells, Channels: []int{4}, Kernels: []int{4}, Strides: []int{4}, Latent: 5},
		Predictor: jepa.PredictorConfig{Kind: jepa.PredictorTransformer, Hidden: []int{8, 8}, Context: 3, Width: 8, Blocks: 1, Heads: 2, Stride: 2, Horizons: []int{1}},
	}
	load := func(target string) *jepa.Model {
		store := model.NewStore()
		nn.WithSeed(store.RootScope(), 5)
		cfg.Predictor.Target = target
		m, err := jepa.New(b, cfg, store)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := load(jepa.TargetLatent)
	const frames = 9
	c := watch.Clip{Frames: make([]uint8, frames*cfg.Pixels())}
	if _, err := newFake(frames).Next(context.Background(), c.Frames); err != nil {
		t.Fatal(err)
	}
	codes := make([]float32, frames*5)
	if err := m.Encode(context.Background(), frames, c.Frames, codes); err != nil {
		t.Fatal(err)
	}
	first, scores, err := watch.Surprises(context.Background(), m, c)
	if err != nil || first != 6 || len(scores) != 3 {
		t.Fatalf("%d scores from %d on, %v; want 3 from 6 on", len(scores), first, err)
	}
	for i, got := range scores {
		want := 0.0
		for k := range 5 {
			e := float64(codes[(first+i)*5+k] - codes[(first+i-2)*5+k])
			want += e * e / 5
		}
		if math.Abs(got-want) > 1e-5*(1+want) {
			t.Errorf("frame %d has surprise %g, want %g", first+i, got, want)
		}
	}
	if _, err := watch.New(load(jepa.TargetPixels), watch.Config{}); err == nil {
		t.Error("a model that predicts pixels is watched")
	}
}

// TestDiscriminate compares with scores of whole clips, ranked pair by pair, with
// At where the dot jumps and one frame to either side.
func TestDiscriminate(t *testing.T) {
	m := rooms(t, 2)
	const n = 16
	for shift := -1; shift <= 1; shift++ {
		shifted := func(i int) watch.Clip {
			c := clip(i)
			c.At += shift
			return c
		}
		d, err := watch.Discriminate(context.Background(), m, n, shifted)
		if err != nil {
			t.Fatal(err)
		}
		if want := naive(t, m, n, shifted); math.Abs(d.Model.AUROC-want) > 1e-9 {
			t.Errorf("shift %d: AUROC %g, want %g", shift, d.Model.AUROC, want)
		}
		if d.Model.Positives != n/2 || d.Model.Negatives != n/2 {
			t.Errorf("%d against %d clips, want %d each", d.Model.Positives, d.Model.Negatives, n/2)
		}
		if d.Pixels.AUROC < 0.9 {
			t.Errorf("pixels: AUROC %g, want at least 0.9: the dot jumps", d.Pixels.AUROC)
		}
		doc := report.Document{Rows: watch.TeleportRows(d, "note")}
		if err := doc.Validate(); err != nil {
			t.Error(err)
		}
		if r, ok := doc.Find("surprise/teleport/auroc"); !ok || r.N != n || r.Value != d.Model.AUROC {
			t.Errorf("row %+v, %v", r, ok)
		}
	}
}

func naive(t *testing.T, m *jepa.Model, n int, clip func(int) watch.Clip) float64 {
	t.Helper()
	var kinds [2][]float64
	for i := range n {
		c := clip(i)
		first, scores, err := watch.Surprises(context.Background(), m, c)
		if err != nil {
			t.Fatal(err)
		}
		best := 0.0
		for frame := c.At - 1; frame <= c.At+1; frame++ {
			if j := frame - first; j >= 0 && j < len(scores) {
				best = math.Max(best, scores[j])
			}
		}
		kinds[i%2] = append(kinds[i%2], best)
	}
	wins := 0.0
	for _, with := range kinds[1] {
		for _, without := range kinds[0] {
			switch {
			case with > without:
				wins++
			case with == without:
				wins += 0.5
			}
		}
	}
	return wins / float64(len(kinds[0])*len(kinds[1]))
}

func TestDiscriminateErrors(t *testing.T) {
	m := rooms(t, 1)
	if _, err := watch.Discriminate(context.Background(), m, 3, func(int) watch.Clip { return clip(0) }); err == nil {
		t.Error("clips of one kind: no error")
	}
	early := func(i int) watch.Clip {
		c := clip(i)
		c.At = 0
		return c
	}
	if _, err := watch.Discriminate(context.Background(), m, 4, early); err == nil {
		t.Error("clips that start with the violation: no error")
	}
}
