package nn_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"foresee/nn"
)

// TestByteProduct compares with integers summed in plain Go, rows of zeros and NaN among them.
func TestByteProduct(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, dims := range [][3]int{{1, 1, 1}, {3, 5, 7}, {40, 64, 96}, {200, 33, 50}} {
		m, k, n := dims[0], dims[1], dims[2]
		x, w, scale := make([]float32, m*k), make([]int8, k*n), make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64()) * float32(1+i/k)
		}
		for i := range w {
			w[i] = int8(rng.IntN(255) - 127)
		}
		for i := range scale {
			scale[i] = rng.Float32()
		}
		if m > 2 {
			clear(x[k : 2*k])
			x[2*k] = float32(math.NaN())
		}
		got := byteProduct(t, tensors.FromFlatDataAndDimensions(x, m, k), tensors.FromFlatDataAndDimensions(w, k, n), tensors.FromFlatDataAndDimensions(scale, n))
		for i := range m {
			row, most := x[i*k:][:k], float64(0)
			for _, v := range row {
				most = math.Max(most, math.Abs(float64(v)))
			}
			for j := range n {
				sum := 0.0
				for p, v := range row {
					if most > 0 {
						sum += math.RoundToEven(float64(v)/most*127) * float64(w[p*n+j])
					}
				}
				want, g := sum*most/127*float64(scale[j]), float64(got[i*n+j])
				near := most / 127 * 127 * float64(scale[j]) // one number of the row rounded to its other side
				if math.IsNaN(want) != math.IsNaN(g) || math.Abs(g-want) > 1e-5*math.Abs(want)+nearTies(row, most)*near {
					t.Fatalf("%v: [%d, %d] = %v, want %v", dims, i, j, g, want)
				}
			}
		}
	}
}

// nearTies returns how many numbers of a row lie where rounding in float32 may go either way.
func nearTies(row []float32, most float64) (n float64) {
	for _, v := range row {
		x := float64(v) / most * 127
		if math.Abs(x-math.Floor(x)-0.5) < 1e-4 {
			n++
		}
	}
	return n
}

func byteProduct(t *testing.T, x, w, scale *tensors.Tensor) []float32 {
	t.Helper()
	out, err := graph.ExecOnce(own(t), func(x, w, scale *graph.Node) *graph.Node { return nn.ByteProduct(x, w, scale) }, x, w, scale)
	if err != nil {
		t.Fatal(err)
	}
	flat, err := tensors.CopyFlatData[float32](out)
	if err != nil {
		t.Fatal(err)
	}
	return flat
}
