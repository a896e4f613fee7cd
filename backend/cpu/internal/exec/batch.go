package exec

import (
	"fmt"
	"slices"
	"time"

	"foresee/backend/cpu/internal/conv"
	"foresee/backend/cpu/internal/flow"
	"foresee/backend/cpu/internal/ops"
)

// start prepares a step for being done in turns: it returns what every run of the program does, and storage that is needed besides.
type start func(c *compiler, b *flow.Batch) (begin func(f *Frame) turns, temps []int)

// turns are the calls that one run of a step consists of.
type turns struct {
	do  func(t conv.Turn)
	end func() // after all entries; may be nil
}

// batch is steps that are done entry by entry.
type batch struct {
	*flow.Batch
	steps []step
	begin []func(f *Frame) turns
}

// entryByEntry makes one step of those that flow.EntryByEntry says.
func (c *compiler) entryByEntry() {
	var steps []step
	for rest := c.prog.steps; len(rest) > 0; {
		n, entries := c.prog.stores.EntryByEntry(flows(rest), c.prog.Batches)
		if n > 0 {
			steps = append(steps, c.inTurns(slices.Clone(rest[:n]), entries))
		} else {
			n = 1
			steps = append(steps, rest[0])
		}
		rest = rest[n:]
	}
	c.prog.steps = steps
}

// inTurns makes one step of several.
func (c *compiler) inTurns(steps []step, entries int) step {
	all := step{op: "Batch", shape: fmt.Sprintf("%d steps of %d entries", len(steps), entries)}
	all.Step = c.prog.stores.Together(flows(steps), entries, c.prog.Batches)
	b := &batch{Batch: all.Batch, steps: steps}
	for i := range steps {
		begin, temps := steps[i].start(c, all.Batch)
		b.begin, steps[i].Temps = append(b.begin, begin), temps
		steps[i].shape += ", entry by entry"
		all.flop += steps[i].flop
	}
	all.batch, all.run = b, b.run
	return all
}

// batchJob is the job of a batch that the pool runs for a frame.
type batchJob struct {
	f     *Frame
	batch *batch
	turns []turns
	spent [][]time.Duration // of each worker, by step, if times are wanted
}

func (b *batch) run(f *Frame) {
	j := &f.batch
	j.batch, j.turns = b, j.turns[:0]
	for _, begin := range b.begin {
		j.turns = append(j.turns, begin(f))
	}
	f.pool.Do(b.Parts, j)
	for i := range j.turns {
		if end := j.turns[i].end; end != nil {
			end()
		}
	}
	clear(j.turns)
}

// Part implements pool.Job.
func (j *batchJob) Part(worker, i int) {
	b := j.batch
	from, to := i*b.N/b.Parts, (i+1)*b.N/b.Parts
	for lo := from; lo < to; lo += b.Grain {
		t := conv.Turn{Worker: worker, Part: i, Lo: lo, Hi: min(to, lo+b.Grain), First: lo == from}
		for k := range j.turns {
			t.Soon = j.soon(b.Soon[k], t, to)
			if j.spent == nil {
				j.turns[k].do(t)
				continue
			}
			start := time.Now()
			j.turns[k].do(t)
			j.spent[worker][k] += time.Since(start)
		}
	}
}

// soon returns the memory to bring into the cache during a turn of a part that ends at end.
func (j *batchJob) soon(s flow.Soon, t conv.Turn, end int) []float32 {
	lo, hi := t.Lo, t.Hi
	if s.Next {
		lo, hi = hi, min(end, hi+hi-lo)
	}
	return ops.Of[float32](elem(j.f.p[s.Store], lo, s.Each), (hi-lo)*s.Each/4)
}

// runTimed runs the batch and returns the time of each of its steps: what the workers spent in it over their number.
func (b *batch) runTimed(f *Frame) []time.Duration {
	j := &f.batch
	j.spent = make([][]time.Duration, f.pool.Threads())
	for i := range j.spent {
		j.spent[i] = make([]time.Duration, len(b.steps))
	}
	b.run(f)
	times := make([]time.Duration, len(b.steps))
	for _, spent := range j.spent {
		for k, d := range spent {
			times[k] += d / time.Duration(len(j.spent))
		}
	}
	j.spent = nil
	return times
}
