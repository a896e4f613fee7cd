package conv16

import "unsafe"

// Weights reports whether NewWeights takes s: windows of 3x3, one pixel apart, that reach over each edge by a pixel, whole
// vectors of channels on both sides, at least two pixels a row and at most 4,900 an image.
func (s Shape) Weights() bool {
	return s.KH == 3 && s.KW == 3 && s.StrideH == 1 && s.StrideW == 1 && s.PadTop == 1 && s.PadLeft == 1 && s.OutH == s.H && s.OutW == s.W &&
		min(s.N, s.H, s.Cin, s.Cout) > 0 && s.W > 1 && s.Cin%lanes == 0 && s.Cout%lanes == 0 && s.H*s.W <= maxSum
}

// Weights is a weight gradient whose images are added a few at a time to numbered partial sums [3, 3, Cin, Cout], which
// begin the workspace one behind the other.
type Weights struct {
	k       *kernels
	s       Shape
	x, dy   []float32
	ws      []float32
	plan    weightsPlan
	block   int // rows at once
	workers []*outer
}

// weightsPlan says where things lie: partial sums, then the workers' memory: sums of an image, the image in pairs of pixels,
// rows of dy in pairs of both kinds, and the scales of channels and their inverses.
type weightsPlan struct {
	sum             int // floats of a partial sum
	workers         int
	x, dy, channels int // within a worker's
	worker, total   int
}

// pairs returns the pairs of pixels of a row that begins with a pixel outside of the image.
func (s Shape) pairs() int { return s.W/2 + 1 }

func (s Shape) weightsPlan(threads, parts int) weightsPlan {
	p := weightsPlan{sum: 9 * s.Cin * s.Cout}
	p.workers = parts * p.sum
	p.x = p.sum
	p.dy = p.x + (s.H+2)*s.pairs()*s.Cin
	p.channels = p.dy + s.block()*s.pairs()*2*s.Cout
	p.worker = p.channels + 2*(s.Cin+s.Cout)
	p.total = p.workers + threads*p.worker
	return p
}

// WeightsFloats returns the floats of scratch memory that so many workers and partial sums need.
func (s Shape) WeightsFloats(threads, parts int) int { return s.weightsPlan(threads, parts).total }

// blockBytes is about what the rows of both operands take that are multiplied at once: they stay in the first-level cache.
const blockBytes = 24 << 10

// WeightOperands are those of a weight gradient.
type WeightOperands struct {
	X         []float32 // [N, H, W, Cin]
	DY        []float32 // [N, H, W, Cout]
	Workspace []float32 // at least WeightsFloats
}

// NewWeights returns a weight gradient for so many workers and partial sums. s.Weights() must hold; lengths are not checked.
func NewWeights(s Shape, threads, parts int, a WeightOperands) *Weights {
	return best.newWeights(s, threads, parts, a)
}

func (k *kernels) newWeights(s Shape, threads, parts int, a WeightOperands) *Weights {
	p := s.weightsPlan(threads, parts)
	return &Weights{k: k, s: s, x: a.X, dy: a.DY, ws: a.Workspace[:p.total], plan: p, workers: make([]*outer, threads),
		block: s.block()}
}

func (s Shape) block() int { return max(1, min(s.H, blockBytes/(4*s.pairs()*(s.Cin+2*s.Cout)))) }

// outer is a worker's state.
type outer struct {
	sums     []float32 // int32
	dst      []float32 // of the part
	begin    int       // 1: dst begins with this image
	x, dy    side
	channels channelCall
	pairs    pairCall
	call     outerCall
	next     ahead
}

// side is an operand of a worker.
type side struct {
	pairs          []float32
	scale, inverse []float32
	kinds          int // of pairs: those that begin at odd pixels, and of dy before each that at the even pixel before it
}

// Add adds the images of a turn to the sum of its part, or begins it with them.
func (w *Weights) Add(t Turn) {
	s := &w.s
	st := w.worker(t.Worker)
	size, sizeDY := s.H*s.W*s.Cin, s.H*s.W*s.Cout
	st.dst = w.ws[t.Part*w.plan.sum:][:w.plan.sum]
	for n := t.Lo; n < t.Hi; n++ {
		st.next.aim(nil, 1)
		if n+1 == t.Hi {
			st.next.aim(t.Soon, 3*ceilDiv(s.H, w.block)*(s.Cin/lanes))
		}
		st.begin = flag(t.First && n == t.Lo)
		w.image(st, w.x[n*size:][:size], w.dy[n*sizeDY:][:sizeDY])
	}
}

