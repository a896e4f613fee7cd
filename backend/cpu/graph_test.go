package cpu_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"foresee/backend/cpu"
)

// tensor is a flat Go slice with its dimensions.
type tensor struct {
	flat any
	dims []int
}

func (x tensor) shape() shapes.Shape {
	return shapes.Make(dtypes.FromGoType(reflect.TypeOf(x.flat).Elem()), x.dims...)
}

// compile builds and compiles a graph with one parameter per input.
func compile(t testing.TB, b *cpu.Backend, inputs []tensor, build func(f compute.Function, x []compute.Value) ([]compute.Value, error)) compute.Executable {
	t.Helper()
	builder := b.Builder("test")
	f := builder.Main()
	var x []compute.Value
	for i, in := range inputs {
		v, err := f.Parameter(fmt.Sprintf("x%d", i), in.shape(), nil)
		if err != nil {
			t.Fatal(err)
		}
		x = append(x, v)
	}
	out, err := build(f, x)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	if err := f.Return(out, nil); err != nil {
		t.Fatal(err)
	}
	e, err := builder.Compile()
	if err != nil {
		t.Fatalf("%+v", err)
	}
	return e
}

func buffers(t testing.TB, b *cpu.Backend, inputs []tensor) []compute.Buffer {
	t.Helper()
	var in []compute.Buffer
	for _, x := range inputs {
		buf, err := b.BufferFromFlatData(0, x.flat, x.shape())
		if err != nil {
			t.Fatal(err)
		}
		in = append(in, buf)
	}
	return in
}

// execute runs e and returns the results as flat slices.
func execute(t testing.TB, e compute.Executable, in []compute.Buffer, donate []bool) []any {
	t.Helper()
	out, err := e.Execute(in, donate, 0)
	if err != nil {
		t.Fatal(err)
	}
	flat := make([]any, len(out))
	for i, o := range out {
		s, err := o.Shape()
		if err != nil {
			t.Fatal(err)
		}
		flat[i] = dtypes.MakeAnySlice(s.DType, s.Size())
		if err := o.ToFlatData(flat[i]); err != nil {
			t.Fatal(err)
		}
	}
	return flat
}

// run builds, compiles and executes a graph of one result.
func run(t testing.TB, b *cpu.Backend, inputs []tensor, build func(f compute.Function, x []compute.Value) (compute.Value, error)) any {
	t.Helper()
	e := compile(t, b, inputs, func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
		y, err := build(f, x)
		return []compute.Value{y}, err
	})
	defer e.Finalize()
	return execute(t, e, buffers(t, b, inputs), nil)[0]
}

// TestArgMaxOfBools expects the first true, or the first element if there is none.
func TestArgMaxOfBools(t *testing.T) {
	b, err := cpu.New("threads=1")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	in := []tensor{{[]bool{false, true, true, false, false, false, true, false, false}, []int{3, 3}}}
	e := compile(t, b, in, func(f compute.Function, x []compute.Value) ([]compute.Value, error) {
		most, err := f.ArgMinMax(x[0], 1, dtypes.Int32, false)
		if err != nil {
			return nil, err
		}
		least, err := f.ArgMinMax(x[0], 1, dtypes.Int32, true)
		return []compute.Value{most, least}, err
	})
	out, err := e.Execute(buffers(t, b, in), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]int32{{1, 0, 0}, {0, 0, 1}} {
		got := make([]int32, 3)
		if err := out[i].ToFlatData(got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("result %d is %v, want %v", i, got, want)
		}
	}
}

// A product of one column and a number that was a vector of one element: the compiler, looking for a bias, must not take
// the number's last axis, of which there is none.
func TestProductPlusNumber(t *testing.T) {
	b, err := cpu.New("threads=1")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	in := []tensor{{[]float32{1, 2, 3}, []int{1, 3}}, {[]float32{4, 5, 6}, []int{3, 1}}, {[]float32{0.5}, []int{1}}}
	got := run(t, b, in, func(f compute.Function, x []compute.Value) (compute.Value, error) {
		y, err := f.DotGeneral(x[0], []int{1}, nil, x[1], []int{0}, nil, compute.DotGeneralConfig{})
		if err != nil {
			return nil, err
		}
		number, err := f.Reshape(x[2])
		if err != nil {
			return nil, err
		}
		return f.Add(y, number)
	})
	if !reflect.DeepEqual(got, []float32{32.5}) {
		t.Errorf("1·4 + 2·5 + 3·6 + 0.5 is %v", got)
	}
}
