package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"foresee/backend/cpu"
)

// TestRowsInAChain compares three layers of one row, done as one step, with the same on one thread, bit for bit, and with
// programs whose result the hidden rows are, too, in which they must be no step together.
func TestRowsInAChain(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	widths := []int{258, 512, 300, 256}
	in := []tensor{{normal(rng, widths[0]), []int{1, widths[0]}}}
	for i, n := range widths[1:] {
		in = append(in, tensor{normal(rng, widths[i]*n), []int{widths[i], n}}, tensor{normal(rng, n), []int{n}})
	}
	build := func(shown bool) func(f compute.Function, v []compute.Value) ([]compute.Value, error) {
		return func(f compute.Function, v []compute.Value) (out []compute.Value, err error) {
			x := v[0]
			for i, n := range widths[1:] {
				if x, err = f.DotGeneral(x, []int{1}, nil, v[1+2*i], []int{0}, nil, compute.DotGeneralConfig{}); err != nil {
					return nil, err
				}
				bias, err := f.BroadcastInDim(v[2+2*i], shapes.Make(dtypes.Float32, 1, n), []int{1})
				if err != nil {
					return nil, err
				}
				if x, err = f.Add(x, bias); err != nil {
					return nil, err
				}
				if shown || n == widths[3] {
					out = append([]compute.Value{x}, out...)
				}
			}
			return out, nil
		}
	}
	var want []float32
	for _, c := range []struct {
		threads, kernels int
		shown            bool
	}{{1, 3, false}, {2, 1, false}, {3, 1, false}, {8, 1, false}, {2, 3, true}} {
		b, err := cpu.New(fmt.Sprintf("threads=%d", c.threads))
		if err != nil {
			t.Fatal(err)
		}
		defer b.Finalize()
		e := compile(t, b, in, build(c.shown))
		e.(cpu.Explainer).SetProfile(true)
		got := execute(t, e, buffers(t, b, in), nil)[0].([]float32)
		if steps := e.(cpu.Explainer).Explain(); len(steps) != c.kernels {
			t.Errorf("%+v: %d kernels", c, len(steps))
		}
		if want == nil {
			want = got
		}
		for i := range want {
			if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
				t.Fatalf("%+v: element %d is %v, on one thread %v", c, i, got[i], want[i])
			}
		}
	}
}
