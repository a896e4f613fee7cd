package fusion

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
)

// Text says what g computes, for people: "[64 32] [32 16] -> [64 16]", or of a fused loop "Sub Mul [64 16]".
func (g *Group) Text() string {
	var b strings.Builder
	if g.Fused {
		for _, n := range g.Nodes {
			fmt.Fprintf(&b, "%s ", n.Op)
		}
		writeShape(&b, g.Nodes[len(g.Nodes)-1].Out[0])
		return b.String()
	}
	n := g.Nodes[0]
	for _, v := range n.In {
		writeShape(&b, v)
		b.WriteByte(' ')
	}
	b.WriteString("->")
	for _, v := range n.Out {
		b.WriteByte(' ')
		writeShape(&b, v)
	}
	return b.String()
}

// ShapeText is "[64 32]", with the type if that is not float32.
func ShapeText(v *ir.Value) string {
	var b strings.Builder
	writeShape(&b, v)
	return b.String()
}

func writeShape(b *strings.Builder, v *ir.Value) {
	if v.DType() != dtypes.Float32 {
		b.WriteString(strings.ToLower(v.DType().String()))
	}
	fmt.Fprint(b, v.Dims())
}

// FLOP counts the arithmetic of one call.
func (g *Group) FLOP() int64 {
	if g.Fused {
		return int64(len(g.Nodes)) * int64(g.Size)
	}
	n := g.Nodes[0]
	switch a := n.Attr.(type) {
	case ir.Dot:
		k := 1
		for _, axis := range a.LHSContract {
			k *= n.In[0].Dims()[axis]
		}
		return 2 * int64(k) * int64(n.Out[0].Size())
	case ir.ByteDense:
		return 2 * int64(n.In[0].Size()) * int64(n.In[1].Dims()[1])
	case ir.GRU:
		k := n.In[0].Dims()[1]
		if a.Input {
			k += n.In[len(n.In)-2].Dims()[0]
		}
		return 2 * int64(ir.Gates*k) * int64(n.Out[0].Size())
	case ir.FastConv:
		return 2 * int64(a.N*a.OutH*a.OutW*a.Cout) * int64(a.KH*a.KW*a.Cin)
	case ir.Conv:
		return 2 * int64(n.Out[0].Size()) * int64(n.In[1].Size()/max(1, n.In[1].Dims()[a.Axes.KernelOutputChannels]))
	case ir.Attention:
		z := a.Sizes(n.In)
		one := 2 * int64(z.Batch*z.Heads*z.Queries) * int64(z.Keys*z.Width)
		if n.Op == compute.OpTypeFusedScaledDotProductAttention {
			return 2 * one
		}
		return 5 * one
	case ir.SumProduct:
		return 2 * int64(n.In[0].Size())
	case ir.Window:
		windows := n.Out[0].Size()
		if n.Op != compute.OpTypeReduceWindow {
			windows = n.In[1].Size()
		}
		return int64(ops.Product(a.Dims)) * int64(windows)
	case ir.Axes:
		switch n.Op {
		case compute.OpTypeTranspose, compute.OpTypeBroadcastInDim, compute.OpTypeReverse:
			return 0
		}
		return int64(n.In[0].Size())
	}
	return 0
}

// Name names the step of a group of one node.
func Name(n *ir.Node) string {
	if _, ok := n.Attr.(ir.SumProduct); ok {
		return "SumProduct"
	}
	return n.Op.String()
}
