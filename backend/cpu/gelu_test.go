package cpu_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// gelus spell the GELU, or, near it, something that is none.
func gelus() map[string]func(x *graph.Node) *graph.Node {
	erf := func(x *graph.Node, k float64) *graph.Node { return graph.OnePlus(graph.Erf(graph.MulScalar(x, k))) }
	return map[string]func(x *graph.Node) *graph.Node{
		"gelu": func(x *graph.Node) *graph.Node { return graph.Mul(graph.MulScalar(x, 0.5), erf(x, math.Sqrt2/2)) },
		"gelu, other order": func(x *graph.Node) *graph.Node {
			return graph.Mul(erf(x, math.Sqrt2/2), graph.Mul(graph.Scalar(x.Graph(), x.DType(), 0.5), x))
		},
		"gelu of a product": func(x *graph.Node) *graph.Node {
			x = graph.Mul(x, graph.MulScalar(x, 0.5))
			return graph.Mul(graph.MulScalar(x, 0.5), erf(x, math.Sqrt2/2))
		},
		"no half": func(x *graph.Node) *graph.Node { return graph.Mul(graph.MulScalar(x, 0.6), erf(x, math.Sqrt2/2)) },
		"no root": func(x *graph.Node) *graph.Node { return graph.Mul(graph.MulScalar(x, 0.5), erf(x, 0.7)) },
		"another's erf": func(x *graph.Node) *graph.Node {
			return graph.Mul(graph.MulScalar(graph.Sin(x), 0.5), erf(x, math.Sqrt2/2))
		},
	}
}

// TestGELU compares what each spells, and its gradient, in float32 with float64, where nothing is recognised;
// recognised are the GELUs alone, and their gradients.
func TestGELU(t *testing.T) {
	b := own(t)
	x := make([]float64, 301)
	for i := range x {
		x[i] = float64(float32(i-150) / 25)
	}
	run := func(build func(x *graph.Node) *graph.Node, single bool) [2][]float64 {
		b.SetProfile(true)
		e, err := graph.NewExec(b, func(x *graph.Node) []*graph.Node {
			if single {
				x = graph.ConvertDType(x, dtypes.Float32)
			}
			y := build(x)
			return []*graph.Node{y, graph.Gradient(graph.ReduceAllSum(graph.Square(y)), x)[0]}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Finalize()
		out, err := e.Exec(tensors.FromFlatDataAndDimensions(x, len(x)))
		if err != nil {
			t.Fatal(err)
		}
		var got [2][]float64
		for i, o := range out {
			if single {
				for _, v := range tensors.MustCopyFlatData[float32](o) {
					got[i] = append(got[i], float64(v))
				}
			} else {
				got[i] = tensors.MustCopyFlatData[float64](o)
			}
		}
		return got
	}
	for name, build := range gelus() {
		got := run(build, true)
		recognised := 0
		for _, s := range b.Explain() {
			recognised += strings.Count(s.Kernel+" "+s.Shape, "FusedGelu")
		}
		want := 0
		if strings.HasPrefix(name, "gelu") {
			want = 2
		}
		if recognised != want {
			t.Errorf("%s: %d GELUs recognised, want %d", name, recognised, want)
		}
		for i, exact := range run(build, false) {
			for k, v := range exact {
				if gap := math.Abs(got[i][k] - v); !(gap <= 2e-6*max(1, math.Abs(v))) {
					t.Fatalf("%s: result %d at %g is %g, want %g", name, i, x[k], got[i][k], v)
				}
			}
		}
	}
}
