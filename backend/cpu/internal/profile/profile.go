// Package profile adds up the time that the steps of programs take.
package profile

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// OpTime is the time spent in one kind of kernel.
type OpTime struct {
	Op    string
	Calls int
	Time  time.Duration
}

// StepTime is the time spent in one step of a compiled graph.
type StepTime struct {
	Graph  string // its name
	Step   int    // position in the order of execution
	Kernel string
	Shape  string // operands and results; of a fused loop its operations and its size
	Calls  int
	Time   time.Duration // of all calls
	Least  time.Duration // of the shortest call
	FLOP   int64         // arithmetic operations of a call: 2 for each product that is summed, 1 for each element of a loop's operations and of a reduction
	Bytes  int64         // what a call reads and writes, each tensor once
}

// Profile adds up the time of each step while it is on. The zero value is off; it is safe for concurrent use.
type Profile struct {
	on    atomic.Bool
	mu    sync.Mutex
	total map[stepKey]*StepTime // guarded by mu
}

type stepKey struct {
	program any
	step    int
}

// On says whether times are wanted.
func (p *Profile) On() bool { return p.on.Load() }

// Add adds the times of one run of a program, which its pointer names, if times are wanted. describe says what
// step i is, without times; it is asked once.
func (p *Profile) Add(program any, times []time.Duration, describe func(i int) StepTime) {
	if !p.On() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total == nil {
		p.total = map[stepKey]*StepTime{}
	}
	for i, d := range times {
		t := p.total[stepKey{program, i}]
		if t == nil {
			s := describe(i)
			t, s.Step = &s, i
			p.total[stepKey{program, i}] = t
		}
		if t.Calls++; t.Calls == 1 || d < t.Least {
			t.Least = d
		}
		t.Time += d
	}
}

// Set starts or stops timing, and forgets the times so far.
func (p *Profile) Set(on bool) {
	p.mu.Lock()
	p.total = nil
	p.mu.Unlock()
	p.on.Store(on)
}

// Times returns the times since Set(true) by kind of kernel, the longest first.
func (p *Profile) Times() []OpTime {
	p.mu.Lock()
	defer p.mu.Unlock()
	ops := map[string]OpTime{}
	for _, t := range p.total {
		o := ops[t.Kernel]
		ops[t.Kernel] = OpTime{t.Kernel, o.Calls + t.Calls, o.Time + t.Time}
	}
	var out []OpTime
	for _, t := range ops {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b OpTime) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Op, b.Op))
	})
	return out
}

// Steps returns the times since Set(true) by step, the longest first.
func (p *Profile) Steps() []StepTime {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []StepTime
	for _, t := range p.total {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b StepTime) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Graph, b.Graph), cmp.Compare(a.Step, b.Step))
	})
	return out
}
