package ops

import "slices"

// ReduceGrain is the number of input elements that one part of a reduction reads.
const ReduceGrain = 1 << 15

// ReduceStage reduces the middle axis of [outer, n, inner], or, if run is set, each run of so many
// rows of it (the last may be shorter), which leaves [outer, runs, inner].
type ReduceStage struct{ Outer, N, Inner, Run int }

// Results returns how many elements the stage leaves.
func (s ReduceStage) Results() int {
	if s.Run > 0 {
		return s.Outer * ((s.N + s.Run - 1) / s.Run) * s.Inner
	}
	return s.Outer * s.Inner
}

// ReduceStages returns at least one stage; reducing no axis is a stage with n = 1.
func ReduceStages(dims, axes []int) []ReduceStage {
	dims = slices.Clone(dims)
	var stages []ReduceStage
	for i := len(dims) - 1; i >= 0; i-- {
		if !slices.Contains(axes, i) {
			continue
		}
		end := i + 1
		for i > 0 && slices.Contains(axes, i-1) {
			i--
		}
		stages = append(stages, ReduceStage{Product(dims[:i]), Product(dims[i:end]), Product(dims[end:]), 0})
		dims = slices.Delete(dims, i, end)
	}
	if len(stages) == 0 {
		stages = []ReduceStage{{1, 1, Product(dims), 0}}
	}
	return cutStages(stages)
}

// cutStages splits a long reduction with few results in two: first each run of rows, then the
// runs' results. The length of a run depends on the shape alone.
func cutStages(stages []ReduceStage) []ReduceStage {
	var out []ReduceStage
	for _, s := range stages {
		run := ReduceGrain / max(1, s.Inner)
		if run >= 64 && s.N > 2*run {
			s.Run = run
			out = append(out, s)
			s.N, s.Run = (s.N+run-1)/run, 0
		}
		out = append(out, s)
	}
	return out
}

// Product returns the number of elements of a tensor.
func Product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}
