package pool

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// heldJob has two parts, one on each of two threads; the caller's ends at once, the worker's when held closes.
type heldJob struct {
	meet sync.WaitGroup
	held chan struct{}
	done atomic.Int32
}

func (j *heldJob) Part(worker, _ int) {
	j.meet.Done()
	j.meet.Wait()
	if worker != 0 {
		<-j.held
	}
	j.done.Add(1)
}

// A worker that did the last part of a job may be stopped before it looks whether the caller sleeps, and look in the
// middle of a later job, whose caller does sleep. The test stands in for it: that job must not end for it.
func TestLateWorkerEndsNoLaterJob(t *testing.T) {
	p := New(2)
	defer p.Close()
	j := &heldJob{held: make(chan struct{})}
	j.meet.Add(2)
	go func() {
		for !p.asleep.CompareAndSwap(true, false) {
			time.Sleep(time.Millisecond)
		}
		p.done <- struct{}{}
		for deadline := time.Now().Add(5 * time.Second); !p.asleep.Load() && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		close(j.held)
	}()
	p.Do(2, j)
	if n := j.done.Load(); n != 2 {
		t.Fatalf("the job ended after %d of 2 parts", n)
	}
}
