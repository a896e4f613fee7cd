package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/images"

	"foresee/backend/cpu"
)

// own returns the backend under test.
func own(t testing.TB) *cpu.Backend {
	t.Helper()
	b, err := cpu.New("threads=2")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

func normals(rng *rand.Rand, dims ...int) []float64 {
	n := 1
	for _, d := range dims {
		n *= d
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(float32(rng.NormFloat64()))
	}
	return x
}

// evaluate runs build on float64 inputs, converted to d inside the graph, and returns its
// results as float64.
func evaluate(t testing.TB, b compute.Backend, d dtypes.DType, inputs []*tensors.Tensor, build func(x []*graph.Node) []*graph.Node) [][]float64 {
	t.Helper()
	args := make([]any, len(inputs))
	for i, x := range inputs {
		c, err := x.LocalClone()
		if err != nil {
			t.Fatal(err)
		}
		args[i] = c
	}
	exec, err := graph.NewExec(b, func(x []*graph.Node) []*graph.Node {
		in := make([]*graph.Node, len(x))
		for i, n := range x {
			in[i] = graph.ConvertDType(n, d)
		}
		out := build(in)
		for i, n := range out {
			out[i] = graph.ConvertDType(n, dtypes.Float64)
		}
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	results, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]float64
	for _, r := range results {
		flat, err := tensors.CopyFlatData[float64](r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, flat)
	}
	return out
}

// near fails unless got is within tol of want, relative to the largest of want.
func near(t testing.TB, name string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", name, len(got), len(want))
	}
	scale := 1e-30
	for _, w := range want {
		scale = max(scale, math.Abs(w))
	}
	for i, w := range want {
		if g := got[i]; !(math.Abs(g-w) <= tol*scale) && !(math.IsNaN(g) && math.IsNaN(w)) && g != w {
			t.Fatalf("%s[%d] = %v, want %v (scale %v)", name, i, g, w, scale)
		}
	}
}

// TestConvolutionGradients compares the float32 kernels with the portable float64 ones on the
// graphs that GoMLX's gradients make.
func TestConvolutionGradients(t *testing.T) {
	b := own(t)
	rng := rand.New(rand.NewPCG(3, 1))
	ran := 0
	for trial := range 60 {
		n, cin, cout := 1+rng.IntN(3), 1+rng.IntN(5), 1+rng.IntN(6)
		spatial := 1 + rng.IntN(2)
		first := rng.IntN(3) == 0
		groups := 1
		if rng.IntN(4) == 0 {
			groups = 2
			cin, cout = cin*2, cout*2
		}
		stride, dilation := 1+rng.IntN(3), 1+rng.IntN(2)*rng.IntN(2)
		var image, kernel []int
		for range spatial {
			k := 1 + rng.IntN(4)
			kernel = append(kernel, k)
			image = append(image, (k-1)*dilation+1+rng.IntN(7))
		}
		kernel = append(kernel, cin/groups, cout)
		shape := append(append([]int{n}, image...), cin)
		if first {
			shape = append([]int{n, cin}, image...)
			kernel = append([]int{cout, cin / groups}, kernel[:spatial]...)
		}
		same := rng.IntN(2) == 0
		name := fmt.Sprintf("trial %d x%v k%v stride %d dilation %d groups %d first %t same %t", trial, shape, kernel, stride, dilation, groups, first, same)
		inputs := []*tensors.Tensor{
			tensors.FromFlatDataAndDimensions(normals(rng, shape...), shape...),
			tensors.FromFlatDataAndDimensions(normals(rng, kernel...), kernel...),
		}
		build := func(x []*graph.Node) []*graph.Node {
			c := graph.Convolve(x[0], x[1]).Strides(stride)
			if dilation > 1 {
				c = graph.Convolve(x[0], x[1]).Dilations(dilation)
			}
			if first {
				c = c.ChannelsAxis(images.ChannelsFirst)
			}
			if groups > 1 {
				c = c.ChannelGroupCount(groups)
			}
			if same {
				c = c.PadSame()
			} else {
				c = c.NoPadding()
			}
			y := c.Done()
			loss := graph.ReduceAllSum(graph.Mul(graph.Square(y), graph.Sin(y)))
			return append([]*graph.Node{y}, graph.Gradient(loss, x[0], x[1])...)
		}
		func() {
			defer func() {
				if e := recover(); e != nil {
					t.Fatalf("%s: %v", name, e)
				}
			}()
			want := evaluate(t, b, dtypes.Float64, inputs, build)
			got := evaluate(t, b, dtypes.Float32, inputs, build)
			for i := range want {
				near(t, name, got[i], want[i], 2e-5)
			}
			ran++
		}()
	}
	if ran < 40 {
		t.Errorf("only %d of 60 trials ran", ran)
	}
}

func TestPoolGradients(t *testing.T) {
	b := own(t)
	rng := rand.New(rand.NewPCG(5, 1))
	for trial := range 30 {
		window, stride := 1+rng.IntN(3), 1+rng.IntN(3)
		shape := []int{1 + rng.IntN(3), window + rng.IntN(6), window + rng.IntN(6), 1 + rng.IntN(4)}
		data := normals(rng, shape...)
		for i := range data {
			data[i] = math.Round(data[i]) // many ties
		}
		same := rng.IntN(2) == 0
		inputs := []*tensors.Tensor{tensors.FromFlatDataAndDimensions(data, shape...)}
		build := func(x []*graph.Node) []*graph.Node {
			c := graph.MaxPool(x[0]).Window(window).Strides(stride)
			if same {
				c = c.PadSame()
			}
			y := c.Done()
			loss := graph.ReduceAllSum(graph.Mul(y, graph.IotaFull(x[0].Graph(), y.Shape())))
			return append([]*graph.Node{y}, graph.Gradient(loss, x[0])...)
		}
		want := evaluate(t, b, dtypes.Float64, inputs, build)
		got := evaluate(t, b, dtypes.Float32, inputs, build)
		for i := range want {
			near(t, fmt.Sprintf("trial %d %v window %d stride %d same %t", trial, shape, window, stride, same), got[i], want[i], 1e-6)
		}
	}
}

// TestProducts compares the float32 products with the float64 ones on einsums of all kinds.
func TestProducts(t *testing.T) {
	b := own(t)
	rng := rand.New(rand.NewPCG(7, 1))
	letters := map[rune]int{}
	for _, eq := range []string{"ij,jk->ik", "ji,jk->ik", "ij,kj->ik", "ji,kj->ik", "bij,bjk->bik", "bij,bkj->bik",
		"bshd,bthd->bhst", "bhst,bthd->bshd", "ijb,jkb->bik", "i,i->", "i,j->ij", "ij,j->i", "abc,cd->abd", "abc,ab->c",
		"bti,btj->ij"} {
		for range 4 {
			for r := 'a'; r <= 'z'; r++ {
				letters[r] = []int{1, 2, 3, 5, 7, 16, 33}[rng.IntN(7)]
			}
			var inputs []*tensors.Tensor
			var dims []int
			for _, r := range eq {
				if r == ',' || r == '-' {
					inputs = append(inputs, tensors.FromFlatDataAndDimensions(normals(rng, dims...), dims...))
					dims = nil
				}
				if r == '-' {
					break
				}
				if r != ',' {
					dims = append(dims, letters[r])
				}
			}
			build := func(x []*graph.Node) []*graph.Node {
				y := graph.Einsum(eq, x[0], x[1])
				return append([]*graph.Node{y}, graph.Gradient(graph.ReduceAllSum(graph.Square(y)), x[0], x[1])...)
			}
			want := evaluate(t, b, dtypes.Float64, inputs, build)
			got := evaluate(t, b, dtypes.Float32, inputs, build)
			for i := range want {
				near(t, eq, got[i], want[i], 2e-5)
			}
		}
	}
}
