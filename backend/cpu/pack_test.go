package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"foresee/backend/cpu"
)

// unrolled multiplies x [m, k] by w [k, k] several times with tanh between, and by the transpose
// of w as many times; w is an intermediate, 2·x1, that dies with its last product.
func unrolled(times int) func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
	return func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
		w, err := f.Add(x[1], x[1])
		if err != nil {
			return nil, err
		}
		y := x[0]
		for i := range 2 * times {
			if y, err = f.DotGeneral(y, []int{1}, nil, w, []int{i % 2}, nil, compute.DotGeneralConfig{}); err != nil {
				return nil, err
			}
			if y, err = f.Tanh(y); err != nil {
				return nil, err
			}
		}
		return []compute.Value{y}, nil
	}
}

// unrolledTwin is unrolled in float64 loops.
func unrolledTwin(x, w []float32, m, k, times int) []float64 {
	y := make([]float64, m*k)
	for i, v := range x {
		y[i] = float64(v)
	}
	for step := range 2 * times {
		next := make([]float64, m*k)
		for i := range next {
			for q := range k {
				at := q*k + i%k
				if step%2 == 1 {
					at = i%k*k + q
				}
				next[i] += y[i/k*k+q] * 2 * float64(w[at])
			}
			next[i] = math.Tanh(next[i])
		}
		y = next
	}
	return y
}

// TestSharedPackingAgainstTwin holds that products with one right operand pack it once in a run,
// see it as it is at that run, and have the same bits on 1, 2 and 3 threads.
func TestSharedPackingAgainstTwin(t *testing.T) {
	for _, c := range []struct{ m, k, times, packs int }{
		{200, 64, 3, 2}, {97, 131, 2, 2}, {61, 257, 2, 2}, {64, 1, 2, 1}, {5, 70, 2, 1}, {1, 33, 3, 1}, {65, 48, 1, 0}, {0, 16, 2, 0},
	} {
		var first [2][]float32
		for threads := 1; threads <= 3; threads++ {
			b, err := cpu.New(fmt.Sprint("threads=", threads))
			if err != nil {
				t.Fatal(err)
			}
			x := normal(rand.New(rand.NewPCG(31, 2)), c.m*c.k)
			e := compile(t, b, []tensor{{x, []int{c.m, c.k}}, {x[:0], []int{c.k, c.k}}}, unrolled(c.times))
			in := buffers(t, b, []tensor{{x, []int{c.m, c.k}}})
			shared, flat, err := b.NewSharedBuffer(0, shapes.Make(dtypes.Float32, c.k, c.k))
			if err != nil {
				t.Fatal(err)
			}
			b.SetProfile(true)
			for run := range 2 { // the second with other weights in the same memory
				w := flat.([]float32)
				for i, v := range normal(rand.New(rand.NewPCG(31, uint64(3+run))), len(w)) {
					w[i] = v / float32(math.Sqrt(float64(4*c.k)))
				}
				got := execute(t, e, append(in, shared), nil)[0].([]float32)
				if threads == 1 {
					first[run] = got
					for i, want := range unrolledTwin(x, w, c.m, c.k, c.times) {
						if !(math.Abs(float64(got[i])-want) < 1e-5) {
							t.Fatalf("%+v, run %d: element %d is %v, want %v", c, run, i, got[i], want)
						}
					}
				}
				if k := bitsDiffer(got, first[run]); k >= 0 {
					t.Errorf("%+v, run %d: element %d depends on the threads", c, run, k)
				}
			}
			packs := 0
			for _, s := range b.Explain() {
				if s.Kernel == "Pack" {
					packs++
				}
			}
			if packs != c.packs {
				t.Errorf("%+v: %d steps that pack, want %d", c, packs, c.packs)
			}
			b.Finalize()
		}
	}
}
