package exec

import (
	"fmt"
	"unsafe"

	"foresee/backend/cpu/internal/flow"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
	"foresee/backend/cpu/internal/stream"
	"foresee/backend/cpu/internal/vec"
)

// Bytes of a concatenation, and of a piece of it, from which each piece is copied by a step of its own.
const (
	longWhole = 1 << 21 // does not stay in a second-level cache
	longPiece = 1 << 14 // against what a step costs
)

// lowerConcat copies the pieces to their places, in one step or, if they are long, in one for each.
func (c *compiler) lowerConcat(n *ir.Node) {
	axis := n.Attr.(ir.Axis).Axis
	out := n.Out[0]
	o := c.out(out)
	strides := ops.Strides(out.Dims())
	early := out.Bytes() >= longWhole && out.Bytes()/len(n.In) >= longPiece
	var moves []ops.Move
	at := 0
	for _, v := range n.In {
		m := ops.Move{Size: v.DType().Size(), Dims: v.Dims(), Dst: strides, Src: ops.Strides(v.Dims()), DstAt: at * strides[axis]}
		m = m.Simplify()
		moves, at = append(moves, m), at+v.Dims()[axis]
		if early {
			from := c.id(v)
			c.prog.steps = append(c.prog.steps, step{op: "Concatenate", early: true,
				shape: fmt.Sprintf("%v -> a piece of %v", v.Dims(), out.Dims()),
				Step:  flow.Step{Reads: []int{from}, Writes: []int{o}},
				run:   func(f *Frame) { f.piece(&m, f.p[o], f.p[from]) }})
		}
	}
	if early {
		return
	}
	s := c.step(n, nil)
	from := s.Reads
	s.run = func(f *Frame) {
		for i := range moves {
			f.move(&moves[i], f.p[o], f.p[from[i]])
		}
	}
}

// reorder moves the copies of long pieces of a concatenation and the gradients of weights, see flow.Stores, Early and Late.
func (c *compiler) reorder() {
	move := func(order func(flow.Stores, []*flow.Step, []bool) []int, marks func(s *step) bool) {
		steps := c.prog.steps
		marked := make([]bool, len(steps))
		for i := range steps {
			marked[i] = marks(&steps[i])
		}
		c.prog.steps = nil
		for _, i := range order(c.prog.stores, flows(steps), marked) {
			c.prog.steps = append(c.prog.steps, steps[i])
		}
	}
	move(flow.Stores.Early, func(s *step) bool { return s.early })
	move(flow.Stores.Late, func(s *step) bool { return s.late })
}

// piece runs the copy of a piece, past the cache if it is rows of 4-byte elements.
func (f *Frame) piece(m *ops.Move, dst, src unsafe.Pointer) {
	if m.Size != 4 || len(m.Dims) != 2 || m.Dst[1] != 1 || m.Src[1] != 1 {
		f.move(m, dst, src)
		return
	}
	r := vec.Rows{Rows: m.Dims[0], Cols: m.Dims[1], DstStep: m.Dst[0], SrcStep: m.Src[0]}
	stream.Matrix(f.pool, r, ops.Of[float32](elem(dst, m.DstAt, 4), (r.Rows-1)*r.DstStep+r.Cols), ops.Of[float32](elem(src, m.SrcAt, 4), (r.Rows-1)*r.SrcStep+r.Cols))
}
