package gemm8_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"foresee/backend/cpu/internal/fence"
	"foresee/backend/cpu/internal/gemm8"
)

// layout is a level's, by the width of its panels.
func layout(e *gemm8.Engine) (nr, depth int, flipped bool) {
	switch nr := e.PanelWidth(); nr {
	case 32:
		return nr, 4, true
	case 16:
		return nr, 2, false
	default:
		return nr, 1, false
	}
}

// twinPacked lays b out as PackedSize says, value by value.
func twinPacked(e *gemm8.Engine, b gemm8.Matrix) []byte {
	nr, depth, flipped := layout(e)
	var packed []byte
	at := func(k, n int) int8 {
		switch {
		case k >= b.K || n >= b.N:
			return 0
		case b.Transposed:
			return b.Data[n*b.LD+k]
		}
		return b.Data[k*b.LD+n]
	}
	for n0 := 0; n0 < b.N; n0 += nr {
		for n := n0; n < n0+nr && flipped; n++ {
			var sum int32
			for k := range b.K {
				sum += int32(at(k, n))
			}
			packed = binary.LittleEndian.AppendUint32(packed, uint32(-128*sum))
		}
		for k0 := 0; k0 < b.K; k0 += depth {
			for n := n0; n < n0+nr; n++ {
				for k := k0; k < k0+depth; k++ {
					packed = append(packed, byte(at(k, n)))
				}
			}
		}
	}
	return packed
}

// TestPackMatchesTwin: every level and number of threads lays the same bytes out as the twin, and writes no others.
func TestPackMatchesTwin(t *testing.T) {
	engines := everyEngine(t)
	rng := rand.New(rand.NewPCG(4, 8))
	columns := []int{0, 1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 65, 100, 192}
	rows := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 30, 64, 99, 513}
	fills := []filling{anything, anything, least, most, ends}
	for round := range 2 * len(columns) * len(rows) {
		b := gemm8.Matrix{K: rows[round/len(columns)%len(rows)], N: columns[round%len(columns)], Transposed: rng.IntN(4) == 0}
		stored, width := b.K, b.N
		if b.Transposed {
			stored, width = width, stored
		}
		b.LD = width + max(0, rng.IntN(70)-20)
		b.Data = bytes(rng, extent(stored, width, b.LD), fills[rng.IntN(len(fills))])
		for l, es := range engines {
			want := twinPacked(es[0], b)
			for th, e := range es {
				name := fmt.Sprintf("%v, %d threads: [%d, %d] of %d, transposed %t", l, th+1, b.K, b.N, b.LD, b.Transposed)
				if got := e.PackedSize(b.K, b.N); got != len(want) {
					t.Fatalf("%s: %d bytes, want %d", name, got, len(want))
				}
				checkPack(t, name, e, b, want)
			}
		}
	}
}

// checkPack packs b between 64 bytes that must stay and a fence.
func checkPack(t *testing.T, name string, e *gemm8.Engine, b gemm8.Matrix, want []byte) {
	t.Helper()
	const before = 64
	around := make([]byte, before+len(want))
	for i := range around {
		around[i] = 0xa5
	}
	around = fence.AtEnd(around)
	e.Pack(around[before:], b)
	for i, v := range around {
		w := byte(0xa5)
		if i >= before {
			w = want[i-before]
		}
		if v != w {
			t.Fatalf("%s: byte %d is %#x, want %#x", name, i-before, v, w)
		}
	}
}
