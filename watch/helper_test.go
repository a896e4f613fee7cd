package watch_test

import (
	"context"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/data"
	"foresee/jepa"
	"foresee/nn"
	"foresee/watch"
)

// untrained returns a small model of 8x8 RGB frames with seeded weights.
func untrained(t testing.TB, actions, context int) *jepa.Model {
	t.Helper()
	b, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), 3)
	m, err := jepa.New(b, jepa.Config{
		Version: jepa.FormatVersion, Frame: jepa.FrameConfig{Height: 8, Width: 8, Channels: 3, FPS: 5},
		ActionDim: actions, Input: jepa.InputUnit,
		Encoder: jepa.EncoderConfig{
			Kind: jepa.EncoderConv, Channels: []int{6}, Kernels: []int{3}, Strides: []int{2},
			Latent: 5, Static: 3, StaticHidden: 8,
		},
		Predictor: jepa.PredictorConfig{Kind: jepa.PredictorMLP, Hidden: []int{12}, Context: context},
	}, store)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// fake is a source of noise. Frames are drawn from the seed, so that two fakes of
// one seed show the same.
type fake struct {
	frames  int   // then end
	lengths []int // of episodes; empty means one
	actions int
	end     error // io.EOF unless set
	pause   func(i int)

	rng     *rand.Rand
	next    int
	episode int
	action  []float32
}

func newFake(frames int) *fake {
	return &fake{frames: frames, end: io.EOF, rng: rand.New(rand.NewPCG(7, 7))}
}

func (f *fake) FrameShape() (h, w, c int) { return 8, 8, 3 }
func (f *fake) FPS() float64              { return 5 }
func (f *fake) Episode() int              { return f.episode }
func (f *fake) Close() error              { return nil }
func (f *fake) Action() []float32         { return f.action }

func (f *fake) Next(ctx context.Context, dst []uint8) (time.Duration, error) {
	if f.pause != nil {
		f.pause(f.next)
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if f.next == f.frames {
		return 0, f.end
	}
	for i := range dst {
		dst[i] = uint8(f.rng.Uint32())
	}
	f.action = nil
	for range f.actions {
		f.action = append(f.action, f.rng.Float32())
	}
	at, left := 0, f.next
	for at < len(f.lengths) && left >= f.lengths[at] {
		left -= f.lengths[at]
		at++
	}
	f.episode = at
	f.next++
	return time.Duration(f.next-1) * 200 * time.Millisecond, nil
}

// plain hides the actions of a source.
type plain struct{ data.FrameSource }

func run(t *testing.T, m *jepa.Model, src data.FrameSource, cfg watch.Config) ([]watch.Record, error) {
	t.Helper()
	w, err := watch.New(m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	var all []watch.Record
	err = w.Run(context.Background(), src, func(r watch.Record) error {
		all = append(all, r)
		return nil
	})
	return all, err
}
