package exec

import (
	"slices"
	"testing"

	"foresee/backend/cpu/internal/flow"
)

// TestAsTheyCome: a long piece is copied behind what makes it, unless that goes entry by entry or is no step at all.
func TestAsTheyCome(t *testing.T) {
	const param, a, b, view, c, whole = 0, 1, 2, 3, 4, 5
	stores := flow.Stores{{Kind: flow.Param}, {}, {}, {Kind: flow.View, Root: b}, {}, {}}
	work := func(name string, in, out int) step {
		return step{op: name, Step: flow.Step{Reads: []int{in}, Writes: []int{out}}}
	}
	copies := func(name string, in int) step {
		s := work(name, in, whole)
		s.early = true
		return s
	}
	entries := work("c", b, c)
	entries.Entries = &flow.Entries{N: 64}
	comp := &compiler{prog: &Program{stores: stores, steps: []step{
		work("a", param, a), work("b", a, b), entries, work("last", c, c),
		copies("copy param", param), copies("copy a", a), copies("copy view of b", view), copies("copy c", c), work("read", whole, a),
	}}}
	comp.prog.steps[3].Writes = nil // reads c alone
	comp.asTheyCome()
	var got []string
	for _, s := range comp.prog.steps {
		got = append(got, s.op)
	}
	want := []string{"a", "copy a", "b", "copy view of b", "c", "last", "copy param", "copy c", "read"}
	if !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}
