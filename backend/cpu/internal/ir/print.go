package ir

import (
	"fmt"
	"strings"
)

// String lists the nodes, one a line: results = operation(operands) arguments.
func (f *Func) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "func %s\n", f.Name)
	for _, n := range f.Nodes {
		var in, out []string
		for _, v := range n.In {
			in = append(in, fmt.Sprint("%", v.ID))
		}
		for _, v := range n.Out {
			out = append(out, fmt.Sprintf("%%%d %s", v.ID, v.Shape))
		}
		attr := ""
		switch a := n.Attr.(type) {
		case nil, Const, Call, While, If, Sort:
		default:
			attr = fmt.Sprintf(" %+v", a)
		}
		fmt.Fprintf(&b, "\t%s = %s(%s)%s\n", strings.Join(out, ", "), n.Op, strings.Join(in, ", "), attr)
	}
	var results []string
	for _, v := range f.Results {
		results = append(results, fmt.Sprint("%", v.ID))
	}
	fmt.Fprintf(&b, "\treturn %s\n", strings.Join(results, ", "))
	return b.String()
}
