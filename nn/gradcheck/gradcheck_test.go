package gradcheck

import (
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// The check must see an error of one part in a million, a gradient that is zero, and one that a variable lacks.
func TestCompareFindsWrongGradients(t *testing.T) {
	scaled := func(x *graph.Node, by float64) *graph.Node {
		return graph.IdentityWithCustomGradient(x, func(_, v *graph.Node) *graph.Node { return graph.MulScalar(v, by) })
	}
	variable := func(scope *model.Scope, x *graph.Node) *graph.Node {
		return scope.VariableWithValue("w", []float64{1, 2, 3}).NodeValue(x)
	}
	cases := []struct {
		name, want string
		f          func(scope *model.Scope, x *graph.Node) *graph.Node
	}{
		{"right", "", func(scope *model.Scope, x *graph.Node) *graph.Node {
			return graph.Mul(variable(scope, x), graph.Tanh(x))
		}},
		{"input off by 1e-6", "input 0 entry", func(_ *model.Scope, x *graph.Node) *graph.Node {
			return graph.Tanh(scaled(x, 1+1e-6))
		}},
		{"variable off by 1e-6", "/w entry", func(scope *model.Scope, x *graph.Node) *graph.Node {
			return graph.Mul(scaled(variable(scope, x), 1+1e-6), x)
		}},
		{"input stopped", "gradient of input 0 is zero", func(_ *model.Scope, x *graph.Node) *graph.Node {
			return graph.Square(graph.StopGradient(x))
		}},
		{"variable stopped", "gradient of /w is zero", func(scope *model.Scope, x *graph.Node) *graph.Node {
			return graph.Mul(graph.StopGradient(variable(scope, x)), x)
		}},
		{"float32", "want float64", func(_ *model.Scope, x *graph.Node) *graph.Node {
			return graph.ConvertDType(x, dtypes.Float32)
		}},
	}
	backend, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	for _, c := range cases {
		n, err := compare(backend, func(scope *model.Scope, in []*graph.Node) *graph.Node { return c.f(scope, in[0]) },
			[]Tensor{Random(3)})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want == "" && n != 6:
			t.Errorf("%s: %d entries compared, want 6", c.name, n)
		case c.want != "" && err == nil:
			t.Errorf("%s: no error", c.name)
		case c.want != "" && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: error %q, want one that says %q", c.name, err, c.want)
		}
	}
}
