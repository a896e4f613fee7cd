package attention_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"foresee/backend/cpu/internal/attention"
	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/isa"
	"foresee/backend/cpu/internal/pool"
)

// twin is attention in float64 over dense [batch, heads, tokens, width].
func twin(s attention.Shape, q, k, v []float64) []float64 {
	o := make([]float64, len(q))
	group := s.Heads / s.KVHeads
	for b := range s.Batch {
		for h := range s.Heads {
			for t := range s.Queries {
				row := q[((b*s.Heads+h)*s.Queries+t)*s.Width:][:s.Width]
				out := o[((b*s.Heads+h)*s.Queries+t)*s.Width:][:s.Width]
				sum := 0.0
				for u := range s.Keys {
					if s.Causal && u > t {
						continue
					}
					at := ((b*s.KVHeads+h/group)*s.Keys + u) * s.Width
					dot := 0.0
					for i, x := range row {
						dot += x * k[at+i]
					}
					p := math.Exp(dot * float64(s.Scale))
					sum += p
					for i := range out {
						out[i] += p * v[at+i]
					}
				}
				for i := range out {
					out[i] /= sum
				}
			}
		}
	}
	return o
}

// laidOut copies dense numbers to a tensor of gaps, as [batch, tokens, heads, width] with slack if interleaved.
func laidOut(x []float64, batch, heads, tokens, width int, interleaved bool) attention.Tensor {
	t := attention.Tensor{Batch: heads * tokens * width, Head: tokens * width, Token: width}
	if interleaved {
		t = attention.Tensor{Batch: tokens * (heads*width + 3), Head: width, Token: heads*width + 3}
	}
	t.Data = make([]float32, batch*t.Batch+width)
	each(t, batch, heads, tokens, width, func(i, at int) { t.Data[at] = float32(x[i]) })
	return t
}

func each(t attention.Tensor, batch, heads, tokens, width int, do func(i, at int)) {
	i := 0
	for b := range batch {
		for h := range heads {
			for u := range tokens {
				for w := range width {
					do(i, b*t.Batch+h*t.Head+u*t.Token+w)
					i++
				}
			}
		}
	}
}

func numbers(rng *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(float32(rng.NormFloat64()))
	}
	return x
}

func randomShape(rng *rand.Rand) attention.Shape {
	kv := 1 + rng.IntN(3)
	tokens := func() int { return [...]int{1, 2, 13, 16, 17, 1 + rng.IntN(40), 1 + rng.IntN(70)}[rng.IntN(7)] }
	s := attention.Shape{Batch: 1 + rng.IntN(3), KVHeads: kv, Heads: kv * (1 + rng.IntN(2)),
		Queries: tokens(), Keys: tokens(), Width: 1 + rng.IntN(20), Scale: 0.3, Causal: rng.IntN(2) == 0}
	if rng.IntN(3) == 0 {
		s.Keys = s.Queries
	}
	if rng.IntN(4) == 0 {
		s.Width, s.Scale = 1+rng.IntN(70), 0.125
	}
	return s
}

func engine(p *pool.Pool, s attention.Shape) *attention.Engine {
	work := make([][]float32, p.Threads())
	for i := range work {
		work[i] = make([]float32, s.ScratchFloats())
	}
	return &attention.Engine{Pool: p, Products: gemm.New(nil), Scratch: func(w int) []float32 { return work[w] }}
}

type run struct {
	o, q, k, v []float64 // the result and the gradients
}

func compute(p *pool.Pool, s attention.Shape, q, k, v, g []float64, interleaved bool) run {
	lay := func(x []float64, heads, tokens int) attention.Tensor {
		return laidOut(x, s.Batch, heads, tokens, s.Width, interleaved)
	}
	e := engine(p, s)
	tq, tk, tv, tg := lay(q, s.Heads, s.Queries), lay(k, s.KVHeads, s.Keys), lay(v, s.KVHeads, s.Keys), lay(g, s.Heads, s.Queries)
	o := lay(make([]float64, len(q)), s.Heads, s.Queries)
	mass := make([]float32, s.Batch*s.Heads*s.Queries)
	problem := attention.Problem{Shape: s, Q: tq, K: tk, V: tv, Out: o, Mass: mass}
	attention.Forward(e, problem)
	junk := numbers(rand.New(rand.NewPCG(1, 1)), max(len(q), len(k)))
	d := attention.Gradients{Out: tg, Q: lay(junk[:len(q)], s.Heads, s.Queries), K: lay(junk[:len(k)], s.KVHeads, s.Keys), V: lay(junk[:len(v)], s.KVHeads, s.Keys)}
	attention.Backward(e, problem, d)
	dense := func(t attention.Tensor, heads, tokens int) []float64 {
		x := make([]float64, s.Batch*heads*tokens*s.Width)
		each(t, s.Batch, heads, tokens, s.Width, func(i, at int) { x[i] = float64(t.Data[at]) })
		return x
	}
	return run{dense(o, s.Heads, s.Queries), dense(d.Q, s.Heads, s.Queries), dense(d.K, s.KVHeads, s.Keys), dense(d.V, s.KVHeads, s.Keys)}
}

func near(t *testing.T, what string, got, want []float64, tol float64) {
	t.Helper()
	for i := range want {
		if gap := math.Abs(got[i] - want[i]); !(gap <= tol*max(1, math.Abs(want[i]))) {
			t.Fatalf("%s[%d] = %g, want %g", what, i, got[i], want[i])
		}
	}
}

