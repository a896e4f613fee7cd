package quads

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

// Results come in order and no draw is under way any more when it returns.
func TestOrdered(t *testing.T) {
	for _, n := range []int{0, 1, 2, 50} {
		var running atomic.Int32
		draw := func(i int) int {
			running.Add(1)
			defer running.Add(-1)
			return i * i
		}
		next := 0
		err := ordered(t.Context(), n, draw, func(i, v int) error {
			if i != next || v != i*i {
				t.Errorf("call %d gets (%d, %d)", next, i, v)
			}
			next++
			return nil
		})
		if err != nil || next != n || running.Load() != 0 {
			t.Errorf("%d: error %v, %d results, %d draws still running", n, err, next, running.Load())
		}
	}
}

func TestOrderedStops(t *testing.T) {
	fault := errors.New("full")
	drawn := atomic.Int32{}
	draw := func(i int) int { drawn.Add(1); return i }
	err := ordered(t.Context(), 100_000, draw, func(i, _ int) error {
		if i == 3 {
			return fault
		}
		return nil
	})
	if err != fault || drawn.Load() > 1000 {
		t.Errorf("error %v after %d draws, want %v soon after 3", err, drawn.Load(), fault)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = ordered(ctx, 100_000, draw, func(i, _ int) error {
		if i == 5 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}
