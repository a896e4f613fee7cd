package graph

import "math"

const (
	none   = -2 // no target, no successor
	toGoal = -1 // the goal as target or successor
)

// values holds the cost to go from every landmark and where it leads.
type values struct {
	cost []float64 // [M]
	next []int     // [M] the next landmark, toGoal, or none
	heap []ranked
}

// solve finds the least costs: the fixed point of min-plus value iteration
//
//	V[i] = min(goal[i], min over edges (i, j) of cost + V[j])
//
// by Dijkstra's algorithm from the goal, which reaches it in one sweep as no cost is negative.
func (v *values) solve(p *Planner, costs, penalties, goal []float64) {
	m := len(goal)
	v.cost, v.next, v.heap = resize(v.cost, m), resize(v.next, m), v.heap[:0]
	for i := range m {
		v.cost[i], v.next[i] = goal[i], none
		if !math.IsInf(goal[i], 1) {
			v.next[i] = toGoal
			v.push(ranked{i, goal[i]})
		}
	}
	for len(v.heap) > 0 {
		top := v.pop()
		if top.v > v.cost[top.i] {
			continue
		}
		for _, s := range p.around[top.i] {
			if c := top.v + costs[s.edge] + penalties[s.edge]; c < v.cost[s.to] {
				v.cost[s.to], v.next[s.to] = c, top.i
				v.push(ranked{s.to, c})
			}
		}
	}
}

func (v *values) push(r ranked) {
	h := append(v.heap, r)
	for k := len(h) - 1; k > 0 && h[k].before(h[(k-1)/2]); k = (k - 1) / 2 {
		h[k], h[(k-1)/2] = h[(k-1)/2], h[k]
	}
	v.heap = h
}

func (v *values) pop() ranked {
	h := v.heap
	top, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	for k := 0; ; {
		c := 2*k + 1
		if c >= last {
			break
		}
		if c+1 < last && h[c+1].before(h[c]) {
			c++
		}
		if !h[c].before(h[k]) {
			break
		}
		h[k], h[c] = h[c], h[k]
		k = c
	}
	v.heap = h
	return top
}

func (r ranked) before(o ranked) bool { return r.v < o.v || r.v == o.v && r.i < o.i }

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
