package nn_test

import "math"

// volume is a batch of images [b, h, w, c].
type volume struct {
	v          []float64
	b, h, w, c int
}

// at returns the value of cell (row, col), 0 outside the image.
func (x volume) at(b, row, col, c int) float64 {
	if row < 0 || row >= x.h || col < 0 || col >= x.w {
		return 0
	}
	return x.v[((b*x.h+row)*x.w+col)*x.c+c]
}

// naiveConv is a convolution with weight [k, k, in, out]; window is kernel, stride, padding.
func naiveConv(x volume, weight, bias []float64, window [3]int) volume {
	k, s, p := window[0], window[1], window[2]
	out := volume{b: x.b, h: (x.h+2*p-k)/s + 1, w: (x.w+2*p-k)/s + 1, c: len(bias)}
	for b := range out.b {
		for i := range out.h {
			for j := range out.w {
				for o := range out.c {
					sum := bias[o]
					for u := range k {
						for v := range k {
							for ch := range x.c {
								sum += x.at(b, i*s+u-p, j*s+v-p, ch) * weight[((u*k+v)*x.c+ch)*out.c+o]
							}
						}
					}
					out.v = append(out.v, sum)
				}
			}
		}
	}
	return out
}

// naivePool is a max-pool; window is kernel, stride, padding.
func naivePool(x volume, window [3]int) volume {
	k, s, p := window[0], window[1], window[2]
	out := volume{b: x.b, h: (x.h+2*p-k)/s + 1, w: (x.w+2*p-k)/s + 1, c: x.c}
	for b := range out.b {
		for i := range out.h {
			for j := range out.w {
				for ch := range out.c {
					best := math.Inf(-1)
					for row := max(i*s-p, 0); row < min(i*s-p+k, x.h); row++ {
						for col := max(j*s-p, 0); col < min(j*s-p+k, x.w); col++ {
							best = max(best, x.at(b, row, col, ch))
						}
					}
					out.v = append(out.v, best)
				}
			}
		}
	}
	return out
}
