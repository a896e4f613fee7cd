// Package pool runs independent parts of one job on a fixed set of goroutines.
//
// Parts are handed out dynamically, so which worker runs which part changes from
// run to run. A part must therefore write only what no other part reads or writes;
// then results do not depend on the number of threads. Where each worker may have a part of its own,
// it gets the same one from run to run unless it is late: its cache holds what it read before. A warm Run allocates nothing:
// the job lives in the pool, and idle workers spin briefly before they park.
//
// A store that must be seen by whoever the next load does not see is written as a Swap. Go's
// Store would do on every processor, but emulators of arm64 let a load pass it.
package pool

import (
	"fmt"
	"math"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// spinTime is how long an idle worker polls for the next job before it parks. It covers the serial gaps between the kernels
// of one graph and those between decisions that follow each other: a parked worker costs a futex wake, and in a process
// that has run for a while it comes too late for most jobs of some ten microseconds.
const spinTime = 500 * time.Microsecond

// spinPolls is the number of polls between two looks at the clock.
const spinPolls = 128

// Job is a job whose state lives in a struct, which saves the closure that Run needs.
type Job interface {
	// Part does part i. No two parts that run at the same time get the same worker,
	// 0 <= worker < Threads, so worker may index scratch memory.
	Part(worker, i int)
}

type funcJob func(i int)

func (f funcJob) Part(_, i int) { f(i) }

// Pool is a persistent set of workers; the goroutine that calls Run is one of them.
// Its methods may be called from any goroutine. A nil Pool is a pool of one thread.
type Pool struct {
	workers []worker
	closed  atomic.Bool
	exited  sync.WaitGroup

	// ctl is the number of the job in its upper half and the count of parts not yet handed
	// out in its lower half. Whoever lowers the count owns a part, and the job cannot end,
	// nor job and parts below change, before that part is done.
	_       [64]byte
	ctl     atomic.Uint64
	_       [64]byte
	pending atomic.Int64  // parts not yet done
	taken   atomic.Uint64 // parts that somebody took, a bit each, of a job with no more of them than threads
	asleep  atomic.Bool   // the caller waits on done
	done    chan struct{}
	failure atomic.Pointer[failure]

	busy  sync.Mutex // held by the one Run that has the workers
	job   Job
	parts int
}

type worker struct {
	parked atomic.Bool
	wake   chan struct{}
	_      [48]byte
}

type failure struct{ value any }

// New starts a pool of the given number of threads, the caller of Run included.
// threads <= 0 means GOMAXPROCS. Close stops the threads.
func New(threads int) *Pool {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := &Pool{workers: make([]worker, threads-1), done: make(chan struct{}, 1)}
	p.exited.Add(len(p.workers))
	for i := range p.workers {
		p.workers[i].wake = make(chan struct{}, 1)
		go p.serve(i)
	}
	return p
}

// Threads returns the number of parts that can run at the same time, at least 1.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return len(p.workers) + 1
}

// Run calls f(i) once for every i in [0, n) and returns when all calls have. If the pool is
// busy (a nested or concurrent Run) or closed, the caller runs all parts itself, in order.
// If parts panic, the others still run and Run panics with the value of one of them.
func (p *Pool) Run(n int, f func(i int)) { p.Do(n, funcJob(f)) }

// Do is Run for a Job.
func (p *Pool) Do(n int, job Job) {
	if n <= 0 {
		return
	}
	if n == 1 || p == nil || len(p.workers) == 0 || p.closed.Load() || !p.busy.TryLock() {
		for i := range n {
			job.Part(0, i)
		}
		return
	}
	if n > math.MaxInt32 {
		p.busy.Unlock()
		panic(fmt.Sprintf("pool: %d parts, at most %d", n, math.MaxInt32))
	}
	p.job, p.parts = job, n
	p.taken.Store(0)
	p.pending.Store(int64(n))
	number := p.ctl.Load()>>32 + 1
	p.ctl.Swap(number<<32 | uint64(n))
	p.wake(n - 1)
	p.work(0)
	p.wait()
	p.job = nil
	fail := p.failure.Swap(nil)
	p.busy.Unlock()
	if fail != nil {
		panic(fail.value)
	}
}

