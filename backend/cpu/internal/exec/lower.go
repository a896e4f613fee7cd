package exec

import (
	"fmt"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/flow"
	"foresee/backend/cpu/internal/fusion"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
)

// compiler turns one function into a program.
type compiler struct {
	prog   *Program
	fn     *ir.Func
	ids    map[*ir.Value]int
	needed map[*ir.Value]bool // values that must be in memory
	subs   map[*ir.Func]*Program

	packers map[packKey]int // products that would pack a right operand
	packed  map[packKey]int // storage of those packed once
}

func unsupported(n *ir.Node) error {
	in := "no operands"
	if len(n.In) > 0 {
		in = n.In[0].Shape.String()
	}
	return fmt.Errorf("%s of %s: %w", n.Op, in, compute.ErrNotImplemented)
}

// lower makes the steps of every group, in order.
func (c *compiler) lower() error {
	for _, v := range c.fn.Params {
		c.prog.params = append(c.prog.params, c.store(v, flow.Param))
	}
	for _, v := range c.fn.Captures() {
		c.prog.params = append(c.prog.params, c.store(v, flow.Param))
	}
	groups, err := fusion.Fuse(c.fn)
	if err != nil {
		return err
	}
	c.demand(groups)
	c.sharePacking(groups)
	bound := c.bindResults()
	for _, g := range groups {
		first := len(c.prog.steps)
		if g.Fused {
			err = c.lowerEwise(g)
		} else {
			err = c.lowerNode(g.Nodes[0])
		}
		if err != nil {
			return err
		}
		c.describe(g, first)
	}
	for i, v := range c.fn.Results {
		if !bound[i] {
			c.copyResult(i, v)
		}
	}
	return nil
}

// store numbers the memory of a value.
func (c *compiler) store(v *ir.Value, kind flow.Kind) int {
	if id, ok := c.ids[v]; ok {
		return id
	}
	id := c.newStore(flow.Storage{Bytes: v.Bytes(), Kind: kind})
	c.ids[v] = id
	return id
}

func (c *compiler) newStore(s flow.Storage) int {
	c.prog.stores = append(c.prog.stores, s)
	return len(c.prog.stores) - 1
}

// view makes v a window into the memory of u, at a byte offset.
func (c *compiler) view(v, u *ir.Value, offset int) {
	id := c.id(u)
	if s := c.prog.stores[id]; s.Kind == flow.View {
		offset += s.Offset
		id = s.Root
	}
	if offset == 0 && v.Bytes() == c.prog.stores[id].Bytes {
		c.ids[v] = id
		return
	}
	c.ids[v] = c.newStore(flow.Storage{Bytes: v.Bytes(), Kind: flow.View, Root: id, Offset: offset})
}

// id returns the storage of a value that an earlier step made.
func (c *compiler) id(v *ir.Value) int {
	id, ok := c.ids[v]
	if !ok {
		panic(fmt.Sprintf("cpu: value %d of %s has no memory", v.ID, v.Node.Op))
	}
	return id
}

// temp returns memory for the duration of one step.
func (c *compiler) temp(bytes int) int { return c.newStore(flow.Storage{Bytes: bytes}) }

// out returns the storage a step writes v to.
func (c *compiler) out(v *ir.Value) int { return c.store(v, flow.Arena) }

func (c *compiler) constant(data []byte) int {
	return c.newStore(flow.Storage{Bytes: len(data), Kind: flow.Const, Data: data})
}

// step appends a step whose reads and writes are the inputs and outputs of n.
func (c *compiler) step(n *ir.Node, run func(f *Frame)) *step {
	s := step{op: n.Op.String(), run: run}
	for _, v := range n.In {
		s.Reads = append(s.Reads, c.id(v))
	}
	for _, v := range n.Out {
		s.Writes = append(s.Writes, c.out(v))
	}
	c.prog.steps = append(c.prog.steps, s)
	return &c.prog.steps[len(c.prog.steps)-1]
}

// demand marks the values that some step reads from memory, or that are results. Element-wise
// users read through renaming and broadcasts, and keep what passes between them in registers.
func (c *compiler) demand(groups []*fusion.Group) {
	for _, g := range groups {
		if !g.Fused && ir.Renames(g.Nodes[0]) {
			continue
		}
		mine := map[*ir.Node]bool{}
		for _, n := range g.Nodes {
			mine[n] = true
		}
		for _, n := range g.Nodes {
			for _, v := range fusion.Inputs(n) {
				if g.Fused {
					if v = fusion.Source(c.fn, v, fusion.Domain(n)); mine[v.Node] {
						continue
					}
				} else if attends(n) && v.Shape.Rank() == 4 {
					v, _ = c.attentionOperand(v, n.Attr.(ir.Attention))
				}
				c.need(v)
			}
		}
	}
	for _, v := range c.fn.Results {
		c.need(v)
	}
}

func (c *compiler) isBroadcast(v *ir.Value) bool {
	return v.Node.Op == compute.OpTypeBroadcastInDim && v.Node.Func == c.fn
}

func (c *compiler) need(v *ir.Value) {
	if c.needed[v] {
		return
	}
	c.needed[v] = true
	if v.Node.Func == c.fn && ir.Renames(v.Node) {
		c.need(v.Node.In[v.Index])
	}
}

