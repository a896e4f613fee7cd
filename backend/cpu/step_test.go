package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"foresee/backend/cpu"
)

// Whole training steps, as GoMLX builds them: forward, loss, gradients and an update.

func inputsOf(rng *rand.Rand, scale float64, shapes ...[]int) []*tensors.Tensor {
	var in []*tensors.Tensor
	for _, dims := range shapes {
		x := normals(rng, dims...)
		for i := range x {
			x[i] = float64(float32(x[i] * scale))
		}
		in = append(in, tensors.FromFlatDataAndDimensions(x, dims...))
	}
	return in
}

// update returns loss, and for each weight its gradient and what Adam's first step makes of it.
func update(loss *graph.Node, weights []*graph.Node) []*graph.Node {
	out := []*graph.Node{loss}
	for i, g := range graph.Gradient(loss, weights...) {
		m, v := graph.MulScalar(g, 0.1), graph.MulScalar(graph.Square(g), 0.001)
		step := graph.Div(graph.DivScalar(m, 0.1), graph.AddScalar(graph.Sqrt(graph.DivScalar(v, 0.001)), 1e-2))
		out = append(out, g, graph.Sub(weights[i], graph.MulScalar(step, 1e-3)))
	}
	return out
}

// normalized is layer norm over the last axis, decomposed as in training graphs.
func normalized(x *graph.Node) *graph.Node {
	y := graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMean, -1))
	v := graph.ReduceAndKeep(graph.Square(y), graph.ReduceMean, -1)
	return graph.Div(y, graph.Sqrt(graph.AddScalar(v, 1e-5)))
}

func gelu(x *graph.Node) *graph.Node {
	return graph.Mul(graph.MulScalar(x, 0.5), graph.AddScalar(graph.Erf(graph.MulScalar(x, math.Sqrt2/2)), 1))
}

func attention(q, k, v *graph.Node) *graph.Node {
	s := graph.MulScalar(graph.Einsum("bshd,bthd->bhst", q, k), 1/math.Sqrt(float64(q.Shape().Dim(-1))))
	return graph.Einsum("bhst,bthd->bshd", graph.Softmax(s, -1), v)
}

const batch, tokens, heads, width = 3, 17, 3, 48

// blockStep is a pre-norm transformer block: x, then the weights of q, k, v, output and the two of the MLP.
func blockStep(x []*graph.Node) []*graph.Node {
	h := normalized(x[0])
	var qkv []*graph.Node
	for _, w := range x[1:4] {
		qkv = append(qkv, graph.Reshape(graph.Einsum("bsd,de->bse", h, w), batch, tokens, heads, width/heads))
	}
	y := graph.Reshape(attention(qkv[0], qkv[1], qkv[2]), batch, tokens, width)
	y = graph.Add(x[0], graph.Einsum("bsd,de->bse", y, x[4]))
	y = graph.Add(y, graph.Einsum("bsd,de->bse", gelu(graph.Einsum("bsd,de->bse", normalized(y), x[5])), x[6]))
	return update(graph.ReduceAllMean(graph.Square(graph.Sin(y))), x[1:])
}

func blockInputs(rng *rand.Rand) []*tensors.Tensor {
	in := inputsOf(rng, 1, []int{batch, tokens, width})
	w := []int{width, width}
	return append(in, inputsOf(rng, 1/math.Sqrt(width), w, w, w, w, []int{width, 4 * width}, []int{4 * width, width})...)
}

// imageStep is a residual net of 3x3 convolutions over enough tiles for Winograd's algorithm:
// 4 images of 33x33 pixels are 484 of them.
func imageStep(x []*graph.Node) []*graph.Node {
	conv := func(y, w *graph.Node) *graph.Node { return graph.Convolve(y, w).PadSame().Done() }
	y := graph.Max(conv(x[0], x[1]), graph.ScalarZero(x[0].Graph(), x[0].DType()))
	y = graph.Add(y, graph.Tanh(conv(y, x[2])))
	y = graph.MaxPool(conv(normalized(y), x[3])).Window(3).Strides(2).Done()
	y = graph.Dot(graph.ReduceMean(y, 1, 2), x[4]).Product()
	return update(graph.ReduceAllMean(graph.Square(graph.Sin(y))), x[1:])
}

// imageInputs are drawn from a seed for which no two values of a pooled window are so near that rounding decides which is the
// maximum and gets the gradient: of 41 seeds it did for none with direct convolutions, and for 1 to 3 with Winograd's.
func imageInputs(rng *rand.Rand) []*tensors.Tensor {
	in := inputsOf(rng, 1, []int{4, 33, 33, 16})
	return append(in, inputsOf(rng, 0.08, []int{3, 3, 16, 16}, []int{3, 3, 16, 16}, []int{3, 3, 16, 32}, []int{32, 10})...)
}

