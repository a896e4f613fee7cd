package conv

import (
	"fmt"
	"math"
	"unsafe"

	"foresee/backend/cpu/internal/conv16"
	"foresee/backend/cpu/internal/pool"
	"foresee/backend/cpu/internal/winograd"
)

// ForwardArgs are the operands of Forward. Y must not overlap the others.
type ForwardArgs struct {
	X    []float32 // [N, H, W, Cin]
	W    []float32 // [KH, KW, Cin, Cout]
	Y    []float32 // [N, OutH, OutW, Cout], overwritten
	Bias []float32 // [Cout], or nil for none
	// Residual [N, OutH, OutW, Cout] is added to the result before ReLU; nil for none.
	Residual []float32
	ReLU     bool // y = max(0, y); NaN stays NaN
	// Workspace has at least ForwardWorkspace floats, or is nil and then allocated.
	Workspace []float32
}

// Forward computes y = act(conv(x, w) + bias + residual). It panics when an operand has the
// wrong length. Y has the same bits for any number of threads of p; p may be nil.
func Forward(p *pool.Pool, s Shape, a ForwardArgs) { best.forwardPass(p, s, a) }

// ForwardWorkspace returns the floats of scratch memory that Forward, or the same image by image, needs for a crew.
func ForwardWorkspace(s Shape, c Crew) int { return best.forwardFloats(s, c) }

func (k *kernels) forwardFloats(s Shape, c Crew) int {
	if s.shortForward() {
		return s.shorts().ForwardFloats(c.Threads)
	}
	if k.useWinograd(s) {
		return k.newWinograd(s).forwardPlan(s.FLOP(), c).total
	}
	return k.forwardPlan(s.pointwise(), c).total
}

// forwardPlan says where things lie in the workspace and how the work is split.
type forwardPlan struct {
	split
	wLd          int // floats of a weight row
	bias, images int // where the bias and the workers' images start; weights start at 0
	image        int // floats of a worker's padded image, 0 when x is read in place
	total        int
}

func (k *kernels) forwardPlan(s Shape, c Crew) forwardPlan {
	k = k.fit(s.Cout)
	p := forwardPlan{split: c.split(s.N, s.OutH, s.FLOP()), wLd: s.Cout}
	padded := k.vectors(s.Cout) * k.lanes
	if padded != s.Cout {
		p.wLd = padded
		p.bias = s.KH * s.KW * s.Cin * padded
	}
	p.images = p.bias + padded
	if !s.direct() {
		p.image = s.spanH(p.rows) * s.spanW() * s.Cin
	}
	p.total = p.images + c.Threads*p.image
	return p
}

func (k *kernels) forwardPass(p *pool.Pool, s Shape, a ForwardArgs) {
	if j := k.prepareForward(s, a, Crew{Threads: p.Threads()}); j != nil {
		p.Do(j.parts(), j)
	}
}

// prepareForward checks the operands, lays out weights and returns what is left to do, nil if nothing is.
func (k *kernels) prepareForward(s Shape, a ForwardArgs, c Crew) imageJob {
	s.check("Forward")
	checkLen("Forward", "x", len(a.X), s.inputs())
	checkLen("Forward", "w", len(a.W), s.weights())
	checkLen("Forward", "y", len(a.Y), s.outputs())
	if a.Bias != nil {
		checkLen("Forward", "bias", len(a.Bias), s.Cout)
	}
	if a.Residual != nil {
		checkLen("Forward", "residual", len(a.Residual), s.outputs())
	}
	if len(a.Y) == 0 {
		return nil
	}
	if s.KH*s.KW*s.Cin == 0 { // an empty sum: one tap of zero weight on some pixel
		a.X, a.W = make([]float32, len(a.Y)/s.Cout), make([]float32, s.Cout)
		s = Shape{N: s.N, H: s.OutH, W: s.OutW, Cin: 1, KH: 1, KW: 1, Cout: s.Cout, StrideH: 1, StrideW: 1}.WithOut()
		a.Workspace = nil
	}
	if s.shortForward() {
		return s.shortJob("Forward", c, conv16.Operands{X: a.X, W: a.W, Y: a.Y, Bias: a.Bias, Residual: a.Residual, ReLU: a.ReLU, Workspace: a.Workspace})
	}
	if k.useWinograd(s) {
		return k.newWinograd(s).forward(c, s.FLOP(), a, func(u []float32) { winograd.Weights(u, a.W, s.Cin, s.Cout, false) })
	}
	s = s.pointwise()
	k = k.fit(s.Cout)
	plan := k.forwardPlan(s, c)
	ws := workspace("Forward", a.Workspace, plan.total)
	j := &forwardJob{k: k, s: s, a: a, plan: plan, ws: ws, states: newStates[sweep](c.Threads)}
	j.c = correlation{
		k: k, w: a.W, wLd: plan.wLd, cout: s.Cout, taps: s.KH, depth: s.KW * s.Cin,
		bias: ws[plan.bias:plan.images], floor: float32(math.Inf(-1)),
	}
	if plan.wLd != s.Cout {
		j.c.w = ws[:plan.bias]
		packWeights(j.c.w, a.W, s.Cout, plan.wLd)
	}
	clear(j.c.bias[copy(j.c.bias, a.Bias):])
	if a.ReLU {
		j.c.floor = 0
	}
	return j
}

func workspace(op string, ws []float32, need int) []float32 {
	if ws == nil {
		return make([]float32, need)
	}
	if len(ws) < need {
		panic(fmt.Sprintf("conv: %s: workspace has %d floats, want %d", op, len(ws), need))
	}
	return ws[:need]
}

