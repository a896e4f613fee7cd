package cpu_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"

	"foresee/backend/cpu"
)

// TestNarrowProducts compares products of long rows with few columns with float64 sums, the
// right side stored either way.
func TestNarrowProducts(t *testing.T) {
	b, err := cpu.New("threads=2")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	rng := rand.New(rand.NewPCG(1, 9))
	for try := range 12 {
		m, n, k := 60+rng.IntN(2000), 1+rng.IntN(5), 60+rng.IntN(300)
		dims, axis := []int{k, n}, 0
		if try%2 == 0 {
			dims, axis = []int{n, k}, 1
		}
		in := []tensor{{normal(rng, m*k), []int{m, k}}, {normal(rng, k*n), dims}}
		e := compile(t, b, in, func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
			y, err := f.DotGeneral(x[0], []int{1}, nil, x[1], []int{axis}, nil, compute.DotGeneralConfig{})
			return []compute.Value{y}, err
		})
		out, err := e.Execute(buffers(t, b, in), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, m*n)
		if err := out[0].ToFlatData(got); err != nil {
			t.Fatal(err)
		}
		x, w := in[0].flat.([]float32), in[1].flat.([]float32)
		for i := range got {
			var want float64
			for q := range k {
				at := q*n + i%n
				if axis == 1 {
					at = i%n*k + q
				}
				want += float64(x[i/n*k+q]) * float64(w[at])
			}
			if !(math.Abs(float64(got[i])-want) < 1e-4) {
				t.Fatalf("[%d, %d] x %v: element %d is %v, want %v", m, k, dims, i, got[i], want)
			}
		}
	}
}

func normal(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}
