package cpu_test

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"

	"foresee/backend/cpu"
)

// TestSumsOfPads: padded tensors that touch are concatenated, others are added.
func TestSumsOfPads(t *testing.T) {
	b := own(t)
	for _, c := range []struct {
		name   string
		starts [3]int
		length int
		kernel string
	}{
		{"side by side, out of order", [3]int{4, 0, 2}, 6, "Concatenate"},
		{"overlapping", [3]int{0, 1, 2}, 6, "Fused"},
		{"with a gap", [3]int{0, 2, 5}, 7, "Fused"},
		{"all of it", [3]int{0, 0, 0}, 2, "Fused"},
		{"short of the end", [3]int{0, 2, 4}, 8, "Fused"},
	} {
		in := []tensor{{[]float32{1, 2, 3, 4}, []int{2, 2}}, {[]float32{5, 6, 7, 8}, []int{2, 2}}, {[]float32{9, 10, 11, 12}, []int{2, 2}}}
		e := compile(t, b, in, func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
			zero, err := f.Constant([]float32{0})
			if err != nil {
				return nil, err
			}
			var sum compute.Value
			for i, v := range x {
				p, err := f.Pad(v, zero, compute.PadAxis{}, compute.PadAxis{Start: c.starts[i], End: c.length - 2 - c.starts[i]})
				if err != nil {
					return nil, err
				}
				if sum == nil {
					sum = p
				} else if sum, err = f.Add(sum, p); err != nil {
					return nil, err
				}
			}
			return []compute.Value{sum}, nil
		})
		want := make([]float32, 2*c.length)
		for i, x := range in {
			for k, v := range x.flat.([]float32) {
				want[k/2*c.length+c.starts[i]+k%2] += v
			}
		}
		b.SetProfile(true)
		if got := execute(t, e, buffers(t, b, in), nil)[0].([]float32); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", c.name, got, want)
		}
		if steps := b.Explain(); !slices.ContainsFunc(steps, func(s cpu.StepTime) bool { return s.Kernel == c.kernel }) {
			t.Errorf("%s: no %s in %+v", c.name, c.kernel, steps)
		} else if c.length == 2 && len(steps) != 1 {
			t.Errorf("%s: pads with nothing in %+v", c.name, steps)
		}
	}
}
