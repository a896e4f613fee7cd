package watch_test

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/data"
	"foresee/jepa"
	"foresee/nn"
	"foresee/surprise"
	"foresee/watch"
)

// copying returns a model of 4 x 6 cells over 16x24 gray frames that expects
// every cell to stay as it is: its encoder is drawn by seed, its predictor's last
// layer is 0.
func copying(t *testing.T) *jepa.Model {
	t.Helper()
	b, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), 3)
	m, err := jepa.New(b, jepa.Config{
		Version: jepa.FormatVersion, Frame: jepa.FrameConfig{Height: 16, Width: 24, Channels: 1, FPS: 10}, Input: jepa.InputUnit,
		Encoder:   jepa.EncoderConfig{Kind: jepa.EncoderGrid, Channels: []int{6, 4}, Kernels: []int{4, 1}, Strides: []int{4, 1}, Latent: 4 * 6 * 4},
		Predictor: jepa.PredictorConfig{Kind: jepa.PredictorConv, Hidden: []int{3}},
	}, store)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, m, &street{left: 2}, watch.Config{}); err != nil { // creates the variables
		t.Fatal(err)
	}
	for _, name := range []string{"weight", "bias"} {
		v := store.GetVariable("/predictor/out/" + name)
		zero := tensors.FromShape(v.Shape())
		if err := v.SetValue(zero); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// street is a camera with noise of one level, a lamp in its upper left that
// flickers by chance, and at a time something small and faint, far from the lamp.
type street struct {
	fake
	left   int
	number int
	lamp   bool
	event  int // frame at which it appears, 0 = never
}

func (s *street) FrameShape() (h, w, c int) { return 16, 24, 1 }

func (s *street) Next(ctx context.Context, dst []uint8) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if s.number == s.left {
		return 0, io.EOF
	}
	s.draw(dst)
	return time.Duration(s.number-1) * 100 * time.Millisecond, nil
}

func (s *street) draw(dst []uint8) {
	rng := rand.New(rand.NewPCG(11, uint64(s.number)))
	for i := range dst {
		dst[i] = uint8(100 + rng.IntN(2))
	}
	if s.lamp && rng.IntN(2) == 0 {
		for y := range 4 {
			for x := range 4 {
				dst[24*y+x] = 250
			}
		}
	}
	if s.event > 0 && s.number >= s.event {
		for y := 9; y < 11; y++ {
			for x := 17; x < 19; x++ {
				dst[24*y+x] = 140
			}
		}
	}
	s.number++
}

// TestFlickeringLamp watches a lamp that flickers for ever and, late, something
// small that appears: by the plain surprise the lamp is most surprising in every
// frame in which it changes; relative to what is expected of each place it is the
// small thing alone that alarms, where it is.
func TestFlickeringLamp(t *testing.T) {
	m := copying(t)
	const frames, event = 300, 253 // the lamp does not change then
	w, err := watch.New(m, watch.Config{Alarm: 8, Expectation: surprise.Config{HalfLife: 100}})
	if err != nil {
		t.Fatal(err)
	}
	src := &street{left: frames, lamp: true, event: event}
	var alarms []int
	var plain []float64
	if err := w.Observe(t.Context(), src, func(o watch.Observation) error {
		if o.Surprise != nil {
			plain = append(plain, *o.Surprise)
		}
		if !o.Alarm {
			return nil
		}
		alarms = append(alarms, o.Frame)
		if len(o.Cells) != 24 || slices.Max(o.Cells) != o.Cells[2*6+4] {
			t.Errorf("frame %d: the most surprising of %d cells is not the one of the event", o.Frame, len(o.Cells))
		}
		if o.At == nil || math.Abs(o.At[0]-4.5/6) > 1e-9 || math.Abs(o.At[1]-2.5/4) > 1e-9 {
			t.Errorf("frame %d: at %v, want the middle of cell (2, 4)", o.Frame, o.At)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(alarms, []int{event}) {
		t.Errorf("alarms at frames %v, want frame %d alone", alarms, event)
	}
	above := 0
	for _, s := range plain[100 : event-1] {
		if s > plain[event-1] {
			above++
		}
	}
	if above < 40 {
		t.Errorf("the plain surprise of the event is exceeded by %d frames of the lamp; then this test shows nothing", above)
	}
}

var _ data.FrameSource = (*street)(nil)
