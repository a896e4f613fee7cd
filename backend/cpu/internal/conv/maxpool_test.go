package conv

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func randomPoolShape(r *rand.Rand) PoolShape {
	channels := []int{1, 2, 3, 5, 7, 8, 15, 16, 17, 32, 40}
	s := PoolShape{
		N: r.IntN(4), H: r.IntN(12), W: r.IntN(20), C: channels[r.IntN(len(channels))],
		KH: 1 + r.IntN(4), KW: 1 + r.IntN(4), StrideH: 1 + r.IntN(4), StrideW: 1 + r.IntN(4),
		PadTop: r.IntN(4), PadBottom: r.IntN(4), PadLeft: r.IntN(4), PadRight: r.IntN(4),
	}
	if r.IntN(2) == 0 { // mostly what threes wants
		s.C, s.KH, s.KW, s.StrideH, s.StrideW = 16*(1+r.IntN(3)), 3, 3, 2, 2
		s.PadTop, s.PadBottom, s.PadLeft, s.PadRight = r.IntN(2), r.IntN(2), r.IntN(2), r.IntN(2)
	}
	return s.WithOut()
}

// naivePool returns the maxima and, for each, the index of its pixel in x, or -1.
func naivePool(s PoolShape, x []float32) (y []float32, from []int) {
	for n := range s.N {
		for i := range s.OutH {
			for j := range s.OutW {
				for c := range s.C {
					best, at := float32(math.Inf(-1)), -1
					for kh := range s.KH {
						for kw := range s.KW {
							r, q := i*s.StrideH-s.PadTop+kh, j*s.StrideW-s.PadLeft+kw
							if r < 0 || r >= s.H || q < 0 || q >= s.W {
								continue
							}
							k := ((n*s.H+r)*s.W+q)*s.C + c
							first := at < 0
							newNaN := math.IsNaN(float64(x[k])) && !math.IsNaN(float64(best))
							if first || newNaN || x[k] > best {
								best, at = x[k], k
							}
						}
					}
					y, from = append(y, best), append(from, at)
				}
			}
		}
	}
	return y, from
}

func TestMaxPoolMatchesNaive(t *testing.T) {
	eachSet(t, func(t *testing.T, k *kernels) {
		r := rand.New(rand.NewPCG(7, 1))
		ties, nans, quick := 0, 0, 0
		for i := range cases(k) {
			s := randomPoolShape(r)
			if s.threes(k.lanes) && s.N > 0 {
				quick++
			}
			x := make([]float32, s.N*s.H*s.W*s.C)
			rare := 20 + i%2*s.W*s.C*s.H // of NaN: some rows have none
			for j := range x {           // few values, so that ties are frequent
				x[j] = float32(r.IntN(4) - 2)
				if i%3 == 0 && r.IntN(rare) == 0 {
					x[j] = float32(math.NaN())
				}
				if i%6 == 4 && x[j] == 0 {
					x[j] = float32(math.Copysign(0, float64(r.IntN(2))-0.5))
				}
				if i%4 == 0 && r.IntN(3) == 0 {
					x[j] = float32(math.Inf(-1))
				}
			}
			want, from := naivePool(s, x)
			y := dirty(len(want))
			k.maxPoolPass(nil, s, x, y)
			for j := range y {
				if math.Float32bits(y[j]) != math.Float32bits(want[j]) {
					t.Fatalf("case %d %+v: y[%d] = %g, want %g", i, s, j, y[j], want[j])
				}
				if y[j] != y[j] {
					nans++
				}
			}
			dy, dx, wantDX := random(r, len(want)), dirty(len(x)), make([]float32, len(x))
			for j, at := range from {
				if at >= 0 {
					wantDX[at] += dy[j]
					ties++
				}
			}
			k.maxPoolGradPass(nil, s, x, dy, dx)
			if !slices.Equal(dx, wantDX) {
				t.Fatalf("case %d %+v: dx = %v, want %v", i, s, dx, wantDX)
			}
		}
		if min(ties, nans, quick-10) <= 0 {
			t.Fatalf("%d gradients, %d NaN maxima and %d times windows of three seen, want some of each", ties, nans, quick)
		}
	})
}
