package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"foresee/backend/cpu"
)

// TestLoopsSideBySide lets two loops read one product in the same step, small enough for the caller alone and large
// enough for the threads: neither may take the product's memory from the other.
func TestLoopsSideBySide(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 1))
	for _, threads := range []int{1, 2} {
		for _, cols := range []int{1, 37, 40_000} {
			b, err := cpu.New(fmt.Sprint("threads=", threads))
			if err != nil {
				t.Fatal(err)
			}
			in := []tensor{{some(rng, 6), []int{3, 2}}, {some(rng, 2*cols), []int{2, cols}}, {some(rng, 7), []int{7}}}
			e := compile(t, b, in, sideBySide)
			profile := e.(cpu.Explainer)
			profile.SetProfile(true)
			got := execute(t, e, buffers(t, b, in), nil)
			steps := map[string]string{}
			for _, r := range profile.Explain() {
				steps[r.Kernel] = r.Shape
			}
			if !strings.HasPrefix(steps["FusedLoops"], "3 loops, ") {
				t.Errorf("steps %v, want one of 3 loops", steps)
			}
			x, w := in[0].flat.([]float32), in[1].flat.([]float32)
			for j := range cols {
				var want [2]float64
				for i := range 3 {
					y := float64(x[2*i])*float64(w[j]) + float64(x[2*i+1])*float64(w[cols+j])
					want[0] += math.Tanh(y)
					want[1] += math.Exp(y)
				}
				for k := range want {
					if g := float64(got[k].([]float32)[j]); math.Abs(g-want[k]) > 1e-5*(1+math.Abs(want[k])) {
						t.Fatalf("%d threads, %d columns: result %d [%d] is %g, want %g", threads, cols, k, j, g, want[k])
					}
				}
			}
			for i, v := range in[2].flat.([]float32) {
				if g := got[2].([]float32)[i]; g != -v {
					t.Errorf("%d threads, %d columns: -%g is %g", threads, cols, v, g)
				}
			}
			b.Finalize()
		}
	}
}

// sideBySide returns sums over the first axis of tanh and exp of a product of x and w, and -v.
func sideBySide(f compute.Function, in []compute.Value) ([]compute.Value, error) {
	y, err := f.DotGeneral(in[0], []int{1}, nil, in[1], []int{0}, nil, compute.DotGeneralConfig{})
	if err != nil {
		return nil, err
	}
	a, err := f.Tanh(y)
	if err != nil {
		return nil, err
	}
	b, err := f.Exp(y)
	if err != nil {
		return nil, err
	}
	c, err := f.Neg(in[2])
	if err != nil {
		return nil, err
	}
	if a, err = f.ReduceSum(a, 0); err != nil {
		return nil, err
	}
	b, err = f.ReduceSum(b, 0)
	return []compute.Value{a, b, c}, err
}

func some(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}
