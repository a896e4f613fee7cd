//go:build xla && cgo

package jepa_test

import (
	"math"
	"os"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"foresee/jepa"
	"foresee/nn"
)

// A product of bytes is the same on OpenXLA as on cpu, up to the rounding of what is done to its exact sums.
func TestXLABytes(t *testing.T) {
	plugin := os.Getenv("FORESEE_XLA_PLUGIN")
	if plugin == "" && os.Getenv("FORESEE_CI") == "1" {
		t.Fatal("FORESEE_XLA_PLUGIN names no PJRT plugin, and FORESEE_CI=1")
	}
	if plugin == "" {
		t.Skip("FORESEE_XLA_PLUGIN names no PJRT plugin (docs/scaling.md)")
	}
	const m, k, n = 33, 300, 70
	x, matrix := numbers("x", m*k), numbers("w", k*n)
	bytes, scale := nn.SignedBytes(matrix, n)
	product := func(name string) []float32 {
		b, err := jepa.OpenBackend(name)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Finalize()
		out, err := graph.ExecOnce(b, func(x, w, scale *graph.Node) *graph.Node { return nn.ByteProduct(x, w, scale) },
			tensors.FromFlatDataAndDimensions(x, m, k), tensors.FromFlatDataAndDimensions(bytes, k, n), tensors.FromFlatDataAndDimensions(scale, n))
		if err != nil {
			t.Fatal(err)
		}
		return tensors.MustCopyFlatData[float32](out)
	}
	got, want := product("xla:"+plugin), product("cpu")
	apart := 0.0
	for i, v := range want {
		apart = max(apart, math.Abs(float64(got[i]-v))/math.Max(math.Abs(float64(v)), 1e-3))
	}
	if !(apart <= 1e-6) {
		t.Errorf("results of cpu and xla are %g apart", apart)
	}
}
