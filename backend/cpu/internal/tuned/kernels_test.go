package tuned

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/ops"
)

func TestExtremes(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	nan := float32(math.NaN())
	for range 1500 {
		outer, n, inner := rng.IntN(4), rng.IntN(70), 1+rng.IntN(40)
		if rng.IntN(4) == 0 {
			inner *= 20
		}
		lo := rng.IntN(inner)
		hi := lo + rng.IntN(inner-lo+1)
		if inner == 1 || rng.IntN(2) == 0 {
			lo, hi = 0, inner
		}
		x := make([]float32, outer*n*inner+1)
		for i := range x {
			if x[i] = float32(rng.NormFloat64()); rng.IntN(3000) == 0 {
				x[i] = nan
			}
		}
		bytes := make([]uint8, len(x))
		for i := range bytes {
			bytes[i] = uint8(rng.Uint32())
		}
		for _, op := range []compute.OpType{compute.OpTypeReduceMax, compute.OpTypeReduceMin} {
			low, naive := make([]uint8, outer*inner+1), make([]uint8, outer*inner+1)
			Reduce(op, dtypes.Uint8)(unsafe.Pointer(&low[0]), unsafe.Pointer(&bytes[0]), outer, n, inner, lo, hi)
			ops.Reduce(op, dtypes.Uint8)(unsafe.Pointer(&naive[0]), unsafe.Pointer(&bytes[0]), outer, n, inner, lo, hi)
			if !slices.Equal(low, naive) {
				t.Fatalf("%s of bytes [%d, %d, %d] [%d, %d): %v, want %v", op, outer, n, inner, lo, hi, low, naive)
			}
			got, want := make([]float32, outer*inner+1), make([]float32, outer*inner+1)
			Reduce(op, dtypes.Float32)(unsafe.Pointer(&got[0]), unsafe.Pointer(&x[0]), outer, n, inner, lo, hi)
			ops.Reduce(op, dtypes.Float32)(unsafe.Pointer(&want[0]), unsafe.Pointer(&x[0]), outer, n, inner, lo, hi)
			for i := range got {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
					t.Fatalf("%s [%d, %d, %d] [%d, %d): element %d is %v, want %v", op, outer, n, inner, lo, hi, i, got[i], want[i])
				}
			}
		}
	}
}

// TestConvertHalf compares the conversion of every bfloat16 with the portable one.
func TestConvertHalf(t *testing.T) {
	x := make([]uint16, 1<<16)
	for i := range x {
		x[i] = uint16(i)
	}
	got, want := make([]uint32, len(x)), make([]uint32, len(x))
	Convert(dtypes.BFloat16, dtypes.Float32)(unsafe.Pointer(&got[0]), unsafe.Pointer(&x[0]), nil, nil, len(x))
	ops.Convert(dtypes.BFloat16, dtypes.Float32)(unsafe.Pointer(&want[0]), unsafe.Pointer(&x[0]), nil, nil, len(x))
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("bfloat16 %#04x became %#08x, want %#08x", i, got[i], want[i])
		}
	}
	Convert(dtypes.BFloat16, dtypes.Float32)(nil, nil, nil, nil, 0)
}
