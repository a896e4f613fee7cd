package conv16

import (
	"math"
	"unsafe"

	"foresee/backend/cpu/internal/rounding"
)

// Shape is that of conv.Shape, with the padding that OutH and OutW imply.
type Shape struct {
	N, H, W, Cin     int
	KH, KW, Cout     int
	StrideH, StrideW int
	PadTop, PadLeft  int
	OutH, OutW       int
}

// Forward reports whether NewForward takes s: an even number of input channels, nothing empty or cut off, and no sum of more than 4,900 products.
func (s Shape) Forward() bool {
	return min(s.N, s.H, s.W, s.Cin, s.KH, s.KW, s.Cout, s.OutH, s.OutW) > 0 && min(s.PadTop, s.PadLeft) >= 0 &&
		s.Cin%2 == 0 && s.KH*s.KW*s.Cin <= maxSum && s.spanH() > s.PadTop && s.spanW() > s.PadLeft
}

func (s Shape) spanH() int { return (s.OutH-1)*s.StrideH + s.KH }
func (s Shape) spanW() int { return (s.OutW-1)*s.StrideW + s.KW }

// rows and cols are what the windows reach of an image.
func (s Shape) rows() int { return min(s.H, s.spanH()-s.PadTop) }
func (s Shape) cols() int { return min(s.W, s.spanW()-s.PadLeft) }

// Operands are those of a forward pass, y = act(conv(x, w) + bias + residual), or of a data gradient in its place. Y must not
// overlap the others.
type Operands struct {
	X    []float32 // [N, H, W, Cin]
	W    []float32 // [KH, KW, Cin, Cout], or if Turned [KH, KW, Cout, Cin] with taps in reverse order
	Y    []float32 // [N, OutH, OutW, Cout], overwritten
	Bias []float32 // [Cout], or nil for none
	// Residual [N, OutH, OutW, Cout] is added to the result before ReLU; nil for none.
	Residual     []float32
	ReLU, Turned bool
	Workspace    []float32 // at least ForwardFloats
}

// Forward is a pass whose images are computed one by one, each once and in any order.
type Forward struct {
	k       *kernels
	s       Shape
	a       Operands
	plan    forwardPlan
	w       []int16 // [KH·KW·Cin/2, plan.ld, 2], zeros behind Cout
	bias    []float32
	scales  []float32 // of output channels
	floor   float32
	workers []*sweep
}

// forwardPlan says where things lie in the workspace: weights, the scales and the bias, and the workers' memory, the padded
// image and the norms of its rows.
type forwardPlan struct {
	ld                    int // output channels in whole vectors
	scales, bias, workers int
	norms, worker         int // within a worker's, and of it
	total                 int
}

func (s Shape) forwardPlan(threads int) forwardPlan {
	p := forwardPlan{ld: roundUp(s.Cout, lanes)}
	p.scales = s.KH * s.KW * s.Cin / 2 * p.ld
	p.bias = p.scales + p.ld
	p.workers = p.bias + p.ld
	p.norms = roundUp(s.spanH()*s.spanW()*s.Cin/2, lanes)
	p.worker = roundUp(p.norms+2*s.H, lanes)
	p.total = p.workers + threads*p.worker
	return p
}

// ForwardFloats returns the floats of scratch memory that a pass with so many workers needs.
func (s Shape) ForwardFloats(threads int) int { return s.forwardPlan(threads).total }

// sweep is a worker's state.
type sweep struct {
	image         []int16
	squares, high []float32
	rows          rowCall
	call          tileCall
	next          ahead
}

// NewForward lays out the weights and returns what is left to do. s.Forward() must hold; lengths are not checked.
func NewForward(s Shape, threads int, a Operands) *Forward { return best.newForward(s, threads, a) }

func (k *kernels) newForward(s Shape, threads int, a Operands) *Forward {
	p := s.forwardPlan(threads)
	ws := a.Workspace[:p.total]
	f := &Forward{k: k, s: s, a: a, plan: p, w: rounding.Integers(ws[:p.scales]), scales: ws[p.scales:p.bias], bias: ws[p.bias:p.workers],
		floor: float32(math.Inf(-1)), workers: make([]*sweep, threads)}
	clear(f.bias[copy(f.bias, a.Bias):])
	if a.ReLU {
		f.floor = 0
	}
	f.weights()
	return f
}

