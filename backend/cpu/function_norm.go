package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"foresee/backend/cpu/internal/ir"
)

// composer builds operations out of others; the first error sticks and later calls do nothing.
type composer struct {
	f   *Function
	err error
}

func (c *composer) do(build func() (compute.Value, error)) *ir.Value {
	if c.err != nil {
		return nil
	}
	v, err := build()
	if err != nil {
		c.err = err
		return nil
	}
	return v.(*ir.Value)
}

func (c *composer) binary(op compute.OpType, a, b *ir.Value) *ir.Value {
	return c.do(func() (compute.Value, error) { return c.f.binary(op, a, b) })
}

func (c *composer) add(a, b *ir.Value) *ir.Value { return c.binary(compute.OpTypeAdd, a, b) }
func (c *composer) sub(a, b *ir.Value) *ir.Value { return c.binary(compute.OpTypeSub, a, b) }
func (c *composer) mul(a, b *ir.Value) *ir.Value { return c.binary(compute.OpTypeMul, a, b) }
func (c *composer) div(a, b *ir.Value) *ir.Value { return c.binary(compute.OpTypeDiv, a, b) }

func (c *composer) unary(op compute.OpType, a *ir.Value) *ir.Value {
	return c.do(func() (compute.Value, error) { return c.f.unary(op, a) })
}

func (c *composer) sum(a *ir.Value, axes []int) *ir.Value {
	return c.do(func() (compute.Value, error) { return c.f.ReduceSum(a, axes...) })
}

// number is a scalar constant of a float type.
func (c *composer) number(d dtypes.DType, x float64) *ir.Value {
	return c.do(func() (compute.Value, error) {
		v, err := c.f.Constant([]float64{x})
		if err != nil {
			return nil, err
		}
		return c.f.ConvertDType(v, d)
	})
}

// spread repeats a vector along all axes of shape but one.
func (c *composer) spread(v *ir.Value, shape shapes.Shape, axis int) *ir.Value {
	return c.do(func() (compute.Value, error) { return c.f.BroadcastInDim(v, shape, []int{axis}) })
}

// normalization is the common part of the batch normalizations: x and vectors along one axis.
type normalization struct {
	composer
	x      *ir.Value
	params []*ir.Value
	axis   int
	others []int // the axes that are averaged over
	count  *ir.Value
	eps    *ir.Value
}

func (f *Function) normalization(op compute.OpType, epsilon float32, axis int, operand compute.Value, vectors ...compute.Value) (*normalization, error) {
	in, err := f.values(op.String(), append([]compute.Value{operand}, vectors...)...)
	if err != nil {
		return nil, err
	}
	x := in[0]
	if axis < 0 || axis >= x.Shape.Rank() || !x.DType().IsFloat() {
		return nil, errors.Errorf("cpu: %s of %s along axis %d", op, x.Shape, axis)
	}
	for _, v := range in[1:] {
		if v.DType() != x.DType() || v.Shape.Rank() != 1 || v.Dims()[0] != x.Dims()[axis] {
			return nil, errors.Errorf("cpu: %s of %s along axis %d with %s", op, x.Shape, axis, v.Shape)
		}
	}
	n := &normalization{composer: composer{f: f}, x: x, params: in[1:], axis: axis}
	for i := range x.Dims() {
		if i != axis {
			n.others = append(n.others, i)
		}
	}
	n.count = n.number(x.DType(), float64(x.Size()/max(1, x.Dims()[axis])))
	n.eps = n.number(x.DType(), float64(epsilon))
	return n, n.err
}

func (n *normalization) wide(v *ir.Value) *ir.Value { return n.spread(v, n.x.Shape, n.axis) }

// mean averages over the other axes; with none, a value is its own average.
func (n *normalization) mean(v *ir.Value) *ir.Value {
	if len(n.others) == 0 {
		return v
	}
	return n.div(n.sum(v, n.others), n.count)
}

// apply is scale·(x − mean)/sqrt(variance + ε) + offset.
func (n *normalization) apply(scale, offset, mean, variance *ir.Value) *ir.Value {
	factor := n.mul(scale, n.unary(compute.OpTypeRsqrt, n.add(variance, n.eps)))
	return n.add(n.mul(n.sub(n.x, n.wide(mean)), n.wide(factor)), n.wide(offset))
}

// BatchNormForInference implements compute.StandardOps.
func (f *Function) BatchNormForInference(operand, scale, offset, mean, variance compute.Value, epsilon float32, featureAxis int) (compute.Value, error) {
	n, err := f.normalization(compute.OpTypeBatchNormForInference, epsilon, featureAxis, operand, scale, offset, mean, variance)
	if err != nil {
		return nil, err
	}
	y := n.apply(n.params[0], n.params[1], n.params[2], n.params[3])
	return y, n.err
}

// BatchNormForTraining implements compute.StandardOps; the variance divides by the count.
func (f *Function) BatchNormForTraining(operand, scale, offset compute.Value, epsilon float32, featureAxis int) (
	normalized, batchMean, batchVariance compute.Value, err error) {
	n, err := f.normalization(compute.OpTypeBatchNormForTraining, epsilon, featureAxis, operand, scale, offset)
	if err != nil {
		return nil, nil, nil, err
	}
	mean := n.mean(n.x)
	centered := n.sub(n.x, n.wide(mean))
	variance := n.mean(n.mul(centered, centered))
	return n.apply(n.params[0], n.params[1], mean, variance), mean, variance, n.err
}

// BatchNormGradient implements compute.StandardOps:
//
//	dscale = Σ g·x̂,  doffset = Σ g,  dx = scale·r·(g − doffset/N − x̂·dscale/N)
//
// with r = 1/sqrt(variance + ε) and x̂ = (x − mean)·r.
func (f *Function) BatchNormGradient(operand, scale, mean, variance, gradOutput compute.Value, epsilon float32, featureAxis int) (
	gradOperand, gradScale, gradOffset compute.Value, err error) {
	n, err := f.normalization(compute.OpTypeBatchNormGradient, epsilon, featureAxis, operand, scale, mean, variance)
	if err != nil {
		return nil, nil, nil, err
	}
	out, err := f.values("BatchNormGradient", gradOutput)
	if err != nil {
		return nil, nil, nil, err
	}
	g := out[0]
	if !g.Shape.Equal(n.x.Shape) {
		return nil, nil, nil, errors.Errorf("cpu: BatchNormGradient of %s for %s", g.Shape, n.x.Shape)
	}
	r := n.unary(compute.OpTypeRsqrt, n.add(n.params[2], n.eps))
	hat := n.mul(n.sub(n.x, n.wide(n.params[1])), n.wide(r))
	meanG, meanGHat := n.mean(g), n.mean(n.mul(g, hat))
	dx := n.mul(n.wide(n.mul(n.params[0], r)), n.sub(n.sub(g, n.wide(meanG)), n.mul(hat, n.wide(meanGHat))))
	dscale, doffset := n.mul(meanGHat, n.count), n.mul(meanG, n.count)
	if len(n.others) == 0 {
		dscale, doffset = n.mul(g, hat), g
	}
	return dx, dscale, doffset, n.err
}
