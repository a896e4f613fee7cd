package nn_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/backend/cpu"
	"foresee/nn"
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

// own returns foresee's backend.
func own(t testing.TB) compute.Backend {
	t.Helper()
	b, err := cpu.New("threads=2")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// layer is a graph function of one input.
type layer func(scope *model.Scope, x *graph.Node) *graph.Node

// run builds f on seeded variables, runs it on both backends, which must agree, and returns the
// portable one's result and store.
func run(t *testing.T, f layer, x *tensors.Tensor) (*tensors.Tensor, *model.Store) {
	t.Helper()
	var outs []*tensors.Tensor
	var stores []*model.Store
	for _, backend := range []compute.Backend{portable(t), own(t)} {
		store := model.NewStore()
		nn.WithSeed(store.RootScope(), 7)
		input, err := x.LocalClone()
		if err != nil {
			t.Fatal(err)
		}
		out, err := model.CallOnce(backend, store, func(scope *model.Scope, in *graph.Node) *graph.Node {
			return f(scope, in)
		}, input)
		if err != nil {
			t.Fatalf("%s: %v", backend.Name(), err)
		}
		outs, stores = append(outs, out), append(stores, store)
	}
	tol := 1e-12
	if outs[0].DType() == dtypes.Float32 {
		tol = 1e-4
	}
	if values := number(outs[0]); !slices.ContainsFunc(values, math.IsNaN) {
		near(t, "the other backend's result", number(outs[1]), values, tol)
	}
	for v := range stores[0].IterVariables() {
		near(t, "the other backend's "+v.Path(), number(stores[1].GetVariable(v.Path()).MustValue()), number(v.MustValue()), 0)
	}
	return outs[0], stores[0]
}

// flat returns a float64 variable's values.
func flat(t *testing.T, store *model.Store, path string) []float64 {
	t.Helper()
	v := store.GetVariable(path)
	if v == nil {
		t.Fatalf("no variable %s", path)
	}
	return tensors.MustCopyFlatData[float64](v.MustValue())
}

// noise returns n standard normal numbers of a keyed stream.
func noise(name string, n int) []float64 {
	rng := nn.Rand(11, name)
	out := make([]float64, n)
	for i := range out {
		out[i] = nn.Normal(rng)
	}
	return out
}

// tensor64 makes a float64 tensor.
func tensor64(v []float64, dims ...int) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(v, dims...)
}

// near fails unless got and want agree to tol.
func near(t *testing.T, what string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if gap := got[i] - want[i]; !(gap <= tol && gap >= -tol) {
			t.Fatalf("%s[%d] = %.15g, want %.15g", what, i, got[i], want[i])
		}
	}
}
