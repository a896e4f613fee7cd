package exec

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/fusion"
	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
)

// moveGrain is the number of elements that one part of a copy moves.
const moveGrain = 1 << 15

// lowerMove makes the steps of operations that only copy elements from one place to another.
func (c *compiler) lowerMove(n *ir.Node) error {
	if ir.Renames(n) && !c.needed[n.Out[0]] {
		return nil // its users read through it
	}
	switch n.Op {
	case compute.OpTypeConcatenate:
		c.lowerConcat(n)
	case compute.OpTypePad:
		c.lowerPad(n)
	case compute.OpTypeDynamicSlice, compute.OpTypeDynamicUpdateSlice:
		c.lowerDynamic(n)
	default:
		m := fusion.SourceMove(n)
		if n.Op == compute.OpTypeSlice && fusion.Contiguous(m) {
			c.view(n.Out[0], n.In[0], m.SrcAt*m.Size)
			return nil
		}
		x, o := c.id(n.In[0]), c.out(n.Out[0])
		c.step(n, func(f *Frame) { f.move(&m, f.p[o], f.p[x]) })
	}
	return nil
}

// move runs a copy, in parts.
func (f *Frame) move(m *ops.Move, dst, src unsafe.Pointer) {
	if len(m.Dims) == 0 {
		m.Run(dst, src, 0, 1)
		return
	}
	n := ops.Product(m.Dims)
	switch {
	case n > 0 && m.Transposes():
		f.transpose(m, elem(dst, m.DstAt, m.Size), elem(src, m.SrcAt, m.Size))
	case n <= moveGrain:
		m.Run(dst, src, 0, m.Dims[0])
	default:
		grain := max(1, moveGrain/(n/m.Dims[0]))
		f.parallel(m.Dims[0], grain, func(_, lo, hi int) { m.Run(dst, src, lo, hi) })
	}
}

// transpose runs a copy that is a transposition of planes: in parts over planes, or, of one
// plane, over its rows.
func (f *Frame) transpose(m *ops.Move, dst, src unsafe.Pointer) {
	k := len(m.Dims) - 2
	rows, cols, ds, ss := m.Dims[k], m.Dims[k+1], m.Dst[k], m.Src[k+1]
	plane := func(dst, src unsafe.Pointer, rows int) {
		gemm.Transpose(ops.Of[float32](dst, (rows-1)*ds+cols), ops.Of[float32](src, (cols-1)*ss+rows), cols, rows, ds, ss)
	}
	outer := m.Dims[:k]
	planes := ops.Product(outer)
	if planes == 1 {
		f.parallel(rows, max(16, moveGrain/cols&^15), func(_, lo, hi int) { plane(elem(dst, lo*ds, 4), elem(src, lo, 4), hi-lo) })
		return
	}
	f.parallel(planes, max(1, moveGrain/(rows*cols)), func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			to, from, rest := 0, 0, i
			for a := k - 1; a >= 0; a-- {
				to += rest % outer[a] * m.Dst[a]
				from += rest % outer[a] * m.Src[a]
				rest /= outer[a]
			}
			plane(elem(dst, to, 4), elem(src, from, 4), rows)
		}
	})
}

// lowerPad fills the output and copies the input into it; negative padding cuts.
func (c *compiler) lowerPad(n *ir.Node) {
	in, out := n.In[0], n.Out[0]
	m := ops.PadMove(in.DType().Size(), in.Dims(), out.Dims(), n.Attr.(ir.Pad).Axes).Simplify()
	empty := ops.Product(m.Dims) == 0
	x, fill, o, count := c.id(in), c.id(n.In[1]), c.out(out), out.Size()
	c.step(n, func(f *Frame) {
		f.parallel(count, moveGrain, func(_, lo, hi int) {
			ops.Fill(elem(f.p[o], lo, m.Size), f.p[fill], hi-lo, m.Size)
		})
		if !empty {
			f.move(&m, f.p[o], f.p[x])
		}
	})
}

// lowerDynamic lowers DynamicSlice (operand, starts...) and DynamicUpdateSlice (operand,
// update, starts...).
func (c *compiler) lowerDynamic(n *ir.Node) {
	in, out := n.In[0], n.Out[0]
	box, starts := out.Dims(), n.In[1:]
	update := n.Op == compute.OpTypeDynamicUpdateSlice
	if update {
		box, starts = n.In[1].Dims(), n.In[2:]
	}
	strides := ops.Strides(in.Dims())
	limit := make([]int, len(box))
	read := make([]func(f *Frame) int64, len(box))
	for i, v := range starts {
		limit[i] = in.Dims()[i] - box[i]
		read[i] = c.integer(v)
	}
	offset := func(f *Frame) (at int) {
		for i, l := range limit {
			at += int(max(0, min(read[i](f), int64(l)))) * strides[i]
		}
		return at
	}
	size := in.DType().Size()
	x, o, bytes := c.id(in), c.out(out), in.Bytes()
	if !update {
		m := ops.Move{Size: size, Dims: box, Dst: ops.Strides(box), Src: strides}.Simplify()
		c.step(n, func(f *Frame) {
			if out.Size() > 0 {
				f.move(&m, f.p[o], elem(f.p[x], offset(f), size))
			}
		})
		return
	}
	u := c.id(n.In[1])
	m := ops.Move{Size: size, Dims: box, Dst: strides, Src: ops.Strides(box)}.Simplify()
	s := c.step(n, func(f *Frame) {
		if f.p[o] != f.p[x] && bytes > 0 {
			copy(ops.Of[byte](f.p[o], bytes), ops.Of[byte](f.p[x], bytes))
		}
		if ops.Product(box) > 0 {
			f.move(&m, elem(f.p[o], offset(f), size), f.p[u])
		}
	})
	if c.prog.stores.Root(u) != c.prog.stores.Root(x) {
		s.InPlace = [][2]int{{o, x}}
	}
}

// integer returns a reader of a scalar of any integer type.
func (c *compiler) integer(v *ir.Value) func(f *Frame) int64 {
	id, k := c.id(v), ops.Convert(v.DType(), dtypes.Int64)
	return func(f *Frame) int64 {
		var x int64
		k(unsafe.Pointer(&x), f.p[id], nil, nil, 1)
		return x
	}
}
