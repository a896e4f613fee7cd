package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"foresee/data"
	"foresee/jepa"
)

// errEnd marks the end of the stream behind the last frame.
var errEnd = errors.New("end of the stream")

// frame is one frame on its way, with the action taken at it.
type frame struct {
	pixels  []uint8   // [H, W, C]
	action  []float32 // [A]
	time    time.Duration
	episode int
	number  int       // of the frames that the source gave, dropped ones included
	came    time.Time // when it was read
}

// reader reads a source ahead in a goroutine, so that decoding and encoding
// share the cores.
type reader struct {
	frames  chan frame
	free    chan frame
	drop    bool // leave out the oldest frames rather than make the source wait
	dropped atomic.Int64
	failed  error // why frames was closed; read it only then
}

// startReader reads up to ahead frames in advance until ctx ends. With drop, a
// source faster than the watcher never waits: half of what waits is left out, the
// oldest, so that there are few gaps.
func startReader(ctx context.Context, src data.FrameSource, model jepa.Config, ahead int, drop bool) *reader {
	// In flight: those in the channel, one being read, and a batch (half of
	// ahead) in the watcher's hands.
	r := &reader{frames: make(chan frame, ahead), free: make(chan frame, 2*ahead), drop: drop}
	for range cap(r.free) {
		r.free <- frame{}
	}
	go func() {
		defer close(r.frames)
		r.failed = r.read(ctx, src, model)
	}()
	return r
}

func (r *reader) read(ctx context.Context, src data.FrameSource, model jepa.Config) error {
	for number := 0; ; number++ {
		var f frame
		select {
		case f = <-r.free:
		case <-ctx.Done():
			return ctx.Err()
		}
		if f.pixels == nil {
			f.pixels = make([]uint8, model.Pixels())
		}
		var err error
		f.time, err = src.Next(ctx, f.pixels)
		if err == io.EOF {
			return errEnd
		}
		if err != nil {
			return err
		}
		f.episode, f.number, f.came = src.Episode(), number, time.Now()
		if model.ActionDim > 0 {
			actions, err := actionOf(src, model.ActionDim)
			if err != nil {
				return err
			}
			f.action = append(f.action[:0], actions...)
		}
		if r.drop && len(r.frames) == cap(r.frames) {
			r.dropHalf()
		}
		select {
		case r.frames <- f:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// dropHalf gives the memory of the oldest waiting frames back.
func (r *reader) dropHalf() {
	for range max(1, cap(r.frames)/2) {
		select {
		case f := <-r.frames:
			r.free <- f
			r.dropped.Add(1)
		default:
			return
		}
	}
}

// actionOf returns the action at the last frame of src, which must have dims
// floats.
func actionOf(src data.FrameSource, dims int) ([]float32, error) {
	var action []float32
	if s, ok := src.(data.ActionSource); ok {
		action = s.Action()
	}
	if len(action) == 0 {
		return nil, fmt.Errorf("the model predicts from actions of %d floats and this source has none: watch a dataset with actions, or train a model without them (--preset video)", dims)
	}
	if len(action) != dims {
		return nil, fmt.Errorf("the source has actions of %d floats, the model was trained on %d", len(action), dims)
	}
	return action, nil
}

// collect returns the next n frames, or, live, at least one and as many as are
// there. With an error it returns the frames before it; the error is errEnd at
// the end of the stream.
func (r *reader) collect(n int, live bool) ([]frame, error) {
	batch := make([]frame, 0, n)
	for len(batch) < n {
		if live && len(batch) > 0 && len(r.frames) == 0 {
			break
		}
		f, ok := <-r.frames
		if !ok {
			return batch, r.failed
		}
		batch = append(batch, f)
	}
	return batch, nil
}

// release gives the memory of a batch back.
func (r *reader) release(batch []frame) {
	for _, f := range slices.Backward(batch) {
		r.free <- f
	}
}

// wait returns when the goroutine has ended; its context must have.
func (r *reader) wait() {
	for range r.frames {
	}
}
