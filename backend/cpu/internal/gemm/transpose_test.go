package gemm

import (
	"math/rand/v2"
	"testing"
)

func TestTranspose(t *testing.T) {
	fast := exactTranspose
	defer func() { exactTranspose = fast }()
	rng := rand.New(rand.NewPCG(5, 6))
	for try := range 600 {
		if exactTranspose = fast; try%2 == 0 {
			exactTranspose = nil
		}
		rows, cols := rng.IntN(40), rng.IntN(40)
		ldd, lds := rows+rng.IntN(3), cols+rng.IntN(3)
		src, dst := make([]float32, max(1, rows*lds)), make([]float32, max(1, cols*ldd))
		for i := range src {
			src[i] = float32(i + 1)
		}
		dst = dst[:max(1, (cols-1)*ldd+rows)]
		want := make([]float32, len(dst))
		for i := range rows {
			for j := range cols {
				want[j*ldd+i] = src[i*lds+j]
			}
		}
		Transpose(dst, src, rows, cols, ldd, lds)
		for i := range want {
			if dst[i] != want[i] {
				t.Fatalf("[%d, %d], strides %d and %d: element %d is %v, want %v", rows, cols, ldd, lds, i, dst[i], want[i])
			}
		}
	}
}
