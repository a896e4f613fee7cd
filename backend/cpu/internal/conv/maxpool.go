package conv

import (
	"fmt"
	"math"
	"unsafe"

	"foresee/backend/cpu/internal/pool"
)

// PoolShape describes max-pooling of x [N, H, W, C] to y [N, OutH, OutW, C] with windows of
// [KH, KW] pixels. Padding is never the maximum; a window wholly in the padding gives -Inf.
type PoolShape struct {
	N, H, W, C                           int
	KH, KW                               int
	StrideH, StrideW                     int
	PadTop, PadBottom, PadLeft, PadRight int
	OutH, OutW                           int
}

// WithOut returns s with OutH and OutW set to the sizes that the other fields imply.
func (s PoolShape) WithOut() PoolShape {
	s.OutH = outSize(s.H+s.PadTop+s.PadBottom, s.KH, s.StrideH)
	s.OutW = outSize(s.W+s.PadLeft+s.PadRight, s.KW, s.StrideW)
	return s
}

func (s PoolShape) check(op string, x, y int) {
	if min(s.N, s.H, s.W, s.C) < 0 || min(s.KH, s.KW, s.StrideH, s.StrideW) < 1 {
		panic(fmt.Sprintf("conv: %s: negative size, or window or stride below 1 in %+v", op, s))
	}
	if t := s.WithOut(); s != t {
		panic(fmt.Sprintf("conv: %s: output is %dx%d in %+v, want %dx%d", op, s.OutH, s.OutW, s, t.OutH, t.OutW))
	}
	checkLen(op, "x", x, s.N*s.H*s.W*s.C)
	checkLen(op, "y", y, s.N*s.OutH*s.OutW*s.C)
}

// MaxPoolForward writes to y [N, OutH, OutW, C] the maximum of every window of x [N, H, W, C].
// A NaN in a window is its maximum. Length faults panic; p may be nil.
func MaxPoolForward(p *pool.Pool, s PoolShape, x, y []float32) { best.maxPoolPass(p, s, x, y) }

// MaxPoolBackward writes to dx [N, H, W, C] the sum of the gradients dy [N, OutH, OutW, C] of
// the windows whose maximum each pixel is. Of equal maxima, and of several NaN, the first in
// row-major order of the window gets the gradient. Length faults panic; the bits do not depend
// on the number of threads of p, which may be nil.
func MaxPoolBackward(p *pool.Pool, s PoolShape, x, dy, dx []float32) {
	best.maxPoolGradPass(p, s, x, dy, dx)
}

// poolCall asks for a run of neighbouring windows of one row that have the same taps inside of
// the image. Steps are in bytes.
type poolCall struct {
	x        unsafe.Pointer // first tap of the first window
	y        unsafe.Pointer // maxima, or their gradients
	dx       unsafe.Pointer // gradient at x; backward only
	rows     int            // taps inside of the image, at least 1x1
	cols     int
	xRow     int // from tap row to tap row
	xTap     int // from tap to tap
	pixels   int // windows
	xStep    int // from window to window
	yStep    int
	channels int
	from, to int        // tap rows that may get gradient; backward only
	at       [3]uintptr // scratch of the assembly
}

func (k *kernels) maxPoolPass(p *pool.Pool, s PoolShape, x, y []float32) {
	s.check("MaxPoolForward", len(x), len(y))
	if len(y) == 0 {
		return
	}
	j := k.prepareMaxPool(s, x, y, Crew{Threads: p.Threads()})
	p.Do(j.parts(), j)
}

func (k *kernels) maxPoolGradPass(p *pool.Pool, s PoolShape, x, dy, dx []float32) {
	s.check("MaxPoolBackward", len(x), len(dy))
	checkLen("MaxPoolBackward", "dx", len(dx), len(x))
	if len(dx) == 0 {
		return
	}
	j := k.prepareMaxPoolGrad(s, x, dy, dx, Crew{Threads: p.Threads()})
	p.Do(j.parts(), j)
}

func (k *kernels) prepareMaxPool(s PoolShape, x, y []float32, c Crew) imageJob {
	return &poolJob{k, s, c.split(s.N, s.OutH, s.work()), x, y, nil, newStates[poolState](c.Threads)}
}

func (k *kernels) prepareMaxPoolGrad(s PoolShape, x, dy, dx []float32, c Crew) imageJob {
	return &poolJob{k, s, c.split(s.N, s.H, 2*s.work()), x, dy, dx, newStates[poolState](c.Threads)}
}

// work returns a cost in the units of splitImages.
func (s PoolShape) work() float64 {
	return float64(s.N*s.C) * float64(s.OutH*s.OutW*s.KH*s.KW+s.H*s.W)
}

type poolJob struct {
	k *kernels
	s PoolShape
	split
	x, y, dx []float32
	states[poolState]
}

type poolState struct {
	call   poolCall
	next   ahead
	threes threes
}

// Part pools one part's rows of y, or finds one part's rows of dx.
func (j *poolJob) Part(worker, part int) { j.images(worker, j.part(part)) }

// Images implements ImageJob.
func (j *poolJob) Images(t Turn) { j.images(t.Worker, j.whole(t)) }

