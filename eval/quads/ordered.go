package quads

import (
	"context"
	"runtime"
)

// ordered calls draw for 0 to n-1 on all processors and use with each result, in order, on the caller's goroutine. It
// holds a few results a processor at most. It stops at the first error of use and when ctx ends, and returns after
// the last draw has.
func ordered[T any](ctx context.Context, n int, draw func(i int) T, use func(i int, v T) error) error {
	workers := min(runtime.GOMAXPROCS(0), n)
	ctx, cancel := context.WithCancel(ctx)
	queue := make(chan chan T, 3*max(workers, 1))
	type job struct {
		i   int
		out chan T
	}
	jobs := make(chan job)
	done := make(chan struct{}, workers)
	for range workers {
		go func() {
			for j := range jobs {
				j.out <- draw(j.i)
			}
			done <- struct{}{}
		}()
	}
	go func() {
		defer close(queue)
		defer close(jobs)
		for i := range n {
			j := job{i, make(chan T, 1)}
			select {
			case queue <- j.out:
			case <-ctx.Done():
				return
			}
			jobs <- j
		}
	}()
	defer func() {
		cancel()
		for range workers {
			<-done
		}
	}()
	i := 0
	for out := range queue {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := use(i, <-out); err != nil {
			return err
		}
		i++
	}
	return ctx.Err()
}
