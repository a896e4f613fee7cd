package conv

import "unsafe"

const portableLanes = 16

// portable returns the kernels in plain Go.
func portable() *kernels {
	k := &kernels{name: "portable", lanes: portableLanes, vecs: 1, maxPool: maxPoolPortable, maxPoolGrad: maxPoolGradPortable,
		copyRows: copyRowsPortable, sumParts: sumPartsPortable}
	k.pixels[1], k.rows[1] = 8, 8
	for i := 1; i <= 8; i++ {
		k.forward[1][i] = tilePortable
		k.weights[1][i] = outerPortable
	}
	return k
}

// floats returns n floats that start off bytes behind p.
func floats(p unsafe.Pointer, off, n int) []float32 {
	return unsafe.Slice((*float32)(unsafe.Add(p, off)), n)
}

// tilePortable is the twin of the forward assembly: the same sums in the same order.
func tilePortable(arg *byte) {
	c := (*tileCall)(unsafe.Pointer(arg))
	bias := (*[portableLanes]float32)(c.bias)
	for i := range c.tiles * c.pixels {
		var acc [portableLanes]float32
		tile, pixel := i/c.pixels, i%c.pixels
		x, w, to := tile*c.xTile+pixel*c.xPix, tile*c.wTile, tile*c.yTile+pixel*c.yPix
		for range c.taps {
			xs := floats(c.x, x, c.depth)
			for i := range xs {
				if c.wNear != 0 {
					i = i%3*c.near + i/3
				}
				wv := (*[portableLanes]float32)(unsafe.Add(c.w, w+i*c.wStep))
				for l := range acc {
					acc[l] += xs[i] * wv[l]
				}
			}
			w += c.depth * c.wStep
			x += 4*c.depth + c.xRow
		}
		y := floats(c.y, to, int(c.tail))
		for l := range y {
			if bias == nil {
				y[l] = acc[l]
				continue
			}
			v := acc[l] + bias[l]
			if c.res != nil {
				v += floats(c.res, to, int(c.tail))[l]
			}
			y[l] = max(c.floor, v)
		}
	}
}

// outerPortable is the twin of the weight-gradient assembly.
func outerPortable(arg *byte) {
	c := (*outerCall)(unsafe.Pointer(arg))
	var acc [maxRows][portableLanes]float32
	x, dy := 0, 0
	for range c.rows {
		for range c.cols {
			ds := floats(c.dy, dy, c.tail)
			for m := range c.m {
				at := x + 4*m
				if c.near != 0 {
					n := c.m / 3 / c.near
					at = x + m/n/3*c.xTap + m/n%3*c.xPix + m%n*4
				}
				xv, a := floats(c.x, at, 1)[0], &acc[m]
				for l, dv := range ds {
					a[l%portableLanes] += xv * dv
				}
			}
			x, dy = x+c.xPix, dy+c.dyPix
		}
		x, dy = x+c.xRow, dy+c.dyRow
	}
	for m := range c.m {
		dw := floats(c.dw, m*c.ld+3*m/c.m*c.gap, c.tail)
		if c.fresh != 0 {
			clear(dw)
		}
		for l := range dw {
			dw[l] += acc[m][l%portableLanes]
		}
	}
}

func copyRowsPortable(arg *byte) {
	c := (*copyCall)(unsafe.Pointer(arg))
	for i := range c.rows {
		copy(floats(c.dst, i*c.dstStep, c.n), floats(c.src, i*c.srcStep, c.n))
	}
}

func sumPartsPortable(arg *byte) {
	c := (*sumCall)(unsafe.Pointer(arg))
	n := c.vecs * portableLanes
	dst := floats(c.dst, 0, n)
	copy(dst, floats(c.src, 0, n))
	for i := 1; i < c.parts; i++ {
		for j, v := range floats(c.src, i*c.stride, n) {
			dst[j] += v
		}
	}
}