// Close stops the workers and waits for them; a Run in progress ends first. Later Runs work
// on the caller alone. Closing twice, or a nil Pool, does nothing.
func (p *Pool) Close() {
	if p == nil || p.closed.Swap(true) {
		return
	}
	p.busy.Lock() // never released: the pool stays busy
	for i := range p.workers {
		p.workers[i].rouse()
	}
	p.exited.Wait()
	p.busy.Unlock()
}

// wake rouses at most n parked workers.
func (p *Pool) wake(n int) {
	for i := 0; i < len(p.workers) && n > 0; i++ {
		p.workers[i].rouse()
		n--
	}
}

func (w *worker) rouse() {
	if w.parked.Load() && w.parked.CompareAndSwap(true, false) {
		w.wake <- struct{}{}
	}
}

// work runs parts until none is left to hand out.
func (p *Pool) work(id int) {
	for {
		c := p.ctl.Load()
		left := uint32(c)
		if left == 0 {
			return
		}
		if !p.ctl.CompareAndSwap(c, c-1) {
			continue
		}
		p.part(id, p.choose(id, int(left)))
		if p.pending.Add(-1) == 0 && p.asleep.CompareAndSwap(true, false) {
			p.done <- struct{}{}
		}
	}
}

// choose returns a part for the worker that lowered the count from left: its own, if there are no more than threads and
// nobody took it.
func (p *Pool) choose(id, left int) int {
	if p.parts > min(len(p.workers)+1, 64) {
		return p.parts - left
	}
	for {
		taken, i := p.taken.Load(), id
		if i >= p.parts || taken>>i&1 != 0 {
			i = bits.TrailingZeros64(^taken) // below parts: fewer were taken than the count was lowered by
		}
		if p.taken.CompareAndSwap(taken, taken|1<<i) {
			return i
		}
	}
}

// part keeps a panic for the caller of Run, which must not unwind while others work.
func (p *Pool) part(id, i int) {
	defer func() {
		if v := recover(); v != nil {
			p.failure.CompareAndSwap(nil, &failure{v})
		}
	}()
	p.job.Part(id, i)
}

// wait returns when every part of the job is done.
func (p *Pool) wait() {
	for start := time.Now(); ; {
		for range spinPolls {
			if p.pending.Load() == 0 {
				return
			}
		}
		if time.Since(start) > spinTime {
			break
		}
		runtime.Gosched()
	}
	for p.pending.Load() != 0 {
		p.asleep.Swap(true)
		if p.pending.Load() == 0 && p.asleep.CompareAndSwap(true, false) {
			return // the last worker did not see the flag and will send nothing
		}
		// Whoever lowered the flag sends: the last worker of this job, or one that was stopped
		// between its last part of an earlier job and its look at the flag.
		<-p.done
	}
}

// serve is the life of one worker.
func (p *Pool) serve(i int) {
	defer p.exited.Done()
	for {
		p.work(i + 1)
		if p.idle(&p.workers[i]) {
			return
		}
	}
}

// idle returns when there may be work, or true when the pool is closed.
func (p *Pool) idle(w *worker) (closed bool) {
	for start := time.Now(); ; {
		for range spinPolls {
			if uint32(p.ctl.Load()) != 0 {
				return false
			}
		}
		if p.closed.Load() {
			return true
		}
		if time.Since(start) > spinTime {
			break
		}
	}
	w.parked.Swap(true)
	if uint32(p.ctl.Load()) != 0 || p.closed.Load() {
		if w.parked.CompareAndSwap(true, false) {
			return p.closed.Load()
		}
	}
	<-w.wake
	return p.closed.Load()
}
