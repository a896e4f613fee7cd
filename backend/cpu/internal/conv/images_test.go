package conv

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// inTurns cuts n images in parts, and these in turns, at random, and does them in any order that keeps those of a part.
func inTurns(r *rand.Rand, n int, c Crew, do func(t Turn)) {
	var parts [][]Turn
	soon := make([]float32, 100)
	for p := range c.Parts {
		var turns []Turn
		for lo, to := p*n/c.Parts, (p+1)*n/c.Parts; lo < to; {
			hi := min(to, lo+1+r.IntN(3))
			turns = append(turns, Turn{Worker: r.IntN(c.Threads), Part: p, Lo: lo, Hi: hi, First: len(turns) == 0, Soon: soon[:r.IntN(101)]})
			lo = hi
		}
		parts = append(parts, turns)
	}
	for len(parts) > 0 {
		p := r.IntN(len(parts))
		if len(parts[p]) == 0 {
			parts = slices.Delete(parts, p, p+1)
			continue
		}
		do(parts[p][0])
		parts[p] = parts[p][1:]
	}
}

// TestImageByImage compares passes in turns with the naive loops. Sums of small integers are exact in every order.
func TestImageByImage(t *testing.T) {
	for _, fast := range []bool{false, true} {
		each, shape := eachSet, randomShape
		if fast {
			each, shape = eachWinograd, randomFastShape
		}
		each(t, func(t *testing.T, k *kernels) {
			r := rand.New(rand.NewPCG(12, 1))
			for i := range 100 {
				s := shape(r)
				s.N += r.IntN(3)
				s.Fast = fast
				if min(s.inputs(), s.weights(), s.outputs()) == 0 || s.FLOP() > 2e7 {
					continue
				}
				compareInTurns(t, k, s, r, i)
			}
		})
	}
}

func compareInTurns(t *testing.T, k *kernels, s Shape, r *rand.Rand, i int) {
	t.Helper()
	c := Crew{Threads: 1 + r.IntN(3), Parts: 1 + r.IntN(s.N)}
	x, w, dy, bias := integers(r, s.inputs()), times(36, integers(r, s.weights())), integers(r, s.outputs()), integers(r, s.Cout)
	y, dx, dw := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w))
	naive(s, func(a, b, c int) {
		y[c] += x[a] * w[b]
		dx[a] += dy[c] * w[b]
		dw[b] += x[a] * dy[c]
	})
	for i := range y {
		y[i] = max(0, y[i]+bias[i%s.Cout]+dy[i])
	}
	got := [][]float32{dirty(len(y)), dirty(len(x)), dirty(len(w))}
	inTurns(r, s.N, c, k.prepareForward(s, ForwardArgs{X: x, W: w, Y: got[0], Bias: bias, Residual: dy, ReLU: true,
		Workspace: dirty(k.forwardFloats(s, c))}, c).Images)
	inTurns(r, s.N, c, k.prepareData(s, DataArgs{DY: dy, W: w, DX: got[1], Workspace: dirty(k.dataFloats(s, c))}, c).Images)
	sum := k.prepareWeights(s, WeightArgs{X: x, DY: dy, DW: got[2], Workspace: dirty(k.weightsFloats(s, c))}, c)
	inTurns(r, s.N, c, sum.Add)
	sum.Finish(nil)
	for o, want := range [][]float32{y, dx, dw} {
		same(t, fmt.Sprintf("case %d %+v, %+v: output %d", i, s, c, o), got[o], want)
	}
}

// TestMaxPoolImageByImage compares pooling in turns with pooling at once.
func TestMaxPoolImageByImage(t *testing.T) {
	eachSet(t, func(t *testing.T, k *kernels) {
		r := rand.New(rand.NewPCG(13, 1))
		for i := range 60 {
			s := PoolShape{N: 1 + r.IntN(6), H: 3 + r.IntN(9), W: 3 + r.IntN(9), C: 1 + r.IntN(40), KH: 1 + r.IntN(3), KW: 1 + r.IntN(3),
				StrideH: 1 + r.IntN(2), StrideW: 1 + r.IntN(2), PadTop: r.IntN(2), PadLeft: r.IntN(2)}.WithOut()
			x, dy := random(r, s.N*s.H*s.W*s.C), random(r, s.N*s.OutH*s.OutW*s.C)
			y, dx := dirty(len(dy)), dirty(len(x))
			wantY, wantDX := dirty(len(dy)), dirty(len(x))
			k.maxPoolPass(nil, s, x, wantY)
			k.maxPoolGradPass(nil, s, x, dy, wantDX)
			c := Crew{Threads: 2, Parts: 1 + r.IntN(s.N)}
			inTurns(r, s.N, c, k.prepareMaxPool(s, x, y, c).Images)
			inTurns(r, s.N, c, k.prepareMaxPoolGrad(s, x, dy, dx, c).Images)
			same(t, fmt.Sprintf("case %d %+v: y", i, s), y, wantY)
			same(t, fmt.Sprintf("case %d %+v: dx", i, s), dx, wantDX)
		}
	})
}
