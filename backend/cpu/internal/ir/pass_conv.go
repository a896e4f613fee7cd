package ir

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// ConvRole says which of the three passes of a convolution a node computes.
type ConvRole int

// The three passes, all over images [N, H, W, Cin], kernels [KH, KW, Cin, Cout] and outputs
// [N, OutH, OutW, Cout].
const (
	ConvForward ConvRole = iota // image, kernel → output
	ConvData                    // output, kernel → image
	ConvWeights                 // image, output → kernel
)

// Plane reads a four-axis tensor in the order its role wants: dimensions, strides in elements
// and the offset of the first one.
type Plane struct {
	Dims, Strides [4]int
	At            int
}

// Dense says whether the plane is the tensor as it lies in memory.
func (p Plane) Dense() bool {
	n := 1
	for i := 3; i >= 0; i-- {
		if p.Dims[i] != 1 && p.Strides[i] != n {
			return false
		}
		n *= p.Dims[i]
	}
	return p.At == 0
}

// FastConv is the argument of a ConvGeneral that RecogniseConv rewrote: one pass of a two-
// dimensional float32 convolution.
type FastConv struct {
	Role             ConvRole
	N, H, W, Cin     int
	KH, KW, Cout     int
	StrideH, StrideW int
	PadTop, PadLeft  int
	OutH, OutW       int
	Epilogue
	A, B, Out Plane // first and second operand and the result, in the role's order
}

// RecogniseConv finds the convolutions that are one of the three passes, however their axes are
// named, and lets them read through a Reverse of the kernel.
//
//	dx = conv(dy, reverse(w), input dilation s, kernel channels swapped)   →   data pass of stride s
//	dw = conv(x, dy, batch and channels swapped, kernel dilation s)       →   weight pass of stride s
//
// One spatial axis counts as two, the first of size 1. Grouped convolutions stay as they are.
func RecogniseConv(f *Func) {
	for _, n := range f.Nodes {
		a, ok := n.Attr.(Conv)
		if !ok || n.Op != compute.OpTypeConvGeneral || n.Out[0].DType() != dtypes.Float32 ||
			a.ChannelGroups > 1 || a.BatchGroups > 1 || n.Out[0].Size() == 0 {
			continue
		}
		if fast, in, ok := fastConv(n, a); ok {
			n.Attr, n.In = fast, in
		}
	}
}

// spatialArgs are a convolution's arguments for two spatial axes.
type spatialArgs struct{ stride, inDilation, kerDilation, pad [2]int }

func fastConv(n *Node, a Conv) (FastConv, []*Value, bool) {
	rank := len(a.Axes.InputSpatial)
	if rank != 1 && rank != 2 {
		return FastConv{}, nil, false
	}
	s := spatialArgs{[2]int{1, 1}, [2]int{1, 1}, [2]int{1, 1}, [2]int{}}
	for i := range rank {
		k := 2 - rank + i
		set := func(dst *[2]int, src []int) {
			if len(src) > 0 {
				dst[k] = src[i]
			}
		}
		set(&s.stride, a.Strides)
		set(&s.inDilation, a.InDilations)
		set(&s.kerDilation, a.KerDilations)
		if len(a.Paddings) > 0 {
			s.pad[k] = a.Paddings[i][0]
		}
	}
	x := a.Axes
	in := plane(n.In[0], x.InputBatch, x.InputSpatial, x.InputChannels)
	out := plane(n.Out[0], x.OutputBatch, x.OutputSpatial, x.OutputChannels)
	kernel, reversed := n.In[1], false
	if r := kernel.Node; r.Op == compute.OpTypeReverse && r.Func == n.Func && sameSet(r.Attr.(Axes).Axes, x.KernelSpatial) {
		kernel, reversed = r.In[0], true
	}
	ker := plane(kernel, x.KernelInputChannels, x.KernelSpatial, x.KernelOutputChannels)
	if reversed {
		ker = ker.flip()
	}
	one := [2]int{1, 1}
	operands := []*Value{n.In[0], kernel}
	switch {
	case s.inDilation == one && s.stride == one && (s.kerDilation != one || x.InputChannels < x.InputBatch && ker.Dims[1]*ker.Dims[2] > 1):
		return weightsPass(in, ker, out, s), operands, true
	case s.kerDilation == one && s.stride == one && (s.inDilation != one || reversed):
		return dataPass(in, ker, out, s), operands, true
	case s.inDilation == one && s.kerDilation == one:
		return forwardPass(in, ker, out, s), operands, true
	}
	return FastConv{}, nil, false
}

func sameSet(a, b []int) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// plane views v as [first, H, W, last].
func plane(v *Value, first int, spatial []int, last int) Plane {
	strides := make([]int, len(v.Dims()))
	n := 1
	for i := len(strides) - 1; i >= 0; i-- {
		strides[i] = n
		n *= v.Dims()[i]
	}
	p := Plane{Dims: [4]int{1, 1, 1, 1}}
	set := func(i, axis int) { p.Dims[i], p.Strides[i] = v.Dims()[axis], strides[axis] }
	set(0, first)
	for i, axis := range spatial {
		set(3-len(spatial)+i, axis)
	}
	set(3, last)
	return p
}

// flip reverses the spatial axes.
func (p Plane) flip() Plane {
	for i := 1; i <= 2; i++ {
		p.At += p.Strides[i] * (p.Dims[i] - 1)
		p.Strides[i] = -p.Strides[i]
	}
	return p
}

// order permutes the axes.
func (p Plane) order(axes ...int) Plane {
	q := Plane{At: p.At}
	for i, axis := range axes {
		q.Dims[i], q.Strides[i] = p.Dims[axis], p.Strides[axis]
	}
	return q
}

func forwardPass(in, ker, out Plane, s spatialArgs) FastConv {
	return FastConv{Role: ConvForward, N: in.Dims[0], H: in.Dims[1], W: in.Dims[2], Cin: in.Dims[3],
		KH: ker.Dims[1], KW: ker.Dims[2], Cout: ker.Dims[3], StrideH: s.stride[0], StrideW: s.stride[1],
		PadTop: s.pad[0], PadLeft: s.pad[1], OutH: out.Dims[1], OutW: out.Dims[2],
		A: in, B: ker.order(1, 2, 0, 3), Out: out}
}

func dataPass(in, ker, out Plane, s spatialArgs) FastConv {
	return FastConv{Role: ConvData, N: in.Dims[0], H: out.Dims[1], W: out.Dims[2], Cin: out.Dims[3],
		KH: ker.Dims[1], KW: ker.Dims[2], Cout: in.Dims[3], StrideH: s.inDilation[0], StrideW: s.inDilation[1],
		PadTop: ker.Dims[1] - 1 - s.pad[0], PadLeft: ker.Dims[2] - 1 - s.pad[1], OutH: in.Dims[1], OutW: in.Dims[2],
		A: in, B: ker.flip().order(1, 2, 3, 0), Out: out}
}

func weightsPass(in, ker, out Plane, s spatialArgs) FastConv {
	return FastConv{Role: ConvWeights, N: in.Dims[3], H: in.Dims[1], W: in.Dims[2], Cin: in.Dims[0],
		KH: out.Dims[1], KW: out.Dims[2], Cout: out.Dims[3], StrideH: s.kerDilation[0], StrideW: s.kerDilation[1],
		PadTop: s.pad[0], PadLeft: s.pad[1], OutH: ker.Dims[1], OutW: ker.Dims[2],
		A: in.order(3, 1, 2, 0), B: ker, Out: out.order(1, 2, 0, 3)}
}
