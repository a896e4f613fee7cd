package cpu_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"foresee/backend/cpu"
)

// byteCase is a dense layer on bytes of so many rows: q [rows, in] and w [in, out] with scales for rows and columns. Odd
// ones spell every product and sum the other way round, wide ones repeat the vectors to the layer's shape before.
type byteCase struct {
	rows, in, out   int
	bias, odd, wide bool
	keep            bool // return the sums too, so that they cannot be fused
	noted           bool // return the float32 of the sums too
}

func (c byteCase) inputs(rng *rand.Rand) []tensor {
	bytes := func(dims ...int) tensor {
		x := make([]int8, size(dims))
		for i := range x {
			x[i] = int8(rng.Uint32())
		}
		return tensor{x, dims}
	}
	floats := func(dims ...int) tensor {
		x := make([]float32, size(dims))
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return tensor{x, dims}
	}
	return []tensor{bytes(c.rows, c.in), bytes(c.in, c.out), floats(c.rows, 1), floats(c.out), floats(c.out)}
}

// layer spells the layer on x, which are c's inputs, and returns it with the results to keep.
func (c byteCase) layer(d *do, x []compute.Value) (y compute.Value, keep []compute.Value) {
	f := d.f
	sums := d.is(f.DotGeneral(x[0], []int{1}, nil, x[1], []int{0}, nil, compute.DotGeneralConfig{AccumulatorDType: dtypes.Int32, OutputDType: dtypes.Int32}))
	y = d.is(f.ConvertDType(sums, dtypes.Float32))
	if c.keep {
		keep = append(keep, sums)
	}
	if c.noted {
		keep = append(keep, y)
	}
	vector := func(v compute.Value, first bool) compute.Value {
		dims, axes := []int{1, c.out}, []int{0, 1}
		if first {
			dims = []int{c.rows, 1}
		}
		v = d.is(f.Reshape(v, dims...))
		if c.wide {
			v = d.is(f.BroadcastInDim(v, shapes.Make(dtypes.Float32, c.rows, c.out), axes))
		}
		return v
	}
	y = d.pair(compute.Function.Mul, y, vector(x[2], true))
	y = d.pair(compute.Function.Mul, y, vector(x[3], false))
	if c.bias {
		y = d.pair(compute.Function.Add, y, vector(x[4], false))
	}
	return y, keep
}

func (c byteCase) run(t *testing.T, threads int, in []tensor) (y []float32, kernels map[string]int) {
	b, err := cpu.New(fmt.Sprint("threads=", threads))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	b.SetProfile(true)
	e := compile(t, b, in, func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
		d := &do{f: f, odd: c.odd}
		y, keep := c.layer(d, x)
		return append([]compute.Value{y}, keep...), d.err
	})
	out := execute(t, e, buffers(t, b, in), nil)
	if c.keep {
		for i, want := range c.sums(in) {
			if got := out[1].([]int32)[i]; got != want {
				t.Fatalf("%+v: sum %d is %d, want %d", c, i, got, want)
			}
		}
	}
	kernels = map[string]int{}
	for _, s := range b.Explain() {
		kernels[s.Kernel]++
	}
	return out[0].([]float32), kernels
}

func (c byteCase) sums(in []tensor) []int32 {
	q, w, sums := in[0].flat.([]int8), in[1].flat.([]int8), make([]int32, c.rows*c.out)
	for i := range c.rows {
		for k := range c.in {
			for j := range c.out {
				sums[i*c.out+j] += int32(q[i*c.in+k]) * int32(w[k*c.out+j])
			}
		}
	}
	return sums
}

