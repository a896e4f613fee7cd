package exec

import (
	"unsafe"

	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/fusion"
	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/gemm8"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
	"foresee/backend/cpu/internal/vec"
)

// lowerDot lowers DotGeneral to a batch of matrix products on strided operands.
func (c *compiler) lowerDot(n *ir.Node) error {
	if n.In[0].DType() == dtypes.Int8 && n.Out[0].DType() != dtypes.Int8 {
		c.lowerByteDot(n)
		return nil
	}
	a := n.Attr.(ir.Dot)
	if n.In[1].DType() == dtypes.BFloat16 {
		c.lowerHalfDot(n, a.Epilogue)
		return nil
	}
	l, lm := ops.SideOf(n.In[0].Dims(), n.In[0].DType().Size(), a.LHSBatch, a.LHSContract)
	r, rm := ops.SideOf(n.In[1].Dims(), n.In[1].DType().Size(), a.RHSBatch, a.RHSContract)
	k := ops.Dot(n.In[0].DType())
	if k == nil {
		return unsupported(n)
	}
	x, y, o := c.id(n.In[0]), c.id(n.In[1]), c.out(n.Out[0])
	fast := n.In[0].DType() == dtypes.Float32 && n.Out[0].Size() > 0
	args, packed := productArgs(l, r, a.Epilogue.ReLU), false
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
	if fast && lm == nil && rm == nil && !narrow(l, r, n) {
		c.rowsInTurns(s, args, n, packed)
		if !packed && c.prog.Gemm.Chains(&args) {
			s.row = &args
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

// lowerByteDot lowers a product of int8 matrices, of ir.ReadBytes with sums in int32 or, scaled, of ir.FuseByteDense: the
// right one is packed by a step of its own, once for all products with it.
func (c *compiler) lowerByteDot(n *ir.Node) {
	rows, k, columns := n.In[0].Dims()[0], n.In[0].Dims()[1], n.In[1].Dims()[1]
	size, have := c.prog.Bytes.PackedSize(k, columns), n.In[1].Size()
	w := c.packOnce(packKey{v: fusion.Base(c.fn, n.In[1])}, size, func(f *Frame, to, from unsafe.Pointer) {
		f.prog.Bytes.Pack(ops.Of[byte](to, size), gemm8.Matrix{K: k, N: columns, Data: ops.Of[int8](from, have)})
	})
	s := c.step(n, nil)
	s.Reads[1] = w
	in, o := s.Reads, s.Writes[0]
	s.run = func(f *Frame) {
		a := gemm8.Args{M: rows, N: columns, K: k, A: ops.Of[int8](f.p[in[0]], rows*k)}
		if len(in) == 2 {
			a.C = ops.Of[int32](f.p[o], rows*columns)
		} else {
			a.Floats, a.Rows, a.Columns = ops.Of[float32](f.p[o], rows*columns), ops.Of[float32](f.p[in[2]], rows), ops.Of[float32](f.p[in[3]], columns)
			if len(in) > 4 {
				a.Bias = ops.Of[float32](f.p[in[4]], columns)
			}
		}
		f.prog.Bytes.Product(&a, ops.Of[byte](f.p[w], size))
	}
}

type matrixProduct func(f *Frame, out, lhs, rhs unsafe.Pointer)

func portableProduct(k func(m *ops.Matrices, out, lhs, rhs unsafe.Pointer, lo, hi int), l, r ops.Side) matrixProduct {
	m := ops.Pair(l, r)
	grain := max(1, 1<<16/max(1, m.N*m.K))
	return func(f *Frame, out, lhs, rhs unsafe.Pointer) {
		f.parallel(m.B*m.M, grain, func(_, lo, hi int) { k(m, out, lhs, rhs, lo, hi) })
	}
}

// productArgs describes a product of package gemm; a transposed operand is a flag there, not a
// copy. dotSide leaves each operand with rows or the contracted axis contiguous, because its axes join.
func productArgs(l, r ops.Side, relu bool) gemm.Args {
	a := gemm.Args{M: l.Rows.N, N: r.Rows.N, K: l.Contract.N, Batch: l.Batch.N, ReLU: relu,
		StrideA: l.Batch.Stride, StrideB: r.Batch.Stride, StrideC: l.Rows.N * r.Rows.N}
	a.TransA, a.LDA = l.Leading(false)
	a.TransB, a.LDB = r.Leading(true)
	return a
}

// fastProduct calls package gemm, with a right operand as it is or packed.
func (c *compiler) fastProduct(a gemm.Args, n *ir.Node, packed bool) matrixProduct {
	e := n.Attr.(ir.Dot).Epilogue
	bias := -1
	if e.Bias {
		bias = c.id(n.In[2])
	}
	sizeA, sizeB, sizeC := n.In[0].Size(), n.In[1].Size(), n.Out[0].Size()
	engine, _ := c.prog.Products.For(&a)
	if packed {
		sizeB = engine.PackedSize(a.K, a.N)
	}
	return func(f *Frame, out, lhs, rhs unsafe.Pointer) {
		args := &f.gemm
		*args = a
		args.A, args.B, args.C = ops.Of[float32](lhs, sizeA), ops.Of[float32](rhs, sizeB), ops.Of[float32](out, sizeC)
		if bias >= 0 {
			args.Bias = ops.Of[float32](f.p[bias], a.N)
		}
		if packed {
			engine.Multiply(args, args.B)
		} else {
			engine.Multiply(args, nil)
		}
		*args = gemm.Args{}
	}
}

// narrow says whether a product is of long rows with few columns, where packing the rows into
// tiles costs more than it gains.
func narrow(l, r ops.Side, n *ir.Node) bool {
	return n.Attr.(ir.Dot).Epilogue == ir.Epilogue{} && l.Batch.N == 1 && r.Rows.N <= 4 &&
		l.Contract.N >= 64 && l.Rows.N >= 64 && l.Contract.Stride == 1
}

// narrowProduct takes a dot product for each element, with the right side's columns laid out as
// rows in storage b.
func narrowProduct(l, r ops.Side, b int) matrixProduct {
	m, n, k := l.Rows.N, r.Rows.N, l.Contract.N
	grain := max(1, 1<<17/(n*k))
	columns := ops.Move{Size: 4, Dims: []int{n, k}, Dst: []int{k, 1}, Src: []int{r.Rows.Stride, r.Contract.Stride}}
	return func(f *Frame, out, lhs, rhs unsafe.Pointer) {
		columns.Run(f.p[b], rhs, 0, n)
		x, y, z := ops.Of[float32](lhs, (m-1)*l.Rows.Stride+k), ops.Of[float32](f.p[b], n*k), ops.Of[float32](out, m*n)
		f.parallel(m, grain, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				row := x[i*l.Rows.Stride:][:k]
				for j := range n {
					z[i*n+j] = vec.Dot(row, y[j*k:][:k])
				}
			}
		})
	}
}
