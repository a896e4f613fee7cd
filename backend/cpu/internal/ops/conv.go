package ops

import (
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// Conv describes a convolution in any layout; strides are in elements of each tensor.
//
//	out[b, o, p] = Σ_{c, k} in[b', c', p·Stride + k·KerDilation − Pad] · ker[k, c, o]
//
// where positions between the elements of a dilated input, and outside it, hold 0. With G
// channel groups, output channel o of group g = o/(O/G) reads input channels c' = g·C + c.
// With G batch groups, o of group g reads images b' = g·B + b, and B counts output images.
type Conv struct {
	B, C, O                              int // output images, channels of the kernel, output channels
	ChannelGroups, BatchGroups           int
	In, Ker, Out                         []int // spatial sizes
	Stride, InDilation, KerDilation, Pad []int
	InB, InC, KerC, KerO, OutB, OutC     int   // strides
	InS, KerS, OutS                      []int // strides of the spatial axes
}

// ConvKernel computes the output images [lo, hi).
type ConvKernel func(c *Conv, out, in, ker unsafe.Pointer, lo, hi int)

// Convolution returns the kernel for elements of type d, or nil.
func Convolution(d dtypes.DType) ConvKernel {
	return byNumber(d, numberTable[ConvKernel]{
		conv[int8], conv[int16], conv[int32], conv[int64],
		conv[uint8], conv[uint16], conv[uint32], conv[uint64],
		conv[float32], conv[float64]})
}

func conv[T number](c *Conv, out, in, ker unsafe.Pointer, lo, hi int) {
	size := int(unsafe.Sizeof(T(0)))
	points := 1
	for _, d := range c.Out {
		points *= d
	}
	taps := 1
	for _, d := range c.Ker {
		taps *= d
	}
	position := make([]int, len(c.Out))
	// offsets of the taps that hit an element, for the current output position
	inAt, kerAt := make([]int, 0, taps), make([]int, 0, taps)
	for p := range points {
		outAt := 0
		for i, rest := len(c.Out)-1, p; i >= 0; i-- {
			position[i] = rest % c.Out[i]
			rest /= c.Out[i]
			outAt += position[i] * c.OutS[i]
		}
		inAt, kerAt = c.taps(position, taps, inAt[:0], kerAt[:0])
		for b := lo; b < hi; b++ {
			for o := range c.O {
				src := (b+o/(c.O/c.BatchGroups)*c.B)*c.InB + o/(c.O/c.ChannelGroups)*c.C*c.InC
				var s T
				for t, at := range inAt {
					x, w := src+at, kerAt[t]+o*c.KerO
					for range c.C {
						s += *(*T)(unsafe.Add(in, x*size)) * *(*T)(unsafe.Add(ker, w*size))
						x += c.InC
						w += c.KerC
					}
				}
				*(*T)(unsafe.Add(out, (b*c.OutB+o*c.OutC+outAt)*size)) = s
			}
		}
	}
}

// taps appends the input and kernel offsets that meet at an output position.
func (c *Conv) taps(position []int, taps int, inAt, kerAt []int) ([]int, []int) {
next:
	for t := range taps {
		x, w := 0, 0
		for i, rest := len(c.Ker)-1, t; i >= 0; i-- {
			k := rest % c.Ker[i]
			rest /= c.Ker[i]
			at := position[i]*c.Stride[i] + k*c.KerDilation[i] - c.Pad[i]
			if at < 0 || at%c.InDilation[i] != 0 || at/c.InDilation[i] >= c.In[i] {
				continue next
			}
			x += at / c.InDilation[i] * c.InS[i]
			w += k * c.KerS[i]
		}
		inAt, kerAt = append(inAt, x), append(kerAt, w)
	}
	return inAt, kerAt
}
