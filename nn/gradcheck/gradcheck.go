// Package gradcheck compares a graph's gradients with central differences in float64; for tests only.
//
// It imports nothing else of foresee, so every package that builds graphs can use it.
package gradcheck

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

const (
	// Step is the half width of a central difference. In float64 it balances rounding and curvature.
	Step = 6e-6
	// Tolerance bounds |analytic - numeric| relative to max(1, largest entry of the tensor's gradient).
	Tolerance = 1e-8
	// maxEntries is how many entries of a tensor are checked; of larger ones a random choice.
	maxEntries = 48
)

// Func builds the graph under test from inputs in float64. A result that is not a scalar is reduced
// to Σ r·y with fixed random r, so that no direction is missed.
type Func func(scope *model.Scope, inputs []*graph.Node) *graph.Node

// Tensor is an input: its dimensions, and its values or, where nil, random normal ones.
type Tensor struct {
	Dims   []int
	Values []float64
	// Constant inputs are fed but not differentiated.
	Constant bool
}

// Random returns a differentiated input of the given dimensions with standard normal values.
func Random(dims ...int) Tensor { return Tensor{Dims: dims} }

// Check fails t unless the gradient of f with respect to every input that is not constant and every
// trainable variable of f agrees with central differences and is not all zero. It reports the number
// of entries compared. Variables are first moved by 0.1 standard normal numbers, so that initial
// zeros and ones hide nothing. f must set up its own seeds.
func Check(t testing.TB, backend compute.Backend, f Func, inputs ...Tensor) {
	t.Helper()
	n, err := compare(backend, f, inputs)
	if err != nil {
		t.Errorf("gradcheck on %s: %v", backend.Name(), err)
	}
	if n == 0 {
		t.Errorf("gradcheck on %s: nothing was compared", backend.Name())
	}
	t.Logf("gradcheck on %s: %d entries", backend.Name(), n)
}

// subject is a tensor whose gradient is checked.
type subject struct {
	name   string
	values []float64
	set    func(values []float64) error
	grad   []float64
}

// trial is one comparison under way.
type trial struct {
	backend  compute.Backend
	store    *model.Store
	f        Func
	inputs   []Tensor
	args     []any // the inputs' tensors
	subjects []*subject
}

