package loss_test

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// portable returns GoMLX's own backend in Go.
func portable(t testing.TB) compute.Backend {
	t.Helper()
	b, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// array is a dense array of float64.
type array struct {
	v    []float64
	dims []int
}

// evaluate builds f on the arrays in dtype, runs it and returns its scalar results.
func evaluate(t *testing.T, dtype dtypes.DType, f func(in []*graph.Node) []*graph.Node, in ...array) []float64 {
	t.Helper()
	args := make([]any, len(in))
	for i, a := range in {
		if dtype == dtypes.Float64 {
			args[i] = tensors.FromFlatDataAndDimensions(a.v, a.dims...)
			continue
		}
		v := make([]float32, len(a.v))
		for k := range v {
			v[k] = float32(a.v[k])
		}
		args[i] = tensors.FromFlatDataAndDimensions(v, a.dims...)
	}
	exec, err := graph.NewExec(portable(t), f)
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	out, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, len(out))
	for i, o := range out {
		if !o.Shape().IsScalar() || o.DType() != dtype {
			t.Fatalf("result %d is %s, want a scalar %s", i, o.Shape(), dtype)
		}
		if dtype == dtypes.Float64 {
			got[i] = tensors.ToScalar[float64](o)
		} else {
			got[i] = float64(tensors.ToScalar[float32](o))
		}
	}
	return got
}
