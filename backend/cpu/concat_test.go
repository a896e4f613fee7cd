package cpu_test

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"
)

// TestLongConcatenation: a parameter and sums of it, side by side along an axis that is not the first, some of them
// twice. Each is copied by a kernel of its own, with the parameter's memory taken for the result or not.
func TestLongConcatenation(t *testing.T) {
	const rows, width, n = 64, 256, 40
	b := own(t)
	x := make([]float32, rows*width)
	for i := range x {
		x[i] = float32(i%97) / 8
	}
	in := []tensor{{x, []int{rows, 1, width}}}
	pieces := []int{1} // times x
	e := compile(t, b, in, func(f compute.Function, v []compute.Value) ([]compute.Value, error) {
		all := []compute.Value{v[0]}
		sum := v[0]
		for i := range n {
			next, err := f.Add(sum, v[0])
			if err != nil {
				return nil, err
			}
			sum = next
			all, pieces = append(all, sum), append(pieces, i+2)
			if i%10 == 9 {
				all, pieces = append(all, all[3]), append(pieces, 4)
			}
		}
		y, err := f.Concatenate(1, all...)
		return []compute.Value{y, sum}, err
	})
	want := make([]float32, len(pieces)*len(x))
	for p, times := range pieces {
		for i, v := range x {
			want[(i/width*len(pieces)+p)*width+i%width] = float32(times) * v
		}
	}
	b.SetProfile(true)
	for _, donate := range []bool{false, true} {
		got := execute(t, e, buffers(t, b, in), []bool{donate})
		if !slices.Equal(got[0].([]float32), want) {
			t.Errorf("wrong, with the parameter donated: %t", donate)
		}
	}
	copies := 0
	for _, s := range b.Explain() {
		if s.Kernel == "Concatenate" {
			copies += s.Calls
		}
	}
	if copies != 2*len(pieces) {
		t.Errorf("%d copies in two runs, want one for each of %d pieces", copies, len(pieces))
	}
}
