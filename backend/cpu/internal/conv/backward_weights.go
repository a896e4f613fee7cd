package conv

import (
	"unsafe"

	"foresee/backend/cpu/internal/pool"
)

// WeightArgs are the operands of BackwardWeights. DW must not overlap the others.
type WeightArgs struct {
	X  []float32 // [N, H, W, Cin]
	DY []float32 // [N, OutH, OutW, Cout]
	DW []float32 // [KH, KW, Cin, Cout], overwritten
	// Workspace has at least BackwardWeightsWorkspace floats, or is nil and then allocated.
	Workspace []float32
}

// BackwardWeights computes the gradient of Forward's convolution by w:
//
//	dw[kh, kw, c, o] = Σ_nij x[n, i·StrideH-PadTop+kh, j·StrideW-PadLeft+kw, c] · dy[n, i, j, o]
//
// Length faults panic; the bits do not depend on the number of threads of p, which may be nil.
func BackwardWeights(p *pool.Pool, s Shape, a WeightArgs) { best.weightsPass(p, s, a) }

// BackwardWeightsWorkspace returns the floats of scratch memory that BackwardWeights, or the same image by image, needs for a crew.
func BackwardWeightsWorkspace(s Shape, c Crew) int { return best.weightsFloats(s, c) }

func (k *kernels) weightsFloats(s Shape, c Crew) int {
	if s.shortWeights() {
		return s.shorts().WeightsFloats(c.Threads, s.shortChunks(c))
	}
	if k.sumWinograd(s) {
		return k.newWinograd(s).gradPlan(c).total
	}
	return k.weightsPlan(s.pointwise(), c).total
}

// maxChunks bounds the partial sums of a weight gradient, and so its parallelism.
const maxChunks = 32

// chunkPixels is the fewest pixels of a chunk: its sum is written and read again, which costs as
// much as a few pixels.
const chunkPixels = 64

// chunkFLOP is the least work of a chunk. It decides which sums are added to which, and so the bits.
const chunkFLOP = 1e6

// weightsPlan says how pixels are cut into chunks, by the shape alone, and where things lie in
// the workspace: chunks partial sums [KH·KW·Cin, ld], then the workers' images.
type weightsPlan struct {
	chunks, ld    int
	sum           int // floats of a partial sum
	images, image int
	total         int
}

func (k *kernels) weightsPlan(s Shape, c Crew) weightsPlan {
	k = k.fit(s.Cout)
	p := weightsPlan{ld: k.vectors(s.Cout) * k.lanes}
	p.chunks = c.sums(max(1, min(maxChunks, s.N*s.OutH, s.N*s.OutH*s.OutW/chunkPixels, int(s.FLOP()/chunkFLOP))))
	p.sum = s.KH * s.KW * s.Cin * p.ld
	p.images = p.chunks * p.sum
	if !s.direct() {
		rows := s.OutH
		if s.N < p.chunks {
			rows = min(rows, ceilDiv(s.N*s.OutH, p.chunks))
		}
		p.image = s.spanH(rows) * s.spanW() * s.Cin
	}
	p.total = p.images + c.Threads*p.image
	return p
}

// chunk returns the first and the limit of chunk i, in rows of dy over all images: whole images
// where there are enough of them.
func (p *weightsPlan) chunk(i int, s Shape) (from, to int) {
	if s.N >= p.chunks {
		return i * s.N / p.chunks * s.OutH, (i + 1) * s.N / p.chunks * s.OutH
	}
	rows := s.N * s.OutH
	return i * rows / p.chunks, (i + 1) * rows / p.chunks
}

func (k *kernels) weightsPass(p *pool.Pool, s Shape, a WeightArgs) {
	if j := k.prepareWeights(s, a, Crew{Threads: p.Threads()}); j != nil {
		p.Do(j.sums(), j)
		j.Finish(p)
	}
}

// prepareWeights checks the operands and returns what is left to do, nil if nothing is.
func (k *kernels) prepareWeights(s Shape, a WeightArgs, c Crew) sumJob {
	s.check("BackwardWeights")
	checkLen("BackwardWeights", "x", len(a.X), s.inputs())
	checkLen("BackwardWeights", "dy", len(a.DY), s.outputs())
	checkLen("BackwardWeights", "dw", len(a.DW), s.weights())
	if len(a.DW) == 0 || len(a.DY) == 0 {
		clear(a.DW)
		return nil
	}
	if s.shortWeights() {
		return s.shortSums(c, a)
	}
	if k.sumWinograd(s) {
		return k.newWinograd(s).weights(c, a)
	}
	s = s.pointwise()
	k = k.fit(s.Cout)
	plan := k.weightsPlan(s, c)
	return &weightsJob{states: newStates[outerSweep](c.Threads), k: k, s: s, a: a, plan: plan, ws: workspace("BackwardWeights", a.Workspace, plan.total)}
}

type weightsJob struct {
	k    *kernels
	s    Shape
	a    WeightArgs
	plan weightsPlan
	ws   []float32
	states[outerSweep]
}

// outerSweep is a worker's state of a direct weight gradient.
type outerSweep struct {
	call          outerCall
	pack          packer
	nextX, nextDY ahead
}

// Part computes one chunk's partial sum.
func (j *weightsJob) Part(worker, part int) {
	from, to := j.plan.chunk(part, j.s)
	j.add(rowRange{worker, part, from, to, true, nil})
}

func (j *weightsJob) sums() int { return j.plan.chunks }

// Finish implements SumJob.
func (j *weightsJob) Finish(p *pool.Pool) {
	p.Do(ceilDiv(j.s.KH*j.s.KW*j.s.Cin, reduceRows), (*reduceJob)(j))
}

