package conv

import "fmt"

// Shape describes one convolution: x is [N, H, W, Cin], the kernel w is [KH, KW, Cin, Cout],
// y is [N, OutH, OutW, Cout], and
//
//	y[n, i, j, o] = Σ x[n, i·StrideH - PadTop + kh, j·StrideW - PadLeft + kw, c] · w[kh, kw, c, o]
//
// with zeros outside of x. Negative padding cuts rows or columns off. Any size may be 0;
// strides are at least 1.
type Shape struct {
	N, H, W, Cin                         int
	KH, KW, Cout                         int
	StrideH, StrideW                     int
	PadTop, PadBottom, PadLeft, PadRight int
	OutH, OutW                           int

	// Fast allows Winograd's algorithm in 3x3 stride-1 passes over many tiles and enough channels: up to 3.24 times fewer
	// multiplications, a few times the rounding error, and a NaN or infinity reaches neighbours.
	Fast bool
	// Shorts allows sums of products of 16-bit integers, see package conv16, where they are faster: they are exact, of operands
	// that are rounded to about 12 bits, and a NaN or infinity reaches all of what its image adds to.
	Shorts bool
}

// WithOut returns s with OutH and OutW set to the sizes that the other fields imply.
func (s Shape) WithOut() Shape {
	s.OutH = outSize(s.H+s.PadTop+s.PadBottom, s.KH, s.StrideH)
	s.OutW = outSize(s.W+s.PadLeft+s.PadRight, s.KW, s.StrideW)
	return s
}

func outSize(in, window, stride int) int {
	if in < window {
		return 0
	}
	return (in-window)/stride + 1
}

// FLOP returns the floating-point operations of one pass, 2·N·OutH·OutW·KH·KW·Cin·Cout.
// Each of the three passes has the same number.
func (s Shape) FLOP() float64 {
	return 2 * float64(s.N*s.OutH*s.OutW) * float64(s.KH*s.KW*s.Cin*s.Cout)
}

func (s Shape) check(op string) {
	if min(s.N, s.H, s.W, s.Cin, s.KH, s.KW, s.Cout) < 0 || s.StrideH < 1 || s.StrideW < 1 {
		panic(fmt.Sprintf("conv: %s: negative size or stride below 1 in %+v", op, s))
	}
	if t := s.WithOut(); s != t {
		panic(fmt.Sprintf("conv: %s: output is %dx%d in %+v, want %dx%d", op, s.OutH, s.OutW, s, t.OutH, t.OutW))
	}
}

func (s Shape) inputs() int  { return s.N * s.H * s.W * s.Cin }
func (s Shape) weights() int { return s.KH * s.KW * s.Cin * s.Cout }
func (s Shape) outputs() int { return s.N * s.OutH * s.OutW * s.Cout }

func checkLen(op, name string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("conv: %s: %s has %d floats, want %d", op, name, got, want))
	}
}

// direct reports whether no window leaves x, so that x can be read in place.
func (s Shape) direct() bool {
	return s.PadTop == 0 && s.PadLeft == 0 && s.spanH(s.OutH) <= s.H && s.spanW() <= s.W
}

// spanH returns the number of padded input rows under the given number of output rows.
func (s Shape) spanH(rows int) int { return max(rows-1, 0)*s.StrideH + s.KH }

// spanW returns the number of padded input columns under all output columns.
func (s Shape) spanW() int { return max(s.OutW-1, 0)*s.StrideW + s.KW }

// pointwise merges the rows of a 1x1 stride-1 convolution into one, which makes tiles larger,
// where there are images enough to keep the threads busy.
func (s Shape) pointwise() Shape {
	if s.N >= 8 && s.KH == 1 && s.KW == 1 && s.StrideH == 1 && s.StrideW == 1 && s.direct() && s.OutW == s.W && s.OutH == s.H {
		s.W *= s.H
		s.H, s.OutH, s.OutW = 1, 1, s.W
	}
	return s
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// floorDiv rounds towards minus infinity; b > 0.
func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func roundUp(a, b int) int { return ceilDiv(a, b) * b }
