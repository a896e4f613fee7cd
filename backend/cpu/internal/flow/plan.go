package flow

import (
	"slices"

	"foresee/backend/cpu/internal/arena"
)

// Plan gives every arena storage a place, by liveness: memory is taken when a step writes it
// and given back after the last step that reads it. A step that allows it writes over an input
// that dies with it.
//
//	a = exp(x); b = a·W; c = b + 1   →   a: [0, n); b: [n, 2n); c: in place of b
//
// Storage that several steps write, each other bytes of it, is there from the first of them on.
//
// Places are multiples of align. It returns the size of the arena.
func (m Stores) Plan(steps []*Step, align int) int {
	p := &placer{Stores: m, last: m.LastUses(steps), placed: make([]bool, len(m)), align: align}
	for i, s := range steps {
		p.step(i, s)
	}
	return p.arena.Top()
}

// LastUses returns, for each root storage, the last step that reads or writes it, or -1.
func (m Stores) LastUses(steps []*Step) []int {
	last := make([]int, len(m))
	for i := range last {
		last[i] = -1
	}
	for i, s := range steps {
		for _, id := range s.Touched() {
			last[m.Root(id)] = i
		}
	}
	return last
}

// placer gives arena storage its places, step by step.
type placer struct {
	Stores
	last   []int  // by storage, the last step that touches it
	placed []bool // by storage, whether a step has written it
	arena  arena.Allocator
	align  int

	now  int          // the step
	gone map[int]bool // storage whose memory is given back or on, in this step
}

func (p *placer) size(id int) int { return p.roundUp(p.Stores[id].Bytes) }

func (p *placer) roundUp(bytes int) int { return (max(bytes, 1) + p.align - 1) / p.align * p.align }

func (p *placer) take(id int) int { return p.arena.Take(p.size(id)) }

func (p *placer) step(i int, s *Step) {
	p.now, p.gone = i, map[int]bool{}
	if s.Batch != nil {
		p.batch(s)
	} else {
		p.outputs(s, p.take, p.dies)
		p.temps(s.Temps)
		p.give(s.Temps)
	}
	for _, id := range s.Touched() {
		if r := p.Root(id); p.dies(r) {
			p.gone[r] = true
			p.give([]int{r})
		}
	}
}

// dies says whether the step is the last that touches a piece of the arena.
func (p *placer) dies(r int) bool {
	return p.Stores[r].Kind == Arena && p.last[r] == p.now && !p.gone[r]
}

func (p *placer) temps(ids []int) {
	for _, id := range ids {
		p.Stores[id].Offset = p.take(id)
	}
}

func (p *placer) give(ids []int) {
	for _, id := range ids {
		p.arena.Give(p.Stores[id].Offset, p.size(id))
	}
}

// outputs places what a step writes: over an input that it may overwrite and that may go, or where take says.
func (p *placer) outputs(s *Step, take func(id int) int, mayGo func(id int) bool) {
	for _, id := range s.Writes {
		w := p.Root(id)
		if p.Stores[w].Kind != Arena || p.placed[w] {
			continue
		}
		p.placed[w] = true
		at := slices.IndexFunc(s.InPlace, func(pair [2]int) bool {
			r := p.Root(pair[1])
			return p.Root(pair[0]) == w && mayGo(r) && p.size(r) == p.size(w) && p.Stores[pair[1]].Kind != View
		})
		if at < 0 {
			p.Stores[w].Offset = take(w)
			continue
		}
		r := p.Root(s.InPlace[at][1])
		p.Stores[w].Offset, p.gone[r] = p.Stores[r].Offset, true
	}
}

// batch places what the steps of a batch write. Two pieces of storage may share memory only if their entries lie at
// the same places: other entries of the first are still in use when some of the second are written.
func (p *placer) batch(all *Step) {
	b := all.Batch
	for _, s := range b.Steps {
		p.temps(s.Temps)
	}
	free := map[int][]int{} // places by the bytes of what was there
	fresh := map[int]bool{}
	for k, s := range b.Steps {
		take := func(id int) int {
			n := p.Stores[id].Bytes
			if list := free[n]; len(list) > 0 && !slices.Contains(s.Entries.Sums, id) {
				free[n] = list[:len(list)-1]
				return list[len(list)-1]
			}
			fresh[id] = true
			return p.take(id)
		}
		for _, id := range s.Writes {
			fresh[id] = p.Stores[id].Kind == Result
		}
		p.outputs(s, take, func(r int) bool { return p.dies(r) && p.lastByEntry(b, r) == k })
		for _, id := range s.Touched() {
			if r := p.Root(id); p.dies(r) && p.lastByEntry(b, r) == k {
				p.gone[r] = true
				free[p.Stores[r].Bytes] = append(free[p.Stores[r].Bytes], p.Stores[r].Offset)
			}
		}
	}
	for bytes, places := range free {
		for _, at := range places {
			p.arena.Give(at, p.roundUp(bytes))
		}
	}
	for _, s := range b.Steps {
		p.give(s.Temps)
	}
	p.look(b, fresh)
}
