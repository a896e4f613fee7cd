package flow

import (
	"slices"
	"testing"
)

// TestEarly: a long piece is copied behind what makes it, unless that goes entry by entry or is no step at all.
func TestEarly(t *testing.T) {
	const param, a, b, view, c, whole = 0, 1, 2, 3, 4, 5
	stores := Stores{{Kind: Param}, {}, {}, {Kind: View, Root: b}, {}, {}}
	var steps []*Step
	var names []string
	var early []bool
	add := func(name string, in, out int) *Step {
		steps = append(steps, &Step{Reads: []int{in}, Writes: []int{out}})
		names, early = append(names, name), append(early, out == whole)
		return steps[len(steps)-1]
	}
	add("a", param, a)
	add("b", a, b)
	add("c", b, c).Entries = &Entries{N: 64}
	add("last", c, c).Writes = nil
	add("copy param", param, whole)
	add("copy a", a, whole)
	add("copy view of b", view, whole)
	add("copy c", c, whole)
	add("read", whole, a)
	var got []string
	for _, i := range stores.Early(steps, early) {
		got = append(got, names[i])
	}
	want := []string{"a", "copy a", "b", "copy view of b", "c", "last", "copy param", "copy c", "read"}
	if !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}
