package exec

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"foresee/backend/cpu/internal/ops"
)

// TestTransposedMoves compares moves whose last axes are swapped with the portable copy.
func TestTransposedMoves(t *testing.T) {
	m := NewMachine(2, false)
	defer m.Pool.Close()
	f := &Frame{pool: m.Pool}
	f.split.f = f
	rng := rand.New(rand.NewPCG(7, 8))
	for range 200 {
		dims := []int{1 + rng.IntN(4), 1 + rng.IntN(3), 4 + rng.IntN(60), 4 + rng.IntN(60)}
		if rng.IntN(8) == 0 {
			dims = []int{1, 1, 40 + rng.IntN(300), 40 + rng.IntN(300)}
		}
		strides := ops.Strides([]int{dims[1], dims[0], dims[3], dims[2]})
		mv := ops.Move{Size: 4, Dims: dims, Dst: ops.Strides(dims), Src: []int{strides[1], strides[0], 1, strides[2]}, DstAt: 3, SrcAt: 2}
		n := ops.Product(dims)
		src, got, want := make([]float32, n+2), make([]float32, n+3), make([]float32, n+3)
		for i := range src {
			src[i] = float32(i)
		}
		if !mv.Transposes() {
			t.Fatalf("%+v is not seen as a transposition", mv)
		}
		f.move(&mv, unsafe.Pointer(&got[0]), unsafe.Pointer(&src[0]))
		mv.Run(unsafe.Pointer(&want[0]), unsafe.Pointer(&src[0]), 0, dims[0])
		if !slices.Equal(got, want) {
			t.Fatalf("%+v differs from the portable copy", mv)
		}
	}
}
