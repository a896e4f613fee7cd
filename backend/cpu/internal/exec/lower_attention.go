package exec

import (
	"github.com/gomlx/compute"

	"foresee/backend/cpu/internal/attention"
	"foresee/backend/cpu/internal/fusion"
	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
)

// placed is a tensor of an attention in a storage, from element at on.
type placed struct {
	attention.Tensor // without data
	store, at, size  int
}

func (p placed) of(f *Frame) attention.Tensor {
	t := p.Tensor
	t.Data = ops.Of[float32](f.p[p.store], p.size)[p.at:]
	return t
}

// attends says whether a node is an attention or its gradient; it reads through cuts of other tensors.
func attends(n *ir.Node) bool {
	return n.Op == compute.OpTypeFusedScaledDotProductAttention || n.Op == compute.OpTypeFusedScaledDotProductAttentionVJP
}

// attentionOperand returns the tensor that holds v and how its tokens lie there.
func (c *compiler) attentionOperand(v *ir.Value, a ir.Attention) (*ir.Value, placed) {
	h, t := a.Axes()
	if u, s, at, ok := fusion.Strided(c.fn, v); ok && s[3] == 1 {
		return u, placed{Tensor: attention.Tensor{Batch: s[0], Head: s[h], Token: s[t]}, at: at}
	}
	return v, placed{Tensor: dense(v, a)}
}

// lowerAttention lowers an attention or its gradient to one step.
func (c *compiler) lowerAttention(n *ir.Node) {
	a := n.Attr.(ir.Attention)
	z := a.Sizes(n.In)
	s := attention.Shape{Batch: z.Batch, Heads: z.Heads, KVHeads: z.KVHeads, Queries: z.Queries, Keys: z.Keys, Width: z.Width,
		Scale: a.Scale, Causal: a.Causal}
	c.prog.scratch = max(c.prog.scratch, 4*s.ScratchFloats())
	step := step{op: "Attention"}
	var in []placed
	for _, v := range n.In[:min(5, len(n.In))] {
		u, p := c.attentionOperand(v, a)
		p.store, p.size = c.id(u), u.Size()
		in = append(in, p)
		step.Reads = append(step.Reads, p.store)
	}
	var out []placed
	for _, v := range n.Out {
		out = append(out, placed{store: c.out(v), size: v.Size()})
		step.Writes = append(step.Writes, out[len(out)-1].store)
	}
	mass, size := 0, z.Batch*z.Heads*z.Queries
	problem := func(f *Frame, o placed) attention.Problem {
		return attention.Problem{Shape: s, Q: in[0].of(f), K: in[1].of(f), V: in[2].of(f), Out: o.of(f), Mass: ops.Of[float32](f.p[mass], size)}
	}
	if n.Op == compute.OpTypeFusedScaledDotProductAttention {
		out[0].Tensor, mass = dense(n.In[0], a), out[1].store
		step.run = func(f *Frame) { attention.Forward(f.attention(), problem(f, out[0])) }
	} else {
		step.op, mass = "AttentionGradient", c.id(n.In[5])
		step.Reads = append(step.Reads, mass)
		d := gradientPlaces(n, a, out)
		step.run = func(f *Frame) {
			attention.Backward(f.attention(), problem(f, in[3]), attention.Gradients{Out: in[4].of(f), Q: d[0].of(f), K: d[1].of(f), V: d[2].of(f)})
		}
	}
	c.prog.steps = append(c.prog.steps, step)
}

// dense is the layout of a tensor of its own.
func dense(v *ir.Value, a ir.Attention) attention.Tensor {
	h, t := a.Axes()
	s := ops.Strides(v.Dims())
	return attention.Tensor{Batch: s[0], Head: s[h], Token: s[t]}
}

// gradientPlaces returns where the gradients of query, key and value go.
func gradientPlaces(n *ir.Node, a ir.Attention, out []placed) [3]placed {
	var d [3]placed
	for i := range d {
		if !a.Joined {
			d[i] = out[i]
			d[i].Tensor = dense(n.In[i], a)
			continue
		}
		// [batch, x, 3, y, width]: x is tokens or heads, y the other
		s := ops.Strides(n.Out[0].Dims())
		d[i] = out[0]
		d[i].at = i * s[2]
		d[i].Tensor = attention.Tensor{Batch: s[0], Head: s[1], Token: s[3]}
		if a.TokensFirst {
			d[i].Head, d[i].Token = s[3], s[1]
		}
	}
	return d
}

// attention returns what the kernels of package attention run on.
func (f *Frame) attention() *attention.Engine {
	return &attention.Engine{Pool: f.pool, Products: f.prog.Serial, Scratch: f.floats}
}
