package flow

import (
	"slices"
	"testing"
)

// TestChains has storage 0 to 5; 3 is a result, 4 is read twice.
func TestChains(t *testing.T) {
	m := Stores{{Kind: Param}, {}, {}, {Kind: Result}, {}, {}}
	step := func(to int, from ...int) *Step { return &Step{Reads: from, Writes: []int{to}} }
	for name, c := range map[string]struct {
		steps []*Step
		not   int // the step that may be in no chain
		want  []int
	}{
		"whole":        {[]*Step{step(1, 0), step(2, 1, 0), step(4, 2, 0)}, -1, []int{3}},
		"cut":          {[]*Step{step(1, 0), step(2, 1, 0), step(4, 2, 0)}, 1, []int{1, 1, 1}},
		"result":       {[]*Step{step(3, 0), step(2, 3)}, -1, []int{1, 1}},
		"read later":   {[]*Step{step(1, 0), step(4, 1), step(2, 4), step(5, 4)}, -1, []int{2, 1, 1}},
		"read twice":   {[]*Step{step(1, 0), step(2, 1, 1)}, -1, []int{1, 1}},
		"second":       {[]*Step{step(1, 0), step(2, 0, 1)}, -1, []int{1, 1}},
		"writes none":  {[]*Step{{}, step(1, 0), step(2, 1)}, 0, []int{1, 2}},
		"nothing else": {nil, -1, nil},
	} {
		may := make([]bool, len(c.steps))
		for i := range may {
			may[i] = i != c.not
		}
		if got := m.Chains(c.steps, may); !slices.Equal(got, c.want) {
			t.Errorf("%s: runs of %v, want %v", name, got, c.want)
		}
	}
}
