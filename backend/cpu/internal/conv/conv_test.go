package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"foresee/backend/cpu/internal/pool"
)

// naive calls f for every product of the convolution with the indices into x, w and y.
func naive(s Shape, f func(x, w, y int)) {
	for n := range s.N {
		for i := range s.OutH {
			for j := range s.OutW {
				for o := range s.Cout {
					y := ((n*s.OutH+i)*s.OutW+j)*s.Cout + o
					for kh := range s.KH {
						for kw := range s.KW {
							r, c := i*s.StrideH-s.PadTop+kh, j*s.StrideW-s.PadLeft+kw
							if r < 0 || r >= s.H || c < 0 || c >= s.W {
								continue
							}
							for ch := range s.Cin {
								f(((n*s.H+r)*s.W+c)*s.Cin+ch, ((kh*s.KW+kw)*s.Cin+ch)*s.Cout+o, y)
							}
						}
					}
				}
			}
		}
	}
}

func random(r *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(r.NormFloat64())
	}
	return s
}

// randomShape draws sizes with the awkward ones frequent.
func randomShape(r *rand.Rand) Shape {
	channels := []int{1, 2, 3, 5, 7, 8, 16, 17, 31, 32, 33, 48, 64, 80}
	for {
		s := Shape{
			N: r.IntN(4), H: r.IntN(14), W: r.IntN(40),
			Cin: channels[r.IntN(len(channels))], Cout: channels[r.IntN(len(channels))],
			KH: 1 + r.IntN(8), KW: 1 + r.IntN(8), StrideH: 1 + r.IntN(4), StrideW: 1 + r.IntN(4),
			PadTop: r.IntN(5) - 1, PadBottom: r.IntN(5) - 1, PadLeft: r.IntN(5) - 1, PadRight: r.IntN(5) - 1,
		}.WithOut()
		if s.FLOP() < 3e6 {
			return s
		}
	}
}

// integers returns small integers: every order of summation gives the same float32.
func integers(r *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(r.IntN(17) - 8)
	}
	return s
}

func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, g := range got {
		if g != want[i] {
			t.Fatalf("%s[%d] = %g, want %g", what, i, g, want[i])
		}
	}
}

func eachSet(t *testing.T, f func(t *testing.T, k *kernels)) {
	for _, k := range available() {
		t.Run(k.name, func(t *testing.T) { f(t, k) })
	}
}

func dirty(n int) []float32 {
	s := make([]float32, n)
	fill(s, float32(math.NaN()))
	return s
}

func cases(k *kernels) int {
	if testing.Short() || k.name == "portable" {
		return 150
	}
	return 500
}

func TestForwardMatchesNaive(t *testing.T) {
	eachSet(t, func(t *testing.T, k *kernels) {
		r := rand.New(rand.NewPCG(1, 1))
		for i := range cases(k) {
			s := randomShape(r)
			x, w := integers(r, s.inputs()), integers(r, s.weights())
			a := ForwardArgs{X: x, W: w, Y: dirty(s.outputs()), ReLU: i%3 == 0}
			want := make([]float32, s.outputs())
			naive(s, func(x, w, y int) { want[y] += a.X[x] * a.W[w] })
			if i%2 == 0 {
				a.Bias = integers(r, s.Cout)
			}
			if i%5 == 0 {
				a.Residual = integers(r, s.outputs())
			}
			for i := range want {
				if a.Bias != nil {
					want[i] += a.Bias[i%s.Cout]
				}
				if a.Residual != nil {
					want[i] += a.Residual[i]
				}
				if a.ReLU {
					want[i] = max(0, want[i])
				}
			}
			a.Workspace = dirty(k.forwardPlan(s.pointwise(), Crew{Threads: 1}).total)
			k.forwardPass(nil, s, a)
			same(t, fmt.Sprintf("case %d %+v: y", i, s), a.Y, want)
		}
	})
}

func TestBackwardDataMatchesNaive(t *testing.T) {
	eachSet(t, func(t *testing.T, k *kernels) {
		r := rand.New(rand.NewPCG(2, 1))
		for i := range cases(k) {
			s := randomShape(r)
			a := DataArgs{DY: integers(r, s.outputs()), W: integers(r, s.weights()), DX: dirty(s.inputs())}
			want := make([]float32, s.inputs())
			naive(s, func(x, w, y int) { want[x] += a.DY[y] * a.W[w] })
			a.Workspace = dirty(k.dataPlan(s.pointwise(), Crew{Threads: 1}).total)
			k.dataPass(nil, s, a)
			same(t, fmt.Sprintf("case %d %+v: dx", i, s), a.DX, want)
		}
	})
}