// Add implements SumJob.
func (j *weightsJob) Add(t Turn) { j.add(t.rows(j.s.OutH)) }

// add adds rows of dy over all images to a partial sum, or begins it with them.
func (j *weightsJob) add(r rowRange) {
	s, p := j.s, &j.plan
	sum := j.ws[r.part*p.sum:][:p.sum]
	scratch := j.ws[p.images+r.worker*p.image:][:p.image]
	st := j.of(r.worker, func(st *outerSweep) {
		st.pack, st.nextX.k, st.nextDY.k = packer{k: j.k, h: s.H, w: s.W, c: s.Cin}, j.k, j.k
	})
	call := &st.call
	*call = outerCall{fresh: r.flag(), near: j.near()}
	turns := s.KH / max(1, call.near)
	from, to := r.from, r.to
	for from < to {
		n, r0 := from/s.OutH, from%s.OutH
		r1 := min(s.OutH, r0+to-from)
		from += r1 - r0
		x := j.a.X[n*s.H*s.W*s.Cin:][:s.H*s.W*s.Cin]
		row := s.W * s.Cin
		if p.image == 0 {
			x = x[r0*s.StrideH*row:]
		} else {
			win := window{row: r0*s.StrideH - s.PadTop, col: -s.PadLeft, rows: s.spanH(r1 - r0), cols: s.spanW()}
			st.pack.pack(scratch, x, win)
			x, row = scratch, s.spanW()*s.Cin
		}
		dy := j.a.DY[(n*s.OutH+r0)*s.OutW*s.Cout:][:(r1-r0)*s.OutW*s.Cout]
		call.rows, call.cols = r1-r0, s.OutW
		if from < to {
			st.nextX.aim(j.a.X[(n+1)*s.H*s.W*s.Cin:][:s.H*s.W*s.Cin], turns)
			st.nextDY.aim(j.a.DY[from*s.OutW*s.Cout:][:min(s.OutH, to-from)*s.OutW*s.Cout], turns)
		} else {
			st.nextX.aim(r.soon, turns)
		}
		for kh := 0; kh < s.KH; kh += max(1, call.near) {
			st.nextX.step()
			st.nextDY.step()
			j.outer(call, x[kh*row:], row, dy, sum[kh*s.KW*s.Cin*p.ld:])
		}
		call.fresh = 0
	}
}

// near says whether tiles sum pixels in three windows each, and then for how many tap rows.
func (j *weightsJob) near() int {
	s := &j.s
	switch {
	case s.KW != 3*s.StrideW || s.Cout != j.k.lanes || s.OutW < 3:
		return 0
	case s.KH == 3 && 3*s.KW*s.Cin <= j.k.rows[1]:
		return 3
	}
	return 1
}

// outer adds the share of one tap row, or of three if c.near is, of some pixel rows to sum [KW·Cin, ld].
func (j *weightsJob) outer(c *outerCall, x []float32, row int, dy, sum []float32) {
	s, k, ld := j.s, j.k, j.plan.ld
	depth, more := s.KW*s.Cin, max(c.near, 1)-1
	_ = x[((c.rows-1)*s.StrideH+more)*row+(c.cols-1)*s.StrideW*s.Cin+depth-1]
	_ = dy[c.rows*c.cols*s.Cout-1]
	_ = sum[(more+1)*depth*ld-1]
	c.xPix, c.dyPix = 4*s.StrideW*s.Cin, 4*s.Cout
	c.xRow = 4*s.StrideH*row - c.cols*c.xPix
	c.dyRow, c.ld, c.xTap = 0, 4*ld, 4*row
	vectors := k.vectors(s.Cout)
	for v := 0; v < vectors; v += c.vecs {
		c.vecs = k.block(vectors - v)
		c.tail = k.lastLanes(s.Cout, v, c.vecs)
		c.mask = 1<<c.tail - 1
		each, taps := depth, 1
		if c.gap = 0; c.near > 0 {
			each, taps = depth/3, 3*c.near
		}
		tiles := ceilDiv(each, k.rows[c.vecs]/taps)
		for i, m := 0, 0; i < tiles; i, m = i+1, m+c.m/taps {
			n := (each - m) / (tiles - i)
			c.m = taps * n
			if taps > 1 {
				c.gap = (each - n) * c.ld
			}
			c.x = unsafe.Pointer(&x[m])
			c.dy = unsafe.Pointer(&dy[v*k.lanes])
			c.dw = unsafe.Pointer(&sum[m*ld+v*k.lanes])
			k.weights[c.vecs][c.m]((*byte)(unsafe.Pointer(c)))
		}
	}
}

// reduceRows is how many rows of dw one part of the reduction covers.
const reduceRows = 64

type reduceJob weightsJob

// Part adds the partial sums of some rows of dw in the order of the chunks.
func (j *reduceJob) Part(_, part int) {
	s, p := j.s, &j.plan
	first := part * reduceRows
	last := min(first+reduceRows, s.KH*s.KW*s.Cin)
	dst := j.ws[first*p.ld : last*p.ld]
	if p.ld == s.Cout {
		dst = j.a.DW[first*p.ld : last*p.ld]
	}
	j.k.sumParts((*byte)(unsafe.Pointer(&sumCall{
		dst: unsafe.Pointer(&dst[0]), src: unsafe.Pointer(&j.ws[first*p.ld]),
		vecs: len(dst) / j.k.lanes, parts: p.chunks, stride: 4 * p.sum,
	})))
	if p.ld != s.Cout {
		for m := first; m < last; m++ {
			copy(j.a.DW[m*s.Cout:][:s.Cout], j.ws[m*p.ld:])
		}
	}
}
