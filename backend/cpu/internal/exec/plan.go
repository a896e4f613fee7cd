package exec

import (
	"slices"

	"foresee/backend/cpu/internal/arena"
)

// plan gives every arena storage a place, by liveness: memory is taken when a step writes it
// and given back after the last step that reads it. A step that allows it writes over an input
// that dies with it.
//
//	a = exp(x); b = a·W; c = b + 1   →   a: [0, n); b: [n, 2n); c: in place of b
func (c *compiler) plan() {
	p := c.prog
	last := c.lastUses()
	var mem arena.Allocator
	size := func(id int) int { return roundUp(max(p.stores[id].bytes, 1), alignment) }
	for i := range p.steps {
		s := &p.steps[i]
		gone := map[int]bool{}
		for _, w := range s.writes {
			w = c.root(w)
			if p.stores[w].kind != inArena {
				continue
			}
			reused := false
			for _, pair := range s.inPlace {
				r := c.root(pair[1])
				if c.root(pair[0]) == w && p.stores[r].kind == inArena && last[r] == i && !gone[r] &&
					size(r) == size(w) && p.stores[pair[1]].kind != isView {
					p.stores[w].offset, gone[r], reused = p.stores[r].offset, true, true
					break
				}
			}
			if !reused {
				p.stores[w].offset = mem.Take(size(w))
			}
		}
		for _, t := range s.temps {
			p.stores[t].offset = mem.Take(size(t))
		}
		for _, t := range s.temps {
			mem.Give(p.stores[t].offset, size(t))
		}
		for _, id := range slices.Concat(s.reads, s.writes) {
			r := c.root(id)
			if p.stores[r].kind == inArena && last[r] == i && !gone[r] {
				gone[r] = true
				mem.Give(p.stores[r].offset, size(r))
			}
		}
	}
	p.arena = mem.Top()
	for i := range p.stores {
		if s := &p.stores[i]; s.kind == isView {
			if k := p.stores[s.root].kind; k == isParam || k == isResult {
				p.views = append(p.views, i)
			}
		}
	}
	c.planDonations(last)
}

// lastUses returns, for each root storage, the last step that reads or writes it.
func (c *compiler) lastUses() []int {
	last := make([]int, len(c.prog.stores))
	for i := range last {
		last[i] = -1
	}
	for i, s := range c.prog.steps {
		for _, id := range s.reads {
			last[c.root(id)] = i
		}
		for _, id := range s.writes {
			last[c.root(id)] = i
		}
	}
	return last
}

// root follows a view to the storage it looks into; views never look into views.
func (c *compiler) root(id int) int {
	if s := &c.prog.stores[id]; s.kind == isView {
		return s.root
	}
	return id
}

// planDonations lists for each result the parameters whose memory it may take over, best first.
func (c *compiler) planDonations(last []int) {
	p := c.prog
	p.donor = make([][]int, len(p.results))
	first := make([]int, len(p.stores))
	writer := make([]int, len(p.stores))
	for i := range writer {
		writer[i], first[i] = -1, -1
	}
	for i, s := range p.steps {
		for _, w := range s.writes {
			if first[w] < 0 {
				first[w] = i
			}
			writer[w] = i
		}
	}
	for r, id := range p.results {
		var later []int
		for k, q := range p.params {
			if p.stores[q].bytes != p.stores[id].bytes || first[id] < 0 {
				continue
			}
			s := &p.steps[first[id]]
			switch {
			case last[q] == first[id] && slices.Contains(s.inPlace, [2]int{id, q}):
				p.donor[r] = append(p.donor[r], k)
			case last[q] < first[id]:
				later = append(later, k)
			}
		}
		p.donor[r] = append(p.donor[r], later...)
	}
}

// Donate chooses, for each result, the donated parameter whose memory it takes over, or -1. No
// parameter is chosen twice.
func (p *Program) Donate(donated []bool) []int {
	out := make([]int, len(p.results))
	taken := make([]bool, len(p.params))
	for r := range out {
		out[r] = -1
		for _, k := range p.donor[r] {
			if k < len(donated) && donated[k] && !taken[k] {
				out[r], taken[k] = k, true
				break
			}
		}
	}
	return out
}
