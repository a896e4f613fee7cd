package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/shapes"

	"foresee/backend/cpu"
)

// TestHalfWeights compares products by bfloat16 matrices, converted in the graph, with those by the same numbers
// stored in float32, bit for bit, and looks that one row alone reads the matrix as it lies.
func TestHalfWeights(t *testing.T) {
	b, err := cpu.New("threads=2")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	rng := rand.New(rand.NewPCG(7, 7))
	for _, c := range []struct {
		rows, k, n int
		transposed bool
		asItLies   bool
	}{
		{1, 1, 1, false, true}, {1, 258, 512, false, true}, {1, 513, 67, false, true}, {1, 7, 129, false, true}, {1, 2600, 64, false, true},
		{1, 33, 31, true, false}, {2, 40, 70, false, false}, {200, 64, 64, false, false},
	} {
		name := fmt.Sprintf("[%d, %d] x [%d, %d], transposed %t", c.rows, c.k, c.k, c.n, c.transposed)
		half, full := make([]bfloat16.BFloat16, c.k*c.n), make([]float32, c.k*c.n)
		for i := range half {
			half[i] = bfloat16.FromFloat32(float32(rng.NormFloat64()))
			full[i] = half[i].Float32()
		}
		dims, axis := []int{c.k, c.n}, 0
		if c.transposed {
			dims, axis = []int{c.n, c.k}, 1
		}
		x, bias := tensor{normal(rng, c.rows*c.k), []int{c.rows, c.k}}, tensor{normal(rng, c.n), []int{c.n}}
		build := func(f compute.Function, v []compute.Value) ([]compute.Value, error) {
			w, err := f.ConvertDType(v[1], dtypes.Float32)
			if err != nil {
				return nil, err
			}
			y, err := f.DotGeneral(v[0], []int{1}, nil, w, []int{axis}, nil, compute.DotGeneralConfig{})
			if err != nil {
				return nil, err
			}
			wide, err := f.BroadcastInDim(v[2], shapes.Make(dtypes.Float32, c.rows, c.n), []int{1})
			if err != nil {
				return nil, err
			}
			y, err = f.Add(y, wide)
			return []compute.Value{y}, err
		}
		in := []tensor{x, {half, dims}, bias}
		e := compile(t, b, in, build)
		e.(cpu.Explainer).SetProfile(true)
		got := execute(t, e, buffers(t, b, in), nil)[0].([]float32)
		in[1] = tensor{full, dims}
		want := execute(t, compile(t, b, in, build), buffers(t, b, in), nil)[0].([]float32)
		for i := range want {
			if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
				t.Fatalf("%s: element %d is %v, with the matrix in float32 %v", name, i, got[i], want[i])
			}
		}
		converts := false
		for _, s := range e.(cpu.Explainer).Explain() {
			converts = converts || strings.Contains(s.Kernel, "Convert")
		}
		if converts == c.asItLies {
			t.Errorf("%s: the matrix is converted: %t, want %t", name, converts, !c.asItLies)
		}
	}
}