// weights rounds the weights, each output channel by its own scale.
func (f *Forward) weights() {
	s := &f.s
	taps, cin, cout, ld := s.KH*s.KW, s.Cin, s.Cout, f.plan.ld
	if ld != cout {
		clear(f.w)
		clear(f.scales)
	}
	// column returns the weights of an output channel: of tap 0, and what is between taps and channels.
	column := func(o int) (w []float32, tap, channel int) {
		if f.a.Turned {
			return f.a.W[o*cin:], cin * cout, 1
		}
		return f.a.W[o:], cin * cout, cout
	}
	for o := range cout {
		w, tap, channel := column(o)
		var squares, high float64
		for t := range taps {
			for c := range cin {
				x := float64(w[t*tap+c*channel])
				squares += x * x
				high = max(high, math.Abs(x))
			}
		}
		scale := scaleOf(squares, high)
		f.scales[o] = scale
		inverse := 0.0
		if scale > 0 { // neither 0 nor NaN
			inverse = 1 / float64(scale)
		}
		for t := range taps {
			from := t
			if f.a.Turned {
				from = taps - 1 - t
			}
			for c := range cin {
				q := int16(0)
				if inverse > 0 {
					q = nearest(float64(w[from*tap+c*channel]) * inverse)
				}
				f.w[((t*cin+c)/2*ld+o)*2+c%2] = q
			}
		}
	}
}

// nearest rounds to an integer, as the assembly does for halves too.
func nearest(x float64) int16 {
	const half = 3 << 51 // float64 has no fractions from 2^52 on
	return int16(int32(x + half - half))
}

// Images computes the images of a turn.
func (f *Forward) Images(t Turn) {
	s := &f.s
	st := f.worker(t.Worker)
	size := s.H * s.W * s.Cin
	for n := t.Lo; n < t.Hi; n++ {
		if n+1 < t.Hi {
			st.next.aim(f.a.X[(n+1)*size:][:size], s.OutH)
		} else {
			st.next.aim(t.Soon, s.OutH)
		}
		f.run(st, n, f.round(st, f.a.X[n*size:][:size]))
	}
}

func (f *Forward) worker(i int) *sweep {
	if f.workers[i] == nil {
		p := &f.plan
		ws := f.a.Workspace[p.workers+i*p.worker:][:p.worker]
		st := &sweep{image: rounding.Integers(ws[:p.norms]), squares: ws[p.norms:][:f.s.H], high: ws[p.norms+f.s.H:][:f.s.H]}
		clear(st.image)
		st.next.k = f.k
		f.workers[i] = st
	}
	return f.workers[i]
}

// round sets the worker's image to that of x, within its border of zeros, and returns its scale.
func (f *Forward) round(st *sweep, x []float32) float32 {
	s := &f.s
	n := s.cols() * s.Cin
	_ = x[(s.rows()-1)*s.W*s.Cin+n-1]
	st.rows = rowCall{src: unsafe.Pointer(&x[0]), rows: s.rows(), srcStep: 4 * s.W * s.Cin, whole: n / lanes, rest: 1<<(n%lanes) - 1,
		squares: unsafe.Pointer(&st.squares[0]), high: unsafe.Pointer(&st.high[0])}
	f.k.rowNorms((*byte)(unsafe.Pointer(&st.rows)))
	squares, high := f.norm(st)
	scale := scaleOf(squares, high)
	if scale == 0 && squares == 0 && high == 0 || rounding.Fine(scale) {
		f.quants(st, scale)
		return scale
	}
	even, powers := evened(x, 1)
	st.rows.src = unsafe.Pointer(&even[0])
	f.k.rowNorms((*byte)(unsafe.Pointer(&st.rows)))
	scale = scaleOf(f.norm(st))
	f.quants(st, scale)
	return float32(float64(scale) * powers[0])
}

