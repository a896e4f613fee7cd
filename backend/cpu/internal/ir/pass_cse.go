package ir

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute"
)

// ShareCommon makes equal nodes one: same operation, arguments and inputs.
//
//	a = exp(p); b = exp(p); return a + b   →   a = exp(p); return a + a
//
// Nodes that call functions or draw random bits are left alone, and so are constants above
// 4 KiB, which would cost more to compare than they save.
func ShareCommon(f *Func) {
	seen := map[string]*Node{}
	same := map[*Value]*Value{}
	for _, n := range f.Nodes {
		for i, v := range n.In {
			if w := same[v]; w != nil {
				n.In[i] = w
			}
		}
		key, ok := identity(n)
		if !ok {
			continue
		}
		first := seen[key]
		if first == nil {
			seen[key] = n
			continue
		}
		for i, v := range n.Out {
			same[v] = first.Out[i]
		}
	}
	replaceUses(f, same)
	RemoveDead(f)
}

func identity(n *Node) (string, bool) {
	switch n.Op {
	case compute.OpTypeParameter, compute.OpTypeRNGBitGenerator, compute.OpTypeOptimizationBarrier:
		return "", false
	}
	if len(n.Subs()) > 0 {
		return "", false
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d %v", n.Op, n.Out[0].Shape)
	if c, ok := n.Attr.(Const); ok {
		if len(c.Data) > 4096 {
			return "", false
		}
		b.WriteByte(' ')
		b.Write(c.Data)
		return b.String(), true
	}
	fmt.Fprintf(&b, " %v", n.Attr)
	for _, v := range n.In {
		fmt.Fprintf(&b, " %d", v.ID)
	}
	return b.String(), true
}

// replaceUses points every use of a key at its value, in f and in the closures below it.
func replaceUses(f *Func, same map[*Value]*Value) {
	if len(same) == 0 {
		return
	}
	for _, n := range f.Nodes {
		for i, v := range n.In {
			if w := same[v]; w != nil {
				n.In[i] = w
			}
		}
		for _, s := range n.Subs() {
			replaceUses(s, same)
		}
	}
	for i, v := range f.Results {
		if w := same[v]; w != nil {
			f.Results[i] = w
		}
	}
}