type trainingStep struct {
	name   string
	build  func(x []*graph.Node) []*graph.Node
	inputs []*tensors.Tensor
}

func trainingSteps() []trainingStep {
	return []trainingStep{
		{"transformer block", blockStep, blockInputs(rand.New(rand.NewPCG(21, 1)))},
		{"image net", imageStep, imageInputs(rand.New(rand.NewPCG(23, 1)))},
	}
}

// TestWholeStepAgainstFloat64 compares every gradient and update with the portable float64 kernels.
func TestWholeStepAgainstFloat64(t *testing.T) {
	b, turns := own(t), own(t)
	turns.EntryByEntry()
	for _, s := range trainingSteps() {
		want := evaluate(t, b, dtypes.Float64, s.inputs, s.build)
		for i, g := range evaluate(t, b, dtypes.Float32, s.inputs, s.build) {
			near(t, fmt.Sprint(s.name, " result ", i), g, want[i], 5e-5)
		}
		for i, g := range evaluate(t, turns, dtypes.Float32, s.inputs, s.build) {
			near(t, fmt.Sprint(s.name, " entry by entry, result ", i), g, want[i], 5e-5)
		}
	}
}

// TestStepsRepeat holds that a step has the same bits over 3 runs and on 1, 2, 3 and 8 threads.
func TestStepsRepeat(t *testing.T) {
	for _, s := range trainingSteps() {
		var want [][]float64
		for _, threads := range []int{2, 2, 2, 1, 3, 8} {
			b, err := cpu.New(fmt.Sprint("threads=", threads))
			if err != nil {
				t.Fatal(err)
			}
			b.EntryByEntry()
			got := evaluate(t, b, dtypes.Float32, s.inputs, s.build)
			b.Finalize()
			if want == nil {
				want = got
			}
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("%s on %d threads: result %d has other bits than the first run", s.name, threads, i)
				}
			}
		}
	}
}

// naiveAttention is softmax(q kᵀ / sqrt d) v by its definition, for q, k, v [b, s, h, d].
func naiveAttention(q, k, v []float64, dims []int) []float64 {
	b, s, h, d := dims[0], dims[1], dims[2], dims[3]
	out := make([]float64, len(q))
	at := func(i, t, a, e int) int { return ((i*s+t)*h+a)*d + e }
	for i := range b {
		for a := range h {
			for t := range s {
				p, total := make([]float64, s), 0.0
				for u := range s {
					dot := 0.0
					for e := range d {
						dot += q[at(i, t, a, e)] * k[at(i, u, a, e)]
					}
					p[u] = math.Exp(dot / math.Sqrt(float64(d)))
					total += p[u]
				}
				for u := range s {
					for e := range d {
						out[at(i, t, a, e)] += p[u] / total * v[at(i, u, a, e)]
					}
				}
			}
		}
	}
	return out
}

// TestAttentionGradient compares attention and its gradient with the naive twin and its central
// differences.
func TestAttentionGradient(t *testing.T) {
	b, rng := own(t), rand.New(rand.NewPCG(23, 1))
	for _, dims := range [][]int{{1, 1, 1, 1}, {2, 5, 3, 4}, {1, 7, 2, 3}} {
		in := inputsOf(rng, 1, dims, dims, dims, dims)
		build := func(x []*graph.Node) []*graph.Node {
			y := attention(x[0], x[1], x[2])
			return append([]*graph.Node{y}, graph.Gradient(graph.ReduceAllSum(graph.Mul(y, x[3])), x[:3]...)...)
		}
		var flat [][]float64
		for _, x := range in {
			f, err := tensors.CopyFlatData[float64](x)
			if err != nil {
				t.Fatal(err)
			}
			flat = append(flat, f)
		}
		loss := func() (sum float64) {
			for i, y := range naiveAttention(flat[0], flat[1], flat[2], dims) {
				sum += y * flat[3][i]
			}
			return sum
		}
		want := [][]float64{naiveAttention(flat[0], flat[1], flat[2], dims)}
		for _, x := range flat[:3] {
			g := make([]float64, len(x))
			for i, old := range x {
				const h = 1e-5
				x[i] = old + h
				up := loss()
				x[i] = old - h
				g[i] = (up - loss()) / (2 * h)
				x[i] = old
			}
			want = append(want, g)
		}
		for d, tol := range map[dtypes.DType]float64{dtypes.Float64: 1e-8, dtypes.Float32: 1e-5} {
			for i, got := range evaluate(t, b, d, in, build) {
				if i > 0 && dims[1] == 1 && i < 3 { // one key: no gradient of scores
					for k, g := range got {
						if math.Abs(g) > 1e-6 {
							t.Errorf("%v %s: gradient %d [%d] = %v, want 0", dims, d, i, k, g)
						}
					}
					continue
				}
				near(t, fmt.Sprint("attention ", dims, d, " result ", i), got, want[i], tol)
			}
		}
	}
}
