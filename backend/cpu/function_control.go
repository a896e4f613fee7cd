package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"foresee/backend/cpu/internal/ir"
)

// callee checks that g is a finished function of this builder with the given parameters.
func (f *Function) callee(op string, g compute.Function, params []shapes.Shape) (*Function, error) {
	h, ok := g.(*Function)
	if !ok || h == nil || h.builder != f.builder || !h.returned {
		return nil, errors.Errorf("cpu: %s: the function is not of this builder, or has not returned", op)
	}
	if h.parent != nil {
		around := f
		for around != nil && around != h.parent {
			around = around.parent
		}
		if around == nil {
			return nil, errors.Errorf("cpu: %s: the closure belongs to another function", op)
		}
	}
	if len(h.fn.Params) != len(params) {
		return nil, errors.Errorf("cpu: %s: the function takes %d parameters, given %d", op, len(h.fn.Params), len(params))
	}
	for i, p := range h.fn.Params {
		if !p.Shape.Equal(params[i]) {
			return nil, errors.Errorf("cpu: %s: parameter %d is %s, given %s", op, i, p.Shape, params[i])
		}
	}
	return h, nil
}

func shapesOf(values []*ir.Value) []shapes.Shape {
	out := make([]shapes.Shape, len(values))
	for i, v := range values {
		out[i] = v.Shape
	}
	return out
}

func sameShapes(a, b []shapes.Shape) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Equal(b[i]) {
			return false
		}
	}
	return true
}

func isBool(s []shapes.Shape) bool {
	return len(s) == 1 && s[0].IsScalar() && s[0].DType == dtypes.Bool
}

// Call implements compute.Function.
func (f *Function) Call(g compute.Function, inputs ...compute.Value) ([]compute.Value, error) {
	in, err := f.values("Call", inputs...)
	if err != nil {
		return nil, err
	}
	h, err := f.callee("Call", g, shapesOf(in))
	if err != nil {
		return nil, err
	}
	return asValues(f.fn.Add(compute.OpTypeCall, ir.Call{Func: h.fn}, in, shapesOf(h.fn.Results)...).Out), nil
}

// While implements compute.Function.
func (f *Function) While(cond, body compute.Function, initialState ...compute.Value) ([]compute.Value, error) {
	in, err := f.values("While", initialState...)
	if err != nil {
		return nil, err
	}
	state := shapesOf(in)
	c, err := f.callee("While condition", cond, state)
	if err != nil {
		return nil, err
	}
	b, err := f.callee("While body", body, state)
	if err != nil {
		return nil, err
	}
	if !isBool(shapesOf(c.fn.Results)) || !sameShapes(shapesOf(b.fn.Results), state) {
		return nil, errors.Errorf("cpu: While: the condition returns %v, the body %v for the state %v",
			shapesOf(c.fn.Results), shapesOf(b.fn.Results), state)
	}
	return asValues(f.fn.Add(compute.OpTypeWhile, ir.While{Cond: c.fn, Body: b.fn}, in, state...).Out), nil
}

// If implements compute.Function.
func (f *Function) If(pred compute.Value, trueBranch, falseBranch compute.Function) ([]compute.Value, error) {
	in, err := f.values("If", pred)
	if err != nil {
		return nil, err
	}
	t, err := f.callee("If", trueBranch, nil)
	if err != nil {
		return nil, err
	}
	e, err := f.callee("If", falseBranch, nil)
	if err != nil {
		return nil, err
	}
	out := shapesOf(t.fn.Results)
	if !isBool(shapesOf(in)) || !sameShapes(out, shapesOf(e.fn.Results)) {
		return nil, errors.Errorf("cpu: If: the predicate is %s, the branches return %v and %v",
			in[0].Shape, out, shapesOf(e.fn.Results))
	}
	return asValues(f.fn.Add(compute.OpTypeIf, ir.If{True: t.fn, False: e.fn}, in, out...).Out), nil
}

// Sort implements compute.Function. The comparator takes lhs_0, rhs_0, lhs_1, rhs_1 and so on, as
// GoMLX and StableHLO have it (the comment of the interface says otherwise). The order of equals
// is always kept.
func (f *Function) Sort(comparator compute.Function, axis int, isStable bool, inputs ...compute.Value) ([]compute.Value, error) {
	in, err := f.values("Sort", inputs...)
	if err != nil {
		return nil, err
	}
	if len(in) == 0 || axis < 0 || axis >= in[0].Shape.Rank() {
		return nil, errors.Errorf("cpu: Sort of %d tensors along axis %d", len(in), axis)
	}
	params := make([]shapes.Shape, 2*len(in))
	for i, v := range in {
		if !v.Shape.EqualDimensions(in[0].Shape) {
			return nil, errors.Errorf("cpu: Sort of %s with %s", in[0].Shape, v.Shape)
		}
		params[2*i] = shapes.Make(v.DType())
		params[2*i+1] = params[2*i]
	}
	less, err := f.callee("Sort", comparator, params)
	if err != nil {
		return nil, err
	}
	if !isBool(shapesOf(less.fn.Results)) {
		return nil, errors.Errorf("cpu: Sort: the comparator returns %v", shapesOf(less.fn.Results))
	}
	a := ir.Sort{Less: less.fn, Axis: axis, Stable: isStable}
	return asValues(f.fn.Add(compute.OpTypeSort, a, in, shapesOf(in)...).Out), nil
}
