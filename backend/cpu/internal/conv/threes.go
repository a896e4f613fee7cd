package conv

import "unsafe"

// threeCall asks for a row of 3x3 windows that lie two pixels apart, of finite numbers: the maxima, or the gradient by them.
// Steps are in bytes.
type threeCall struct {
	x       [3]unsafe.Pointer // first pixel of each row under the windows
	dx      [3]unsafe.Pointer // gradients there; the first row's are added to, the others written
	y       unsafe.Pointer    // maxima, or their gradients
	step    int               // from pixel to pixel
	windows int               // at least left + right
	vecs    int               // vectors of channels, at least 1
	left    int               // 1: the first window has no first column
	right   int               // 1: the last window has no last column
	scratch [2]int            // of the assembly
}

// finiteCall asks whether vectors have no NaN and no infinity.
type finiteCall struct {
	x    unsafe.Pointer
	vecs int // at least 1
	bad  int // 0 if so
}

// threes is a worker's state of pooling with 3x3 windows.
type threes struct {
	call threeCall
	test finiteCall
	bad  bool // the last row tested has a NaN or an infinity
}

// threes says whether windows of 3x3, two pixels apart, cover the image and reach over each edge by at most a pixel.
func (s PoolShape) threes(lanes int) bool {
	tight := func(in, out, pad int) bool {
		last := 2*out - pad
		return out > 1 && (pad == 0 || pad == 1) && (last == in || last == in-1)
	}
	return s.KH == 3 && s.KW == 3 && s.StrideH == 2 && s.StrideW == 2 && s.C > 0 && s.C%lanes == 0 &&
		tight(s.H, s.OutH, s.PadTop) && tight(s.W, s.OutW, s.PadLeft)
}

// three handles a row of windows, at[0], of which at[1] was the first. The rows of dx that the one before did not have are
// cleared, and it returns false, if some x is not finite or windows for a gradient reach over the upper or lower edge. For
// maxima the middle row stands for one beyond it.
func (j *poolJob) three(t *threes, x, y, dx []float32, at [2]int) bool {
	s, i := j.s, at[0]
	line, top := s.W*s.C, 2*i-s.PadTop
	c := &t.call
	bad := t.bad && i > at[1]
	for r := range 3 {
		if top+r < 0 || top+r >= s.H {
			c.x[r], bad = unsafe.Pointer(&x[(top+1)*line]), bad || dx != nil
			continue
		}
		row := x[(top+r)*line:][:line]
		c.x[r] = unsafe.Pointer(&row[0])
		if r > 0 || i == at[1] {
			t.test = finiteCall{x: c.x[r], vecs: line / j.k.lanes}
			j.k.finite((*byte)(unsafe.Pointer(&t.test)))
			t.bad = t.test.bad != 0
			bad = bad || t.bad
		}
		if dx != nil {
			c.dx[r] = unsafe.Pointer(&dx[(top+r)*line])
			if i == 0 && r == 0 {
				clear(dx[(top+r)*line:][:line])
			}
		}
	}
	if bad {
		if dx != nil {
			clear(dx[(top+1)*line : min(s.H, top+3)*line])
		}
		return false
	}
	out := y[i*s.OutW*s.C:][:s.OutW*s.C]
	c.y, c.step, c.windows, c.vecs = unsafe.Pointer(&out[0]), 4*s.C, s.OutW, s.C/j.k.lanes
	c.left, c.right = s.PadLeft, 2*s.OutW-s.PadLeft-(s.W-1)
	if dx == nil {
		j.k.maxThrees((*byte)(unsafe.Pointer(c)))
	} else {
		j.k.maxThreesGrad((*byte)(unsafe.Pointer(c)))
	}
	return true
}