// compare returns how many entries agreed, and the first that did not.
func compare(backend compute.Backend, f Func, inputs []Tensor) (int, error) {
	rng := rand.New(rand.NewPCG(1, 2))
	tr := &trial{backend: backend, store: model.NewStore(), f: f, inputs: inputs}
	tr.feed(rng)
	forward, err := model.NewExec(backend, tr.store, func(scope *model.Scope, in []*graph.Node) *graph.Node {
		return scalar(f(scope, in))
	})
	if err != nil {
		return 0, err
	}
	defer forward.Finalize()
	value := func() (float64, error) {
		out, err := forward.Call(tr.args...)
		if err != nil {
			return 0, err
		}
		return tensors.ToScalar[float64](out[0]), nil
	}
	if _, err := value(); err != nil { // makes the variables
		return 0, err
	}
	if err := tr.moveVariables(); err != nil {
		return 0, err
	}
	if err := tr.differentiate(); err != nil {
		return 0, err
	}
	total := 0
	for _, s := range tr.subjects {
		n, err := s.check(rng, value)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// feed makes the arguments and a subject of each that is not constant.
func (tr *trial) feed(rng *rand.Rand) {
	tr.args = make([]any, len(tr.inputs))
	for i, in := range tr.inputs {
		values := in.Values
		if values == nil {
			values = normals(rng, size(in.Dims))
		}
		tr.args[i] = tensors.FromFlatDataAndDimensions(values, in.Dims...)
		if in.Constant {
			continue
		}
		tr.subjects = append(tr.subjects, &subject{
			name: fmt.Sprintf("input %d", i), values: values,
			set: func(v []float64) error {
				tr.args[i] = tensors.FromFlatDataAndDimensions(v, in.Dims...)
				return nil
			},
		})
	}
}

// moveVariables makes a subject of each trainable variable and moves its values.
func (tr *trial) moveVariables() error {
	for v := range tr.store.IterVariables() {
		if !v.Trainable {
			continue
		}
		s := &subject{name: v.Path(), values: tensors.MustCopyFlatData[float64](v.MustValue())}
		dims := v.Shape().Dimensions
		s.set = func(x []float64) error { return v.SetValue(tensors.FromFlatDataAndDimensions(x, dims...)) }
		rng := rand.New(rand.NewPCG(hash(v.Path()), 3))
		for i := range s.values {
			s.values[i] += 0.1 * rng.NormFloat64()
		}
		if err := s.set(s.values); err != nil {
			return err
		}
		tr.subjects = append(tr.subjects, s)
	}
	return nil
}

// differentiate fills in the subjects' gradients.
func (tr *trial) differentiate() error {
	backward, err := model.NewExec(tr.backend, tr.store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		y := scalar(tr.f(scope, in))
		var at []*graph.Node
		for i, node := range in {
			if !tr.inputs[i].Constant {
				at = append(at, node)
			}
		}
		for _, s := range tr.subjects[len(at):] {
			at = append(at, tr.store.GetVariable(s.name).NodeValue(y))
		}
		return graph.Gradient(y, at...)
	})
	if err != nil {
		return err
	}
	defer backward.Finalize()
	out, err := backward.Call(tr.args...)
	if err != nil {
		return err
	}
	for i, s := range tr.subjects {
		s.grad = tensors.MustCopyFlatData[float64](out[i])
	}
	return nil
}

// check compares s's gradient with central differences of value.
func (s *subject) check(rng *rand.Rand, value func() (float64, error)) (int, error) {
	scale, largest := 1.0, 0.0
	for _, g := range s.grad {
		largest = max(largest, math.Abs(g))
	}
	if largest == 0 {
		return 0, fmt.Errorf("the gradient of %s is zero everywhere", s.name)
	}
	scale = max(scale, largest)
	picks := rng.Perm(len(s.values))
	picks = picks[:min(len(picks), maxEntries)]
	for n, i := range picks {
		at := func(x float64) (float64, error) {
			moved := append([]float64{}, s.values...)
			moved[i] = x
			if err := s.set(moved); err != nil {
				return 0, err
			}
			return value()
		}
		high, low := s.values[i]+Step, s.values[i]-Step
		up, err := at(high)
		if err != nil {
			return n, err
		}
		down, err := at(low)
		if err != nil {
			return n, err
		}
		numeric := (up - down) / (high - low)
		if gap := math.Abs(numeric - s.grad[i]); !(gap <= Tolerance*scale) {
			return n, fmt.Errorf("%s entry %d of %d: gradient %.12g, central difference %.12g, gap %.2g, want <= %.2g",
				s.name, i, len(s.values), s.grad[i], numeric, gap, Tolerance*scale)
		}
	}
	return len(picks), s.set(s.values)
}

// scalar reduces y to one number with fixed random weights.
func scalar(y *graph.Node) *graph.Node {
	if y.DType() != dtypes.Float64 {
		panic(fmt.Errorf("gradcheck: the graph's result is %s, want float64", y.DType()))
	}
	if y.IsScalar() {
		return y
	}
	r := normals(rand.New(rand.NewPCG(4, uint64(y.Shape().Size()))), y.Shape().Size())
	weights := graph.ConstTensor(y.Graph(), tensors.FromFlatDataAndDimensions(r, y.Shape().Dimensions...))
	return graph.ReduceAllSum(graph.Mul(y, weights))
}

func normals(rng *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = rng.NormFloat64()
	}
	return out
}

func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

func hash(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s))
	return h.Sum64()
}
