package train

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gomlx/gomlx/core/tensors"

	"foresee/jepa"
	"foresee/train/internal/views"
)

// everyEpisode admits all.
func everyEpisode(int) bool { return true }

// lineCache is a cache of episodes of these lengths with latent (x, y) and one static number.
func lineCache(lengths ...int) *cache {
	c := &cache{width: 3, dims: 2}
	for e, n := range lengths {
		c.first, c.length = append(c.first, len(c.episode)), append(c.length, n)
		for i := range n {
			c.episode = append(c.episode, int32(e))
			c.codes = append(c.codes, float32(i), float32(e), 7)
			c.actions = append(c.actions, 1, 0)
		}
		copy(c.actions[len(c.actions)-2:], []float32{0, 0})
	}
	return c
}

func TestPastStarts(t *testing.T) {
	c := lineCache(6, 3, 5)
	starts := pastStarts(c, 2, 3, func(e int) bool { return e != 2 })
	if want := []int{1, 2}; !slices.Equal(starts, want) { // context of 2: from 1; 3 steps ahead: to 2
		t.Errorf("starts = %v, want %v", starts, want)
	}
	if starts := pastStarts(c, 1, 2, everyEpisode); !slices.Equal(starts, []int{0, 1, 2, 3, 6, 9, 10, 11}) {
		t.Errorf("starts = %v", starts)
	}
}

// An action that did not move the latent adds nothing; sums begin anew in every episode.
func TestEffectiveSumsDropBlockedMoves(t *testing.T) {
	c := lineCache(6, 4)
	c.codes[3*3] = c.codes[2*3] // the move of step 2 was blocked: latents of 2 and 3 are equal
	c.codes[4*3] = 3
	copy(c.actions[2*2:], []float32{2, 2})
	copy(c.actions[7*2:], []float32{0, 0}) // and nobody moved at step 7
	got := effectiveSums(c, 2, 0.3)
	want := []float64{0, 0, 1, 0, 2, 0, 2, 0, 3, 0, 4, 0 /* second episode */, 0, 0, 1, 0, 1, 0, 2, 0}
	if !slices.Equal(got, want) {
		t.Errorf("sums = %v\nwant   %v", got, want)
	}
	if got := effectiveSums(c, 2, 0); got[6] != 4 || got[7] != 2 {
		t.Errorf("with share 0 the sum at step 3 = %v, %v; want every action in it, 4 and 2", got[6], got[7])
	}
}

// Clips end with their episode: what lies behind is nobody's frame and counts for nothing.
func TestMemoryClipsEndWithTheirEpisode(t *testing.T) {
	c := lineCache(5, 3)
	tr := &trainer{cfg: Config{Model: jepa.Config{
		Encoder:   jepa.EncoderConfig{Latent: 2},
		Predictor: jepa.PredictorConfig{Context: 3, Stride: 2, Horizons: []int{1}},
	}}}
	c.width = 3
	tr.starts = views.Starts(c.first, c.length, 3, 2, everyEpisode)
	if want := []int{0, 1, 5}; !slices.Equal(tr.starts, want) {
		t.Fatalf("clips start at %v, want %v", tr.starts, want)
	}
	in := tr.feedMemory(c, c, []int{0, 1, 2})
	z, valid := tensors.MustCopyFlatData[float32](in[0]), tensors.MustCopyFlatData[float32](in[1])
	if want := []float32{1, 1, 1, 1, 1, 0, 1, 1, 0}; !slices.Equal(valid, want) {
		t.Errorf("valid = %v, want %v", valid, want)
	}
	for i, at := range []int{0, 2, 4, 1, 3, -1, 5, 7, -1} {
		want := []float32{0, 0}
		if at >= 0 {
			want = c.row(at)[:2]
		}
		if got := z[2*i : 2*i+2]; !slices.Equal(got, want) {
			t.Errorf("latent %d = %v, want %v", i, got, want)
		}
	}
}

// The share of the time that a stage has used counts from where the stage began, earlier calls included.
func TestTimeUsed(t *testing.T) {
	for _, c := range []struct {
		spent, begins time.Duration
		minutes       float64
		until         float64
		want          float64
	}{
		{30 * time.Second, 0, 1, 1, 0.5},
		{30 * time.Second, 20 * time.Second, 1, 1, 0.25},
		{90 * time.Second, 0, 1, 1, 1.5},
		{70 * time.Second, 65 * time.Second, 1, 1, 1}, // no time was left when it began
		{90 * time.Second, 0, 1, 0, 0},
		{30 * time.Second, 0, 1, 0.75, 0.667},
		{90 * time.Second, 0, 0, 1, 0},
	} {
		tr := &trainer{begun: time.Now(), spent: c.spent, stageBegins: c.begins}
		tr.cfg.Train.Minutes = c.minutes
		if got := tr.timeUsed(&stage{until: c.until}); math.Abs(got-c.want) > 0.02 {
			t.Errorf("%+v: share %.3f", c, got)
		}
	}
}

