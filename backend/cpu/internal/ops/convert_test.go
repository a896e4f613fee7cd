package ops

import (
	"math"
	"testing"

	"github.com/gomlx/compute/dtypes/float16"
)

// TestHalf rounds every float16 to itself, and what lies between two to the nearer one.
func TestHalf(t *testing.T) {
	for b := range 1 << 16 {
		h := float16.FromBits(uint16(b))
		x := h.Float32()
		if x != x {
			if y := half(x).Float32(); y == y {
				t.Fatalf("%#x: NaN became %v", b, y)
			}
			continue
		}
		if got := half(x); got != h {
			t.Fatalf("%#x (%v) became %#x", b, x, got.Bits())
		}
		if b&0x7fff >= 0x7bff {
			continue // no finite neighbour above
		}
		next := float16.FromBits(uint16(b + 1))
		mid := float32((float64(x) + float64(next.Float32())) / 2)
		even := h
		if b&1 == 1 {
			even = next
		}
		if got := half(mid); got != even {
			t.Fatalf("between %#x and its neighbour: %#x, want %#x", b, got.Bits(), even.Bits())
		}
		if got := half(math.Nextafter32(mid, x)); got != h {
			t.Fatalf("below the middle above %#x: %#x", b, got.Bits())
		}
	}
}
