package exec

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

// Profile adds up the time of each kind of kernel while it is on.
type Profile struct {
	on    atomic.Bool
	mu    sync.Mutex
	total map[string]OpTime // guarded by mu
}

func (p *Profile) add(prog *Program, times []time.Duration) {
	if !p.on.Load() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total == nil {
		p.total = map[string]OpTime{}
	}
	for i, d := range times {
		op := prog.steps[i].op
		t := p.total[op]
		p.total[op] = OpTime{op, t.Calls + 1, t.Time + d}
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
	var out []OpTime
	for _, t := range p.total {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b OpTime) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Op, b.Op))
	})
	return out
}
