package nn_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
)

// The golden stream: a change here changes every model trained from a seed.
func TestInitGoldenStream(t *testing.T) {
	cases := []struct {
		name string
		init nn.Init
		want []float64
	}{
		{"FanIn", nn.FanIn(4), goldenFanIn},
		{"TruncNormal", nn.TruncNormal(0.02), goldenTruncNormal},
		{"NormalInit", nn.NormalInit(1), goldenNormal},
		{"Orthogonal", nn.Orthogonal(1), goldenOrthogonal},
		{"Zeros", nn.Zeros(), []float64{0, 0, 0, 0}},
		{"Ones", nn.Ones(), []float64{1, 1, 1, 1}},
	}
	for _, c := range cases {
		got := c.init.Values(1, "/encoder/head/weight", 2, 2)
		for i := range got {
			if !(math.Abs(got[i]-c.want[i]) <= 1e-15) {
				t.Errorf("%s: values %.17g, want %.17g", c.name, got, c.want)
				break
			}
		}
	}
	if got := nn.Rand(1, "a").Uint64(); got != goldenWord {
		t.Errorf("Rand(1, a) = %d, want %d", got, uint64(goldenWord))
	}
}

func TestInitKeys(t *testing.T) {
	base := nn.FanIn(4).Values(1, "/a/weight", 64)
	for name, other := range map[string][]float64{
		"another seed": nn.FanIn(4).Values(2, "/a/weight", 64),
		"another path": nn.FanIn(4).Values(1, "/a/weighu", 64),
	} {
		equal := 0
		for i := range base {
			if base[i] == other[i] {
				equal++
			}
		}
		if equal > 0 {
			t.Errorf("%s: %d of 64 values equal, want 0", name, equal)
		}
	}
	near(t, "the same key", nn.FanIn(4).Values(1, "/a/weight", 64), base, 0)
}

func TestInitMoments(t *testing.T) {
	const n = 20000
	cases := []struct {
		name           string
		init           nn.Init
		std, low, high float64
	}{
		{"FanIn(4)", nn.FanIn(4), 0.5 / math.Sqrt(3), -0.5, 0.5},
		{"TruncNormal(0.02)", nn.TruncNormal(0.02), 0.02, -2, 2},
		{"TruncNormal(2)", nn.TruncNormal(2), 2 * 0.5394, -2, 2}, // a normal cut at one std has std 0.5394
		{"NormalInit(3)", nn.NormalInit(3), 3, -30, 30},
	}
	for _, c := range cases {
		v := c.init.Values(3, "/x", n)
		var mean, square float64
		for _, x := range v {
			mean += x / n
			square += x * x / n
			if !(x >= c.low && x <= c.high) {
				t.Fatalf("%s: value %g outside [%g, %g]", c.name, x, c.low, c.high)
			}
		}
		if !(math.Abs(mean) <= 4*c.std/math.Sqrt(n)) {
			t.Errorf("%s: mean %g, want 0", c.name, mean)
		}
		if got := math.Sqrt(square); !(math.Abs(got/c.std-1) <= 0.03) {
			t.Errorf("%s: std %g, want %g", c.name, got, c.std)
		}
	}
}

func TestOrthogonal(t *testing.T) {
	for _, dims := range [][]int{{5, 3}, {3, 5}, {2, 2, 3, 4}, {4}, {1, 1}, {0, 3}} {
		v := nn.Orthogonal(2).Values(1, "/q", dims...)
		cols := dims[len(dims)-1]
		rows := len(v) / cols
		count, length := min(rows, cols), max(rows, cols)
		at := func(i, k int) float64 {
			if rows > cols {
				return v[k*cols+i]
			}
			return v[i*cols+k]
		}
		for i := range count {
			for j := range count {
				dot, want := 0.0, 0.0
				for k := range length {
					dot += at(i, k) * at(j, k)
				}
				if i == j {
					want = 4
				}
				if !(math.Abs(dot-want) <= 1e-12) {
					t.Errorf("%v: vectors %d and %d have product %g, want %g", dims, i, j, dot, want)
				}
			}
		}
	}
}

func TestVariableTakesHostValues(t *testing.T) {
	x := tensors.FromFlatDataAndDimensions([]float32{1, 2, 3}, 1, 3)
	_, store := run(t, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return nn.Dense(scope.At("head"), x, 2)
	}, x)
	got := tensors.MustCopyFlatData[float32](store.GetVariable("/head/weight").MustValue())
	want := nn.FanIn(3).Values(7, "/head/weight", 3, 2)
	if len(got) != 6 {
		t.Fatalf("%d values, want 6", len(got))
	}
	for i := range got {
		if got[i] != float32(want[i]) {
			t.Errorf("weight[%d] = %g, want %g", i, got[i], float32(want[i]))
		}
	}
}

func TestMissingSeedAndWrongShapeAreNamed(t *testing.T) {
	cases := map[string]func(scope *model.Scope, x *graph.Node) *graph.Node{
		"no seed": func(scope *model.Scope, x *graph.Node) *graph.Node { return nn.Dense(scope, x, 2) },
		"nn: Conv2D: got (Float32)[2, 3]": func(scope *model.Scope, x *graph.Node) *graph.Node {
			return nn.Conv2D(nn.WithSeed(scope, 1), x, nn.ConvConfig{Out: 1, Kernel: 1})
		},
		"nn: constant: got Float16": func(scope *model.Scope, x *graph.Node) *graph.Node {
			return nn.Dense(nn.WithSeed(scope, 1), graph.ConvertDType(x, dtypes.Float16), 1)
		},
	}
	for want, f := range cases {
		_, err := model.CallOnce(portable(t), model.NewStore(), f,
			tensors.FromFlatDataAndDimensions(make([]float32, 6), 2, 3))
		if err == nil {
			t.Errorf("%s: no error", want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want one that says %q", err, want)
		}
	}
}
