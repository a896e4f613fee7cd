//go:build xla && cgo

package train_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"foresee/nn"
)

// A product of bytes is the same on OpenXLA as on cpu, up to the rounding of what is done to its exact sums.
func TestXLABytes(t *testing.T) {
	const m, k, n = 33, 300, 70
	rng := rand.New(rand.NewPCG(4, 2))
	draw := func(count int) []float32 {
		x := make([]float32, count)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	x := draw(m * k)
	bytes, scale := nn.SignedBytes(draw(k*n), n)
	product := func(backend string) []float32 {
		out, err := graph.ExecOnce(backendOf(t, backend), func(x, w, scale *graph.Node) *graph.Node { return nn.ByteProduct(x, w, scale) },
			tensors.FromFlatDataAndDimensions(x, m, k), tensors.FromFlatDataAndDimensions(bytes, k, n), tensors.FromFlatDataAndDimensions(scale, n))
		if err != nil {
			t.Fatal(err)
		}
		return tensors.MustCopyFlatData[float32](out)
	}
	got, want := product("xla"), product("cpu")
	apart := 0.0
	for i, v := range want {
		apart = max(apart, math.Abs(float64(got[i]-v))/math.Max(math.Abs(float64(v)), 1e-3))
	}
	if !(apart <= 1e-6) {
		t.Errorf("results of cpu and xla are %g apart", apart)
	}
}
