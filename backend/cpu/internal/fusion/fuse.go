// Package fusion decides which nodes of a graph run as one loop, and how a loop finds the elements
// of what it reads, and says for people what a group computes. It makes no code: package exec does, from the groups.
package fusion

import (
	"container/heap"
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapeinference"

	"foresee/backend/cpu/internal/ir"
)

// Group is a set of nodes that run as one unit: element-wise nodes over the same number of
// elements, perhaps with reductions of rows among them, or a single node of any other kind.
type Group struct {
	Nodes []*ir.Node // in graph order
	Size  int        // elements, for element-wise groups
	Cols  int        // elements of a row, if rows are reduced, else 0
	Fused bool       // element-wise
	mark  int        // visit stamp of reaches
	into  *Group
	first int // graph position of the first and last node
	last  int
}

func (g *Group) self() *Group {
	for g.into != nil {
		g = g.into
	}
	return g
}

const maxFused = 48 // nodes in one group: bounds the registers and so the L1 footprint

// Elementwise says whether n computes each output element from one element of each input.
func Elementwise(n *ir.Node) bool {
	switch n.Op {
	case compute.OpTypeWhere, compute.OpTypeClamp, compute.OpTypeConvertDType,
		compute.OpTypeIsFinite, compute.OpTypeIsNaN, compute.OpTypeNotEqualTotalOrder, compute.OpTypeFusedGelu:
		return true
	}
	return shapeinference.StandardUnaryOperations.Has(n.Op) || shapeinference.AllBinaryOperations.Has(n.Op)
}

// Base follows operations of fn that only rename memory to the value that owns it. A value from around fn is
// memory of its own, whatever made it there.
func Base(fn *ir.Func, v *ir.Value) *ir.Value {
	for v.Node.Func == fn {
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
	return v
}

// Fuse groups the nodes of f and returns the groups in an order that respects every use.
//
//	y = x·w; z = y + b; r = max(z, 0)   →   one loop over blocks that stay in L1
//
// A node joins the group of its producer if the result has no cycle through a third group.
// Reductions of rows join too, see rows.go.
func Fuse(f *ir.Func) ([]*Group, error) {
	fz := &fuser{fn: f, of: map[*ir.Node]*Group{}}
	for i, n := range f.Nodes {
		g := &Group{Nodes: []*ir.Node{n}, Fused: Elementwise(n), first: i, last: i}
		if g.Fused {
			g.Size = n.Out[0].Size()
		} else if cols := reducesRows(n); cols > 0 {
			g.Fused, g.Size, g.Cols = true, n.In[0].Size(), cols
		}
		fz.of[n] = g
		fz.all = append(fz.all, g)
		if !g.Fused {
			continue
		}
		for _, v := range n.In {
			fz.tryMerge(g, n, v)
		}
	}
	return fz.order(f)
}

type fuser struct {
	fn    *ir.Func
	of    map[*ir.Node]*Group
	all   []*Group
	stamp int
}

// tryMerge joins the group of the node that makes v with g, whose node n uses it, if that is allowed.
func (fz *fuser) tryMerge(g *Group, n *ir.Node, v *ir.Value) {
	g = g.self()
	u := Source(fz.fn, v, Domain(n))
	p := fz.of[u.Node]
	if p == nil {
		return
	}
	p = p.self()
	if p == g || !p.Fused || len(p.Nodes)+len(g.Nodes) > maxFused {
		return
	}
	size, cols, ok := common(p, g)
	// A path p → other → g would need the merged group before and after other.
	if !ok || !fz.fits(p, g, size, cols) || fz.reaches(g, p) {
		return
	}
	p.into = g
	g.Size, g.Cols = size, cols
	g.Nodes = append(g.Nodes, p.Nodes...)
	g.first, g.last = min(g.first, p.first), max(g.last, p.last)
	p.Nodes = nil
}

// reaches says whether g depends on p through a group that is neither.
func (fz *fuser) reaches(g, p *Group) bool {
	fz.stamp++
	var stack []*Group
	push := func(from *Group) {
		for _, n := range from.Nodes {
			for _, v := range fz.needs(from, n) {
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
		push(h)
	}
	return false
}

// needs returns the values that must be there before g, whose node n is: an element-wise group
// reads through what only renames or repeats.
func (fz *fuser) needs(g *Group, n *ir.Node) []*ir.Value {
	if !g.Fused {
		return Inputs(n)
	}
	in := make([]*ir.Value, len(n.In))
	for i, v := range n.In {
		in[i] = Source(fz.fn, v, Domain(n))
	}
	return in
}

// Inputs returns what a node needs computed before it, with the captures of its functions.
func Inputs(n *ir.Node) []*ir.Value {
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
func (fz *fuser) order(f *ir.Func) ([]*Group, error) {
	waits := map[*Group]int{}
	users := map[*Group][]*Group{}
	var live []*Group
	for _, g := range fz.all {
		if g.into != nil {
			continue
		}
		live = append(live, g)
		index := map[*ir.Node]int{}
		for i, n := range f.Nodes[g.first : g.last+1] {
			index[n] = i
		}
		slices.SortFunc(g.Nodes, func(a, b *ir.Node) int { return index[a] - index[b] })
		seen := map[*Group]bool{g: true}
		for _, n := range g.Nodes {
			for _, v := range fz.needs(g, n) {
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
	var out []*Group
	for ready.Len() > 0 {
		g := heap.Pop(ready).(*Group)
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

type groupHeap []*Group

func (h groupHeap) Len() int           { return len(h) }
func (h groupHeap) Less(i, j int) bool { return h[i].last < h[j].last }
func (h groupHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *groupHeap) Push(x any)        { *h = append(*h, x.(*Group)) }
func (h *groupHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
