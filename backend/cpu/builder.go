package cpu

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/notimplemented"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"foresee/backend/cpu/internal/exec"
	"foresee/backend/cpu/internal/ir"
)

// Builder implements compute.Builder. One goroutine uses it.
type Builder struct {
	notimplemented.Builder
	backend  *Backend
	name     string
	counter  ir.Counter
	main     *Function
	names    map[string]bool
	compiled bool
}

func newBuilder(b *Backend, name string) *Builder {
	bd := &Builder{backend: b, name: name, names: map[string]bool{}}
	bd.main = bd.function(compute.MainName, nil)
	return bd
}

func (b *Builder) function(name string, parent *Function) *Function {
	f := &Function{builder: b, parent: parent, fn: &ir.Func{Name: name, Counter: &b.counter}}
	f.Function.ErrFn = notImplemented
	if parent != nil {
		f.fn.Parent = parent.fn
	}
	return f
}

func notImplemented(op compute.OpType) error {
	return errors.Wrapf(compute.ErrNotImplemented, "cpu: %s", op)
}

// Name implements compute.Builder.
func (b *Builder) Name() string { return b.name }

// Main implements compute.Builder.
func (b *Builder) Main() compute.Function { return b.main }

// NewFunction implements compute.Builder.
func (b *Builder) NewFunction(name string) (compute.Function, error) {
	if name == compute.MainName || name == "" || b.names[name] {
		return nil, fmt.Errorf("cpu: function name %q is empty or taken", name)
	}
	b.names[name] = true
	return b.function(name, nil), nil
}

// OpShape implements compute.Builder.
func (b *Builder) OpShape(op compute.Value) (shapes.Shape, error) {
	v, ok := op.(*ir.Value)
	if !ok || v == nil {
		return shapes.Invalid(), fmt.Errorf("cpu: %T is not a value of this backend", op)
	}
	return v.Shape, nil
}

// DeviceAssignment accepts device 0 only.
func (b *Builder) DeviceAssignment(devices ...compute.DeviceNum) error {
	if len(devices) == 1 && devices[0] == 0 {
		return nil
	}
	return errors.Wrapf(compute.ErrNotImplemented, "cpu: devices %v, there is only device 0", devices)
}

// Compile implements compute.Builder.
func (b *Builder) Compile() (compute.Executable, error) {
	if b.compiled {
		return nil, fmt.Errorf("cpu: builder %q was compiled before", b.name)
	}
	if !b.main.returned {
		return nil, fmt.Errorf("cpu: builder %q: the main function has not returned", b.name)
	}
	b.compiled = true
	e := &Executable{backend: b.backend}
	for _, v := range b.main.fn.Params {
		e.names = append(e.names, v.Node.Attr.(ir.Param).Name)
		e.inputs = append(e.inputs, v.Shape)
	}
	for _, v := range b.main.fn.Results {
		e.outputs = append(e.outputs, v.Shape)
	}
	b.main.fn.Name = b.name // what errors and profiles say
	prog, err := exec.Compile(b.main.fn, b.backend.machine)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	e.prog = prog
	return e, nil
}

// Function implements compute.Function. One goroutine uses it.
type Function struct {
	notimplemented.Function
	builder  *Builder
	parent   *Function
	fn       *ir.Func
	returned bool
}

// Name implements compute.Function; a closure's is empty.
func (f *Function) Name() string { return f.fn.Name }

// Builder implements compute.Function.
func (f *Function) Builder() compute.Builder { return f.builder }

// Parent implements compute.Function.
func (f *Function) Parent() compute.Function {
	if f.parent == nil {
		return nil
	}
	return f.parent
}

// Closure implements compute.Function.
func (f *Function) Closure() (compute.Function, error) { return f.builder.function("", f), nil }

// Shape implements compute.Function.
func (f *Function) Shape(v compute.Value) (shapes.Shape, error) { return f.builder.OpShape(v) }

// Parameter implements compute.Function.
func (f *Function) Parameter(name string, shape shapes.Shape, sharding *compute.ShardingSpec) (compute.Value, error) {
	if err := checkShape(shape); err != nil {
		return nil, err
	}
	if sharding != nil {
		return nil, errors.Wrapf(compute.ErrNotImplemented, "cpu: sharding of parameter %q", name)
	}
	if f.returned {
		return nil, fmt.Errorf("cpu: parameter %q after the function returned", name)
	}
	v := f.fn.Add(compute.OpTypeParameter, ir.Param{Name: name, Index: len(f.fn.Params)}, nil, shape.Clone()).Out[0]
	f.fn.Params = append(f.fn.Params, v)
	return v, nil
}

func checkShape(shape shapes.Shape) error {
	if !supported[shape.DType] {
		return errors.Wrapf(compute.ErrNotImplemented, "cpu: element type %s", shape.DType)
	}
	for _, d := range shape.Dimensions {
		if d < 0 {
			return errors.Wrapf(compute.ErrNotImplemented, "cpu: dynamic shape %s", shape)
		}
	}
	return nil
}

// Constant implements compute.Function.
func (f *Function) Constant(flat any, dims ...int) (compute.Value, error) {
	shape, err := constantShape(flat, dims)
	if err != nil {
		return nil, err
	}
	data, err := flatBytes(flat, shape)
	if err != nil {
		return nil, err
	}
	kept := exec.Aligned(len(data))
	copy(kept, data)
	return f.add(compute.OpTypeConstant, ir.Const{Data: kept}, nil, shape)
}

// Return implements compute.Function.
func (f *Function) Return(outputs []compute.Value, shardings []*compute.ShardingSpec) error {
	if f.returned {
		return fmt.Errorf("cpu: function %q returned before", f.fn.Name)
	}
	if slices.ContainsFunc(shardings, func(s *compute.ShardingSpec) bool { return s != nil }) {
		return errors.Wrapf(compute.ErrNotImplemented, "cpu: sharded results")
	}
	in, err := f.values("Return", outputs...)
	if err != nil {
		return err
	}
	f.fn.Results, f.returned = in, true
	return nil
}

// values casts and checks operands: they belong to this function or one around it.
func (f *Function) values(op string, values ...compute.Value) ([]*ir.Value, error) {
	if f.returned {
		return nil, errors.Errorf("cpu: %s after function %q returned", op, f.fn.Name)
	}
	out := make([]*ir.Value, len(values))
	for i, x := range values {
		v, ok := x.(*ir.Value)
		if !ok || v == nil {
			return nil, errors.Errorf("cpu: %s: operand %d is a %T, not a value of this backend", op, i, x)
		}
		g := f.fn
		for g != nil && g != v.Node.Func {
			g = g.Parent
		}
		if g == nil {
			return nil, errors.Errorf("cpu: %s: operand %d comes from a function that is not around this one", op, i)
		}
		out[i] = v
	}
	return out, nil
}

// add appends a node of one output.
func (f *Function) add(op compute.OpType, attr any, in []*ir.Value, shape shapes.Shape) (compute.Value, error) {
	if f.returned {
		return nil, errors.Errorf("cpu: %s after function %q returned", op, f.fn.Name)
	}
	return f.fn.Add(op, attr, in, shape).Out[0], nil
}
