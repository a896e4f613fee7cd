package exec

import (
	"fmt"
	"sort"

	"foresee/backend/cpu/internal/flow"
)

// sideBySide makes one step of fused loops that follow each other and of which none reads or writes
// what another writes, such as those of an optimizer, one for each parameter: all of them are
// handed to the threads at once, and a small one does not leave the others idle.
//
//	w1' = w1 - r·m1;  w2' = w2 - r·m2;  w3' = w3 - r·m3   →   one step of three loops
//
// Values and their bits stay the same.
func (c *compiler) sideBySide() {
	var steps []step
	for rest := c.prog.steps; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[0].loop != nil && rest[n].loop != nil && c.prog.stores.Apart(flows(rest[:n]), &rest[n].Step) {
			n++
		}
		if n > 1 {
			steps = append(steps, c.together(rest[:n]))
		} else {
			steps = append(steps, rest[0])
		}
		rest = rest[n:]
	}
	c.prog.steps = steps
}

// together makes one step of several loops.
func (c *compiler) together(steps []step) step {
	all := step{op: "FusedLoops"}
	var list []*ewise
	for i := range steps {
		s := &steps[i]
		all.flop += s.flop
		all.Reads, all.Writes = append(all.Reads, s.Reads...), append(all.Writes, s.Writes...)
		list = append(list, s.loop)
		for _, pair := range s.InPlace {
			others := append(flows(steps[:i]), flows(steps[i+1:])...)
			if c.prog.stores.Apart(others, &flow.Step{Writes: pair[1:]}) {
				all.InPlace = append(all.InPlace, pair)
			}
		}
	}
	all.shape = fmt.Sprintf("%d loops, such as %s", len(steps), steps[0].shape)
	all.run = newLoops(list...).run
	return all
}

// loops are fused loops, one or more, without dependences on each other. Their parts are numbered through.
type loops struct {
	list []*ewise
	end  []int   // number of the first part behind each loop
	work float64 // in full parts: no more than one is done by the caller alone
}

func newLoops(list ...*ewise) *loops {
	l, n := &loops{list: list}, 0
	for _, e := range list {
		n += e.parts()
		l.end = append(l.end, n)
		l.work += float64(e.n) / float64(e.chunk)
	}
	return l
}

func (l *loops) run(f *Frame) {
	n := l.end[len(l.end)-1]
	if l.work > 1 {
		f.loops.loops = l
		f.pool.Do(n, &f.loops)
		return
	}
	for i := range n {
		l.part(f, 0, i)
	}
}

func (l *loops) part(f *Frame, worker, i int) {
	k := sort.SearchInts(l.end, i+1)
	if k > 0 {
		i -= l.end[k-1]
	}
	e := l.list[k]
	e.part(f, worker, i*e.chunk, min(e.n, (i+1)*e.chunk))
}

// loopsJob is the job of loops that the pool runs for a frame.
type loopsJob struct {
	f     *Frame
	loops *loops
}

// Part implements pool.Job.
func (j *loopsJob) Part(worker, i int) { j.loops.part(j.f, worker, i) }
