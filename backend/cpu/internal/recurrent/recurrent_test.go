package recurrent_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/gemm8"
	"foresee/backend/cpu/internal/isa"
	"foresee/backend/cpu/internal/pool"
	"foresee/backend/cpu/internal/recurrent"
)

// step is a step of a unit with its operands, the weights as the user has them, those of the state perhaps in bytes.
type step struct {
	rows, width, input  int
	h, x, g, u, c, w, b []float32
	bytes               bool
	q, v                []int8    // the state and its weights
	byRow, byColumn     []float32 // scales
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

// inBytes returns the step with other products of the state: of any bytes, so that no formula is used twice.
func (s step) inBytes(rng *rand.Rand) step {
	s.bytes, s.q, s.v = true, make([]int8, s.rows*s.width), make([]int8, s.width*3*s.width)
	for _, b := range [][]int8{s.q, s.v} {
		for i := range b {
			b[i] = int8(rng.Uint32())
		}
	}
	s.byRow, s.byColumn = draw(rng, s.rows, 1e-2), draw(rng, 3*s.width, 1e-2/math.Sqrt(float64(s.width+1)))
	return s
}

// run computes the step with memory of exactly the sizes that the package asks for.
func (s *step) run(l isa.Level, threads int) []float32 {
	p := pool.New(threads)
	defer p.Close()
	e, e8 := gemm.NewLevel(nil, l), gemm8.NewLevel(nil, l)
	engine := &recurrent.Engine{Pool: p, Products: e, Bytes: e8}
	cell := recurrent.NewCell(engine, threads, recurrent.Cell{Rows: s.rows, Width: s.width, Input: s.input, Bytes: s.bytes})
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
	engine.Scratch = func(w int) []float32 { return scratch[w] }
	a := recurrent.Args{
		H: s.h, Out: make([]float32, s.rows*s.width), X: s.x, G: s.g, Left: make([]float32, cell.LeftFloats(e)),
		U: recurrent.Weights{Bias: s.c}, W: recurrent.Weights{W: weights(s.w, s.input), Bias: s.b},
	}
	if s.bytes {
		a.Bytes = recurrent.Bytes{Q: s.q, Rows: s.byRow, W: make([]byte, cell.PackedBytes(e8)), Columns: s.byColumn}
		cell.PackBytes(e8, a.Bytes.W, s.v)
	} else {
		a.U.W = weights(s.u, s.width)
	}
	recurrent.Step(engine, &cell, &a)
	return a.Out
}

// naive is the formula for one element, in float64.
func (s *step) naive(row, col int) float64 {
	n := 3 * s.width
	var p, g [3]float64
	for k := range p {
		at := k*s.width + col
		p[k] = float64(s.c[at])
		for q := range s.width {
			if s.bytes {
				p[k] += float64(s.q[row*s.width+q]) * float64(s.v[q*n+at]) * float64(s.byRow[row]) * float64(s.byColumn[at])
			} else {
				p[k] += float64(s.h[row*s.width+q]) * float64(s.u[q*n+at])
			}
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
	for i := range 2 * len(sizes) {
		size := sizes[i/2]
		s := newStep(rng, size[0], size[1], size[2])
		if i%2 == 1 {
			s = s.inBytes(rng)
		}
		for _, l := range isa.Levels() {
			one := s.run(l, 1)
			for i, v := range one {
				if want := s.naive(i/s.width, i%s.width); !(math.Abs(float64(v)-want) <= 4e-6*math.Sqrt(float64(s.width+s.input))) {
					t.Fatalf("%v %v, bytes %t: element %d is %v, want %v", l, size, s.bytes, i, v, want)
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
	engine := &recurrent.Engine{Pool: p, Products: e}
	cell := recurrent.NewCell(engine, 2, recurrent.Cell{Rows: s.rows, Width: s.width, Input: s.input})
	scratch := [2][]float32{make([]float32, cell.ScratchFloats()), make([]float32, cell.ScratchFloats())}
	u, w := make([]float32, cell.PackedFloats(e, s.width)), make([]float32, cell.PackedFloats(e, s.input))
	cell.Pack(e, u, s.u, s.width)
	cell.Pack(e, w, s.w, s.input)
	a := recurrent.Args{H: s.h, Out: make([]float32, s.rows*s.width), X: s.x, Left: make([]float32, cell.LeftFloats(e)),
		U: recurrent.Weights{W: u, Bias: s.c}, W: recurrent.Weights{W: w, Bias: s.b}}
	engine.Scratch = func(w int) []float32 { return scratch[w] }
	for b.Loop() {
		recurrent.Step(engine, &cell, &a)
		a.H, a.Out = a.Out, a.H
	}
	b.ReportMetric(2*float64(s.rows*s.width*3*(s.width+s.input))*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
