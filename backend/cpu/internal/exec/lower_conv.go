package exec

import (
	"foresee/backend/cpu/internal/conv"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
)

// lowerConv lowers ConvGeneral: to the tuned kernels where the pass was recognised, else to the
// portable one.
func (c *compiler) lowerConv(n *ir.Node) error {
	if a, ok := n.Attr.(ir.FastConv); ok {
		c.lowerFastConv(n, a)
		return nil
	}
	k := ops.Convolution(n.In[0].DType())
	if k == nil {
		return unsupported(n)
	}
	g := convGeometry(n)
	x, w, o := c.id(n.In[0]), c.id(n.In[1]), c.out(n.Out[0])
	c.step(n, func(f *Frame) {
		f.parallel(g.B, 1, func(_, lo, hi int) { k(g, f.p[o], f.p[x], f.p[w], lo, hi) })
	})
	return nil
}

// lowerFastConv calls one pass of package conv, with copies around it for operands that do not
// lie in memory the way the kernels read them.
func (c *compiler) lowerFastConv(n *ir.Node, a ir.FastConv) {
	shape := conv.Shape{N: a.N, H: a.H, W: a.W, Cin: a.Cin, KH: a.KH, KW: a.KW, Cout: a.Cout,
		StrideH: a.StrideH, StrideW: a.StrideW, PadTop: a.PadTop, PadLeft: a.PadLeft, OutH: a.OutH, OutW: a.OutW}
	shape.Fast, shape.Shorts = true, c.prog.Products.Shorts() && conv.ShortsPay()
	shape.PadBottom = (a.OutH-1)*a.StrideH + a.KH - a.H - a.PadTop
	shape.PadRight = (a.OutW-1)*a.StrideW + a.KW - a.W - a.PadLeft
	v := &fastConv{Shape: shape, role: a.Role, relu: a.ReLU, bias: c.optional(n, a.Bias, 2), residual: c.optional(n, a.Residual, len(n.In)-1),
		in: ops.Product(a.A.Dims[:]), ker: ops.Product(a.B.Dims[:]), out: ops.Product(a.Out.Dims[:])}
	floats := convPasses[a.Role].floats(shape, conv.Crew{Threads: c.prog.Pool.Threads()})
	x, w, o := c.id(n.In[0]), c.id(n.In[1]), c.out(n.Out[0])
	s := c.step(n, nil)
	s.op = convPasses[a.Role].name
	work := c.temp(4 * floats)
	s.Temps = append(s.Temps, work)
	dense := func(id int, p ir.Plane) (int, *ops.Move) {
		if p.Dense() {
			return id, nil
		}
		t := c.temp(4 * ops.Product(p.Dims[:]))
		s.Temps = append(s.Temps, t)
		m := ops.Move{Size: 4, Dims: p.Dims[:], Dst: ops.Strides(p.Dims[:]), Src: p.Strides[:], SrcAt: p.At}.Simplify()
		return t, &m
	}
	xd, xm := dense(x, a.A)
	wd, wm := dense(w, a.B)
	od, om := dense(o, a.Out)
	if om != nil {
		om.Dst, om.Src, om.DstAt, om.SrcAt = om.Src, om.Dst, om.SrcAt, om.DstAt
	}
	s.run = func(f *Frame) {
		if xm != nil {
			f.move(xm, f.p[xd], f.p[x])
		}
		if wm != nil {
			f.move(wm, f.p[wd], f.p[w])
		}
		v.run(f, operands{f.p[xd], f.p[wd], f.p[od], f.p[work]}, floats)
		if om != nil {
			f.move(om, f.p[o], f.p[od])
		}
	}
	if xm == nil && wm == nil && om == nil {
		whole := []int{w}
		if a.Bias {
			whole = append(whole, c.id(n.In[2]))
		}
		v.inTurns(s, whole)
	}
}

// optional returns a reader of operand i of n, or of nothing.
func (c *compiler) optional(n *ir.Node, have bool, i int) func(f *Frame) []float32 {
	if !have {
		return func(*Frame) []float32 { return nil }
	}
	id, size := c.id(n.In[i]), n.In[i].Size()
	return func(f *Frame) []float32 { return ops.Of[float32](f.p[id], size) }
}

// convGeometry reads the sizes and strides of a ConvGeneral node.
func convGeometry(n *ir.Node) *ops.Conv {
	a := n.Attr.(ir.Conv)
	in, ker, out := n.In[0].Dims(), n.In[1].Dims(), n.Out[0].Dims()
	is, ks, os := ops.Strides(in), ops.Strides(ker), ops.Strides(out)
	x := a.Axes
	rank := len(x.InputSpatial)
	g := &ops.Conv{
		B: out[x.OutputBatch], C: ker[x.KernelInputChannels], O: out[x.OutputChannels],
		ChannelGroups: a.ChannelGroups, BatchGroups: a.BatchGroups,
		Stride: orOnes(a.Strides, rank), InDilation: orOnes(a.InDilations, rank),
		KerDilation: orOnes(a.KerDilations, rank), Pad: make([]int, rank),
		InB: is[x.InputBatch], InC: is[x.InputChannels],
		KerC: ks[x.KernelInputChannels], KerO: ks[x.KernelOutputChannels],
		OutB: os[x.OutputBatch], OutC: os[x.OutputChannels],
	}
	for i := range rank {
		g.In, g.InS = append(g.In, in[x.InputSpatial[i]]), append(g.InS, is[x.InputSpatial[i]])
		g.Ker, g.KerS = append(g.Ker, ker[x.KernelSpatial[i]]), append(g.KerS, ks[x.KernelSpatial[i]])
		g.Out, g.OutS = append(g.Out, out[x.OutputSpatial[i]]), append(g.OutS, os[x.OutputSpatial[i]])
		if len(a.Paddings) > 0 {
			g.Pad[i] = a.Paddings[i][0]
		}
	}
	return g
}
