package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"foresee/backend/cpu/internal/pool"
)

// shortShape draws a shape that has passes by way of 16-bit integers.
func shortShape(r *rand.Rand) Shape {
	for {
		s := Shape{N: 16 + r.IntN(5), H: 1 + r.IntN(7), W: 1 + r.IntN(9), Cin: 8 * (1 + r.IntN(6)), Cout: 8 * (1 + r.IntN(6)),
			KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1, Shorts: true}
		if r.IntN(2) == 0 {
			s.KH, s.KW, s.StrideH, s.StrideW = 1+r.IntN(5), 1+r.IntN(5), 1+r.IntN(2), 1+r.IntN(2)
			s.PadTop, s.PadBottom, s.PadLeft, s.PadRight = r.IntN(3), r.IntN(3), r.IntN(3), r.IntN(3)
		}
		if s = s.WithOut(); s.FLOP() < 2e7 && (s.shortForward() || s.shortData() || s.shortWeights()) {
			return s
		}
	}
}

// TestShorts compares passes by way of 16-bit integers with those in float32, on several numbers of threads and image by
// image. Package conv16 has the tests of what an element may be wrong by.
func TestShorts(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	var pools []*pool.Pool
	for _, n := range []int{1, 2, 3, 8} {
		pools = append(pools, pool.New(n))
		defer pools[len(pools)-1].Close()
	}
	seen := [3]int{}
	for i := range 90 {
		s := shortShape(r)
		x, w, dy, residual := random(r, s.inputs()), random(r, s.weights()), random(r, s.outputs()), random(r, s.outputs())
		bias := random(r, s.Cout)
		for role, pass := range []struct {
			takes bool
			size  int
			run   func(p *pool.Pool, s Shape, out []float32)
			turns func(s Shape, c Crew, out []float32) any
		}{
			{s.shortForward(), s.outputs(), func(p *pool.Pool, s Shape, out []float32) {
				Forward(p, s, ForwardArgs{X: x, W: w, Y: out, Bias: bias, Residual: residual, ReLU: i%2 == 0})
			}, func(s Shape, c Crew, out []float32) any {
				return ForwardImages(s, c, ForwardArgs{X: x, W: w, Y: out, Bias: bias, Residual: residual, ReLU: i%2 == 0, Workspace: dirty(ForwardWorkspace(s, c))})
			}},
			{s.shortData(), s.inputs(), func(p *pool.Pool, s Shape, out []float32) {
				BackwardData(p, s, DataArgs{DY: dy, W: w, DX: out})
			}, func(s Shape, c Crew, out []float32) any {
				return DataImages(s, c, DataArgs{DY: dy, W: w, DX: out, Workspace: dirty(BackwardDataWorkspace(s, c))})
			}},
			{s.shortWeights(), s.weights(), func(p *pool.Pool, s Shape, out []float32) {
				BackwardWeights(p, s, WeightArgs{X: x, DY: dy, DW: out})
			}, func(s Shape, c Crew, out []float32) any {
				return WeightImages(s, c, WeightArgs{X: x, DY: dy, DW: out, Workspace: dirty(BackwardWeightsWorkspace(s, c))})
			}},
		} {
			if !pass.takes {
				continue
			}
			seen[role]++
			what := fmt.Sprintf("case %d %+v role %d", i, s, role)
			got, again, want := dirty(pass.size), dirty(pass.size), dirty(pass.size)
			pass.run(pools[0], s, got)
			for _, p := range pools[1:] {
				pass.run(p, s, again)
				same(t, what, again, got)
			}
			fill(again, float32(math.NaN()))
			whole := s.N
			if role == 2 { // as many partial sums, of one image each, as the pass has images
				whole = s.shortChunks(Crew{Threads: 1})
			}
			c := Crew{Threads: 2, Parts: whole}
			switch j := pass.turns(s, c, again).(type) {
			case ImageJob:
				for n := range s.N {
					j.Images(Turn{Worker: n % 2, Part: n, Lo: n, Hi: n + 1, First: true, Soon: x})
				}
			case SumJob:
				for p := range whole {
					lo, hi := p*s.N/whole, (p+1)*s.N/whole
					for n := lo; n < hi; n++ {
						j.Add(Turn{Worker: n % 2, Part: p, Lo: n, Hi: n + 1, First: n == lo, Soon: x})
					}
				}
				j.Finish(pools[0])
			}
			same(t, what+" image by image", again, got)
			s.Shorts = false
			pass.run(pools[1], s, want)
			s.Shorts = true
			if slices.Equal(got, want) && len(got) > 200 {
				t.Fatalf("%s: the same bits as in float32", what)
			}
			bound := 0.0
			for _, v := range want {
				bound = max(bound, 2e-3*math.Abs(float64(v)))
			}
			for i, g := range got {
				if !(math.Abs(float64(g-want[i])) <= bound) {
					t.Fatalf("%s: [%d] = %g, want %g", what, i, g, want[i])
				}
			}
		}
	}
	if slices.Min(seen[:]) < 5 {
		t.Fatalf("passes seen: %v", seen)
	}
}
