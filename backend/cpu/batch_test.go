package cpu_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

// biasedStep is a net of images with biases, one of them longer than a pixel and one that does not begin again with
// each image, whose gradients are sums over all images.
func biasedStep(period int) func(x []*graph.Node) []*graph.Node {
	return func(x []*graph.Node) []*graph.Node {
		g, d := x[0].Graph(), x[0].DType()
		conv := func(y, w *graph.Node) *graph.Node { return graph.Convolve(y, w).PadSame().Done() }
		y := graph.Max(graph.Add(conv(x[0], x[1]), graph.ExpandLeftToRank(x[2], 4)), graph.ScalarZero(g, d))
		y = graph.Add(graph.Mul(y, y), graph.ExpandLeftToRank(x[3], 4))
		dims := y.Shape().Dimensions
		y = graph.Reshape(y, -1, period)
		y = graph.Tanh(graph.Add(y, graph.ExpandLeftToRank(x[4], 2)))
		y = graph.MaxPool(graph.Add(conv(graph.Reshape(y, dims...), x[5]), graph.ExpandLeftToRank(x[2], 4))).Window(3).Strides(2).Done()
		return update(graph.ReduceAllMean(graph.Square(graph.Sin(y))), x[1:])
	}
}

// TestEntryByEntry compares nets whose images go through all steps one by one with the portable float64 kernels.
func TestEntryByEntry(t *testing.T) {
	b, turns := own(t), own(t)
	turns.EntryByEntry()
	rng := rand.New(rand.NewPCG(41, 1))
	for _, c := range [][4]int{{4, 3, 6, 64}, {4, 3, 6, 16}, {2, 5, 4, 32}, {8, 9, 10, 64}, {3, 7, 5, 16}, {9, 4, 3, 16}} {
		n, h, w, period := c[0], c[1], c[2], c[3] // an image of 3x6 or 9x10 pixels is no multiple of 64 numbers
		in := append(inputsOf(rng, 1, []int{n, h, w, 16}), inputsOf(rng, 0.1,
			[]int{3, 3, 16, 16}, []int{16}, []int{h, w, 16}, []int{period}, []int{3, 3, 16, 16})...)
		want := evaluate(t, b, dtypes.Float64, in, biasedStep(period))
		for k, g := range evaluate(t, turns, dtypes.Float32, in, biasedStep(period)) {
			near(t, fmt.Sprintf("%d images of %dx%d, period %d: result %d", n, h, w, period, k), g, want[k], 5e-5)
		}
	}
}

// TestEntryByEntryOfManyImages holds that large steps are done image by image without being told, and that it gives the same
// values as small steps image by image.
func TestEntryByEntryOfManyImages(t *testing.T) {
	b, small := own(t), own(t)
	small.EntryByEntry()
	rng := rand.New(rand.NewPCG(42, 1))
	in := append(inputsOf(rng, 1, []int{64, 33, 32, 16}), inputsOf(rng, 0.1,
		[]int{3, 3, 16, 16}, []int{16}, []int{33, 32, 16}, []int{16}, []int{3, 3, 16, 16})...)
	b.SetProfile(true)
	got, same := evaluate(t, b, dtypes.Float32, in, biasedStep(16)), evaluate(t, small, dtypes.Float32, in, biasedStep(16))
	for k := range got {
		near(t, fmt.Sprint("result ", k), got[k], same[k], 1e-5)
	}
	for _, step := range b.Explain() {
		if strings.HasSuffix(step.Shape, ", entry by entry") {
			return
		}
	}
	t.Error("nothing was done image by image")
}

// denseStep is dense layers, two of them with the same weights, and the gradients of all weights.
func denseStep(x []*graph.Node) []*graph.Node {
	g, d := x[0].Graph(), x[0].DType()
	dense := func(y, w, b *graph.Node) *graph.Node {
		return graph.Add(graph.Dot(y, w).Product(), graph.ExpandLeftToRank(b, 2))
	}
	y := graph.Max(dense(x[0], x[1], x[2]), graph.ScalarZero(g, d))
	y = graph.Tanh(graph.Dot(y, x[3]).Product())
	y = graph.Sin(graph.Dot(graph.Add(y, graph.ReduceAndKeep(y, graph.ReduceSum, -1)), x[3]).Product())
	return append(update(graph.ReduceAllMean(graph.Square(y)), x[1:]), y)
}

// TestRowsInTurns compares dense layers that are done some rows at a time with the portable float64 kernels; what no sum
// over rows makes has the bits that it has otherwise.
func TestRowsInTurns(t *testing.T) {
	b, turns := own(t), own(t)
	turns.EntryByEntry()
	turns.SetProfile(true)
	rng := rand.New(rand.NewPCG(43, 1))
	for _, c := range [][3]int{{2, 1, 1}, {7, 3, 5}, {31, 40, 33}, {65, 17, 64}, {100, 300, 96}, {500, 31, 70}, {1500, 64, 65}} {
		rows, k, n := c[0], c[1], c[2]
		in := append(inputsOf(rng, 1, []int{rows, k}), inputsOf(rng, 0.2, []int{k, n}, []int{n}, []int{n, n})...)
		want, alone := evaluate(t, b, dtypes.Float64, in, denseStep), evaluate(t, b, dtypes.Float32, in, denseStep)
		got := evaluate(t, turns, dtypes.Float32, in, denseStep)
		for i := range got {
			near(t, fmt.Sprintf("%v in turns: result %d", c, i), got[i], want[i], 5e-5)
		}
		if y := len(got) - 1; !slices.Equal(got[y], alone[y]) {
			t.Errorf("%v: the last layer has other bits in turns", c)
		}
	}
	products := 0
	for _, step := range turns.Explain() {
		if step.Kernel == "DotGeneral" && strings.HasSuffix(step.Shape, ", entry by entry") {
			products++
		}
	}
	if products < 20 {
		t.Errorf("%d products were done in turns, want at least 20", products)
	}
}