type forwardJob struct {
	k    *kernels
	s    Shape
	a    ForwardArgs
	plan forwardPlan
	c    correlation
	ws   []float32
	states[sweep]
}

// sweep is a worker's state of a direct pass.
type sweep struct {
	call tileCall
	pack packer
	next ahead
}

// Part computes one part's images or rows.
func (j *forwardJob) Part(worker, part int) { j.images(worker, j.plan.part(part)) }

func (j *forwardJob) parts() int { return j.plan.parts() }

// Images implements ImageJob.
func (j *forwardJob) Images(t Turn) { j.images(t.Worker, j.plan.whole(t)) }

func (j *forwardJob) images(worker int, b band) {
	s := j.s
	st := j.of(worker, func(st *sweep) {
		st.pack, st.next = packer{k: j.k, h: s.H, w: s.W, c: s.Cin}, ahead{k: j.k}
	})
	scratch := j.ws[j.plan.images+worker*j.plan.image:][:j.plan.image]
	r0, r1 := b.r0, b.r1
	for n := b.n0; n < b.n1; n++ {
		st.next.aim(b.after(n, 1, s.H*s.W*s.Cin, j.a.X), r1-r0)
		src := j.a.X[n*s.H*s.W*s.Cin:][:s.H*s.W*s.Cin]
		g := geometry{srcPix: s.StrideW * s.Cin, rows: r1 - r0, cols: s.OutW, dstRow: s.OutW * s.Cout, dstPix: s.Cout, next: &st.next}
		if j.plan.image == 0 {
			g.src, g.srcRow = src[r0*s.StrideH*s.W*s.Cin:], s.W*s.Cin
		} else {
			win := window{row: r0*s.StrideH - s.PadTop, col: -s.PadLeft, rows: s.spanH(r1 - r0), cols: s.spanW()}
			st.pack.pack(scratch, src, win)
			g.src, g.srcRow = scratch, s.spanW()*s.Cin
		}
		g.srcStep = s.StrideH * g.srcRow
		at := (n*s.OutH + r0) * s.OutW * s.Cout
		g.dst = j.a.Y[at:]
		if j.a.Residual != nil {
			g.res = j.a.Residual[at:]
		}
		j.c.run(&st.call, g)
	}
}

// correlation is a convolution kernel ready to be swept over images: taps rows of depth
// contiguous source floats each, weights [taps·depth, wLd].
type correlation struct {
	k           *kernels
	w           []float32
	wLd, cout   int
	taps, depth int
	bias        []float32 // padded to whole vectors
	floor       float32
}

// geometry says where a correlation reads and writes; all steps in floats.
type geometry struct {
	src             []float32 // from the first tap of the first pixel
	srcRow, srcStep int       // from tap row to tap row; from output row to output row
	srcPix          int
	dst, res        []float32 // from the first channel of the first pixel; res may be nil
	dstRow, dstPix  int
	rows, cols      int    // output pixels, at least 1 each
	next            *ahead // stepped once a row; may be nil
}

// run computes all pixels of g. The bounds of every operand are checked here, once.
func (c *correlation) run(call *tileCall, g geometry) {
	_ = g.src[(g.rows-1)*g.srcStep+(g.cols-1)*g.srcPix+(c.taps-1)*g.srcRow+c.depth-1]
	_ = g.dst[(g.rows-1)*g.dstRow+(g.cols-1)*g.dstPix+c.cout-1]
	vectors := c.k.vectors(c.cout)
	_ = c.w[(c.taps*c.depth-1)*c.wLd+vectors*c.k.lanes-1]
	if g.res != nil {
		_ = g.res[(g.rows-1)*g.dstRow+(g.cols-1)*g.dstPix+c.cout-1]
	}
	*call = tileCall{
		taps: c.taps, depth: c.depth, floor: c.floor,
		xRow: 4 * (g.srcRow - c.depth), xPix: 4 * g.srcPix, wStep: 4 * c.wLd, yPix: 4 * g.dstPix,
	}
	for r := range g.rows {
		g.next.step()
		for v := 0; v < vectors; v += call.vecs {
			call.vecs = c.k.block(vectors - v)
			call.tail = int32(c.k.lastLanes(c.cout, v, call.vecs))
			call.mask = 1<<call.tail - 1
			call.wNear = 0
			if call.vecs == 1 && c.depth == 3*g.srcPix {
				call.near, call.wNear = g.srcPix, g.srcPix*call.wStep
			}
			c.row(call, g, r, v*c.k.lanes)
		}
	}
}

// row computes one output row of the tile's channels, which start at ch, in tiles of nearly
// equal width.
func (c *correlation) row(call *tileCall, g geometry, r, ch int) {
	tiles := ceilDiv(g.cols, c.k.pixels[call.vecs])
	small, wide := g.cols/tiles, g.cols%tiles // wide tiles have one pixel more
	col := 0
	for i, n := range [2]int{wide, tiles - wide} {
		if n == 0 {
			continue
		}
		call.tiles, call.pixels = n, small+1-i
		call.xTile, call.yTile = call.pixels*call.xPix, call.pixels*call.yPix
		call.x = unsafe.Pointer(&g.src[r*g.srcStep+col*g.srcPix])
		call.w = unsafe.Pointer(&c.w[ch])
		call.bias = unsafe.Pointer(&c.bias[ch])
		at := r*g.dstRow + col*g.dstPix + ch
		call.y = unsafe.Pointer(&g.dst[at])
		call.res = nil
		if g.res != nil {
			call.res = unsafe.Pointer(&g.res[at])
		}
		c.k.forward[call.vecs][call.pixels]((*byte)(unsafe.Pointer(call)))
		col += n * call.pixels
	}
}
