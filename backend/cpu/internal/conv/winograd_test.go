package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"foresee/backend/cpu/internal/pool"
)

// eachWinograd runs f with every set that has the fast way, for shapes of any size.
func eachWinograd(t *testing.T, f func(t *testing.T, k *kernels)) {
	for _, k := range available() {
		if k.winogradInput == nil {
			continue
		}
		fast := *k
		fast.winogradTiles, fast.winogradTap = 1, 0
		t.Run(k.name, func(t *testing.T) { f(t, &fast) })
	}
}

func randomFastShape(r *rand.Rand) Shape {
	channels := []int{16, 32, 48, 64}
	for {
		s := Shape{
			N: 1 + r.IntN(4), H: 1 + r.IntN(13), W: 1 + r.IntN(23), Cin: channels[r.IntN(4)], Cout: channels[r.IntN(4)],
			KH: 3, KW: 3, StrideH: 1, StrideW: 1,
			PadTop: r.IntN(5) - 1, PadBottom: r.IntN(5) - 1, PadLeft: r.IntN(5) - 1, PadRight: r.IntN(5) - 1, Fast: true,
		}.WithOut()
		if s.FLOP() < 6e6 {
			return s
		}
	}
}

// TestWinogradMatchesNaive uses integers, which the transforms keep exact: they divide weights by 36 only.
func TestWinogradMatchesNaive(t *testing.T) {
	eachWinograd(t, func(t *testing.T, k *kernels) {
		p := pool.New(2)
		defer p.Close()
		r := rand.New(rand.NewPCG(9, 1))
		ran := 0
		for i := range 120 {
			s := randomFastShape(r)
			if k.useWinograd(s) && k.useWinograd(s.transposed()) {
				ran++
			}
			x, w, dy := integers(r, s.inputs()), times(36, integers(r, s.weights())), integers(r, s.outputs())
			y, dx, dw := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w))
			var bias, residual []float32
			if i%2 == 0 {
				bias = integers(r, s.Cout)
			}
			if i%5 < 2 {
				residual = integers(r, s.outputs())
			}
			for i := range y {
				if bias != nil {
					y[i] = bias[i%s.Cout]
				}
				if residual != nil {
					y[i] += residual[i]
				}
			}
			naive(s, func(a, b, c int) {
				y[c] += x[a] * w[b]
				dx[a] += dy[c] * w[b]
				dw[b] += x[a] * dy[c]
			})
			if i%3 == 0 {
				for i := range y {
					y[i] = max(0, y[i])
				}
			}
			got := [][]float32{dirty(len(y)), dirty(len(x)), dirty(len(w))}
			k.forwardPass(p, s, ForwardArgs{X: x, W: w, Y: got[0], Bias: bias, Residual: residual, ReLU: i%3 == 0})
			k.dataPass(p, s, DataArgs{DY: dy, W: w, DX: got[1]})
			k.weightsPass(p, s, WeightArgs{X: x, DY: dy, DW: got[2]})
			for o, want := range [][]float32{y, dx, dw} {
				same(t, fmt.Sprintf("case %d %+v: output %d", i, s, o), got[o], want)
			}
		}
		if ran < 60 {
			t.Fatalf("only %d cases took the fast way", ran)
		}
	})
}

// times multiplies s by n.
func times(n float32, s []float32) []float32 {
	for i := range s {
		s[i] *= n
	}
	return s
}

// TestWinogradNeedsChannels follows the choice of each pass by its channels.
func TestWinogradNeedsChannels(t *testing.T) {
	eachWinograd(t, func(t *testing.T, k *kernels) {
		k.winogradTap = 512
		for _, c := range []struct {
			size, in, out       int
			forward, data, sums bool
		}{{9, 16, 16, false, false, false}, {33, 16, 16, false, false, true}, {9, 16, 32, true, true, true}, {9, 32, 16, true, true, true}, {9, 32, 32, true, true, true}} {
			s := Shape{N: 2, H: c.size, W: c.size, Cin: c.in, KH: 3, KW: 3, Cout: c.out, StrideH: 1, StrideW: 1, Fast: true}.WithOut()
			if f, d, w := k.useWinograd(s), k.useWinograd(s.transposed()), k.sumWinograd(s); f != c.forward || d != c.data || w != c.sums {
				t.Errorf("%+v: %v, %v and %v took the fast way", c, f, d, w)
			}
		}
	})
}

// fastShape has chunks that end inside of an image, and both sizes odd.
var fastShape = Shape{N: 7, H: 33, W: 17, Cin: 32, KH: 3, KW: 3, Cout: 16, StrideH: 1, StrideW: 1,
	PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1, Fast: true}.WithOut()

