package cpu_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"foresee/backend/cpu"
)

// rowGraph is a decomposed function of rows [R, N], with its naive twin of one row.
type rowGraph struct {
	name  string
	build func(x *graph.Node) *graph.Node
	twin  func(row []float64) []float64
}

func rowGraphs() []rowGraph {
	return []rowGraph{
		{"softmax", func(x *graph.Node) *graph.Node {
			top := graph.StopGradient(graph.ReduceAndKeep(x, graph.ReduceMax, -1))
			mass := graph.Exp(graph.Sub(x, top))
			return graph.Div(mass, graph.ReduceAndKeep(mass, graph.ReduceSum, -1))
		}, func(row []float64) []float64 {
			out, sum := make([]float64, len(row)), 0.0
			for _, v := range row {
				sum += math.Exp(v)
			}
			for i, v := range row {
				out[i] = math.Exp(v) / sum
			}
			return out
		}},
		{"layer norm", func(x *graph.Node) *graph.Node {
			c := graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMean, -1))
			v := graph.ReduceAndKeep(graph.Square(c), graph.ReduceMean, -1)
			return graph.Mul(c, graph.Reciprocal(graph.Sqrt(graph.AddScalar(v, 1e-5))))
		}, func(row []float64) []float64 {
			out, mean, v, n := make([]float64, len(row)), 0.0, 0.0, float64(len(row))
			for _, x := range row {
				mean += x / n
			}
			for _, x := range row {
				v += (x - mean) * (x - mean) / n
			}
			for i, x := range row {
				out[i] = (x - mean) / math.Sqrt(v+1e-5)
			}
			return out
		}},
	}
}

// TestRowsAreOneLoop checks that what a graph does with rows, and the gradient, is one step each,
// and right, on one thread and on two.
func TestRowsAreOneLoop(t *testing.T) {
	for _, g := range rowGraphs() {
		for _, dims := range [][2]int{{2, 8}, {3, 257}, {700, 64}, {5, 4096}} {
			var first []float32
			for _, threads := range []string{"threads=1", "threads=2"} {
				got, steps := runRows(t, threads, g, dims)
				if steps != 1 {
					t.Errorf("%s of %v: %d steps, want 1", g.name, dims, steps)
				}
				if first == nil {
					first = got
				}
				if k := bitsDiffer(got, first); k >= 0 {
					t.Errorf("%s of %v: element %d depends on the threads", g.name, dims, k)
				}
			}
			x := rowInput(dims)
			for r := range dims[0] {
				row := make([]float64, dims[1])
				for i := range row {
					row[i] = float64(x[r*dims[1]+i])
				}
				for i, want := range g.twin(row) {
					if gap := float64(first[r*dims[1]+i]) - want; !(math.Abs(gap) <= 1e-5*max(1, math.Abs(want))) {
						t.Fatalf("%s of %v, row %d: [%d] = %g, want %g", g.name, dims, r, i, first[r*dims[1]+i], want)
					}
				}
			}
		}
	}
}

func rowInput(dims [2]int) []float32 {
	rng := rand.New(rand.NewPCG(uint64(dims[0]), uint64(dims[1])))
	x := make([]float32, dims[0]*dims[1])
	for i := range x {
		x[i] = float32(3*rng.NormFloat64() + 1)
	}
	return x
}

// runRows returns a graph's result and its steps.
func runRows(t *testing.T, threads string, g rowGraph, dims [2]int) ([]float32, int) {
	t.Helper()
	b, err := cpu.New(threads)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	e, err := graph.NewExec(b, g.build)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Finalize()
	b.SetProfile(true)
	out, err := e.Exec(tensors.FromFlatDataAndDimensions(rowInput(dims), dims[0], dims[1]))
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](out[0]), len(b.Explain())
}

// Sums of columns are no sums of rows, and float64 has no loop over rows.
func TestRowsElsewhere(t *testing.T) {
	b := own(t)
	const rows, cols = 16, 9
	for _, wide := range []bool{false, true} {
		x, sums := make([]float32, rows*cols), [2][]float64{make([]float64, cols), make([]float64, rows)}
		x64 := make([]float64, len(x))
		for i := range x {
			x[i], x64[i] = float32(i*i%23), float64(i*i%23)
			sums[0][i%cols] += x64[i]
			sums[1][i/cols] += x64[i]
		}
		in := []tensor{{x, []int{rows, cols}}}
		if wide {
			in = []tensor{{x64, []int{rows, cols}}}
		}
		e := compile(t, b, in, func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
			columns, err := f.ReduceSum(x[0], 0)
			if err != nil {
				return nil, err
			}
			rows, err := f.ReduceSum(x[0], 1)
			return []compute.Value{columns, rows}, err
		})
		for axis, got := range execute(t, e, buffers(t, b, in), nil) {
			for k, want := range sums[axis] {
				v := 0.0
				switch s := got.(type) {
				case []float32:
					v = float64(s[k])
				case []float64:
					v = s[k]
				}
				if v != want {
					t.Errorf("float64 %v, sum over axis %d: [%d] = %g, want %g", wide, axis, k, v, want)
				}
			}
		}
	}
}

// A loop over rows of 8 may meet a tensor that repeats its elements along rows of 4.
func TestRowsOfTwoLengths(t *testing.T) {
	b := own(t)
	x, w := make([]float32, 48), make([]float32, 12)
	for i := range x {
		x[i], w[i/4] = float32(i%7), float32(1+i/4)
	}
	in := []tensor{{x, []int{6, 8}}, {w, []int{12, 1}}}
	e := compile(t, b, in, func(f compute.Function, v []compute.Value) ([]compute.Value, error) {
		sum, err := f.ReduceSum(v[0], 1)
		if err != nil {
			return nil, err
		}
		if sum, err = f.Reshape(sum, 6, 1); err != nil {
			return nil, err
		}
		y, err := f.Add(v[0], sum)
		if err != nil {
			return nil, err
		}
		if y, err = f.Reshape(y, 12, 4); err != nil {
			return nil, err
		}
		y, err = f.Mul(y, v[1])
		return []compute.Value{y}, err
	})
	got := execute(t, e, buffers(t, b, in), nil)[0].([]float32)
	for i := range x {
		sum := float32(0)
		for _, v := range x[i/8*8:][:8] {
			sum += v
		}
		if want := (x[i] + sum) * w[i/4]; got[i] != want {
			t.Errorf("[%d] = %g, want %g", i, got[i], want)
		}
	}
}
