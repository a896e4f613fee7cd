package exec

import (
	"unsafe"

	"github.com/gomlx/compute"

	"foresee/backend/cpu/internal/ir"
)

// foldConstants computes, once, what depends on constants alone.
//
//	i = iota(64); y = exp(i · 0.5); return x + y   →   y = constant; return x + y
//
// Repetition is left to run time, where fused loops read through it.
func foldConstants(f *ir.Func, m *Machine) error {
	for i, n := range f.Nodes {
		if !ir.Foldable(n) {
			continue
		}
		one := &ir.Func{Name: "constant", Counter: f.Counter}
		in := make([]*ir.Value, len(n.In))
		for k, v := range n.In {
			c := v.Node
			in[k] = one.Add(c.Op, c.Attr, nil, v.Shape).Out[0]
		}
		one.Results = one.Add(n.Op, n.Attr, in, n.Out[0].Shape).Out
		p, err := compile(one, m)
		if err != nil {
			return err
		}
		data := Aligned(n.Out[0].Bytes())
		p.Run(nil, []unsafe.Pointer{unsafe.Pointer(unsafe.SliceData(data))})
		f.Nodes[i] = f.Make(compute.OpTypeConstant, ir.Const{Data: data}, nil, n.Out[0].Shape)
		n.Out[0].Node, f.Nodes[i].Out[0] = f.Nodes[i], n.Out[0]
	}
	ir.RemoveDead(f)
	return nil
}