// The clock that ends a stage also ends what is shown as left of it.
func TestTimeLeft(t *testing.T) {
	for _, c := range []struct {
		minutes     float64
		until       float64
		spent       time.Duration
		steps, want time.Duration
	}{
		{0, 1, time.Hour, time.Hour, time.Hour},
		{28, 0, time.Hour, time.Hour, time.Hour},
		{28, 1, 8 * time.Minute, time.Hour, 20 * time.Minute},
		{28, 1, 8 * time.Minute, time.Minute, time.Minute},
		{28, 1, time.Hour, time.Minute, 0},
		{28, 0.5, 8 * time.Minute, time.Hour, 6 * time.Minute},
	} {
		tr := &trainer{begun: time.Now(), spent: c.spent}
		tr.cfg.Train.Minutes = c.minutes
		if got := tr.timeLeft(&stage{until: c.until}, c.steps); (got - c.want).Abs() > time.Second {
			t.Errorf("%+v: left %v", c, got)
		}
	}
}

// Hidden stretches begin after the second step and are at most half as long as the clip.
func TestHideSpan(t *testing.T) {
	r, counts := rand.New(rand.NewPCG(1, 2)), make([]int, 8)
	for range 4000 {
		hidden := make([]float32, 8)
		views.HideSpan(r, hidden)
		first, last, n := slices.Index(hidden, 1), 0, 0
		for i, v := range hidden {
			if v == 1 {
				last = i
				counts[i]++
				n++
			}
		}
		if first < 2 || n > 4 || last-first+1 != n {
			t.Fatalf("hidden %v", hidden)
		}
	}
	for i, c := range counts {
		if some := c > 0; some != (i >= 2) {
			t.Errorf("step %d hidden %d times", i, c)
		}
	}
	short := make([]float32, 3)
	views.HideSpan(r, short)
	if slices.Contains(short, 1) {
		t.Error("a clip of 3 steps hides something")
	}
}

// The first clips of a batch are shown whole, of all others some is hidden.
func TestShownClips(t *testing.T) {
	for hide, want := range map[float64]int{0: 10, 0.6: 4, 0.95: 1, 1: 1} {
		tr := &trainer{cfg: Config{Model: jepa.Config{Predictor: jepa.PredictorConfig{Context: 8}}}}
		tr.cfg.Train.Latents = LatentStage{Optimizer: Optimizer{Batch: 10}, Hide: hide}
		hidden := tensors.MustCopyFlatData[float32](tr.feedHidden(rand.New(rand.NewPCG(1, 2))))
		for i := range 10 {
			if some := slices.Contains(hidden[i*8:(i+1)*8], 1); some != (i >= want) {
				t.Errorf("hide %g: clip %d has hidden latents: %v, want the first %d without", hide, i, some, want)
			}
		}
	}
}

// Brief learns from its share of a batch, never from a clip that hides something, always from one.
func TestBriefedClips(t *testing.T) {
	for _, c := range []struct {
		hide, brief float64
		want        int
	}{{0, 0, 10}, {0.6, 0, 4}, {0, 0.4, 4}, {0.8, 0.4, 2}, {0, 0.01, 1}, {0, 0.29, 3}, {0, 1, 10}} {
		s := LatentStage{Optimizer: Optimizer{Batch: 10}, Hide: c.hide, Brief: c.brief}
		if got := s.briefed(); got != c.want {
			t.Errorf("hide %g, brief %g: Brief learns from %d of 10 clips, want %d", c.hide, c.brief, got, c.want)
		}
	}
}

// A memory model judges frames half a stride apart and learns from those; others learn from all.
func TestEvery(t *testing.T) {
	for stride, want := range []int{0: 1, 1: 1, 2: 1, 3: 1, 4: 2, 5: 1, 6: 3} {
		tr := &trainer{cfg: Config{Model: jepa.Config{Predictor: jepa.PredictorConfig{Kind: jepa.PredictorTransformer, Stride: stride}}}}
		if got := tr.every(); got != want {
			t.Errorf("stride %d: every %d. frame, want %d", stride, got, want)
		}
		tr.cfg.Train.Latents.Sparse = stride > 0 && stride%2 == 0
		if got := tr.every(); tr.cfg.Train.Latents.Sparse && got != stride {
			t.Errorf("stride %d, sparse: every %d. frame", stride, got)
		}
		tr.cfg.Train.Latents.Sparse = false
		tr.cfg.Model.Predictor.Kind = jepa.PredictorMLP
		if got := tr.every(); got != 1 {
			t.Errorf("stride %d without a memory: every %d. frame", stride, got)
		}
	}
}