func (f *Forward) quants(st *sweep, scale float32) {
	s, r := &f.s, &st.rows
	line := s.spanW() * s.Cin
	to := s.PadTop*line + s.PadLeft*s.Cin
	_ = st.image[to+(r.rows-1)*line+s.cols()*s.Cin-1]
	r.dst, r.dstStep, r.inverse = unsafe.Pointer(&st.image[to]), 2*line, inverseOf(scale)
	f.k.rowQuants((*byte)(unsafe.Pointer(r)))
}

// norm returns a bound of the sums of squares of windows, and the greatest magnitude.
func (f *Forward) norm(st *sweep) (squares, high float64) {
	s := &f.s
	rows := s.rows()
	bad := float32(0) // NaN if some norm is not finite
	for _, v := range st.squares[:rows] {
		bad += v - v
	}
	for i := range s.OutH {
		sum, first := 0.0, i*s.StrideH-s.PadTop
		for _, v := range st.squares[min(max(first, 0), rows):min(max(first+s.KH, 0), rows)] {
			sum += float64(v)
		}
		squares = max(squares, sum)
	}
	for _, v := range st.high[:rows] {
		high = max(high, float64(v))
	}
	if bad != 0 {
		return math.NaN(), high
	}
	return min(squares, high*high*float64(s.KH*s.KW*s.Cin)), high
}

// run computes the pixels of image n from the worker's image.
func (f *Forward) run(st *sweep, n int, scale float32) {
	s, k, call := &f.s, f.k, &st.call
	line, depth, pix := s.spanW()*s.Cin, s.KW*s.Cin/2, s.StrideW*s.Cin/2
	*call = tileCall{taps: s.KH, depth: depth, xRow: 2*line - 4*depth, xPix: 4 * pix, wStep: 4 * f.plan.ld, yPix: 4 * s.Cout,
		floor: f.floor, scale: scale}
	for i := range s.OutH {
		st.next.step()
		for c := 0; c < s.Cout; c += call.vecs * lanes {
			call.vecs = k.block(ceilDiv(s.Cout-c, lanes))
			tail := min(lanes, s.Cout-c-(call.vecs-1)*lanes)
			call.tail, call.mask = int32(tail), 1<<tail-1
			call.near, call.wNear = 0, 0
			if call.vecs == 1 && s.KW == 3*s.StrideW {
				call.near, call.wNear = pix, pix*call.wStep
			}
			call.bias, call.scales, call.w = unsafe.Pointer(&f.bias[c]), unsafe.Pointer(&f.scales[c]), unsafe.Pointer(&f.w[2*c])
			f.row(st, n, i, c)
		}
	}
}

// row computes one output row of the tile's channels in tiles of nearly equal width.
func (f *Forward) row(st *sweep, n, i, c int) {
	s, k, call := &f.s, f.k, &st.call
	tiles := ceilDiv(s.OutW, k.pixels[call.vecs])
	small, wide := s.OutW/tiles, s.OutW%tiles // wide tiles have one pixel more
	at := (n*s.OutH+i)*s.OutW*s.Cout + c
	_ = f.a.Y[at+(s.OutW-1)*s.Cout+min(call.vecs*lanes, s.Cout-c)-1]
	col := 0
	for j, count := range [2]int{wide, tiles - wide} {
		if count == 0 {
			continue
		}
		call.tiles, call.pixels = count, small+1-j
		call.xTile, call.yTile = call.pixels*call.xPix, call.pixels*call.yPix
		call.x = unsafe.Pointer(&st.image[(i*s.StrideH*s.spanW()+col*s.StrideW)*s.Cin])
		call.y = unsafe.Pointer(&f.a.Y[at+col*s.Cout])
		call.res = nil
		if f.a.Residual != nil {
			call.res = unsafe.Pointer(&f.a.Residual[at+col*s.Cout])
		}
		k.forward[call.vecs][call.pixels]((*byte)(unsafe.Pointer(call)))
		col += count * call.pixels
	}
}