func TestWinogradBitsDoNotDependOnThreads(t *testing.T) {
	eachWinograd(t, func(t *testing.T, k *kernels) {
		s := fastShape
		r := rand.New(rand.NewPCG(10, 1))
		x, w, dy := random(r, s.inputs()), random(r, s.weights()), random(r, s.outputs())
		var first [][]float32
		for threads := 1; threads <= 3; threads++ {
			p := pool.New(threads)
			out := [][]float32{dirty(len(dy)), dirty(len(x)), dirty(len(w))}
			k.forwardPass(p, s, ForwardArgs{X: x, W: w, Y: out[0]})
			k.dataPass(p, s, DataArgs{DY: dy, W: w, DX: out[1]})
			k.weightsPass(p, s, WeightArgs{X: x, DY: dy, DW: out[2]})
			p.Close()
			if first == nil {
				first = out
			}
			for i := range out {
				if !slices.Equal(out[i], first[i]) {
					t.Errorf("output %d differs between 1 and %d threads", i, threads)
				}
			}
		}
	})
}

// TestWinogradRounding bounds the error against float64 by a small multiple of the direct one's.
func TestWinogradRounding(t *testing.T) {
	eachWinograd(t, func(t *testing.T, k *kernels) {
		s := fastShape
		r := rand.New(rand.NewPCG(11, 1))
		x, w, dy := random(r, s.inputs()), random(r, s.weights()), random(r, s.outputs())
		want := [][]float64{make([]float64, len(dy)), make([]float64, len(x)), make([]float64, len(w))}
		naive(s, func(a, b, c int) {
			want[0][c] += float64(x[a]) * float64(w[b])
			want[1][a] += float64(dy[c]) * float64(w[b])
			want[2][b] += float64(x[a]) * float64(dy[c])
		})
		var rms [2][3]float64
		for fast := range 2 {
			s.Fast = fast == 1
			out := [][]float32{dirty(len(dy)), dirty(len(x)), dirty(len(w))}
			k.forwardPass(nil, s, ForwardArgs{X: x, W: w, Y: out[0]})
			k.dataPass(nil, s, DataArgs{DY: dy, W: w, DX: out[1]})
			k.weightsPass(nil, s, WeightArgs{X: x, DY: dy, DW: out[2]})
			for i := range out {
				for j, v := range out[i] {
					rms[fast][i] += (float64(v) - want[i][j]) * (float64(v) - want[i][j])
				}
				rms[fast][i] = math.Sqrt(rms[fast][i] / float64(len(out[i])))
			}
		}
		t.Logf("root mean square error of y, dx, dw: direct %.2g, Winograd %.2g", rms[0], rms[1])
		for i := range 3 {
			if !(rms[1][i] < 4*rms[0][i]) {
				t.Errorf("output %d: error %g, direct %g", i, rms[1][i], rms[0][i])
			}
		}
	})
}

func TestWinogradWorkspaceIsEnough(t *testing.T) {
	s := fastShape
	for threads := 1; threads <= 3; threads++ {
		p := pool.New(threads)
		x, w, y := make([]float32, s.inputs()), make([]float32, s.weights()), make([]float32, s.outputs())
		Forward(p, s, ForwardArgs{X: x, W: w, Y: y, Workspace: make([]float32, ForwardWorkspace(s, Crew{Threads: threads}))})
		Forward(p, s, ForwardArgs{X: x, W: w, Y: y, Residual: slices.Clone(y), Workspace: make([]float32, ForwardWorkspace(s, Crew{Threads: threads}))})
		BackwardData(p, s, DataArgs{DY: y, W: w, DX: x, Workspace: make([]float32, BackwardDataWorkspace(s, Crew{Threads: threads}))})
		BackwardWeights(p, s, WeightArgs{X: x, DY: y, DW: w, Workspace: make([]float32, BackwardWeightsWorkspace(s, Crew{Threads: threads}))})
		p.Close()
	}
}

// TestWinogradAllocatesOncePerPart holds that the allocations of a pass do not grow with its blocks of tiles.
func TestWinogradAllocatesOncePerPart(t *testing.T) {
	eachWinograd(t, func(t *testing.T, k *kernels) {
		s := Shape{N: 2, H: 120, W: 33, Cin: 32, KH: 3, KW: 3, Cout: 32, StrideH: 1, StrideW: 1,
			PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1, Fast: true}.WithOut()
		p := pool.New(1)
		defer p.Close()
		x, w, y := make([]float32, s.inputs()), make([]float32, s.weights()), make([]float32, s.outputs())
		pass := k.newWinograd(s)
		forward, grad := pass.forwardPlan(s.FLOP(), Crew{Threads: 1}), pass.gradPlan(Crew{Threads: 1})
		ws := make([]float32, max(forward.total, grad.total))
		for _, c := range []struct {
			name  string
			parts int
			run   func()
		}{
			{"forward", forward.parts(), func() { k.forwardPass(p, s, ForwardArgs{X: x, W: w, Y: y, Workspace: ws}) }},
			{"weights", grad.chunks, func() { k.weightsPass(p, s, WeightArgs{X: x, DY: y, DW: w, Workspace: ws}) }},
		} {
			if n := int(testing.AllocsPerRun(3, c.run)); n > c.parts+8 {
				t.Errorf("%s: %d allocations for %d parts", c.name, n, c.parts)
			}
		}
	})
}
