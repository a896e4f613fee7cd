package stream_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"foresee/backend/cpu/internal/pool"
	"foresee/backend/cpu/internal/stream"
	"foresee/backend/cpu/internal/vec"
)

// TestCopy copies around the size that is shared among threads, to and from any place, and looks at what follows.
func TestCopy(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 4))
	const long = 1 << 22
	src := make([]byte, long+4096)
	for i := range src {
		src[i] = byte(rng.Uint32())
	}
	for threads := 1; threads <= 3; threads++ {
		p := pool.New(threads)
		for _, n := range []int{0, 1, 5000, long - 1, long, long + 1, long + 64, long + 3001} {
			for _, off := range []int{0, 3, 4} {
				dst := make([]byte, n+off+64)
				for i := range dst {
					dst[i] = 7
				}
				stream.Copy(p, dst[off:][:n], src[5:][:n])
				if !bytes.Equal(dst[off:][:n], src[5:][:n]) {
					t.Errorf("%d bytes to %d on %d threads: differ", n, off, threads)
				}
				if around := append(dst[:off:off], dst[off+n:]...); bytes.Count(around, []byte{7}) != len(around) {
					t.Errorf("%d bytes to %d on %d threads: other bytes were written", n, off, threads)
				}
			}
		}
		p.Close()
	}
}

// TestMatrix copies rows into wider ones.
func TestMatrix(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 5))
	p := pool.New(2)
	defer p.Close()
	for range 60 {
		r := vec.Rows{Rows: rng.IntN(300), Cols: 1 + rng.IntN(600)}
		r.DstStep, r.SrcStep = r.Cols+rng.IntN(40), r.Cols+rng.IntN(3)
		src, dst := make([]float32, r.Rows*r.SrcStep), make([]float32, r.Rows*r.DstStep)
		for i := range src {
			src[i] = 1 + rng.Float32()
		}
		stream.Matrix(p, r, dst, src)
		for i, v := range dst {
			want, row, col := float32(0), i/r.DstStep, i%r.DstStep
			if col < r.Cols {
				want = src[row*r.SrcStep+col]
			}
			if v != want {
				t.Fatalf("%+v: [%d, %d] is %v, want %v", r, row, col, v, want)
			}
		}
	}
}
