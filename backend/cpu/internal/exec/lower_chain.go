package exec

import (
	"fmt"

	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/ops"
)

// chains makes one step of products of one row that follow each other, where only the next reads what one makes, if that
// is faster: see gemm.Chain.
func (c *compiler) chains() {
	var steps []step
	rest, may := c.prog.steps, make([]bool, len(c.prog.steps))
	for i := range rest {
		may[i] = rest[i].row != nil
	}
	for _, n := range c.prog.stores.Chains(flows(rest), may) {
		steps = append(steps, c.chain(rest[:n])...)
		rest = rest[n:]
	}
	c.prog.steps = steps
}

// chain makes one step of the products of a chain, unless they are no products or as fast one by one.
func (c *compiler) chain(steps []step) []step {
	if steps[0].row == nil {
		return steps
	}
	n, whole := len(steps)-1, steps[0]
	list := make([]gemm.Args, len(steps))
	for i := range steps {
		list[i] = *steps[i].row
	}
	ch := c.prog.Gemm.NewChain(list)
	if ch == nil {
		return steps
	}
	for _, s := range steps[1:] {
		whole.Reads, whole.flop = append(whole.Reads, s.Reads[1:]...), whole.flop+s.flop
		whole.shape += fmt.Sprint(", ", s.shape)
	}
	whole.Writes = steps[n].Writes
	whole.run = func(f *Frame) {
		fs := f.factors[:0]
		for i := range steps {
			a, r := &list[i], steps[i].Reads
			g := gemm.Factor{B: ops.Of[float32](f.p[r[1]], (a.K-1)*max(a.LDB, a.N)+a.N)}
			if len(r) > 2 {
				g.Bias = ops.Of[float32](f.p[r[2]], a.N)
			}
			fs = append(fs, g)
		}
		ch.Run(ops.Of[float32](f.p[whole.Writes[0]], list[n].N), ops.Of[float32](f.p[whole.Reads[0]], list[0].K), fs)
		clear(fs)
		f.factors = fs
	}
	return []step{whole}
}
