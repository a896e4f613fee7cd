package exec

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"foresee/backend/cpu/internal/ops"
)

func TestPatternFill(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		p, total, room := randomPattern(rng)
		for _, size := range []int{1, 2, 4, 8} {
			src := make([]byte, room*size)
			for i := range src {
				src[i] = byte(rng.Uint32())
			}
			lo := rng.IntN(total)
			n := 1 + rng.IntN(total-lo)
			got := make([]byte, n*size)
			p.fill(unsafe.Pointer(&got[0]), unsafe.Pointer(&src[0]), lo, n, size)
			for i := range n {
				at, rest := p.at, lo+i
				for k := len(p.dims) - 1; k >= 0; k-- {
					at += rest % p.dims[k] * p.strides[k]
					rest /= p.dims[k]
				}
				if string(got[i*size:(i+1)*size]) != string(src[at*size:(at+1)*size]) {
					t.Fatalf("%v from %d, %d of %d bytes: element %d is wrong", p, lo, n, size, i)
				}
			}
		}
	}
}

// randomPattern returns a pattern, its number of positions and the elements it reads from.
func randomPattern(rng *rand.Rand) (p pattern, total, room int) {
	p.at = rng.IntN(4)
	total, room = 1, p.at+1
	for range 1 + rng.IntN(4) {
		d, s := 1+rng.IntN(6), rng.IntN(3)
		if rng.IntN(4) == 0 {
			d += 40
		}
		p.dims, p.strides = append(p.dims, d), append(p.strides, s)
		total *= d
		room += (d - 1) * s
	}
	return p, total, room
}

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
		for _, op := range []compute.OpType{compute.OpTypeReduceMax, compute.OpTypeReduceMin} {
			got, want := make([]float32, outer*inner+1), make([]float32, outer*inner+1)
			reduceKernel(op, dtypes.Float32)(unsafe.Pointer(&got[0]), unsafe.Pointer(&x[0]), outer, n, inner, lo, hi)
			ops.Reduce(op, dtypes.Float32)(unsafe.Pointer(&want[0]), unsafe.Pointer(&x[0]), outer, n, inner, lo, hi)
			for i := range got {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
					t.Fatalf("%s [%d, %d, %d] [%d, %d): element %d is %v, want %v", op, outer, n, inner, lo, hi, i, got[i], want[i])
				}
			}
		}
	}
}