func TestBackwardWeightsMatchesNaive(t *testing.T) {
	eachSet(t, func(t *testing.T, k *kernels) {
		r := rand.New(rand.NewPCG(3, 1))
		for i := range cases(k) {
			s := randomShape(r)
			a := WeightArgs{X: integers(r, s.inputs()), DY: integers(r, s.outputs()), DW: dirty(s.weights())}
			want := make([]float32, s.weights())
			naive(s, func(x, w, y int) { want[w] += a.X[x] * a.DY[y] })
			a.Workspace = dirty(k.weightsPlan(s.pointwise(), Crew{Threads: 1}).total)
			k.weightsPass(nil, s, a)
			same(t, fmt.Sprintf("case %d %+v: dw", i, s), a.DW, want)
		}
	})
}

// threadShapes are large enough to be cut into many parts and chunks.
var threadShapes = []Shape{
	{N: 1, H: 65, W: 65, Cin: 2, KH: 5, KW: 5, Cout: 16, StrideH: 4, StrideW: 4, PadTop: 2, PadBottom: 2, PadLeft: 2, PadRight: 2},
	{N: 3, H: 31, W: 33, Cin: 16, KH: 3, KW: 3, Cout: 32, StrideH: 1, StrideW: 1, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 37, H: 9, W: 9, Cin: 32, KH: 3, KW: 3, Cout: 40, StrideH: 2, StrideW: 2, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 5, H: 33, W: 29, Cin: 11, KH: 3, KW: 3, Cout: 16, StrideH: 1, StrideW: 1, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 9, H: 41, W: 37, Cin: 2, KH: 3, KW: 3, Cout: 16, StrideH: 1, StrideW: 1, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{N: 19, H: 16, W: 16, Cin: 48, KH: 1, KW: 1, Cout: 64, StrideH: 1, StrideW: 1},
}

// TestManyChunksMatchNaive covers what random shapes are too small for: chunks that end inside
// of an image and images cut into bands.
func TestManyChunksMatchNaive(t *testing.T) {
	p := pool.New(2)
	defer p.Close()
	for _, s := range threadShapes {
		s = s.WithOut()
		r := rand.New(rand.NewPCG(8, 1))
		x, w, dy := integers(r, s.inputs()), integers(r, s.weights()), integers(r, s.outputs())
		y, dx, dw := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w))
		naive(s, func(a, b, c int) {
			y[c] += x[a] * w[b]
			dx[a] += dy[c] * w[b]
			dw[b] += x[a] * dy[c]
		})
		eachSet(t, func(t *testing.T, k *kernels) {
			got := [][]float32{dirty(len(y)), dirty(len(x)), dirty(len(w))}
			k.forwardPass(p, s, ForwardArgs{X: x, W: w, Y: got[0]})
			k.dataPass(p, s, DataArgs{DY: dy, W: w, DX: got[1]})
			k.weightsPass(p, s, WeightArgs{X: x, DY: dy, DW: got[2]})
			for i, want := range [][]float32{y, dx, dw} {
				same(t, fmt.Sprintf("%+v: output %d", s, i), got[i], want)
			}
		})
	}
}

func TestBitsDoNotDependOnThreads(t *testing.T) {
	eachSet(t, func(t *testing.T, k *kernels) {
		r := rand.New(rand.NewPCG(4, 1))
		for _, s := range threadShapes {
			s = s.WithOut()
			x, w, dy := random(r, s.inputs()), random(r, s.weights()), random(r, s.outputs())
			ps := PoolShape{N: s.N, H: s.H, W: s.W, C: s.Cin, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1}.WithOut()
			pdy := random(r, s.N*ps.OutH*ps.OutW*s.Cin)
			var first [][]float32
			for threads := 1; threads <= 3; threads++ {
				p := pool.New(threads)
				out := [][]float32{dirty(len(dy)), dirty(len(x)), dirty(len(w)), dirty(len(pdy)), dirty(len(x))}
				k.forwardPass(p, s, ForwardArgs{X: x, W: w, Y: out[0]})
				k.dataPass(p, s, DataArgs{DY: dy, W: w, DX: out[1]})
				k.weightsPass(p, s, WeightArgs{X: x, DY: dy, DW: out[2]})
				k.maxPoolPass(p, ps, x, out[3])
				k.maxPoolGradPass(p, ps, x, pdy, out[4])
				p.Close()
				if first == nil {
					first = out
				}
				for i := range out {
					if !slices.Equal(out[i], first[i]) {
						t.Errorf("%+v: output %d differs between 1 and %d threads", s, i, threads)
					}
				}
			}
		}
	})
}

