package exec

import (
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
)

// lowerConv lowers ConvGeneral.
func (c *compiler) lowerConv(n *ir.Node) error {
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
