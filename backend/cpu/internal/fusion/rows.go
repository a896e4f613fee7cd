package fusion

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/ir"
)

// A group that reduces rows holds, beside nodes over all its elements [R, N], the wide ones, nodes
// over one element a row [R], the thin ones. A block is some whole rows, so what a row's sum
// or maximum feeds finds the row still in the cache.
//
//	m = sum(x)/N; c = x - m; v = sum(c·c)/N; y = c/sqrt(v)   →   one loop over blocks of rows
//
// Each row is reduced as reductions outside groups do it: the bits are the same.

// Rows shorter than leastCols are not worth a call each; longer than mostCols, a block of one row
// and its intermediates would leave the second-level cache.
const (
	leastCols = 8
	mostCols  = 4096
)

// reducesRows returns the elements of a row if n reduces float32 rows, at least two, to one
// element each; else 0.
func reducesRows(n *ir.Node) int {
	switch n.Op {
	case compute.OpTypeReduceSum, compute.OpTypeReduceMax, compute.OpTypeReduceMin:
	default:
		return 0
	}
	if n.In[0].DType() != dtypes.Float32 {
		return 0
	}
	rows, size := n.Out[0].Size(), n.In[0].Size()
	if rows < 2 || size < rows*leastCols || size > rows*mostCols {
		return 0
	}
	if a, ok := n.Attr.(ir.Axes); ok && !ir.LastAxes(n.In[0].Dims(), a.Axes) {
		return 0
	}
	return size / rows
}

// common returns the elements and columns of a group that joins p and g, or false.
func common(p, g *Group) (size, cols int, ok bool) {
	switch {
	case p.Cols == g.Cols:
		return g.Size, g.Cols, p.Size == g.Size
	case p.Cols == 0:
		return g.Size, g.Cols, p.Size == g.Size || p.Size == g.Size/g.Cols
	case g.Cols == 0:
		return p.Size, p.Cols, g.Size == p.Size || g.Size == p.Size/p.Cols
	}
	return 0, 0, false
}

// fits says whether every use of a value of p or g in the other is one that a loop has: element by
// element, or of a row's element by all of the row.
func (fz *fuser) fits(p, g *Group, size, cols int) bool {
	mine := map[*ir.Node]bool{}
	for _, group := range []*Group{p, g} {
		for _, n := range group.Nodes {
			mine[n] = true
		}
	}
	for n := range mine {
		for _, v := range n.In {
			if u := Source(fz.fn, v, Domain(n)); mine[u.Node] && !fz.usable(n, v, u, size, cols) {
				return false
			}
		}
	}
	return true
}

// usable says whether n can use v, which is u of the same group or a repetition of it.
func (fz *fuser) usable(n *ir.Node, v, u *ir.Value, size, cols int) bool {
	if u == Base(fz.fn, v) && u.Size() == Domain(n) {
		return true
	}
	if cols == 0 || !Elementwise(n) || Domain(n) != size || u.Size() != size/cols || u.DType() != dtypes.Float32 {
		return false
	}
	return RepeatsRows(Reading(fz.fn, v, n.Out[0].Dims()), cols)
}
