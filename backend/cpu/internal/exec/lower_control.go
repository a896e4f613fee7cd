package exec

import (
	"sort"
	"unsafe"

	"github.com/gomlx/compute"

	"foresee/backend/cpu/internal/ir"
	"foresee/backend/cpu/internal/ops"
)

// callee is a compiled function with the storage of its captures in the caller.
type callee struct {
	prog     *Program
	captures []int
}

func (c *compiler) callee(g *ir.Func) (callee, error) {
	if c.subs == nil {
		c.subs = map[*ir.Func]*Program{}
	}
	p := c.subs[g]
	if p == nil {
		var err error
		if p, err = compile(g, c.prog.Machine); err != nil {
			return callee{}, err
		}
		c.subs[g] = p
	}
	out := callee{prog: p}
	for _, v := range g.Captures() {
		out.captures = append(out.captures, c.id(v))
	}
	return out, nil
}

// pointers returns the addresses of storages, followed by those of the captures.
func (f *Frame) pointers(ids []int, captures []int) []unsafe.Pointer {
	out := make([]unsafe.Pointer, 0, len(ids)+len(captures))
	for _, id := range ids {
		out = append(out, f.p[id])
	}
	for _, id := range captures {
		out = append(out, f.p[id])
	}
	return out
}

func (c *compiler) idsOf(values []*ir.Value) []int {
	out := make([]int, len(values))
	for i, v := range values {
		out[i] = c.id(v)
	}
	return out
}

func (c *compiler) lowerControl(n *ir.Node) error {
	var subs []callee
	var captures []int
	for _, g := range n.Subs() {
		s, err := c.callee(g)
		if err != nil {
			return err
		}
		subs = append(subs, s)
		captures = append(captures, s.captures...)
	}
	outs := make([]int, len(n.Out))
	for i, v := range n.Out {
		outs[i] = c.out(v)
	}
	ins := c.idsOf(n.In)
	s := c.step(n, nil)
	s.Reads = append(s.Reads, captures...)
	switch n.Op {
	case compute.OpTypeCall:
		s.run = func(f *Frame) { subs[0].prog.Run(f.pointers(ins, subs[0].captures), f.pointers(outs, nil)) }
	case compute.OpTypeIf:
		s.run = func(f *Frame) {
			branch := &subs[1]
			if *(*bool)(f.p[ins[0]]) {
				branch = &subs[0]
			}
			branch.prog.Run(f.pointers(nil, branch.captures), f.pointers(outs, nil))
		}
	case compute.OpTypeWhile:
		c.lowerWhile(n, len(c.prog.steps)-1, subs, ins, outs)
	case compute.OpTypeSort:
		c.lowerSort(n, len(c.prog.steps)-1, subs[0], ins, outs)
	}
	return nil
}

// lowerWhile keeps two copies of the state: the output's memory and a temporary, which swap
// roles at each turn.
func (c *compiler) lowerWhile(n *ir.Node, at int, subs []callee, ins, outs []int) {
	flag := c.temp(1)
	spare := make([]int, len(outs))
	bytes := make([]int, len(outs))
	for i, v := range n.Out {
		bytes[i] = v.Bytes()
		spare[i] = c.temp(bytes[i])
	}
	s := &c.prog.steps[at]
	s.Temps = append(append(s.Temps, flag), spare...)
	cond, body := subs[0], subs[1]
	s.run = func(f *Frame) {
		now, next := f.pointers(outs, nil), f.pointers(spare, nil)
		for i, p := range now {
			copyBytes(p, f.p[ins[i]], bytes[i])
		}
		condCaptures, bodyCaptures := f.pointers(nil, cond.captures), f.pointers(nil, body.captures)
		in := make([]unsafe.Pointer, 0, len(now)+len(condCaptures)+len(bodyCaptures))
		for {
			cond.prog.Run(append(append(in[:0], now...), condCaptures...), []unsafe.Pointer{f.p[flag]})
			if !*(*bool)(f.p[flag]) {
				break
			}
			body.prog.Run(append(append(in[:0], now...), bodyCaptures...), next)
			now, next = next, now
		}
		for i, p := range now {
			copyBytes(f.p[outs[i]], p, bytes[i])
		}
	}
}

func copyBytes(dst, src unsafe.Pointer, n int) {
	if n > 0 && dst != src {
		copy(ops.Of[byte](dst, n), ops.Of[byte](src, n))
	}
}

// lowerSort sorts each lane along the axis by index, calling the comparator on elements in
// place, and then moves every tensor's elements. The order of equals is always kept.
func (c *compiler) lowerSort(n *ir.Node, at int, less callee, ins, outs []int) {
	axis := n.Attr.(ir.Sort).Axis
	outer, mid, inner := around(n.In[0].Dims(), axis)
	sizes := make([]int, len(ins))
	for i, v := range n.In {
		sizes[i] = v.DType().Size()
	}
	flag := c.temp(1)
	c.prog.steps[at].Temps = []int{flag}
	c.prog.steps[at].run = func(f *Frame) {
		arguments := append(make([]unsafe.Pointer, 2*len(ins)), f.pointers(nil, less.captures)...)
		result := []unsafe.Pointer{f.p[flag]}
		order := make([]int, mid)
		for lane := range outer * inner {
			first := lane/inner*mid*inner + lane%inner
			for k := range order {
				order[k] = first + k*inner
			}
			sort.SliceStable(order, func(a, b int) bool {
				for i, id := range ins {
					arguments[2*i] = elem(f.p[id], order[a], sizes[i])
					arguments[2*i+1] = elem(f.p[id], order[b], sizes[i])
				}
				less.prog.Run(arguments, result)
				return *(*bool)(f.p[flag])
			})
			for i, id := range ins {
				for k, from := range order {
					copyBytes(elem(f.p[outs[i]], first+k*inner, sizes[i]), elem(f.p[id], from, sizes[i]), sizes[i])
				}
			}
		}
	}
}
