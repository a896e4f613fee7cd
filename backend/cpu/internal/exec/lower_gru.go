package exec

import (
	"unsafe"

	"foresee/backend/cpu/internal/flow"
	"foresee/backend/cpu/internal/fusion"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
	"foresee/backend/cpu/internal/recurrent"
)

// lowerGRU lowers a step of a recurrent unit: its weights are packed by a step of their own, once for all steps
// of an unrolled recurrence, as sharePacking does for products.
func (c *compiler) lowerGRU(n *ir.Node, a ir.GRU) {
	rows, width, input := n.Out[0].Dims()[0], n.Out[0].Dims()[1], 0
	if a.Input {
		input = n.In[3].Dims()[1]
	}
	cell := recurrent.NewCell(c.prog.Gemm, c.prog.Pool.Threads(), rows, width, input)
	ids := []int{c.id(n.In[0]), c.gateWeights(n.In[1], &cell), c.id(n.In[2]), c.id(n.In[3])}
	if a.Input {
		ids[3] = c.gateWeights(n.In[4], &cell)
		ids = append(ids, c.id(n.In[5]), c.id(n.In[3]))
	}
	left := c.temp(4 * cell.LeftFloats(c.prog.Gemm))
	out, state := c.out(n.Out[0]), rows*width
	c.prog.scratch = max(c.prog.scratch, 4*cell.ScratchFloats())
	tensor := func(f *Frame, id int) []float32 { return ops.Of[float32](f.p[id], c.prog.stores[id].Bytes/4) }
	s := step{op: "GRU", Step: flow.Step{Reads: ids, Writes: []int{out}, Temps: []int{left}}}
	s.run = func(f *Frame) {
		r := recurrent.Args{H: tensor(f, ids[0])[:state], Out: tensor(f, out), Left: tensor(f, left),
			U: recurrent.Weights{W: tensor(f, ids[1]), Bias: tensor(f, ids[2])}}
		if a.Input {
			r.W, r.X = recurrent.Weights{W: tensor(f, ids[3]), Bias: tensor(f, ids[4])}, tensor(f, ids[5])
		} else {
			r.G = tensor(f, ids[3])
		}
		recurrent.Step(f.recurrent(), &cell, &r)
	}
	c.prog.steps = append(c.prog.steps, s)
}

// gateWeights returns the storage of a cell's weights v [k, 3·D], packed if the cell wants them so.
func (c *compiler) gateWeights(v *ir.Value, cell *recurrent.Cell) int {
	key := packKey{v: fusion.Base(c.fn, v)} // no product has the zero side
	if !cell.Packed {
		return c.id(v)
	}
	if id, ok := c.packed[key]; ok {
		return id
	}
	k, have := v.Dims()[0], v.Size()
	size := cell.PackedFloats(c.prog.Gemm, k)
	from, id := c.id(v), c.newStore(flow.Storage{Bytes: 4 * size})
	c.packed[key] = id
	s := step{op: "Pack", Step: flow.Step{Reads: []int{from}, Writes: []int{id}}, shape: fusion.ShapeText(v)}
	s.run = func(f *Frame) {
		cell.Pack(f.prog.Gemm, ops.Of[float32](f.p[id], size), ops.Of[float32](f.p[from], have), k)
	}
	c.prog.steps = append(c.prog.steps, s)
	return id
}

// recurrent returns what the kernels of package recurrent run on.
func (f *Frame) recurrent() *recurrent.Engine {
	return &recurrent.Engine{Pool: f.pool, Products: f.prog.Serial, Scratch: f.floats}
}

// floats returns the scratch of a worker.
func (f *Frame) floats(worker int) []float32 {
	w := f.work[worker]
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(w))), len(w)/4)
}