func (j *poolJob) images(worker int, b band) {
	s := j.s
	st := j.of(worker, func(st *poolState) { st.next.k = j.k })
	r0, r1 := b.r0, b.r1
	quick := j.k.maxThrees != nil && s.threes(j.k.lanes) && (j.dx == nil || r0 == 0 && r1 == s.H)
	for n := b.n0; n < b.n1; n++ {
		x := j.x[n*s.H*s.W*s.C:][:s.H*s.W*s.C]
		y := j.y[n*s.OutH*s.OutW*s.C:][:s.OutH*s.OutW*s.C]
		if j.dx == nil {
			for i := r0; i < r1; i++ {
				j.fetch(&st.next, n, i)
				if !quick || !j.three(&st.threes, x, y, nil, [2]int{i, r0}) {
					j.row(&st.call, x, y, nil, [3]int{i, 0, s.H})
				}
			}
			continue
		}
		dx := j.dx[n*s.H*s.W*s.C:][:s.H*s.W*s.C]
		if !quick {
			clear(dx[r0*s.W*s.C : r1*s.W*s.C])
		}
		first := max(0, -floorDiv(-(r0+s.PadTop-s.KH+1), s.StrideH))
		last := min(s.OutH, floorDiv(r1-1+s.PadTop, s.StrideH)+1)
		for i := first; i < last; i++ {
			j.fetch(&st.next, n, i)
			if !quick || !j.three(&st.threes, x, y, dx, [2]int{i, 0}) {
				j.row(&st.call, x, y, dx, [3]int{i, r0, r1})
			}
		}
	}
}

// fetch asks for the rows of x that the next row of windows needs first; behind the last rows
// of an image lie the first of the next.
func (j *poolJob) fetch(next *ahead, n, i int) {
	s := j.s
	line := s.W * s.C
	from := (n*s.H + max(0, (i+1)*s.StrideH-s.PadTop+s.KH-s.StrideH)) * line
	if from < len(j.x) {
		for _, rows := range [2][]float32{j.x, j.dx} {
			if rows != nil {
				next.aim(rows[from:min(len(rows), from+s.StrideH*line)], 1)
				next.step()
			}
		}
	}
}

// row handles one row of windows, at[0]; gradient goes to the rows [at[1], at[2]) of dx only.
func (j *poolJob) row(c *poolCall, x, y, dx []float32, at [3]int) {
	s, i := j.s, at[0]
	top := i*s.StrideH - s.PadTop
	kh0, kh1 := max(0, -top), min(s.KH, s.H-top)
	for w, n := 0, 0; w < s.OutW; w += n {
		left := w*s.StrideW - s.PadLeft
		kw0, kw1 := max(0, -left), min(s.KW, s.W-left)
		n = 1
		if kw0 == 0 && kw1 == s.KW {
			n = min(s.OutW-w, (s.W-left-s.KW)/s.StrideW+1)
		}
		out := y[(i*s.OutW+w)*s.C:][:n*s.C]
		if kh0 >= kh1 || kw0 >= kw1 {
			if dx == nil {
				fill(out, float32(math.Inf(-1)))
			}
			continue
		}
		from := ((top+kh0)*s.W + left + kw0) * s.C
		_ = x[from+((kh1-kh0-1)*s.W+(n-1)*s.StrideW+kw1-kw0)*s.C-1]
		*c = poolCall{
			x: unsafe.Pointer(&x[from]), y: unsafe.Pointer(&out[0]),
			rows: kh1 - kh0, cols: kw1 - kw0, xRow: 4 * s.W * s.C, xTap: 4 * s.C,
			pixels: n, xStep: 4 * s.StrideW * s.C, yStep: 4 * s.C, channels: s.C,
		}
		if dx == nil {
			j.k.maxPool((*byte)(unsafe.Pointer(c)))
			continue
		}
		c.dx = unsafe.Pointer(&dx[from])
		c.from, c.to = max(0, at[1]-top-kh0), min(c.rows, at[2]-top-kh0)
		j.k.maxPoolGrad((*byte)(unsafe.Pointer(c)))
	}
}

func fill(s []float32, v float32) {
	for i := range s {
		s[i] = v
	}
}

// beats reports whether a later v takes the place of the maximum m so far.
func beats(v, m float32) bool { return v > m || (v != v && m == m) }

func maxPoolPortable(arg *byte) {
	c := (*poolCall)(unsafe.Pointer(arg))
	for i := range c.pixels {
		y := floats(c.y, i*c.yStep, c.channels)
		copy(y, floats(c.x, i*c.xStep, c.channels))
		for t := 1; t < c.rows*c.cols; t++ {
			for ch, v := range floats(c.x, i*c.xStep+t/c.cols*c.xRow+t%c.cols*c.xTap, c.channels) {
				if beats(v, y[ch]) {
					y[ch] = v
				}
			}
		}
	}
}

func maxPoolGradPortable(arg *byte) {
	c := (*poolCall)(unsafe.Pointer(arg))
	for i := range c.pixels {
		dy := floats(c.y, i*c.yStep, c.channels)
		for ch := range dy {
			at := i*c.xStep + 4*ch
			top, where, row := floats(c.x, at, 1)[0], at, 0
			for t := 1; t < c.rows*c.cols; t++ {
				off := at + t/c.cols*c.xRow + t%c.cols*c.xTap
				if v := floats(c.x, off, 1)[0]; beats(v, top) {
					top, where, row = v, off, t/c.cols
				}
			}
			if c.from <= row && row < c.to {
				floats(c.dx, where, 1)[0] += dy[ch]
			}
		}
	}
}
