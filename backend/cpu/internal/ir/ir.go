// Package ir is the graph that the cpu backend compiles: values, nodes and functions with
// static shapes. A Func is built once, by one goroutine, in topological order, and then
// rewritten by passes, one file each; exec turns the result into a program.
package ir

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// Value is one tensor of a graph: output number Index of Node.
type Value struct {
	// ID is unique among all values made by one Counter, and grows in order of creation.
	ID    int
	Node  *Node
	Index int
	Shape shapes.Shape
}

// DType returns the element type.
func (v *Value) DType() dtypes.DType { return v.Shape.DType }

// Dims returns the dimensions; the caller does not change them.
func (v *Value) Dims() []int { return v.Shape.Dimensions }

// Size returns the number of elements.
func (v *Value) Size() int { return v.Shape.Size() }

// Bytes returns the number of bytes the elements take.
func (v *Value) Bytes() int { return v.Shape.Size() * v.Shape.DType.Size() }

// Node is one operation. Attr holds its static arguments, one of the types below.
type Node struct {
	Op   compute.OpType
	In   []*Value
	Out  []*Value
	Attr any
	Func *Func
}

// Func is a function or closure. A closure's nodes may use values of the functions around it.
type Func struct {
	Name    string
	Parent  *Func
	Counter *Counter
	Params  []*Value
	Nodes   []*Node
	Results []*Value
}

// Counter numbers the values of one builder.
type Counter struct{ next int }

// Count returns the number of values made so far; every ID is below it.
func (c *Counter) Count() int { return c.next }

// Add appends a node with one output per shape and returns it.
func (f *Func) Add(op compute.OpType, attr any, in []*Value, out ...shapes.Shape) *Node {
	n := f.Make(op, attr, in, out...)
	f.Nodes = append(f.Nodes, n)
	return n
}

// Make is Add without the append: the caller places the node itself.
func (f *Func) Make(op compute.OpType, attr any, in []*Value, out ...shapes.Shape) *Node {
	n := &Node{Op: op, Attr: attr, In: in, Func: f}
	for i, s := range out {
		s.AxisNames = nil // dynamic axes are not supported, names carry nothing
		n.Out = append(n.Out, &Value{ID: f.Counter.next, Node: n, Index: i, Shape: s})
		f.Counter.next++
	}
	return n
}

// Static arguments of the nodes, by operation.
type (
	// Param is the argument of a Parameter node.
	Param struct {
		Name  string
		Index int
	}
	// Const is a Constant's little-endian row-major data; nobody writes to it.
	Const struct{ Data []byte }
	// Axes serves Reduce*, Transpose (permutation), BroadcastInDim and Reverse.
	Axes struct{ Axes []int }
	// Axis serves Iota and Concatenate.
	Axis struct{ Axis int }
	// ArgMinMax is the reduced axis and the direction.
	ArgMinMax struct {
		Axis  int
		IsMin bool
	}
	// Slice has one entry per axis in each field.
	Slice struct{ Starts, Limits, Strides []int }
	// Pad has one entry per axis.
	Pad struct{ Axes []compute.PadAxis }
	// Dot names the contracted and the batch axes of both sides.
	Dot struct {
		LHSContract, LHSBatch, RHSContract, RHSBatch []int
		Epilogue
	}
	// Conv has one entry per spatial axis in each slice; groups are at least 1.
	Conv struct {
		Axes                               compute.ConvolveAxesConfig
		Strides, InDilations, KerDilations []int
		Paddings                           [][2]int
		ChannelGroups, BatchGroups         int
	}
	// Window has one entry per axis; it serves ReduceWindow and SelectAndScatter*.
	Window struct {
		Reduce                                compute.ReduceOpType
		Dims, Strides, InDilations, Dilations []int
		Paddings                              [][2]int
	}
	// Gather holds the arguments of Function.Gather.
	Gather struct {
		IndexVectorAxis                               int
		OffsetOutput, CollapsedSlice, StartMap, Sizes []int
	}
	// Scatter holds the arguments of Function.Scatter*.
	Scatter struct {
		IndexVectorAxis                         int
		UpdateWindow, InsertedWindow, ToOperand []int
	}
	// Sizes is DynamicSlice's result size, one entry per axis.
	Sizes struct{ Sizes []int }
	// Call is the function called.
	Call struct{ Func *Func }
	// While is the condition and the body, both over the state.
	While struct{ Cond, Body *Func }
	// If is the two branches, which take no parameters.
	If struct{ True, False *Func }
	// Sort is a comparator of 2N scalars, an axis, and whether the order of equals is kept.
	Sort struct {
		Less   *Func
		Axis   int
		Stable bool
	}
)

// Subs returns the functions a node calls.
func (n *Node) Subs() []*Func {
	switch a := n.Attr.(type) {
	case Call:
		return []*Func{a.Func}
	case While:
		return []*Func{a.Cond, a.Body}
	case If:
		return []*Func{a.True, a.False}
	case Sort:
		return []*Func{a.Less}
	}
	return nil
}

// Captures returns the values of outer functions that f and the closures in it use, in order
// of first use, each once.
func (f *Func) Captures() []*Value {
	var out []*Value
	seen := map[*Value]bool{}
	var walk func(g *Func)
	inside := map[*Func]bool{}
	walk = func(g *Func) {
		if inside[g] {
			return
		}
		inside[g] = true
		for _, n := range g.Nodes {
			for _, s := range n.Subs() {
				walk(s)
			}
		}
	}
	walk(f)
	use := func(v *Value) {
		if !inside[v.Node.Func] && !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	done := map[*Func]bool{}
	var collect func(g *Func)
	collect = func(g *Func) {
		if done[g] {
			return
		}
		done[g] = true
		for _, n := range g.Nodes {
			for _, v := range n.In {
				use(v)
			}
			for _, s := range n.Subs() {
				collect(s)
			}
		}
		for _, v := range g.Results {
			use(v)
		}
	}
	collect(f)
	return out
}
