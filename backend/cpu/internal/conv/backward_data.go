package conv

import (
	"math"

	"foresee/backend/cpu/internal/conv16"
	"foresee/backend/cpu/internal/pool"
	"foresee/backend/cpu/internal/winograd"
)

// DataArgs are the operands of BackwardData. DX must not overlap the others.
type DataArgs struct {
	DY []float32 // [N, OutH, OutW, Cout]
	W  []float32 // [KH, KW, Cin, Cout]
	DX []float32 // [N, H, W, Cin], overwritten
	// Workspace has at least BackwardDataWorkspace floats, or is nil and then allocated.
	Workspace []float32
}

// BackwardData computes the gradient of Forward's convolution by x:
//
//	dx[n, i, j, c] = Σ dy[n, (i+PadTop-kh)/StrideH, (j+PadLeft-kw)/StrideW, o] · w[kh, kw, c, o]
//
// over the taps that divide evenly and hit dy. Length faults panic; the bits do not depend on
// the number of threads of p, which may be nil.
func BackwardData(p *pool.Pool, s Shape, a DataArgs) { best.dataPass(p, s, a) }

// BackwardDataWorkspace returns the floats of scratch memory that BackwardData, or the same image by image, needs for a crew.
func BackwardDataWorkspace(s Shape, c Crew) int { return best.dataFloats(s, c) }

func (k *kernels) dataFloats(s Shape, c Crew) int {
	if s.shortData() {
		return s.transposed().shorts().ForwardFloats(c.Threads)
	}
	if t := s.transposed(); k.useWinograd(t) {
		return k.newWinograd(t).forwardPlan(s.FLOP(), c).total
	}
	return k.dataPlan(s.pointwise(), c).total
}

// axis is one spatial axis of a data gradient. Pixel i of dx is i = q·stride + r - pad for one
// phase r in [0, stride); it sums the taps r, r+stride, ... of which tap r+t·stride reads dy[q-t].
type axis struct {
	in, out, kernel, stride, pad int
}

// taps returns how many taps phase r has; 0 where the stride exceeds the kernel.
func (a axis) taps(r int) int { return max(0, ceilDiv(a.kernel-r, a.stride)) }

// span returns the first q of any phase and the number of q.
func (a axis) span() (first, count int) {
	if a.in == 0 {
		return 0, 0
	}
	first = floorDiv(a.pad, a.stride)
	return first, floorDiv(a.pad+a.in-1, a.stride) - first + 1
}

// phase returns the q in [first, limit) whose pixel of phase r lies in the image.
func (a axis) phase(r, first, limit int) (q0, q1 int) {
	lo := -floorDiv(-(a.pad - r), a.stride)      // i >= 0
	hi := floorDiv(a.pad+a.in-1-r, a.stride) + 1 // i < in
	return max(first, lo), min(limit, hi)
}

// pixel returns i for q in phase r.
func (a axis) pixel(q, r int) int { return q*a.stride + r - a.pad }

// dataPlan says where things lie in the workspace and how the work is split. The bands of rows
// are bands of q.
type dataPlan struct {
	split
	v, h                axis // vertical, horizontal
	q0, p0              int  // first q of each axis
	width               int  // columns of the padded dy
	ld                  int  // floats of a packed weight row
	zero                bool // some phase has no tap, so dx is cleared first
	bias, images, image int
	total               int
}

func (k *kernels) dataPlan(s Shape, c Crew) dataPlan {
	k = k.fit(s.Cin)
	p := dataPlan{
		v:  axis{s.H, s.OutH, s.KH, s.StrideH, s.PadTop},
		h:  axis{s.W, s.OutW, s.KW, s.StrideW, s.PadLeft},
		ld: k.vectors(s.Cin) * k.lanes,
	}
	var rows, cols int
	p.q0, rows = p.v.span()
	p.p0, cols = p.h.span()
	p.split = c.split(s.N, rows, s.FLOP())
	p.width = cols + max(1, p.h.taps(0)) - 1
	p.zero = s.StrideH > s.KH || s.StrideW > s.KW
	p.bias = s.KH * s.KW * s.Cout * p.ld
	p.images = p.bias + p.ld
	p.image = (p.rows + max(1, p.v.taps(0)) - 1) * p.width * s.Cout
	p.total = p.images + c.Threads*p.image
	return p
}

func (k *kernels) dataPass(p *pool.Pool, s Shape, a DataArgs) {
	if j := k.prepareData(s, a, Crew{Threads: p.Threads()}); j != nil {
		p.Do(j.parts(), j)
	}
}

// prepareData is prepareForward for BackwardData.
func (k *kernels) prepareData(s Shape, a DataArgs, c Crew) imageJob {
	s.check("BackwardData")
	checkLen("BackwardData", "dy", len(a.DY), s.outputs())
	checkLen("BackwardData", "w", len(a.W), s.weights())
	checkLen("BackwardData", "dx", len(a.DX), s.inputs())
	if len(a.DX) == 0 {
		return nil
	}
	if len(a.DY) == 0 || len(a.W) == 0 {
		clear(a.DX)
		return nil
	}
	if s.shortData() {
		return s.transposed().shortJob("BackwardData", c, conv16.Operands{X: a.DY, W: a.W, Y: a.DX, Turned: true, Workspace: a.Workspace})
	}
	if t := s.transposed(); k.useWinograd(t) {
		return k.newWinograd(t).forward(c, s.FLOP(), ForwardArgs{X: a.DY, Y: a.DX, Workspace: a.Workspace},
			func(u []float32) { winograd.Weights(u, a.W, s.Cin, s.Cout, true) })
	}
	s = s.pointwise()
	k = k.fit(s.Cin)
	plan := k.dataPlan(s, c)
	ws := workspace("BackwardData", a.Workspace, plan.total)
	j := &dataJob{k: k, s: s, a: a, plan: plan, ws: ws, states: newStates[sweep](c.Threads)}
	clear(ws[plan.bias:plan.images])
	j.packWeights(ws[:plan.bias])
	return j
}

