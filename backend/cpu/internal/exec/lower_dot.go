package exec

import (
	"slices"
	"unsafe"

	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
	"foresee/backend/cpu/internal/vec"
)

// side is one operand of a DotGeneral seen as [batch, rows, contracted].
type side struct {
	batch, rows, contract axisRun
}

// axisRun is a list of axes that behave as one of size n with a single stride.
type axisRun struct{ n, stride int }

// joinAxes returns the run for axes in the given order, or false if they have no single stride.
func joinAxes(dims, strides, axes []int) (axisRun, bool) {
	r := axisRun{n: 1}
	for i := len(axes) - 1; i >= 0; i-- {
		d := dims[axes[i]]
		if d == 1 {
			continue
		}
		if r.n == 1 {
			r.stride = strides[axes[i]]
		} else if strides[axes[i]] != r.stride*r.n {
			return r, false
		}
		r.n *= d
	}
	if r.n == 1 {
		r.stride = 1
	}
	return r, true
}

func otherAxes(rank int, lists ...[]int) []int {
	var out []int
	for i := range rank {
		used := false
		for _, l := range lists {
			used = used || slices.Contains(l, i)
		}
		if !used {
			out = append(out, i)
		}
	}
	return out
}

// dotSide describes an operand in place if its axes join, or else as the dense copy that the
// returned move makes.
func dotSide(v *ir.Value, batch, contract []int) (side, *ops.Move) {
	dims, strides := v.Dims(), ops.Strides(v.Dims())
	rows := otherAxes(len(dims), batch, contract)
	var s side
	var ok [3]bool
	s.batch, ok[0] = joinAxes(dims, strides, batch)
	s.rows, ok[1] = joinAxes(dims, strides, rows)
	s.contract, ok[2] = joinAxes(dims, strides, contract)
	if ok == [3]bool{true, true, true} && (s.rows.stride == 1 || s.contract.stride == 1) {
		return s, nil
	}
	order := slices.Concat(batch, rows, contract)
	m := ops.Move{Size: v.DType().Size()}
	for _, axis := range order {
		m.Dims = append(m.Dims, dims[axis])
		m.Src = append(m.Src, strides[axis])
	}
	m.Dst = ops.Strides(m.Dims)
	size := func(axes []int) int {
		n := 1
		for _, a := range axes {
			n *= dims[a]
		}
		return n
	}
	b, r, k := size(batch), size(rows), size(contract)
	s = side{axisRun{b, r * k}, axisRun{r, k}, axisRun{k, 1}}
	m = m.Simplify()
	return s, &m
}

// lowerDot lowers DotGeneral to a batch of matrix products on strided operands.
func (c *compiler) lowerDot(n *ir.Node) error {
	a := n.Attr.(ir.Dot)
	if n.In[1].DType() == dtypes.BFloat16 {
		c.lowerHalfDot(n, a.Epilogue)
		return nil
	}
	l, lm := dotSide(n.In[0], a.LHSBatch, a.LHSContract)
	r, rm := dotSide(n.In[1], a.RHSBatch, a.RHSContract)
	k := ops.Dot(n.In[0].DType())
	if k == nil {
		return unsupported(n)
	}
	x, y, o := c.id(n.In[0]), c.id(n.In[1]), c.out(n.Out[0])
	fast := n.In[0].DType() == dtypes.Float32 && n.Out[0].Size() > 0
	args, packed := productArgs(l, r), false
	lx, ry := x, y
	if fast && rm == nil && !narrow(l, r, n) {
		if id, ok := c.packedOperand(n, &args, r); ok {
			packed, ry = true, id
		}
	}
	s := c.step(n, nil)
	if packed {
		s.Reads[1] = ry
	}
	if lm != nil {
		lx = c.temp(n.In[0].Bytes())
		s.Temps = append(s.Temps, lx)
	}
	if rm != nil {
		ry = c.temp(n.In[1].Bytes())
		s.Temps = append(s.Temps, ry)
	}
	product := portableProduct(k, l, r)
	if fast {
		product = c.fastProduct(args, n, packed)
		if narrow(l, r, n) {
			b := c.temp(n.In[1].Bytes())
			s.Temps = append(s.Temps, b)
			product = narrowProduct(l, r, b)
		}
	}
	s.run = func(f *Frame) {
		if lm != nil {
			f.move(lm, f.p[lx], f.p[x])
		}
		if rm != nil {
			f.move(rm, f.p[ry], f.p[y])
		}
		product(f, f.p[o], f.p[lx], f.p[ry])
	}
	return nil
}