func TestNaNReachesExactlyItsOutputs(t *testing.T) {
	eachSet(t, func(t *testing.T, k *kernels) {
		r := rand.New(rand.NewPCG(5, 1))
		nan := float32(math.NaN())
		hit := 0
		for range 60 {
			s := randomShape(r)
			if s.FLOP() == 0 || s.inputs() == 0 {
				continue
			}
			x, w, dy := random(r, s.inputs()), random(r, s.weights()), random(r, s.outputs())
			at := r.IntN(len(x))
			x[at] = nan
			y, dw := make([]bool, len(dy)), make([]bool, len(w))
			naive(s, func(x, w, o int) {
				if x == at {
					y[o], dw[w] = true, true
				}
			})
			gotY, gotW := make([]float32, len(y)), make([]float32, len(w))
			k.forwardPass(nil, s, ForwardArgs{X: x, W: w, Y: gotY, ReLU: true})
			k.weightsPass(nil, s, WeightArgs{X: x, DY: dy, DW: gotW})
			for i, v := range gotY {
				if y[i] != (v != v) {
					t.Fatalf("%+v: y[%d] = %g, want NaN: %v", s, i, v, y[i])
				}
			}
			for i, v := range gotW {
				if dw[i] != (v != v) {
					t.Fatalf("%+v: dw[%d] = %g, want NaN: %v", s, i, v, dw[i])
				}
				if dw[i] {
					hit++
				}
			}
		}
		if hit == 0 {
			t.Fatal("no case had a NaN under the kernel")
		}
	})
}

func TestWorkspaceIsEnoughAndNotExceeded(t *testing.T) {
	eachSet(t, func(t *testing.T, k *kernels) {
		p := pool.New(2)
		defer p.Close()
		r := rand.New(rand.NewPCG(6, 1))
		for range 60 {
			s := randomShape(r)
			x, w, dy := random(r, s.inputs()), random(r, s.weights()), random(r, s.outputs())
			const guard = 64
			need := []int{k.forwardPlan(s.pointwise(), Crew{Threads: 2}).total, k.dataPlan(s.pointwise(), Crew{Threads: 2}).total, k.weightsPlan(s.pointwise(), Crew{Threads: 2}).total}
			for i, n := range need {
				ws := random(r, n+guard)
				before := slices.Clone(ws[n:])
				switch i {
				case 0:
					k.forwardPass(p, s, ForwardArgs{X: x, W: w, Y: make([]float32, len(dy)), Workspace: ws})
				case 1:
					k.dataPass(p, s, DataArgs{DY: dy, W: w, DX: make([]float32, len(x)), Workspace: ws})
				case 2:
					k.weightsPass(p, s, WeightArgs{X: x, DY: dy, DW: make([]float32, len(w)), Workspace: ws})
				}
				if !slices.Equal(before, ws[n:]) {
					t.Fatalf("%+v: pass %d wrote behind its %d floats of workspace", s, i, n)
				}
			}
		}
	})
}

func TestWrongLengthsPanic(t *testing.T) {
	s := threadShapes[1].WithOut()
	ok := ForwardArgs{X: make([]float32, s.inputs()), W: make([]float32, s.weights()), Y: make([]float32, s.outputs())}
	short := ok
	short.W = short.W[1:]
	bad := s
	bad.OutW++
	small := ok
	small.Workspace = make([]float32, 1)
	for name, f := range map[string]func(){
		"w":         func() { Forward(nil, s, short) },
		"out":       func() { Forward(nil, bad, ok) },
		"workspace": func() { Forward(nil, s, small) },
		"dx":        func() { BackwardData(nil, s, DataArgs{DY: ok.Y, W: ok.W, DX: ok.X[1:]}) },
		"dw":        func() { BackwardWeights(nil, s, WeightArgs{X: ok.X, DY: ok.Y, DW: ok.W[1:]}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