type dataJob struct {
	k      *kernels
	s      Shape
	a      DataArgs
	plan   dataPlan
	ws     []float32
	phases []phase
	states[sweep]
}

// phase is the part of dx at one offset within the strides.
type phase struct {
	r, c int // offsets
	correlation
	tapsW int
}

// packWeights lays w out phase by phase as [tap row, tap column, Cout, Cin padded], both taps
// flipped, and makes the list of phases.
func (j *dataJob) packWeights(dst []float32) {
	s, p := j.s, &j.plan
	j.phases = make([]phase, 0, s.StrideH*s.StrideW)
	for r := range min(s.StrideH, s.KH) {
		for c := range min(s.StrideW, s.KW) {
			th, tw := p.v.taps(r), p.h.taps(c)
			n := th * tw * s.Cout * p.ld
			j.phases = append(j.phases, phase{r: r, c: c, tapsW: tw, correlation: correlation{
				k: j.k, w: dst[:n], wLd: p.ld, cout: s.Cin, taps: th, depth: tw * s.Cout,
				bias: j.ws[p.bias:p.images], floor: float32(math.Inf(-1)),
			}})
			for t := range th * tw {
				kh, kw := r+(th-1-t/tw)*s.StrideH, c+(tw-1-t%tw)*s.StrideW
				tap := j.a.W[(kh*s.KW+kw)*s.Cin*s.Cout:][:s.Cin*s.Cout]
				transpose(dst[t*s.Cout*p.ld:][:s.Cout*p.ld], tap, s.Cin, s.Cout, p.ld)
			}
			dst = dst[n:]
		}
	}
}

// transpose writes src [rows, cols] to dst [cols, ld], zeros behind.
func transpose(dst, src []float32, rows, cols, ld int) {
	for c := range cols {
		d := dst[c*ld:][:ld]
		for r := range rows {
			d[r] = src[r*cols+c]
		}
		clear(d[rows:])
	}
}

// Part computes one part's images or bands.
func (j *dataJob) Part(worker, part int) { j.images(worker, j.plan.part(part)) }

func (j *dataJob) parts() int { return j.plan.parts() }

// Images implements ImageJob.
func (j *dataJob) Images(t Turn) { j.images(t.Worker, j.plan.whole(t)) }

func (j *dataJob) images(worker int, b band) {
	s, p := j.s, &j.plan
	st := j.of(worker, func(st *sweep) {
		st.pack, st.next = packer{k: j.k, h: s.OutH, w: s.OutW, c: s.Cout}, ahead{k: j.k}
	})
	scratch := j.ws[p.images+worker*p.image:][:p.image]
	r0, r1 := b.r0, b.r1
	q0, q1 := p.q0+r0, p.q0+r1
	for n := b.n0; n < b.n1; n++ {
		st.next.aim(b.after(n, 1, s.OutH*s.OutW*s.Cout, j.a.DY), len(j.phases)*(r1-r0))
		dx := j.a.DX[n*s.H*s.W*s.Cin:][:s.H*s.W*s.Cin]
		if p.zero {
			from := min(max(p.v.pixel(q0, 0), 0), s.H)
			to := min(max(p.v.pixel(q1, 0), 0), s.H)
			clear(dx[from*s.W*s.Cin : to*s.W*s.Cin])
		}
		up, left := max(1, p.v.taps(0))-1, max(1, p.h.taps(0))-1
		win := window{row: q0 - up, col: p.p0 - left, rows: r1 - r0 + up, cols: p.width}
		st.pack.pack(scratch, j.a.DY[n*s.OutH*s.OutW*s.Cout:][:s.OutH*s.OutW*s.Cout], win)
		for i := range j.phases {
			j.phase(&j.phases[i], &st.call, phaseArgs{dx, scratch, q0, q1, &st.next})
		}
	}
}

// phaseArgs are an image of dx, the band [q0, q1) and that band's padded dy.
type phaseArgs struct {
	dx, dy []float32
	q0, q1 int
	next   *ahead
}

// phase computes the pixels of one phase whose q lies in the band.
func (j *dataJob) phase(f *phase, call *tileCall, a phaseArgs) {
	s, p := j.s, &j.plan
	a0, a1 := p.v.phase(f.r, a.q0, a.q1)
	b0, b1 := p.h.phase(f.c, math.MinInt, math.MaxInt)
	if a0 >= a1 || b0 >= b1 {
		return
	}
	// dy's padded row 0 is q0 - (taps(0)-1); the first tap row of q is q - (taps-1).
	row := a0 - a.q0 + p.v.taps(0) - f.taps
	col := b0 - p.p0 + p.h.taps(0) - f.tapsW
	line := p.width * s.Cout
	f.run(call, geometry{
		src: a.dy[row*line+col*s.Cout:], srcRow: line, srcStep: line, srcPix: s.Cout,
		dst:    a.dx[(p.v.pixel(a0, f.r)*s.W+p.h.pixel(b0, f.c))*s.Cin:],
		dstRow: s.StrideH * s.W * s.Cin, dstPix: s.StrideW * s.Cin,
		rows: a1 - a0, cols: b1 - b0, next: a.next,
	})
}