// lowerHalfDot lowers a product of one row by a matrix of bfloat16, of ir.ReadHalf.
func (c *compiler) lowerHalfDot(n *ir.Node, e ir.Epilogue) {
	k, columns := n.In[1].Dims()[0], n.In[1].Dims()[1]
	x, w, o, bias := c.id(n.In[0]), c.id(n.In[1]), c.out(n.Out[0]), -1
	if e.Bias {
		bias = c.id(n.In[2])
	}
	c.step(n, nil).run = func(f *Frame) {
		f.gemm = gemm.Args{M: 1, N: columns, K: k, A: ops.Of[float32](f.p[x], k), C: ops.Of[float32](f.p[o], columns), ReLU: e.ReLU}
		if bias >= 0 {
			f.gemm.Bias = ops.Of[float32](f.p[bias], columns)
		}
		f.prog.Gemm.Float32Half(&f.gemm, ops.Of[uint16](f.p[w], k*columns))
		f.gemm = gemm.Args{}
	}
}

type matrixProduct func(f *Frame, out, lhs, rhs unsafe.Pointer)

func portableProduct(k func(m *ops.Matrices, out, lhs, rhs unsafe.Pointer, lo, hi int), l, r side) matrixProduct {
	m := &ops.Matrices{B: l.batch.n, M: l.rows.n, N: r.rows.n, K: l.contract.n,
		LB: l.batch.stride, LM: l.rows.stride, LK: l.contract.stride,
		RB: r.batch.stride, RN: r.rows.stride, RK: r.contract.stride}
	grain := max(1, 1<<16/max(1, m.N*m.K))
	return func(f *Frame, out, lhs, rhs unsafe.Pointer) {
		f.parallel(m.B*m.M, grain, func(_, lo, hi int) { k(m, out, lhs, rhs, lo, hi) })
	}
}

// productArgs describes a product of package gemm; a transposed operand is a flag there, not a
// copy. dotSide leaves each operand with rows or the contracted axis contiguous, because its axes join.
func productArgs(l, r side) gemm.Args {
	a := gemm.Args{M: l.rows.n, N: r.rows.n, K: l.contract.n, Batch: l.batch.n,
		StrideA: l.batch.stride, StrideB: r.batch.stride, StrideC: l.rows.n * r.rows.n}
	a.TransA, a.LDA = l.leading(false)
	a.TransB, a.LDB = r.leading(true)
	return a
}

// fastProduct calls package gemm, with a right operand as it is or packed.
func (c *compiler) fastProduct(a gemm.Args, n *ir.Node, packed bool) matrixProduct {
	e := n.Attr.(ir.Dot).Epilogue
	bias := -1
	if e.Bias {
		bias = c.id(n.In[2])
	}
	a.ReLU = e.ReLU
	sizeA, sizeB, sizeC := n.In[0].Size(), n.In[1].Size(), n.Out[0].Size()
	if packed {
		sizeB = c.prog.Gemm.PackedSize(a.K, a.N)
	}
	return func(f *Frame, out, lhs, rhs unsafe.Pointer) {
		args := &f.gemm
		*args = a
		args.A, args.B, args.C = ops.Of[float32](lhs, sizeA), ops.Of[float32](rhs, sizeB), ops.Of[float32](out, sizeC)
		if bias >= 0 {
			args.Bias = ops.Of[float32](f.p[bias], a.N)
		}
		if packed {
			f.prog.Gemm.Float32Packed(args, args.B)
		} else {
			f.prog.Gemm.Float32(args)
		}
		*args = gemm.Args{}
	}
}

// narrow says whether a product is of long rows with few columns, where packing the rows into
// tiles costs more than it gains.
func narrow(l, r side, n *ir.Node) bool {
	return n.Attr.(ir.Dot).Epilogue == ir.Epilogue{} && l.batch.n == 1 && r.rows.n <= 4 &&
		l.contract.n >= 64 && l.rows.n >= 64 && l.contract.stride == 1
}

// narrowProduct takes a dot product for each element, with the right side's columns laid out as
// rows in storage b.
func narrowProduct(l, r side, b int) matrixProduct {
	m, n, k := l.rows.n, r.rows.n, l.contract.n
	grain := max(1, 1<<17/(n*k))
	columns := ops.Move{Size: 4, Dims: []int{n, k}, Dst: []int{k, 1}, Src: []int{r.rows.stride, r.contract.stride}}
	return func(f *Frame, out, lhs, rhs unsafe.Pointer) {
		columns.Run(f.p[b], rhs, 0, n)
		x, y, z := ops.Of[float32](lhs, (m-1)*l.rows.stride+k), ops.Of[float32](f.p[b], n*k), ops.Of[float32](out, m*n)
		f.parallel(m, grain, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				row := x[i*l.rows.stride:][:k]
				for j := range n {
					z[i*n+j] = vec.Dot(row, y[j*k:][:k])
				}
			}
		})
	}
}

// leading returns whether the operand is stored transposed, as [contracted, rows] on the left
// and as [rows, contracted] on the right, and the distance of its stored rows, 0 for no gaps.
func (s side) leading(right bool) (transposed bool, ld int) {
	byRow := s.contract.n == 1 || s.contract.stride == 1 && !(s.rows.n == 1 && right) // stored [rows, contracted]
	outer := s.contract
	if byRow {
		outer = s.rows
	}
	if outer.n > 1 {
		ld = outer.stride
	}
	return byRow == right, ld
}
