package exec

import (
	"unsafe"

	"foresee/backend/cpu/internal/fusion"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
	"foresee/backend/cpu/internal/recurrent"
)

// lowerGRU lowers a step of a recurrent unit: its weights are packed by a step of their own, once for all steps
// of an unrolled recurrence, as sharePacking does for products.
func (c *compiler) lowerGRU(n *ir.Node, a ir.GRU) {
	sizes := recurrent.Cell{Rows: n.Out[0].Dims()[0], Width: n.Out[0].Dims()[1], Bytes: a.Bytes}
	in := n.In[1:] // behind the state
	var product, rest []*ir.Value
	if product, rest = in[:2], in[2:]; a.Bytes {
		product, rest = in[:5], in[5:]
	}
	if a.Input {
		sizes.Input = rest[0].Dims()[1]
	}
	cell := recurrent.NewCell(&recurrent.Engine{Products: c.prog.Serial, Bytes: c.prog.SerialBytes}, c.prog.Pool.Threads(), sizes)
	s := step{op: "GRU"}
	read := func(id int) func(f *Frame) []float32 {
		s.Reads = append(s.Reads, id)
		floats := c.prog.stores[id].Bytes / 4
		return func(f *Frame) []float32 { return ops.Of[float32](f.p[id], floats) }
	}
	state := read(c.id(n.In[0]))
	fill := c.stateProduct(product, &cell, read)
	given := read(c.id(rest[0]))
	var w, b func(f *Frame) []float32
	if a.Input {
		w, b = read(c.gateWeights(rest[1], &cell)), read(c.id(rest[2]))
	}
	left, out := c.temp(4*cell.LeftFloats(c.prog.Gemm)), c.out(n.Out[0])
	s.Temps, s.Writes = []int{left}, []int{out}
	c.prog.scratch = max(c.prog.scratch, 4*cell.ScratchFloats())
	size, leftSize := sizes.Rows*sizes.Width, cell.LeftFloats(c.prog.Gemm)
	s.run = func(f *Frame) {
		r := recurrent.Args{H: state(f)[:size], Out: ops.Of[float32](f.p[out], size), Left: ops.Of[float32](f.p[left], leftSize)}
		fill(f, &r)
		if a.Input {
			r.W, r.X = recurrent.Weights{W: w(f), Bias: b(f)}, given(f)
		} else {
			r.G = given(f)
		}
		recurrent.Step(f.recurrent(), &cell, &r)
	}
	c.prog.steps = append(c.prog.steps, s)
}

// stateProduct returns what sets the operands of the state's product: U and c, or those of an ir.ByteDense.
func (c *compiler) stateProduct(in []*ir.Value, cell *recurrent.Cell, read func(id int) func(f *Frame) []float32) func(f *Frame, r *recurrent.Args) {
	if !cell.Bytes {
		u, bias := read(c.gateWeights(in[0], cell)), read(c.id(in[1]))
		return func(f *Frame, r *recurrent.Args) { r.U = recurrent.Weights{W: u(f), Bias: bias(f)} }
	}
	q, w := c.id(in[0]), c.gateBytes(in[1], cell)
	read(q)
	read(w)
	rows, columns, bias := read(c.id(in[2])), read(c.id(in[3])), read(c.id(in[4]))
	size, packed := in[0].Size(), cell.PackedBytes(c.prog.Bytes)
	return func(f *Frame, r *recurrent.Args) {
		r.U.Bias = bias(f)
		r.Bytes = recurrent.Bytes{Q: ops.Of[int8](f.p[q], size), Rows: rows(f), W: ops.Of[byte](f.p[w], packed), Columns: columns(f)}
	}
}

// gateWeights returns the storage of a cell's weights v [k, 3·D], packed if the cell wants them so.
func (c *compiler) gateWeights(v *ir.Value, cell *recurrent.Cell) int {
	if !cell.Packed {
		return c.id(v)
	}
	k, have, size := v.Dims()[0], v.Size(), cell.PackedFloats(c.prog.Gemm, v.Dims()[0])
	return c.packOnce(packKey{v: fusion.Base(c.fn, v)}, 4*size, func(f *Frame, to, from unsafe.Pointer) {
		cell.Pack(f.prog.Gemm, ops.Of[float32](to, size), ops.Of[float32](from, have), k)
	})
}

// gateBytes returns the storage of a cell's packed weights v [D, 3·D] of bytes.
func (c *compiler) gateBytes(v *ir.Value, cell *recurrent.Cell) int {
	have, size := v.Size(), cell.PackedBytes(c.prog.Bytes)
	return c.packOnce(packKey{v: fusion.Base(c.fn, v)}, size, func(f *Frame, to, from unsafe.Pointer) {
		cell.PackBytes(f.prog.Bytes, ops.Of[byte](to, size), ops.Of[int8](from, have))
	})
}

// recurrent returns what the kernels of package recurrent run on.
func (f *Frame) recurrent() *recurrent.Engine {
	return &recurrent.Engine{Pool: f.pool, Products: f.prog.Serial, Bytes: f.prog.SerialBytes, Scratch: f.floats}
}

// floats returns the scratch of a worker.
func (f *Frame) floats(worker int) []float32 {
	w := f.work[worker]
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(w))), len(w)/4)
}
