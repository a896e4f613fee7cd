package nn_test

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

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

// layer is a graph function of one input.
type layer func(scope *model.Scope, x *graph.Node) *graph.Node

// run builds f on seeded variables, runs it and returns the result with the store.
func run(t *testing.T, f layer, x *tensors.Tensor) (*tensors.Tensor, *model.Store) {
	t.Helper()
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), 7)
	out, err := model.CallOnce(portable(t), store, func(scope *model.Scope, in *graph.Node) *graph.Node {
		return f(scope, in)
	}, x)
	if err != nil {
		t.Fatal(err)
	}
	return out, store
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