// bindResults lets the step that makes a result write straight into the result's memory, and
// says for which results that works.
func (c *compiler) bindResults() []bool {
	bound := make([]bool, len(c.fn.Results))
	c.prog.results = make([]int, len(c.fn.Results))
	for i, v := range c.fn.Results {
		u := fusion.Base(c.fn, v)
		if u.Node.Func != c.fn || !ir.MakesMemory(u.Node) || u.Bytes() != v.Bytes() {
			continue
		}
		if _, ok := c.ids[u]; ok {
			continue
		}
		c.prog.results[i] = c.store(u, flow.Result)
		bound[i] = true
	}
	return bound
}

// copyResult appends the step that copies a parameter, constant, view or second result.
func (c *compiler) copyResult(i int, v *ir.Value) {
	src, n := c.id(v), v.Bytes()
	dst := c.newStore(flow.Storage{Bytes: n, Kind: flow.Result})
	c.prog.results[i] = dst
	c.prog.steps = append(c.prog.steps, step{
		op: "Copy", Step: flow.Step{Reads: []int{src}, Writes: []int{dst}, InPlace: [][2]int{{dst, src}}},
		run: func(f *Frame) {
			if n > 0 && f.p[dst] != f.p[src] {
				copy(ops.Of[byte](f.p[dst], n), ops.Of[byte](f.p[src], n))
			}
		},
	})
}

// lowerNode makes the steps of a node that is not element-wise.
func (c *compiler) lowerNode(n *ir.Node) error {
	if a, ok := n.Attr.(ir.GRU); ok {
		c.lowerGRU(n, a)
		return nil
	}
	switch n.Op {
	case compute.OpTypeParameter:
		return nil
	case compute.OpTypeConstant:
		c.ids[n.Out[0]] = c.constant(n.Attr.(ir.Const).Data)
		return nil
	case compute.OpTypeReshape, compute.OpTypeIdentity, compute.OpTypeSchedulingBarrier, compute.OpTypeBitcast,
		compute.OpTypeOptimizationBarrier:
		for i, v := range n.Out {
			if c.needed[v] {
				c.view(v, n.In[i], 0)
			}
		}
		return nil
	case compute.OpTypeBroadcastInDim, compute.OpTypeTranspose, compute.OpTypeReverse, compute.OpTypeSlice,
		compute.OpTypeConcatenate, compute.OpTypePad, compute.OpTypeDynamicSlice, compute.OpTypeDynamicUpdateSlice:
		return c.lowerMove(n)
	case compute.OpTypeDotGeneral:
		return c.lowerDot(n)
	case compute.OpTypeConvGeneral:
		return c.lowerConv(n)
	case compute.OpTypeReduceWindow, compute.OpTypeSelectAndScatterMax, compute.OpTypeSelectAndScatterMin:
		return c.lowerWindow(n)
	case compute.OpTypeGather, compute.OpTypeScatterSum, compute.OpTypeScatterMax, compute.OpTypeScatterMin:
		return c.lowerGather(n)
	case compute.OpTypeCall, compute.OpTypeWhile, compute.OpTypeIf, compute.OpTypeSort:
		return c.lowerControl(n)
	case compute.OpTypeArgMinMax:
		return c.lowerArgMinMax(n)
	case compute.OpTypeIota:
		return c.lowerIota(n)
	case compute.OpTypeRNGBitGenerator:
		return c.lowerRandom(n)
	case compute.OpTypeFusedScaledDotProductAttention, compute.OpTypeFusedScaledDotProductAttentionVJP:
		c.lowerAttention(n)
		return nil
	}
	return c.lowerReduce(n)
}

func (c *compiler) lowerIota(n *ir.Node) error {
	k := ops.Iota(n.Out[0].DType())
	if k == nil {
		return unsupported(n)
	}
	o := c.out(n.Out[0])
	outer, mid, inner := around(n.Out[0].Dims(), n.Attr.(ir.Axis).Axis)
	c.step(n, func(f *Frame) { k(f.p[o], outer, mid, inner) })
	return nil
}

func (c *compiler) lowerRandom(n *ir.Node) error {
	state, next, out, bytes := c.id(n.In[0]), c.out(n.Out[0]), c.out(n.Out[1]), n.Out[1].Bytes()
	c.step(n, func(f *Frame) { ops.RandomBits(f.p[next], f.p[state], f.p[out], bytes) })
	return nil
}

func (c *compiler) lowerArgMinMax(n *ir.Node) error {
	a := n.Attr.(ir.ArgMinMax)
	d := n.In[0].DType()
	if d == dtypes.Bool {
		d = dtypes.Uint8
	}
	k := ops.ArgMinMax(d, n.Out[0].DType(), a.IsMin)
	if k == nil {
		return unsupported(n)
	}
	x, o := c.id(n.In[0]), c.out(n.Out[0])
	outer, mid, inner := around(n.In[0].Dims(), a.Axis)
	c.step(n, func(f *Frame) { k(f.p[o], f.p[x], outer, mid, inner) })
	return nil
}

// around returns the sizes before, at and after an axis.
func around(dims []int, axis int) (outer, mid, inner int) {
	return ops.Product(dims[:axis]), dims[axis], ops.Product(dims[axis+1:])
}

// elem returns the address of element i.
func elem(p unsafe.Pointer, i, size int) unsafe.Pointer { return unsafe.Add(p, i*size) }

// describe says what the steps from number first on, which are those of g, compute.
func (c *compiler) describe(g *fusion.Group, first int) {
	for i := first; i < len(c.prog.steps); i++ {
		s := &c.prog.steps[i]
		if s.shape != "" {
			continue // a step beside the node's own
		}
		s.shape, s.flop = g.Text(), g.FLOP()
	}
}
