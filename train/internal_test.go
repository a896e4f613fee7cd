package train

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gomlx/gomlx/core/tensors"

	"foresee/jepa"
	"foresee/nn"
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

func TestSamplerStarts(t *testing.T) {
	c := lineCache(6, 3, 5)
	s := newSampler(c, 2, 3, func(e int) bool { return e != 2 }, LatentStage{})
	if want := []int{1, 2}; !slices.Equal(s.starts, want) { // context of 2: from 1; 3 steps ahead: to 2
		t.Errorf("starts = %v, want %v", s.starts, want)
	}
	if s := newSampler(c, 1, 2, everyEpisode, LatentStage{}); !slices.Equal(s.starts, []int{0, 1, 2, 3, 6, 9, 10, 11}) {
		t.Errorf("starts = %v", s.starts)
	}
}

// Hard draws follow error^power, clips never seen count as the mean; the rest are uniform.
func TestSamplerDrawsFollowTheProportions(t *testing.T) {
	c := lineCache(6)
	s := newSampler(c, 1, 1, everyEpisode, LatentStage{Hard: 0.6, Power: 0.5})
	copy(s.errors, []float32{1, 4, 0, 16, 9}) // roots 1 2 ? 4 3, mean 2.5
	s.refresh()
	copy(s.errors, []float32{100, 100, 100, 100, 100}) // not yet: only at the next refresh
	counts, n := make([]float64, 5), 0
	rng := nn.Rand(1, "draws")
	for range 200 {
		for _, clip := range s.draw(rng, 500) {
			counts[clip]++
			n++
		}
	}
	for i, share := range []float64{1, 2, 2.5, 4, 3} {
		want := 0.4/5 + 0.6*share/12.5
		if got := counts[i] / float64(n); math.Abs(got-want) > 0.006 { // 4 standard errors
			t.Errorf("clip %d has share %.4f of the draws, want %.4f", i, got, want)
		}
	}
	s.refresh()
	if s.drawn[0] != 100 || s.sums[4] != 50 {
		t.Errorf("after a refresh: drawn %v, sums %v", s.drawn, s.sums)
	}
	fresh := newSampler(c, 1, 1, everyEpisode, LatentStage{Hard: 1, Power: 0.7})
	fresh.accumulate()
	if !slices.Equal(fresh.sums, []float64{1, 2, 3, 4, 5}) {
		t.Errorf("sums of clips never seen = %v, want equal shares", fresh.sums)
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

// Opening for a resume keeps each earlier line once and drops the rest.
func TestOpenLogDropsWhatComesAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, LogFile)
	text := "{\"step\":0}\n{\"step\":1}\nrubbish\n{\"step\":2}\n{\"step\":3}\n{\"st"
	for step, want := range map[int]string{0: "", 2: "{\"step\":0}\n{\"step\":1}\n", 9: "{\"step\":0}\n{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		l, err := openLog(dir, step)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("from step %d the log is %q, %v; want %q", step, got, err, want)
		}
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
	tr.sampler = newMemorySampler(c, tr.cfg.Model.Predictor, everyEpisode, LatentStage{})
	if want := []int{0, 1, 5}; !slices.Equal(tr.sampler.starts, want) {
		t.Fatalf("clips start at %v, want %v", tr.sampler.starts, want)
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
		timed         bool
		want          float64
	}{
		{30 * time.Second, 0, 1, true, 0.5},
		{30 * time.Second, 20 * time.Second, 1, true, 0.25},
		{90 * time.Second, 0, 1, true, 1.5},
		{70 * time.Second, 65 * time.Second, 1, true, 1}, // no time was left when it began
		{90 * time.Second, 0, 1, false, 0},
		{90 * time.Second, 0, 0, true, 0},
	} {
		tr := &trainer{begun: time.Now(), spent: c.spent, stageBegins: c.begins}
		tr.cfg.Train.Minutes = c.minutes
		if got := tr.timeUsed(&stage{timed: c.timed}); math.Abs(got-c.want) > 0.02 {
			t.Errorf("%+v: share %.3f", c, got)
		}
	}
}

// Hidden stretches begin after the second step, are at most half as long as the clip, and lie in the asked share of clips.
func TestHideSpan(t *testing.T) {
	r, counts, clips := rand.New(rand.NewPCG(1, 2)), make([]int, 8), 0
	for range 4000 {
		hidden := make([]float32, 8)
		hideSpan(r, 0.25, hidden)
		first, last, n := slices.Index(hidden, 1), 0, 0
		for i, v := range hidden {
			if v == 1 {
				last = i
				counts[i]++
				n++
			}
		}
		if n == 0 {
			continue
		}
		clips++
		if first < 2 || n > 4 || last-first+1 != n {
			t.Fatalf("hidden %v", hidden)
		}
	}
	if clips < 900 || clips > 1100 {
		t.Errorf("%d of 4000 clips hide something, want about a quarter", clips)
	}
	for i, c := range counts {
		if some := c > 0; some != (i >= 2) {
			t.Errorf("step %d hidden %d times", i, c)
		}
	}
	short := make([]float32, 3)
	hideSpan(r, 1, short)
	if slices.Contains(short, 1) {
		t.Error("a clip of 3 steps hides something")
	}
}
