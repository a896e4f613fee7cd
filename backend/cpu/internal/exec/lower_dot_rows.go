package exec

import (
	"foresee/backend/cpu/internal/conv"
	"foresee/backend/cpu/internal/flow"
	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
)

// turnFloats bounds the right operand of such a product: it stays in a second-level cache.
const turnFloats = 5 << 16

// rowsInTurns lets the product of step s be done some rows at a time, with a right operand that is packed before the first
// of them; or, if it is the gradient of weights, lets what goes by rows go before.
func (c *compiler) rowsInTurns(s *step, a gemm.Args, n *ir.Node, packed bool) {
	pooled, serial := c.prog.Products.For(&a)
	size := pooled.PackedSize(a.K, a.N)
	s.late = a.TransA && a.Batch <= 1
	if a.TransA || a.Batch > 1 || a.M < c.prog.Batches.Rows || a.K == 0 || size > turnFloats {
		return
	}
	e := n.Attr.(ir.Dot).Epilogue
	in, out, have := s.Reads, s.Writes[0], n.In[1].Size()
	s.Entries = &flow.Entries{N: a.M, Least: c.prog.Batches.Turn, Whole: in[1:]}
	s.start = func(c *compiler, _ *flow.Batch) (func(f *Frame) turns, []int) {
		right, temps := in[1], []int(nil)
		if !packed {
			right = c.temp(4 * size)
			temps = []int{right}
		}
		return func(f *Frame) turns {
			p := gemm.Part{Right: ops.Of[float32](f.p[right], size), N1: a.N,
				Args: gemm.Args{N: a.N, K: a.K, LDA: a.LDA, LDC: a.N, ReLU: e.ReLU}}
			if e.Bias {
				p.Bias = ops.Of[float32](f.p[in[2]], a.N)
			}
			if !packed {
				b := a
				b.B = ops.Of[float32](f.p[in[1]], have)
				pooled.Pack(p.Right, &b)
			}
			x, z := ops.Of[float32](f.p[in[0]], (a.M-1)*a.LDA+a.K), ops.Of[float32](f.p[out], a.M*a.N)
			return turns{do: func(t conv.Turn) {
				q := p
				q.M, q.A, q.C = t.Hi-t.Lo, x[t.Lo*a.LDA:], z[t.Lo*a.N:]
				serial.Part(&q)
			}}
		}, temps
	}
}
