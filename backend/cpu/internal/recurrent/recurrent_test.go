package recurrent_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/isa"
	"foresee/backend/cpu/internal/pool"
	"foresee/backend/cpu/internal/recurrent"
)

// step is a step of a unit with its operands, the weights as the user has them.
type step struct {
	rows, width, input  int
	h, x, g, u, c, w, b []float32
}

func draw(rng *rand.Rand, n int, scale float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(scale * rng.NormFloat64())
	}
	return x
}

func newStep(rng *rand.Rand, rows, width, input int) step {
	n, scale := 3*width, 1/math.Sqrt(float64(width+1))
	s := step{rows: rows, width: width, input: input, h: draw(rng, rows*width, 1), u: draw(rng, width*n, scale), c: draw(rng, n, 1)}
	if input > 0 {
		s.x, s.w, s.b = draw(rng, rows*input, 1), draw(rng, input*n, 1), draw(rng, n, 1)
	} else {
		s.g = draw(rng, rows*n, 1)
	}
	return s
}

// run computes the step with memory of exactly the sizes that the package asks for.
func (s *step) run(l isa.Level, threads int) []float32 {
	p := pool.New(threads)
	defer p.Close()
	e := gemm.NewLevel(nil, l)
	cell := recurrent.NewCell(e, threads, s.rows, s.width, s.input)
	scratch := make([][]float32, threads)
	for i := range scratch {
		scratch[i] = make([]float32, cell.ScratchFloats())
	}
	weights := func(w []float32, k int) []float32 {
		if !cell.Packed || k == 0 {
			return w
		}
		packed := make([]float32, cell.PackedFloats(e, k))
		cell.Pack(e, packed, w, k)
		return packed
	}
	out := make([]float32, s.rows*s.width)
	recurrent.Step(&recurrent.Engine{Pool: p, Products: e, Scratch: func(w int) []float32 { return scratch[w] }}, &cell, &recurrent.Args{
		H: s.h, Out: out, X: s.x, G: s.g, Left: make([]float32, cell.LeftFloats(e)),
		U: recurrent.Weights{W: weights(s.u, s.width), Bias: s.c}, W: recurrent.Weights{W: weights(s.w, s.input), Bias: s.b},
	})
	return out
}

// naive is the formula for one element, in float64.
func (s *step) naive(row, col int) float64 {
	n := 3 * s.width
	var p, g [3]float64
	for k := range p {
		at := k*s.width + col
		p[k] = float64(s.c[at])
		for q := range s.width {
			p[k] += float64(s.h[row*s.width+q]) * float64(s.u[q*n+at])
		}
		if s.input == 0 {
			g[k] = float64(s.g[row*n+at])
			continue
		}
		g[k] = float64(s.b[at])
		for q := range s.input {
			g[k] += float64(s.x[row*s.input+q]) * float64(s.w[q*n+at])
		}
	}
	reset, update := 1/(1+math.Exp(-g[0]-p[0])), 1/(1+math.Exp(-g[1]-p[1]))
	return (1-update)*math.Tanh(g[2]+reset*p[2]) + update*float64(s.h[row*s.width+col])
}

// TestStepAgainstNaive compares each level with the formula, and with its own bits on more threads.
func TestStepAgainstNaive(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 8))
	sizes := [][3]int{{0, 5, 2}, {5, 0, 2}, {1, 1, 1}, {1, 130, 2}, {2, 1, 0}, {18, 33, 3}, {113, 129, 0}, {200, 64, 2}, {225, 17, 260}, {31, 300, 1}}
	for range 10 {
		sizes = append(sizes, [3]int{1 + rng.IntN(130), 1 + rng.IntN(140), rng.IntN(5)})
	}
	for _, size := range sizes {
		s := newStep(rng, size[0], size[1], size[2])
		for _, l := range isa.Levels() {
			one := s.run(l, 1)
			for i, v := range one {
				if want := s.naive(i/s.width, i%s.width); !(math.Abs(float64(v)-want) <= 4e-6*math.Sqrt(float64(s.width+s.input))) {
					t.Fatalf("%v %v: element %d is %v, want %v", l, size, i, v, want)
				}
			}
			for threads := 2; threads <= 3; threads++ {
				for i, v := range s.run(l, threads) {
					if math.Float32bits(v) != math.Float32bits(one[i]) {
						t.Fatalf("%v %v: element %d has other bits on %d threads", l, size, i, threads)
					}
				}
			}
		}
	}
}

func BenchmarkStep(b *testing.B) {
	s := newStep(rand.New(rand.NewPCG(1, 1)), 200, 512, 2)
	p := pool.New(2)
	defer p.Close()
	e := gemm.New(nil)
	cell := recurrent.NewCell(e, 2, s.rows, s.width, s.input)
	scratch := [2][]float32{make([]float32, cell.ScratchFloats()), make([]float32, cell.ScratchFloats())}
	u, w := make([]float32, cell.PackedFloats(e, s.width)), make([]float32, cell.PackedFloats(e, s.input))
	cell.Pack(e, u, s.u, s.width)
	cell.Pack(e, w, s.w, s.input)
	a := recurrent.Args{H: s.h, Out: make([]float32, s.rows*s.width), X: s.x, Left: make([]float32, cell.LeftFloats(e)),
		U: recurrent.Weights{W: u, Bias: s.c}, W: recurrent.Weights{W: w, Bias: s.b}}
	engine := &recurrent.Engine{Pool: p, Products: e, Scratch: func(w int) []float32 { return scratch[w] }}
	for b.Loop() {
		recurrent.Step(engine, &cell, &a)
		a.H, a.Out = a.Out, a.H
	}
	b.ReportMetric(2*float64(s.rows*s.width*3*(s.width+s.input))*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