// TestAttention compares with the twin, and the gradients with its central differences, in both layouts.
func TestAttention(t *testing.T) {
	two := pool.New(2)
	defer two.Close()
	for _, l := range isa.Levels() {
		t.Run(l.String(), func(t *testing.T) {
			defer attention.SetLevel(l)()
			for seed := range uint64(60) {
				againstTwin(t, two, seed)
			}
		})
	}
}

func againstTwin(t *testing.T, two *pool.Pool, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	s := randomShape(rng)
	q, g := numbers(rng, s.Batch*s.Heads*s.Queries*s.Width), numbers(rng, s.Batch*s.Heads*s.Queries*s.Width)
	k, v := numbers(rng, s.Batch*s.KVHeads*s.Keys*s.Width), numbers(rng, s.Batch*s.KVHeads*s.Keys*s.Width)
	got := compute(two, s, q, k, v, g, seed%2 == 0)
	near(t, "attention", got.o, twin(s, q, k, v), 2e-6)
	loss := func() (sum float64) {
		for i, y := range twin(s, q, k, v) {
			sum += y * g[i]
		}
		return sum
	}
	for name, pair := range map[string][2][]float64{"dq": {q, got.q}, "dk": {k, got.k}, "dv": {v, got.v}} {
		x := pair[0]
		for range 4 {
			i := rng.IntN(len(x))
			const h = 1e-5
			was := x[i]
			x[i] = was + h
			up := loss()
			x[i] = was - h
			down := loss()
			x[i] = was
			near(t, name, pair[1][i:i+1], []float64{(up - down) / (2 * h)}, 2e-5)
		}
	}
}

// TestThreads has many heads, or several blocks of queries; three threads give the bits of one.
func TestThreads(t *testing.T) {
	one, three := pool.New(1), pool.New(3)
	defer one.Close()
	defer three.Close()
	for _, s := range []attention.Shape{
		{Batch: 1, Heads: 2, KVHeads: 1, Queries: 301, Keys: 301, Width: 16, Scale: 0.25, Causal: true},
		{Batch: 2, Heads: 1, KVHeads: 1, Queries: 257, Keys: 1500, Width: 8, Scale: 1},
		{Batch: 5, Heads: 6, KVHeads: 2, Queries: 67, Keys: 67, Width: 65, Scale: 0.125, Causal: true},
		{Batch: 30, Heads: 6, KVHeads: 6, Queries: 16, Keys: 16, Width: 64, Scale: 0.125},
	} {
		rng := rand.New(rand.NewPCG(5, 3))
		n, m := s.Batch*s.Heads*s.Queries*s.Width, s.Batch*s.KVHeads*s.Keys*s.Width
		q, g, k, v := numbers(rng, n), numbers(rng, n), numbers(rng, m), numbers(rng, m)
		got := compute(three, s, q, k, v, g, true)
		near(t, "attention", got.o, twin(s, q, k, v), 5e-6)
		same := compute(one, s, q, k, v, g, true)
		near(t, "o on one thread", same.o, got.o, 0)
		near(t, "dq on one thread", same.q, got.q, 0)
		near(t, "dk on one thread", same.k, got.k, 0)
		near(t, "dv on one thread", same.v, got.v, 0)
	}
}

// benched is a problem with memory of its own, laid out as in a model: queries, keys and values are cut from one tensor.
type benched struct {
	attention.Problem
	attention.Gradients
}

func newBenched(s attention.Shape, x []float64) benched {
	cut := func(of int) (t [3]attention.Tensor) {
		row := s.Heads * s.Width
		data := make([]float32, s.Batch*s.Queries*of*row)
		for i := range data {
			data[i] = float32(x[i%len(x)])
		}
		for i := range of {
			t[i] = attention.Tensor{Data: data[i*row:], Batch: s.Queries * of * row, Head: s.Width, Token: of * row}
		}
		return t
	}
	in, out, d, dOut := cut(3), cut(1), cut(3), cut(1)
	return benched{attention.Problem{Shape: s, Q: in[0], K: in[1], V: in[2], Out: out[0], Mass: make([]float32, s.Batch*s.Heads*s.Queries)},
		attention.Gradients{Out: dOut[0], Q: d[0], K: d[1], V: d[2]}}
}

// BenchmarkAttention measures on the same memory each time, and on memory that the caches have forgotten, as in a model.
func BenchmarkAttention(b *testing.B) {
	p := pool.New(0)
	defer p.Close()
	for _, s := range []attention.Shape{
		{Batch: 128, Heads: 4, KVHeads: 4, Queries: 16, Keys: 16, Width: 64, Scale: 0.125, Causal: true},
		{Batch: 32, Heads: 3, KVHeads: 3, Queries: 64, Keys: 64, Width: 64, Scale: 0.125},
		{Batch: 8, Heads: 4, KVHeads: 4, Queries: 200, Keys: 200, Width: 64, Scale: 0.125},
	} {
		x := numbers(rand.New(rand.NewPCG(1, 1)), 1<<20-1)
		e := engine(p, s)
		flop := 2 * float64(s.Batch*s.Heads*s.Queries) * float64(s.Keys*s.Width)
		for _, sets := range []int{1, 24} {
			var all []benched
			for range sets {
				all = append(all, newBenched(s, x))
			}
			name := fmt.Sprintf("%dx%dx%dx%d/%d", s.Batch, s.Queries, s.Heads, s.Width, sets)
			run := func(pass string, products float64, do func(benched)) {
				b.Run(pass+"/"+name, func(b *testing.B) {
					for i := 0; b.Loop(); i++ {
						do(all[i%sets])
					}
					b.ReportMetric(products*flop*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
			run("forward", 2, func(z benched) { attention.Forward(e, z.Problem) })
			run("backward", 5, func(z benched) { attention.Backward(e, z.Problem, z.Gradients) })
		}
	}
}
