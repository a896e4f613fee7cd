package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"foresee/surprise/alarm"
)

// Sink takes events.
type Sink interface {
	// Send delivers an event or says why it cannot, after retries of its own. It
	// returns soon after ctx ends.
	Send(ctx context.Context, e alarm.Event) error
}

// Lines writes each event as one line of JSON, in one call of Write.
type Lines struct{ W io.Writer }

// Send implements Sink.
func (l Lines) Send(_ context.Context, e alarm.Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("sink: alarm %s: %w", e.ID, err)
	}
	if _, err := l.W.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("sink: write the line of alarm %s: %w", e.ID, err)
	}
	return nil
}

// Queue sends events to a sink in order, from a goroutine of its own. All
// methods may be called from several goroutines.
type Queue struct {
	sink   Sink
	size   int
	failed func(alarm.Event, error)
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	wake    *sync.Cond
	waiting []alarm.Event
	closed  bool
	counts  QueueCounts
}

// QueueCounts says what became of the events of a queue.
type QueueCounts struct {
	Sent    int // delivered
	Failed  int // given up
	Dropped int // left out because the queue was full
}

// NewQueue starts a queue of at most size waiting events, which Close ends.
// failed, if not nil, is called with every event that could not be delivered or
// was dropped, from one of two goroutines. It panics if size is below 1.
func NewQueue(s Sink, size int, failed func(alarm.Event, error)) *Queue {
	if size < 1 {
		panic(fmt.Sprintf("sink: queue of %d events", size))
	}
	ctx, cancel := context.WithCancel(context.Background())
	q := &Queue{sink: s, size: size, failed: failed, cancel: cancel, done: make(chan struct{})}
	q.wake = sync.NewCond(&q.mu)
	go q.run(ctx)
	return q
}

// ErrDropped is the error of an event that made way for newer ones.
var ErrDropped = errors.New("sink: the queue was full and this was the oldest event")

// Put adds an event and never waits for the sink. After Close it does nothing.
func (q *Queue) Put(e alarm.Event) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return
	}
	var dropped []alarm.Event
	if len(q.waiting) == q.size {
		dropped = append(dropped, q.waiting[0])
		q.waiting = q.waiting[1:]
		q.counts.Dropped++
	}
	q.waiting = append(q.waiting, e)
	q.wake.Signal()
	q.mu.Unlock()
	for _, d := range dropped {
		q.fail(d, ErrDropped)
	}
}

func (q *Queue) fail(e alarm.Event, err error) {
	if q.failed != nil {
		q.failed(e, err)
	}
}

func (q *Queue) run(ctx context.Context) {
	defer close(q.done)
	for {
		q.mu.Lock()
		for len(q.waiting) == 0 && !q.closed {
			q.wake.Wait()
		}
		if len(q.waiting) == 0 {
			q.mu.Unlock()
			return
		}
		e := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.mu.Unlock()
		err := q.sink.Send(ctx, e)
		q.mu.Lock()
		if err == nil {
			q.counts.Sent++
		} else {
			q.counts.Failed++
		}
		q.mu.Unlock()
		if err != nil {
			q.fail(e, err)
		}
	}
}

// Counts returns the counts so far.
func (q *Queue) Counts() QueueCounts {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.counts
}

// Close delivers what waits and ends the queue. When ctx ends first, what is
// left fails with its error.
func (q *Queue) Close(ctx context.Context) {
	q.mu.Lock()
	q.closed = true
	q.wake.Signal()
	q.mu.Unlock()
	select {
	case <-q.done:
	case <-ctx.Done():
		q.cancel()
		<-q.done
	}
	q.cancel()
}
