package ir

// RemoveDead drops nodes none of whose outputs reach a result. Parameters stay.
//
//	a = p + p; b = exp(p); return a      →   a = p + p; return a
func RemoveDead(f *Func) {
	live := map[*Node]bool{}
	var mark func(v *Value)
	var markNode func(n *Node)
	markNode = func(n *Node) {
		if n.Func != f || live[n] {
			return
		}
		live[n] = true
		for _, v := range n.In {
			mark(v)
		}
		for _, s := range n.Subs() {
			for _, v := range s.Captures() {
				mark(v)
			}
		}
	}
	mark = func(v *Value) { markNode(v.Node) }
	for _, v := range f.Results {
		mark(v)
	}
	for _, p := range f.Params {
		live[p.Node] = true
	}
	kept := f.Nodes[:0]
	for _, n := range f.Nodes {
		if live[n] {
			kept = append(kept, n)
		}
	}
	f.Nodes = kept
}