// image adds an image to the sum of a part. What is multiplied at once is rounded just before.
func (w *Weights) image(st *outer, x, dy []float32) {
	s := &w.s
	x, powers := w.scales(st, &st.x, x)
	dy, powersDY := w.scales(st, &st.dy, dy)
	st.x.restore(powers)
	st.dy.restore(powersDY)
	done := 0 // rows of x
	for r := 0; r < s.H; r += w.block {
		rows := min(w.block, s.H-r)
		reach := min(s.H, r+rows+1)
		w.round(st, &st.x, x[done*s.W*s.Cin:reach*s.W*s.Cin], st.x.pairs[(done+1)*s.pairs()*s.Cin:])
		w.round(st, &st.dy, dy[r*s.W*s.Cout:(r+rows)*s.W*s.Cout], st.dy.pairs)
		w.multiply(st, r, rows)
		done = reach
	}
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (w *Weights) worker(i int) *outer {
	if w.workers[i] == nil {
		p, s := &w.plan, &w.s
		ws := w.ws[p.workers+i*p.worker:][:p.worker]
		ch := ws[p.channels:]
		st := &outer{sums: ws[:p.sum],
			x:  side{ws[p.x:p.dy], ch[:s.Cin], ch[s.Cin:][:s.Cin], 1},
			dy: side{ws[p.dy:p.channels], ch[2*s.Cin:][:s.Cout], ch[2*s.Cin+s.Cout:][:s.Cout], 2}}
		clear(st.x.pairs)
		st.next.k = w.k
		w.workers[i] = st
	}
	return w.workers[i]
}

// scales finds the scales of an image's channels, and returns the image, or a copy whose channels are divided by powers.
func (w *Weights) scales(st *outer, to *side, image []float32) ([]float32, []float64) {
	channels := len(to.scale)
	c := &st.channels
	*c = channelCall{src: unsafe.Pointer(&image[0]), vecs: channels / lanes, pixels: w.s.H * w.s.W, step: 4 * channels,
		scale: unsafe.Pointer(&to.scale[0]), inverse: unsafe.Pointer(&to.inverse[0])}
	w.k.channelScales((*byte)(unsafe.Pointer(c)))
	if c.bad == 0 {
		return image, nil
	}
	image, powers := evened(image, channels)
	c.src = unsafe.Pointer(&image[0])
	w.k.channelScales((*byte)(unsafe.Pointer(c)))
	return image, powers
}

// restore multiplies the scales with what channels were divided by.
func (d *side) restore(powers []float64) {
	for i, power := range powers {
		d.scale[i] = float32(float64(d.scale[i]) * power)
	}
}

// round lays rows of pixels out in pairs.
func (w *Weights) round(st *outer, from *side, src []float32, dst []float32) {
	s, channels := &w.s, len(from.scale)
	line := s.pairs() * channels * from.kinds
	p := &st.pairs
	*p = pairCall{vecs: channels / lanes, pairs: s.W / 2, srcStep: 4 * channels, dstStep: 4 * channels * from.kinds, odd: s.W % 2,
		inverse: unsafe.Pointer(&from.inverse[0])}
	pairs := w.k.pairs
	if from.kinds == 2 {
		pairs = w.k.pairsTwice
	}
	for len(src) > 0 {
		_ = dst[line-1]
		p.dst, p.src = unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0])
		pairs((*byte)(unsafe.Pointer(p)))
		src, dst = src[s.W*channels:], dst[line:]
	}
}

// multiply adds rows [r, r+rows) of dy to the sums of the image, which it begins with the first and hands on with the last.
func (w *Weights) multiply(st *outer, r, rows int) {
	s, k, call := &w.s, w.k, &st.call
	*call = outerCall{rows: rows, whole: s.pairs() - 1, xPix: 4 * s.Cin, dyPix: 8 * s.Cout, ld: 4 * s.Cout, fresh: flag(r == 0), begin: st.begin}
	if s.W%2 == 0 {
		call.whole, call.last = call.whole-1, 1
	}
	for kh := range 3 {
		for v := 0; v < s.Cout/lanes; v += call.vecs {
			call.vecs = min(k.block16(), s.Cout/lanes-v)
			for c := 0; c < s.Cin; c += call.m {
				if c%lanes == 0 && v == 0 {
					st.next.step()
				}
				call.m = k.rows[call.vecs]
				call.gap = (s.Cin - call.m) * call.ld
				call.x = unsafe.Pointer(&st.x.pairs[(r+kh)*s.pairs()*s.Cin+c])
				call.dy = unsafe.Pointer(&st.dy.pairs[v*lanes])
				at := (3*kh*s.Cin+c)*s.Cout + v*lanes
				call.sums = unsafe.Pointer(&st.sums[at])
				if r+rows == s.H {
					call.dst = unsafe.Pointer(&st.dst[at])
					call.inputs, call.outputs = unsafe.Pointer(&st.x.scale[c]), unsafe.Pointer(&st.dy.scale[v*lanes])
				}
				k.weights[call.vecs][call.m]((*byte)(unsafe.Pointer(call)))
			}
		}
	}
}

// block16 returns the most vectors of a weight-gradient tile.
func (k *kernels) block16() int {
	if k.rows[2] > 0 {
		return 2
	}
	return 1
}

// Images returns the number of images.
func (w *Weights) Images() int { return w.s.N }