// TestByteDense compares the bits of the fused layer, and of the separate kernels, with loops of single operations.
func TestByteDense(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	cases := []byteCase{{rows: 200, in: 64, out: 96}, {rows: 1, in: 1, out: 2}, {rows: 1, in: 300, out: 33, bias: true}, {rows: 3, in: 0, out: 5, bias: true},
		{rows: 17, in: 5, out: 1}, {rows: 64, in: 64, out: 64, bias: true}}
	for range 12 {
		cases = append(cases, byteCase{rows: 1 + rng.IntN(60), in: 1 + rng.IntN(90), out: 2 + rng.IntN(90), bias: rng.IntN(2) == 0})
	}
	for i := range cases {
		c := cases[i]
		in := c.inputs(rng)
		r, s, b := in[2].flat.([]float32), in[3].flat.([]float32), in[4].flat.([]float32)
		want := make([]float32, c.rows*c.out)
		for i, sum := range c.sums(in) {
			want[i] = float32(float32(sum)*r[i/c.out]) * s[i%c.out]
			if c.bias {
				want[i] = float32(want[i]) + b[i%c.out]
			}
		}
		for variant := range 16 {
			c.odd, c.wide, c.keep, c.noted = variant&1 > 0, variant&2 > 0, variant&4 > 0, variant&8 > 0
			got, kernels := c.run(t, 1+variant%3, in)
			if len(got) != len(want) {
				t.Fatalf("%+v: %d elements, want %d", c, len(got), len(want))
			}
			if i := bitsDiffer(got, want); i >= 0 {
				t.Fatalf("%+v: element %d is %v, want %v", c, i, got[i], want[i])
			}
			if fused := kernels["Fused"] == 0; fused == (c.keep || c.noted) && c.out > 1 {
				t.Errorf("%+v: kernels %v", c, kernels)
			}
		}
	}
}

// TestByteGRU compares a step on bytes with the same where something else needs a gate, or the sums.
func TestByteGRU(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 8))
	for range 20 {
		rows, width, input := 1+rng.IntN(120), 1+rng.IntN(70), rng.IntN(4)
		c := byteCase{rows: rows, in: width, out: 3 * width, bias: true, odd: rng.IntN(2) == 0}
		in := c.inputs(rng)
		g := gruCase{rows: rows, width: width, input: input, steps: 1, odd: c.odd}
		in = append(in, g.inputs(rng)...)
		run := func(threads int, keepGate, keepSums bool) ([]float32, int) {
			b, err := cpu.New(fmt.Sprint("threads=", threads))
			if err != nil {
				t.Fatal(err)
			}
			defer b.Finalize()
			b.SetProfile(true)
			one := c
			one.keep = keepSums
			e := compile(t, b, in, func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
				d := &do{f: f, odd: c.odd}
				p, keep := one.layer(d, x)
				if d.err != nil {
					return nil, d.err
				}
				given := x[6]
				if input > 0 {
					given = d.affine(given, x[9], x[10], 3*width)
				}
				h, update := d.gates(x[5], given, p, [2]int{rows, width})
				if keepGate {
					keep = append(keep, update)
				}
				return append([]compute.Value{h}, keep...), d.err
			})
			state := execute(t, e, buffers(t, b, in), nil)[0].([]float32)
			fused := 0
			for _, s := range b.Explain() {
				if s.Kernel == "GRU" {
					fused++
				}
			}
			return state, fused
		}
		want, fused := run(1, false, true)
		if fused != 0 {
			t.Errorf("%d rows, %d wide: the sums were needed, and the step was fused", rows, width)
		}
		for threads := 1; threads <= 3; threads++ {
			got, fused := run(threads, false, false)
			if i := bitsDiffer(got, want); i >= 0 || fused != 1 {
				t.Errorf("%d rows, %d wide, %d inputs, %d threads: %d fused steps, element %d differs", rows, width, input, threads, fused, i)
			}
		}
		if got, fused := run(2, true, false); bitsDiffer(got, want) >= 0 || fused != 0 {
			t.Errorf("%d rows, %d wide: %d fused steps where the gate is a result, element %d differs", rows, width, fused, bitsDiffer(got, want))
		}
	}
}
