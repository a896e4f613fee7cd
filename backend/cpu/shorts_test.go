package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"foresee/backend/cpu"
	"foresee/backend/cpu/internal/conv"
)

// denseLoss is the loss of two dense layers with a third that has the second's weights, and its gradients: products as they
// are, transposed either way, packed once for two, and in turns of rows.
func denseLoss(in []*graph.Node) []*graph.Node {
	x, w, b, v, target := in[0], in[1], in[2], in[3], in[4]
	h := graph.Tanh(graph.Add(graph.MatMul(x, w), graph.ExpandLeftToRank(b, 2)))
	h = graph.Tanh(graph.MatMul(h, v))
	y := graph.MatMul(h, v)
	loss := graph.ReduceAllMean(graph.Square(graph.Sub(y, target)))
	return append([]*graph.Node{loss}, graph.Gradient(loss, x, w, b, v)...)
}

// pictureLoss is the loss of two convolutions of images, and its gradients.
func pictureLoss(in []*graph.Node) []*graph.Node {
	x, w, v := in[0], in[1], in[2]
	h := graph.Tanh(graph.Convolve(x, w).PadSame().Done()) // a ReLU would open for some, and not for others
	loss := graph.ReduceAllMean(graph.Square(graph.Convolve(h, v).PadSame().Strides(2).Done()))
	return append([]*graph.Node{loss}, graph.Gradient(loss, x, w, v)...)
}

// pictureInputs are images [n, size, size, 16] and weights of windows of 3x3 for 32 and 24 channels.
func pictureInputs(n, size int) []matrix {
	return []matrix{drawn(1, n, size, size, 16), drawn(0.1, 3, 3, 16, 32), drawn(0.1, 3, 3, 32, 24)}
}

type matrix struct {
	flat []float32
	dims []int
}

// denseInputs are rows [m, k], weights [k, n], a bias [n], weights [n, n] and targets [m, n].
func denseInputs(m, k, n int) []matrix {
	return []matrix{drawn(1, m, k), drawn(1/math.Sqrt(float64(k)), k, n), drawn(0.1, n), drawn(1/math.Sqrt(float64(n)), n, n), drawn(1, m, n)}
}

// drawn draws normally distributed numbers, always the same of as many.
func drawn(scale float64, dims ...int) matrix {
	size := 1
	for _, d := range dims {
		size *= d
	}
	rng := rand.New(rand.NewPCG(uint64(size), 1))
	flat := make([]float32, size)
	for i := range flat {
		flat[i] = float32(scale * rng.NormFloat64())
	}
	return matrix{flat, dims}
}

func outputs(t *testing.T, b *cpu.Backend, loss func([]*graph.Node) []*graph.Node, in []matrix) (out [][]float32) {
	t.Helper()
	defer b.Finalize()
	e, err := graph.NewExec(b, loss)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Finalize()
	var inputs []any
	for _, m := range in {
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(m.flat, m.dims...))
	}
	all, err := e.Exec(inputs...)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		out = append(out, tensors.MustCopyFlatData[float32](x))
	}
	return out
}

// TestShortsAreNearFloat32: loss and gradients by way of 16-bit integers are near those of float32, and not the same; they
// have the same bits on 1, 2, 3 and 8 threads.
func TestShortsAreNearFloat32(t *testing.T) {
	for name, c := range map[string]struct {
		loss func([]*graph.Node) []*graph.Node
		in   []matrix
	}{
		"300 70 96": {denseLoss, denseInputs(300, 70, 96)}, "33 2100 64": {denseLoss, denseInputs(33, 2100, 64)},
		"1100 64 40":    {denseLoss, denseInputs(1100, 64, 40)},
		"pictures 20 9": {pictureLoss, pictureInputs(20, 9)}, "pictures 33 6": {pictureLoss, pictureInputs(33, 6)},
	} {
		least := 1e-8
		if strings.HasPrefix(name, "pictures") && !conv.ShortsPay() {
			least = 0 // convolutions stay in float32
		}
		single, err := cpu.New("threads=2")
		if err != nil {
			t.Fatal(err)
		}
		want := outputs(t, single, c.loss, c.in)
		for _, turns := range []bool{false, true} { // sums of columns have other bits in turns
			var first [][]float32
			for _, threads := range []int{1, 2, 3, 8} {
				b := cpu.NewShorts(threads)
				if turns {
					b.EntryByEntry()
				}
				got := outputs(t, b, c.loss, c.in)
				if first == nil {
					first = got
				}
				for i := range got {
					if k := bitsDiffer(got[i], first[i]); k >= 0 {
						t.Fatalf("%s: element %d of output %d is another on %d threads, in turns %t", name, k, i, threads, turns)
					}
				}
			}
			for i := range want {
				if gap := distance(first[i], want[i]); !(gap >= least && gap < 5e-4) {
					t.Errorf("%s: output %d is %g from float32's, want a little", name, i, gap)
				}
			}
		}
	}
}

// distance returns |a - b| / |b|, Euclidean norms.
func distance(a, b []float32) float64 {
	var gap, norm float64
	for i, v := range b {
		d := float64(a[i] - v)
		gap, norm = gap+d*d, norm+float64(v)*float64(v)
	}
	return math.Sqrt(gap / norm)
}

// TestConfigurations: what New understands, and what it says of the rest.
func TestConfigurations(t *testing.T) {
	for config, want := range map[string]string{
		"": "", "threads=2": "", "products=float32": "", "products=float32,threads=1": "",
		"threads=0": "threads=N", "threads": "threads=N", "products=int8": `"products=int16"`, "thread=2": `"thread=2"`,
		"threads=2,speed=9": `"speed=9" in "threads=2,speed=9"`,
	} {
		b, err := cpu.New(config)
		if err == nil {
			b.Finalize()
		}
		if text := fmt.Sprint(err); want == "" && err != nil || want != "" && !strings.Contains(text, want) {
			t.Errorf("%q: %s, want %q", config, text, want)
		}
	}
	b, err := cpu.New("products=int16,threads=2")
	if err != nil {
		if !strings.Contains(err.Error(), "need AVX-512 with VNNI, or AVX2 without AVX-512") {
			t.Error(err)
		}
		return
	}
	defer b.Finalize()
	if d := b.Description(); !strings.Contains(d, "2 threads") || !strings.Contains(d, "16-bit") {
		t.Errorf("described as %q", d)
	}
}
