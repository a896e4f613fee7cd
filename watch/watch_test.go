package watch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gomlx/gomlx/core/tensors"

	"foresee/data"
	"foresee/jepa"
	"foresee/surprise"
	"foresee/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// twin computes the surprise of every frame one at a time, nil where there is
// none.
func twin(t *testing.T, m *jepa.Model, src *fake) []*float64 {
	t.Helper()
	ctx, cfg := context.Background(), m.Config()
	width, latent := cfg.Latent()+cfg.Encoder.Static, cfg.Latent()
	var out []*float64
	var codes [][]float32 // of the episode, oldest first
	var actions [][]float32
	episode := 0
	for range src.frames {
		pixels, code := make([]uint8, cfg.Pixels()), make([]float32, width)
		if _, err := src.Next(ctx, pixels); err != nil {
			t.Fatal(err)
		}
		if src.episode != episode {
			codes, actions, episode = nil, nil, src.episode
		}
		if err := m.Encode(ctx, 1, pixels, code); err != nil {
			t.Fatal(err)
		}
		var score *float64
		if n := len(codes); n >= cfg.Context() {
			state, guess := make([]float32, cfg.State()), make([]float32, latent)
			for c := range cfg.Context() {
				copy(state[c*latent:], codes[n-1-c][:latent])
			}
			copy(state[cfg.Context()*latent:], codes[n-1][latent:])
			if err := m.Rollout(ctx, jepa.Shape{B: 1, N: 1, L: 1}, state, actions[n-1], guess); err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for i, z := range guess {
				sum += math.Pow(float64(z)-float64(code[i]), 2)
			}
			sum /= float64(latent)
			score = &sum
		}
		out = append(out, score)
		codes, actions = append(codes, code), append(actions, src.action)
	}
	return out
}

// TestSurpriseTwin compares a stream scored in batches with the twin, with and
// without actions, with one and three latents of context, over episodes.
func TestSurpriseTwin(t *testing.T) {
	for _, c := range []struct{ actions, context, batch int }{{0, 1, 1}, {0, 3, 4}, {2, 1, 7}, {2, 2, 32}} {
		m := untrained(t, c.actions, c.context)
		make_ := func() *fake {
			f := newFake(23)
			f.actions, f.lengths = c.actions, []int{2, 11, 10}
			return f
		}
		want := twin(t, m, make_())
		for _, live := range []bool{false, true} {
			got, err := run(t, m, make_(), watch.Config{Batch: c.batch, Live: live, Expectation: surprise.Config{WarmUp: 4}})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 23 {
				t.Fatalf("%+v: %d records of 23 frames", c, len(got))
			}
			scored := 0
			for i, r := range got {
				if r.Frame != i || math.Abs(r.Time-0.2*float64(i)) > 1e-9 {
					t.Fatalf("%+v: record %d is of frame %d at %g s", c, i, r.Frame, r.Time)
				}
				if (r.Surprise == nil) != (want[i] == nil) {
					t.Fatalf("%+v: frame %d of episode %d: surprise known: %v, want %v", c, i, r.Episode, r.Surprise != nil, want[i] != nil)
				}
				if r.Surprise == nil {
					continue
				}
				scored++
				if math.Abs(*r.Surprise-*want[i]) > 1e-5**want[i] {
					t.Errorf("%+v: frame %d: surprise %g, want %g", c, i, *r.Surprise, *want[i])
				}
				if (r.Relative != nil) != (scored > 4) || r.Warming == (r.Relative != nil) {
					t.Errorf("%+v: frame %d, score %d: %+v, want a relative surprise after 4", c, i, scored, r)
				}
			}
			if want := 23 - 2*c.context - min(2, c.context); scored != want {
				t.Errorf("%+v: %d frames scored, want %d", c, scored, want)
			}
		}
	}
}

