package conv16

import (
	"math"
	"unsafe"

	"foresee/backend/cpu/internal/rounding"
)

// portable returns the kernels in plain Go.
func portable() *kernels {
	k := &kernels{name: "portable", vecs: 1, rowNorms: rowNormsPortable, rowQuants: rowQuantsPortable, channelScales: channelScalesPortable,
		pairs:      func(arg *byte) { pairsPortable(arg, false) },
		pairsTwice: func(arg *byte) { pairsPortable(arg, true) }}
	k.pixels[1], k.rows[1] = 8, 8
	for i := 1; i <= 8; i++ {
		k.forward[1][i] = tilePortable
		k.weights[1][i] = outerPortable
	}
	return k
}

// at returns n values that start off bytes behind p.
func at[T any](p unsafe.Pointer, off, n int) []T {
	return unsafe.Slice((*T)(unsafe.Add(p, off)), n)
}

// tilePortable is the twin of the forward assembly.
func tilePortable(arg *byte) {
	c := (*tileCall)(unsafe.Pointer(arg))
	bias, scales := at[float32](c.bias, 0, lanes), at[float32](c.scales, 0, lanes)
	for i := range c.tiles * c.pixels {
		var acc [lanes]int32
		tile, pixel := i/c.pixels, i%c.pixels
		x, w, to := tile*c.xTile+pixel*c.xPix, 0, tile*c.yTile+pixel*c.yPix
		for range c.taps {
			xs := at[int16](c.x, x, 2*c.depth)
			for k := range c.depth {
				x0, x1 := int32(xs[2*k]), int32(xs[2*k+1])
				wv := at[int16](c.w, w, 2*lanes)
				for l := range acc {
					acc[l] += x0*int32(wv[2*l]) + x1*int32(wv[2*l+1])
				}
				w += c.wStep
			}
			x += 4*c.depth + c.xRow
		}
		y := at[float32](c.y, to, int(c.tail))
		for l := range y {
			v := float32(float32(float32(acc[l])*c.scale)*scales[l]) + bias[l]
			if c.res != nil {
				v += at[float32](c.res, to, len(y))[l]
			}
			y[l] = max(c.floor, v)
		}
	}
}

// outerPortable is the twin of the weight-gradient assembly.
func outerPortable(arg *byte) {
	c := (*outerCall)(unsafe.Pointer(arg))
	pairs := 1 + c.whole + c.last
	for t := range 3 {
		dy := [3]int{0, c.dyPix / 2, -c.dyPix}[t]
		for m := range c.m {
			place := (t*c.m+m)*c.ld + t*c.gap
			var sums [lanes]int32
			if c.fresh == 0 {
				copy(sums[:], at[int32](c.sums, place, lanes))
			}
			for r := range c.rows {
				for e := range pairs {
					if t == 2 && e == 0 || t == 0 && c.last != 0 && e == pairs-1 {
						continue
					}
					x := at[int16](c.x, (r*pairs+e)*c.xPix+4*m, 2)
					d := at[int16](c.dy, (r*pairs+e)*c.dyPix+dy, 2*lanes)
					for l := range sums {
						sums[l] += int32(x[0])*int32(d[2*l]) + int32(x[1])*int32(d[2*l+1])
					}
				}
			}
			c.keep(sums, place, m)
		}
	}
}

// keep stores the sums of input channel m, or adds them to what they are for.
func (c *outerCall) keep(sums [lanes]int32, place, m int) {
	if c.dst == nil {
		copy(at[int32](c.sums, place, lanes), sums[:])
		return
	}
	dst, outputs, input := at[float32](c.dst, place, lanes), at[float32](c.outputs, 0, lanes), at[float32](c.inputs, 4*m, 1)[0]
	for l, v := range sums {
		x := float32(float32(float32(v)*input) * outputs[l])
		if c.begin == 0 {
			x += dst[l]
		}
		dst[l] = x
	}
}

func rowNormsPortable(arg *byte) {
	c := (*rowCall)(unsafe.Pointer(arg))
	for r := range c.rows {
		at[float32](c.squares, 4*r, 1)[0], at[float32](c.high, 4*r, 1)[0] = rounding.Norms(at[float32](c.src, r*c.srcStep, c.floats()))
	}
}

func (c *rowCall) floats() int {
	n := c.whole * lanes
	for m := c.rest; m != 0; m >>= 1 {
		n++
	}
	return n
}

func rowQuantsPortable(arg *byte) {
	c := (*rowCall)(unsafe.Pointer(arg))
	for r := range c.rows {
		src := at[float32](c.src, r*c.srcStep, c.floats())
		dst := at[int16](c.dst, r*c.dstStep, len(src))
		for i, x := range src {
			dst[i] = rounding.Quant(x, c.inverse)
		}
	}
}

func channelScalesPortable(arg *byte) {
	c := (*channelCall)(unsafe.Pointer(arg))
	c.bad = 0
	for i := range c.vecs * lanes {
		var squares, high float32
		for p := range c.pixels {
			x := at[float32](c.src, p*c.step+4*i, 1)[0]
			squares += float32(x * x)
			high = max(high, float32(math.Abs(float64(x))))
		}
		scale, inverse, ok := rounding.Scale(squares, high)
		if !ok {
			c.bad |= 1 << (i % lanes)
		}
		at[float32](c.scale, 4*i, 1)[0], at[float32](c.inverse, 4*i, 1)[0] = scale, inverse
	}
}

func pairsPortable(arg *byte, twice bool) {
	c := (*pairCall)(unsafe.Pointer(arg))
	for i := range c.vecs * lanes {
		inverse := at[float32](c.inverse, 4*i, 1)[0]
		pixel := func(p int) int16 {
			if p < 0 || p >= 2*c.pairs+c.odd {
				return 0
			}
			return rounding.Quant(at[float32](c.src, p*c.srcStep+4*i, 1)[0], inverse)
		}
		for e := range c.pairs + 1 {
			dst := at[int16](c.dst, e*c.dstStep+4*i, 2)
			if twice {
				dst[0], dst[1] = pixel(2*e), pixel(2*e+1)
				dst = at[int16](c.dst, e*c.dstStep+c.dstStep/2+4*i, 2)
			}
			dst[0], dst[1] = pixel(2*e-1), pixel(2*e)
		}
	}
}
