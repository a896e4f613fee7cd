package exec

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/fusion"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
	"foresee/backend/cpu/internal/tuned"
)

// Loops over rows: package fusion says which nodes they hold.

// thin says whether v is one element a row of the loop.
func (b *ewiseBuilder) thin(v *ir.Value) bool { return b.e.cols > 0 && v.Size() == b.n/b.e.cols }

// emitRows appends n if it is a reduction of rows, or a float32 operation of rows and an element for each.
func (b *ewiseBuilder) emitRows(n *ir.Node) (bool, error) {
	if !fusion.Elementwise(n) {
		in := make([]int, len(n.In))
		for i, v := range n.In {
			in[i] = b.operand(v, n.In[0].Dims())
		}
		_, product := n.Attr.(ir.SumProduct)
		return true, b.each(n, tuned.Fold(n.Op, product), b.result(n.Out[0]), in...)
	}
	if b.e.cols == 0 || n.Out[0].Size() != b.n || len(n.In) != 2 || n.In[0].DType() != dtypes.Float32 || n.Out[0].DType() != dtypes.Float32 {
		return false, nil
	}
	for side, v := range n.In {
		k := tuned.Scalar(n.Op, side == 0)
		if k == nil || !fusion.RepeatsRows(fusion.Reading(b.c.fn, v, n.Out[0].Dims()), b.e.cols) {
			continue
		}
		x := b.operand(n.In[1-side], n.Out[0].Dims())
		s := b.thinOperand(fusion.Source(b.c.fn, v, b.n))
		return true, b.each(n, k, b.result(n.Out[0]), x, s)
	}
	return false, nil
}

// each appends an instruction whose kernel is called for each row.
func (b *ewiseBuilder) each(n *ir.Node, k ops.Kernel, dst int, in ...int) error {
	err := b.code(n, k, dst, in...)
	if err == nil {
		b.e.code[len(b.e.code)-1].over = overEach
	}
	return err
}

// thinOperand returns the register of u, one element a row.
func (b *ewiseBuilder) thinOperand(u *ir.Value) int {
	if i, ok := b.byValue[u]; ok {
		return i
	}
	id := b.c.id(u)
	key := fmt.Sprint("thin ", id)
	if i, ok := b.loads[key]; ok {
		return i
	}
	return b.load(key, register{store: id, size: 4, step: 4, thin: true})
}

// spread returns a register that repeats each element of a thin one along its row.
func (b *ewiseBuilder) spread(i int) int {
	key := fmt.Sprint("spread ", i)
	if w, ok := b.loads[key]; ok {
		return w
	}
	w := b.register(register{store: -1, size: 4})
	b.loads[key] = w
	b.each(nil, tuned.Repeat, w, i)
	return w
}
