package exec

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// OpTime is the time a program spent in one kind of kernel.
type OpTime struct {
	Op    string
	Calls int
	Time  time.Duration
}

type profile struct {
	on    atomic.Bool
	mu    sync.Mutex
	total map[string]OpTime // guarded by mu
}

func (p *profile) add(prog *Program, times []time.Duration) {
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

// SetProfile starts or stops timing each step, and forgets the times so far.
func (p *Program) SetProfile(on bool) {
	p.profile.mu.Lock()
	p.profile.total = nil
	p.profile.mu.Unlock()
	p.profile.on.Store(on)
}

// Profile returns the times since SetProfile(true) by kind of kernel, the longest first.
func (p *Program) Profile() []OpTime {
	p.profile.mu.Lock()
	defer p.profile.mu.Unlock()
	var out []OpTime
	for _, t := range p.profile.total {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b OpTime) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Op, b.Op))
	})
	return out
}
