package exec

import (
	"container/heap"
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapeinference"

	"foresee/backend/cpu/internal/ir"
)

// group is a set of nodes that run as one unit: element-wise nodes over the same number of
// elements, or a single node of any other kind.
type group struct {
	nodes []*ir.Node // in graph order
	at    map[*ir.Node]int
	size  int  // elements, for element-wise groups
	fused bool // element-wise
	mark  int  // visit stamp of reaches
	into  *group
	first int // graph position of the first and last node
	last  int
}

func (g *group) self() *group {
	for g.into != nil {
		g = g.into
	}
	return g
}

const maxFused = 48 // nodes in one group: bounds the registers and so the L1 footprint

// elementwise says whether n computes each output element from one element of each input.
func elementwise(n *ir.Node) bool {
	switch n.Op {
	case compute.OpTypeWhere, compute.OpTypeClamp, compute.OpTypeConvertDType,
		compute.OpTypeIsFinite, compute.OpTypeIsNaN, compute.OpTypeNotEqualTotalOrder:
		return true
	}
	return shapeinference.StandardUnaryOperations.Has(n.Op) || shapeinference.AllBinaryOperations.Has(n.Op)
}

// base follows operations that only rename memory to the value that owns it.
func base(v *ir.Value) *ir.Value {
	for {
		switch v.Node.Op {
		case compute.OpTypeReshape, compute.OpTypeIdentity, compute.OpTypeSchedulingBarrier:
			if v.Node.Func != v.Node.In[0].Node.Func {
				return v
			}
			v = v.Node.In[0]
		default:
			return v
		}
	}
}

// fuse groups the nodes of f and returns the groups in an order that respects every use.
//
//	y = x·w; z = y + b; r = max(z, 0)   →   one loop over blocks that stay in L1
//
// A node joins the group of its producer if the result has no cycle through a third group.
func fuse(f *ir.Func) ([]*group, error) {
	fz := &fuser{of: map[*ir.Node]*group{}}
	for i, n := range f.Nodes {
		g := &group{nodes: []*ir.Node{n}, fused: elementwise(n), first: i, last: i}
		if g.fused {
			g.size = n.Out[0].Size()
		}
		fz.of[n] = g
		fz.all = append(fz.all, g)
		if !g.fused {
			continue
		}
		for _, v := range n.In {
			fz.tryMerge(g, v)
		}
	}
	return fz.order(f)
}

type fuser struct {
	of    map[*ir.Node]*group
	all   []*group
	stamp int
}

// tryMerge joins the group of the node that makes v with g, if that is allowed.
func (fz *fuser) tryMerge(g *group, v *ir.Value) {
	g = g.self()
	u := base(v)
	if u.Node.Op == compute.OpTypeBroadcastInDim {
		return
	}
	p := fz.of[u.Node]
	if p == nil {
		return
	}
	p = p.self()
	if p == g || !p.fused || p.size != g.size || len(p.nodes)+len(g.nodes) > maxFused {
		return
	}
	// A path p → other → g would need the merged group before and after other.
	if fz.reaches(g, p) {
		return
	}
	p.into = g
	g.nodes = append(g.nodes, p.nodes...)
	g.first, g.last = min(g.first, p.first), max(g.last, p.last)
	p.nodes = nil
}

// reaches says whether g depends on p through a group that is neither.
func (fz *fuser) reaches(g, p *group) bool {
	fz.stamp++
	var stack []*group
	push := func(from *group) {
		for _, n := range from.nodes {
			for _, v := range inputs(n) {
				h := fz.of[v.Node]
				if h == nil {
					continue
				}
				h = h.self()
				if h.mark == fz.stamp || h == from || h.last < p.first {
					continue
				}
				if h == p && from == g {
					continue // the direct edge
				}
				h.mark = fz.stamp
				stack = append(stack, h)
			}
		}
	}
	push(g)
	for len(stack) > 0 {
		h := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if h == p {
			return true
		}
		// Renaming nodes stand between a group and its user without being a third party.
		push(h)
	}
	return false
}

// inputs returns what a node needs computed before it, with the captures of its functions.
func inputs(n *ir.Node) []*ir.Value {
	subs := n.Subs()
	if len(subs) == 0 {
		return n.In
	}
	in := slices.Clone(n.In)
	for _, s := range subs {
		in = append(in, s.Captures()...)
	}
	return in
}

// order sorts the groups topologically, and otherwise by the position of their last node.
func (fz *fuser) order(f *ir.Func) ([]*group, error) {
	waits := map[*group]int{}
	users := map[*group][]*group{}
	var live []*group
	for _, g := range fz.all {
		if g.into != nil {
			continue
		}
		live = append(live, g)
		index := map[*ir.Node]int{}
		for i, n := range f.Nodes[g.first : g.last+1] {
			index[n] = i
		}
		slices.SortFunc(g.nodes, func(a, b *ir.Node) int { return index[a] - index[b] })
		seen := map[*group]bool{g: true}
		for _, n := range g.nodes {
			for _, v := range inputs(n) {
				h := fz.of[v.Node]
				if h == nil {
					continue
				}
				if h = h.self(); !seen[h] {
					seen[h] = true
					waits[g]++
					users[h] = append(users[h], g)
				}
			}
		}
	}
	ready := &groupHeap{}
	for _, g := range live {
		if waits[g] == 0 {
			heap.Push(ready, g)
		}
	}
	var out []*group
	for ready.Len() > 0 {
		g := heap.Pop(ready).(*group)
		out = append(out, g)
		for _, u := range users[g] {
			if waits[u]--; waits[u] == 0 {
				heap.Push(ready, u)
			}
		}
	}
	if len(out) != len(live) {
		return nil, fmt.Errorf("fusion made a cycle: %d of %d groups ordered", len(out), len(live))
	}
	return out, nil
}

type groupHeap []*group

func (h groupHeap) Len() int           { return len(h) }
func (h groupHeap) Less(i, j int) bool { return h[i].last < h[j].last }
func (h groupHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *groupHeap) Push(x any)        { *h = append(*h, x.(*group)) }
func (h *groupHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
