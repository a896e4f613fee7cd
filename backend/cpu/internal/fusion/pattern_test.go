package fusion

import (
	"math/rand/v2"
	"testing"
	"unsafe"
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
			p.Fill(unsafe.Pointer(&got[0]), unsafe.Pointer(&src[0]), lo, n, size)
			for i := range n {
				at, rest := p.At, lo+i
				for k := len(p.Dims) - 1; k >= 0; k-- {
					at += rest % p.Dims[k] * p.Strides[k]
					rest /= p.Dims[k]
				}
				if string(got[i*size:(i+1)*size]) != string(src[at*size:(at+1)*size]) {
					t.Fatalf("%v from %d, %d of %d bytes: element %d is wrong", p, lo, n, size, i)
				}
			}
		}
	}
}

// randomPattern returns a pattern, its number of positions and the elements it reads from.
func randomPattern(rng *rand.Rand) (p Pattern, total, room int) {
	p.At = rng.IntN(4)
	total, room = 1, p.At+1
	for range 1 + rng.IntN(4) {
		d, s := 1+rng.IntN(6), rng.IntN(3)
		if rng.IntN(4) == 0 {
			d += 40
		}
		p.Dims, p.Strides = append(p.Dims, d), append(p.Strides, s)
		total *= d
		room += (d - 1) * s
	}
	return p, total, room
}
