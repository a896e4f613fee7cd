package flow

import (
	"slices"
	"testing"
)

// TestLate: gradients of weights come behind the steps that go entry by entry, but before what needs them, a step of
// another kind, an optimizer, and steps behind which they would keep too much in use.
func TestLate(t *testing.T) {
	const param, d, w, e, v, f, other, sum, long = 0, 1, 2, 3, 4, 5, 6, 7, 8
	for _, c := range []struct {
		name string
		add  func(add func(name string, in, out int) *Step)
		want []string
	}{
		{"behind", func(add func(name string, in, out int) *Step) {
			add("d", param, d).Entries = &Entries{N: 64}
			add("late w", d, w)
			add("e", d, e).Entries = &Entries{N: 64}
			add("late v", e, v)
			add("f", e, f).Entries = &Entries{N: 64}
			add("other", f, other)
		}, []string{"d", "e", "f", "late w", "late v", "other"}},
		{"needed", func(add func(name string, in, out int) *Step) {
			add("d", param, d).Entries = &Entries{N: 64}
			add("late w", d, w)
			s := add("e", d, e)
			s.Entries, s.Reads = &Entries{N: 64, Whole: []int{w}}, []int{d, w}
		}, []string{"d", "late w", "e"}},
		{"optimizer", func(add func(name string, in, out int) *Step) {
			add("d", param, d).Entries = &Entries{N: 64}
			add("sum", d, sum).Entries = &Entries{N: 64, Sums: []int{sum}}
			add("late w", d, w)
			add("update", sum, e).Entries = &Entries{N: 64}
		}, []string{"d", "sum", "late w", "update"}},
		{"long", func(add func(name string, in, out int) *Step) {
			add("long", param, long).Entries = &Entries{N: 64}
			add("late w", long, w)
			add("e", long, e).Entries = &Entries{N: 64}
		}, []string{"long", "late w", "e"}},
	} {
		stores := make(Stores, 9)
		stores[0].Kind, stores[long].Bytes = Param, lateBytes+1
		var steps []*Step
		var names []string
		var late []bool
		c.add(func(name string, in, out int) *Step {
			steps = append(steps, &Step{Reads: []int{in}, Writes: []int{out}})
			names, late = append(names, name), append(late, out == w || out == v)
			return steps[len(steps)-1]
		})
		var got []string
		for _, i := range stores.Late(steps, late) {
			got = append(got, names[i])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: order %v, want %v", c.name, got, c.want)
		}
	}
}

// TestLeastTurn: where a step wants many entries a turn, small steps go along, turns have that many, and a step that
// takes too much for it ends the batch.
func TestLeastTurn(t *testing.T) {
	const n, x, y, sum, wide = 1024, 0, 1, 2, 3
	stores := Stores{{Kind: Param, Bytes: n << 10}, {Bytes: n << 12}, {Bytes: 4}, {Bytes: n << 16}}
	l := Limits{Entries: 64, Bytes: 4 << 20, Parts: 32, Cache: 1 << 18, Spread: 4}
	product := &Step{Reads: []int{x}, Writes: []int{y}, Entries: &Entries{N: n, Least: 64}}
	small := &Step{Reads: []int{x}, Writes: []int{sum}, Entries: &Entries{N: n, Sums: []int{sum}}}
	large := &Step{Reads: []int{y}, Writes: []int{wide}, Entries: &Entries{N: n}}
	steps := []*Step{product, small, large}
	if k, batch := stores.EntryByEntry(steps, l); k != 2 || batch != n {
		t.Errorf("%d steps of %d entries, want the product and the small one, 2 of %d", k, batch, n)
	}
	all := stores.Together(steps[:2], n, l)
	if b := all.Batch; b.Grain != 64 || b.Parts != 16 { // of 5 KB each, of which 51 would fit
		t.Errorf("%d parts in turns of %d entries, want 16 of 64", b.Parts, b.Grain)
	}
	if b := stores.Together(steps[:2], 1500, l).Batch; b.Grain != 66 || b.Parts != 23 {
		t.Errorf("%d parts in turns of %d entries, want 23 of 66", b.Parts, b.Grain)
	}
	product.Entries.Least = 0
	if k, _ := stores.EntryByEntry(steps, l); k != 0 {
		t.Errorf("%d steps go together though one is small, want 0", k)
	}
}