// TestRelative compares relative surprise and alarms with an expectation of the
// test's own.
func TestRelative(t *testing.T) {
	m := untrained(t, 0, 1)
	got, err := run(t, m, newFake(40), watch.Config{Alarm: 1.1, Expectation: surprise.Config{WarmUp: 5}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := surprise.NewExpectation(1, surprise.Config{WarmUp: 5, HalfLife: watch.HalfLife})
	if err != nil {
		t.Fatal(err)
	}
	alarms := 0
	for _, r := range got[1:] {
		want := []float64{0}
		ready, err := e.Observe([]float64{*r.Surprise}, want)
		if err != nil {
			t.Fatal(err)
		}
		if ready && *r.Relative != want[0] {
			t.Errorf("frame %d: relative %g, want %g", r.Frame, *r.Relative, want[0])
		}
		if r.Alarm != (ready && want[0] >= 1.1) {
			t.Errorf("frame %d: alarm %v at %g", r.Frame, r.Alarm, want[0])
		}
		if r.Alarm {
			alarms++
		}
	}
	if alarms == 0 || alarms > 30 {
		t.Errorf("%d alarms, want some of 39", alarms)
	}
}

// TestLines checks the JSON of a line, field by field.
func TestLines(t *testing.T) {
	var out bytes.Buffer
	emit := watch.Lines(&out)
	s, r := 0.5, 2.0
	for _, rec := range []watch.Record{{Time: 0.2, Warming: true}, {Time: 1, Frame: 5, Episode: 1, Surprise: &s, Relative: &r, Alarm: true}} {
		if err := emit(rec); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"time":0.2,"frame":0,"surprise":null,"relative":null,"warming":true,"alarm":false}
{"time":1,"frame":5,"episode":1,"surprise":0.5,"relative":2,"alarm":true}
`
	if out.String() != want {
		t.Errorf("lines\n%s\nwant\n%s", out.String(), want)
	}
}

// TestSourceFails sees the frames before a failure scored, then the failure.
func TestSourceFails(t *testing.T) {
	broken := errors.New("the stream broke off")
	src := newFake(37)
	src.end = broken
	got, err := run(t, untrained(t, 0, 1), src, watch.Config{Batch: 8})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "after 37 frames") {
		t.Errorf("error %v, want the source's after 37 frames", err)
	}
	if len(got) != 37 {
		t.Errorf("%d records before the failure, want 37", len(got))
	}
}

// TestSourceDamaged sees a source that ends, but not whole, end in an error.
func TestSourceDamaged(t *testing.T) {
	for warning, want := range map[string]string{"": "", "packet 9 is damaged": "after 10 frames: the source is truncated or damaged: packet 9 is damaged"} {
		got, err := run(t, untrained(t, 0, 1), warned{newFake(10), warning}, watch.Config{})
		if text := fmt.Sprint(err); (err != nil) != (want != "") || !strings.Contains(text, want) {
			t.Errorf("warning %q: error %v, want %q in it", warning, err, want)
		}
		if len(got) != 10 {
			t.Errorf("warning %q: %d records, want 10", warning, len(got))
		}
	}
}

type warned struct {
	data.FrameSource
	text string
}

func (w warned) Warning() string { return w.text }

// TestWrongSources sees sources that do not fit refused before any record.
func TestWrongSources(t *testing.T) {
	with := newFake(5)
	with.actions = 2
	wide := newFake(5)
	wide.actions = 3
	for _, c := range []struct {
		name, want string
		src        data.FrameSource
	}{
		{"a plain source", "has none", plain{with}},
		{"no actions", "has none", newFake(5)},
		{"wider actions", "actions of 3 floats", wide},
	} {
		got, err := run(t, untrained(t, 2, 1), c.src, watch.Config{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", c.name, err, c.want)
		}
		if len(got) != 0 {
			t.Errorf("%s: %d records, want none", c.name, len(got))
		}
	}
	if _, err := run(t, untrained(t, 0, 1), shaped{newFake(5)}, watch.Config{}); err == nil || !strings.Contains(err.Error(), "9x8x3") {
		t.Errorf("another frame shape: %v", err)
	}
}

type shaped struct{ data.FrameSource }

func (shaped) FrameShape() (h, w, c int) { return 9, 8, 3 }

// TestCancel ends a live stream from outside: Run returns the context's error
// and leaves no goroutine.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	src := newFake(1000)
	src.pause = func(i int) {
		if i == 12 {
			<-ctx.Done()
		}
	}
	w, err := watch.New(untrained(t, 0, 1), watch.Config{Live: true})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = w.Run(ctx, src, func(watch.Record) error {
		if seen++; seen == 12 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || seen != 12 {
		t.Errorf("error %v after %d records, want the context's after 12", err, seen)
	}
}

// TestLive sees a record of every frame while the source holds back the next.
func TestLive(t *testing.T) {
	src := newFake(6)
	emitted := make(chan int, 6)
	late := false
	src.pause = func(i int) {
		if i == 0 {
			return
		}
		select {
		case <-emitted:
		case <-time.After(5 * time.Second):
			late = true
		}
	}
	w, err := watch.New(untrained(t, 0, 1), watch.Config{Live: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(context.Background(), src, func(r watch.Record) error {
		emitted <- r.Frame
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if late {
		t.Error("a live frame waited for the next one")
	}
}

// TestEmitFails sees the error of emit end the run.
func TestEmitFails(t *testing.T) {
	full := errors.New("disk full")
	w, err := watch.New(untrained(t, 0, 1), watch.Config{Batch: 4})
	if err != nil {
		t.Fatal(err)
	}
	var reading atomic.Bool
	src := newFake(100)
	src.pause = func(int) {
		reading.Store(true)
		time.Sleep(30 * time.Millisecond)
		reading.Store(false)
	}
	if err := w.Run(context.Background(), src, func(watch.Record) error { return full }); !errors.Is(err, full) {
		t.Errorf("error %v, want that of emit", err)
	}
	if reading.Load() {
		t.Error("the source was still being read when Run returned")
	}
}

// TestNotFinite breaks a weight: the NaN must end the run, not be printed.
func TestNotFinite(t *testing.T) {
	m := untrained(t, 0, 1)
	if _, err := run(t, m, newFake(3), watch.Config{}); err != nil { // creates the variables
		t.Fatal(err)
	}
	v := m.Store().GetVariable("/predictor/out/bias")
	bad := make([]float32, 5)
	bad[2] = float32(math.NaN())
	if err := v.SetValue(tensors.FromFlatDataAndDimensions(bad, 5)); err != nil {
		t.Fatal(err)
	}
	got, err := run(t, m, newFake(3), watch.Config{})
	if !errors.Is(err, surprise.ErrNotFinite) || !strings.Contains(err.Error(), "frame 1") {
		t.Errorf("error %v, want ErrNotFinite at frame 1", err)
	}
	if len(got) != 1 {
		t.Errorf("%d records, want the first alone", len(got))
	}
}

// TestRecordsAreJSON writes a whole run as lines and reads it back.
func TestRecordsAreJSON(t *testing.T) {
	var out bytes.Buffer
	w, err := watch.New(untrained(t, 0, 2), watch.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(context.Background(), newFake(50), watch.Lines(&out)); err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(&out)
	n := 0
	for dec.More() {
		var line struct {
			Time, Surprise *float64
		}
		if err := dec.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line.Time == nil || (line.Surprise == nil) != (n < 2) {
			t.Errorf("line %d: %+v", n, line)
		}
		n++
	}
	if n != 50 {
		t.Errorf("%d lines of 50 frames", n)
	}
}

func TestConfigFaults(t *testing.T) {
	m := untrained(t, 0, 1)
	for _, cfg := range []watch.Config{{Batch: -1}, {Alarm: math.NaN()}, {Alarm: -2}, {Expectation: surprise.Config{WarmUp: -1}}} {
		if _, err := watch.New(m, cfg); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
}
