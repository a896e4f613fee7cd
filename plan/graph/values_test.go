package graph

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestSolveIsMinPlusIteration compares Dijkstra with its naive twin: sweeps until nothing changes.
func TestSolveIsMinPlusIteration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.IntRange(1, 12).Draw(t, "m")
		p := &Planner{around: make([][]spoke, m)}
		var costs, penalties []float64
		for i := range m {
			for j := range i {
				if rapid.Bool().Draw(t, "edge") {
					k := len(costs)
					p.around[i] = append(p.around[i], spoke{k, j})
					p.around[j] = append(p.around[j], spoke{k, i})
					c := rapid.Float64Range(0, 9).Draw(t, "cost")
					if c > 8 {
						c = math.Inf(1)
					}
					costs = append(costs, c)
					penalties = append(penalties, rapid.Float64Range(0, 3).Draw(t, "penalty"))
				}
			}
		}
		goal, want := make([]float64, m), make([]float64, m)
		for i := range goal {
			goal[i] = math.Inf(1)
			if rapid.IntRange(0, 3).Draw(t, "goal") == 0 {
				goal[i] = rapid.Float64Range(0, 20).Draw(t, "goal cost")
			}
			want[i] = goal[i]
		}
		for range m {
			for i := range m {
				for _, s := range p.around[i] {
					want[i] = min(want[i], costs[s.edge]+penalties[s.edge]+want[s.to])
				}
			}
		}
		var v values
		v.solve(p, costs, penalties, goal)
		for i := range m {
			if d := math.Abs(v.cost[i] - want[i]); d > 1e-9 || math.IsInf(v.cost[i], 1) != math.IsInf(want[i], 1) {
				t.Fatalf("V[%d] = %g, want %g", i, v.cost[i], want[i])
			}
			along := 0
			for at := i; at >= 0; at = v.next[at] {
				if along++; along > m {
					t.Fatalf("the path from %d does not end", i)
				}
				if v.next[at] == none && !math.IsInf(want[i], 1) {
					t.Fatalf("the path from %d ends at %d without a goal", i, at)
				}
			}
		}
	})
}

func TestFailureBlocksSegments(t *testing.T) {
	f := failure{along: []float32{1, 0}}
	nan := float32(math.NaN())
	for _, c := range []struct {
		name string
		u, v []float32
		want bool
	}{
		{"through the point", []float32{-3, 0}, []float32{3, 0}, true},
		{"the way back", []float32{3, 0}, []float32{-3, 0}, true},
		{"beside it, within the radius", []float32{-3, 2.4}, []float32{3, 2.4}, true},
		{"beside it, beyond the radius", []float32{-3, 2.6}, []float32{3, 2.6}, false},
		{"ends before it", []float32{-3, 0}, []float32{0.4, 0}, false},
		{"along the wall on this side", []float32{0.2, -3}, []float32{0.2, 3}, false},
		{"far on the other side", []float32{3, -3}, []float32{3, 3}, false},
		{"far end unknown", []float32{-1, 0}, []float32{nan, nan}, false},
		{"no length, beyond", []float32{1, 0}, []float32{1, 0}, true},
	} {
		if got := f.blocks(c.u, c.v, 2.5); got != c.want {
			t.Errorf("%s: blocks = %v, want %v", c.name, got, c.want)
		}
	}
}
