package exec

import (
	"fmt"

	"foresee/backend/cpu/internal/flow"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
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
				run:   func(f *Frame) { f.move(&m, f.p[o], f.p[from]) }})
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

// asTheyCome copies long pieces of a concatenation as soon as they are made: they are in the cache then, and their
// memory is free for what comes next.
//
//	a = f(x); b = f(a); c = f(b); y = [a, b, c]   →   a = f(x); y[0] = a; b = f(a); y[1] = b; c = f(b); y[2] = c
//
// A piece that is made entry by entry stays: a copy in between would end the batch.
func (c *compiler) asTheyCome() {
	steps := c.prog.steps
	made := map[int]int{}                // storage, and the step that wrote it last
	behind := make([][]step, len(steps)) // steps moved behind another
	moved := make([]bool, len(steps))
	for i := range steps {
		s := &steps[i]
		if s.early {
			at, ok := made[c.prog.stores.Root(s.Reads[0])]
			if moved[i] = ok && steps[at].Entries == nil; moved[i] {
				behind[at] = append(behind[at], *s)
			}
			continue
		}
		for _, id := range s.Writes {
			made[c.prog.stores.Root(id)] = i
		}
	}
	c.prog.steps = nil
	for i := range steps {
		if !moved[i] {
			c.prog.steps = append(c.prog.steps, steps[i])
		}
		c.prog.steps = append(c.prog.steps, behind[i]...)
	}
}
