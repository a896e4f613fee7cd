package exec

import (
	"unsafe"

	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/flow"
	"foresee/backend/cpu/internal/fusion"
	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
	"foresee/backend/cpu/internal/product"
)

// packKey is a right operand as a product reads it.
type packKey struct {
	v *ir.Value
	s ops.Side
	e product.Engine
}

// sharePacking finds the right operands that several products would pack, each for itself: the
// weights of an unrolled recurrence. They are packed by a step of their own before the first, in
// every run anew, because whoever shares a buffer with the program may change it between runs.
//
//	a = x·W; b = f(a)·W   →   P = pack(W); a = x·P; b = f(a)·P
func (c *compiler) sharePacking(groups []*fusion.Group) {
	c.packers, c.packed = map[packKey]int{}, map[packKey]int{}
	for _, g := range groups {
		for _, n := range g.Nodes {
			a, ok := n.Attr.(ir.Dot)
			if !ok || n.In[0].DType() != dtypes.Float32 || n.Out[0].Size() == 0 {
				continue
			}
			l, _ := ops.SideOf(n.In[0].Dims(), n.In[0].DType().Size(), a.LHSBatch, a.LHSContract)
			r, move := ops.SideOf(n.In[1].Dims(), n.In[1].DType().Size(), a.RHSBatch, a.RHSContract)
			args := productArgs(l, r, a.Epilogue.ReLU)
			if e, _ := c.prog.Products.For(&args); move == nil && !narrow(l, r, n) && e.Packs(&args) {
				c.packers[packKey{fusion.Base(c.fn, n.In[1]), r, e}]++
			}
		}
	}
}

// packedOperand returns the storage of the packed right operand of n and appends the step that
// fills it if there is none yet; false if n does better with the operand as it is.
func (c *compiler) packedOperand(n *ir.Node, args *gemm.Args, r ops.Side) (int, bool) {
	e, _ := c.prog.Products.For(args)
	key := packKey{fusion.Base(c.fn, n.In[1]), r, e}
	if c.packers[key] < 2 || !e.Packs(args) {
		return 0, false
	}
	a, size, have := *args, e.PackedSize(args.K, args.N), n.In[1].Size()
	return c.packOnce(key, 4*size, func(_ *Frame, to, from unsafe.Pointer) {
		b := a
		b.B = ops.Of[float32](from, have)
		e.Pack(ops.Of[float32](to, size), &b)
	}), true
}

// packOnce returns the storage, of so many bytes, of a packed operand, and appends the step that fills it if there is none yet.
func (c *compiler) packOnce(key packKey, bytes int, pack func(f *Frame, to, from unsafe.Pointer)) int {
	if id, ok := c.packed[key]; ok {
		return id
	}
	from, id := c.id(key.v), c.newStore(flow.Storage{Bytes: bytes})
	c.packed[key] = id
	c.prog.steps = append(c.prog.steps, step{op: "Pack", Step: flow.Step{Reads: []int{from}, Writes: []int{id}}, shape: fusion.ShapeText(key.v),
		run: func(f *Frame) { pack(f, f.p[id], f.p[from]) }})
	return id
}
