package conv

import "unsafe"

// window is a rectangle of pixels of an image [H, W, C] that may reach over its edges.
type window struct {
	row, col   int // first pixel, may be negative
	rows, cols int
}

// packer copies windows of images of one size to scratch memory.
type packer struct {
	k       *kernels
	h, w, c int
	last    window // the window that scratch holds now
	valid   bool
	call    copyCall
}

// pack copies a window of the image src [h, w, c] to dst [rows, cols, c], zeros outside of src.
// A window like the last one finds its border in dst, where it left it: one packer belongs to
// one dst.
func (p *packer) pack(dst, src []float32, win window) {
	left := min(max(-win.col, 0), win.cols)
	right := max(min(p.w-win.col, win.cols), left) // columns of the window before the right border
	top := min(max(-win.row, 0), win.rows)
	bottom := max(min(p.h-win.row, win.rows), top)
	line := win.cols * p.c
	dst = dst[:win.rows*line]
	if !p.valid || p.last != win {
		if left > 0 || right < win.cols || top > 0 || bottom < win.rows {
			clear(dst)
		}
		p.last, p.valid = win, true
	}
	if right == left || bottom == top || p.c == 0 {
		return
	}
	from := ((win.row+top)*p.w + win.col + left) * p.c
	to, n := top*line+left*p.c, (right-left)*p.c
	_ = src[from+(bottom-top-1)*p.w*p.c+n-1]
	_ = dst[to+(bottom-top-1)*line+n-1]
	p.call = copyCall{
		dst: unsafe.Pointer(&dst[to]), src: unsafe.Pointer(&src[from]),
		rows: bottom - top, n: n, dstStep: 4 * line, srcStep: 4 * p.w * p.c,
	}
	p.k.copyRows((*byte)(unsafe.Pointer(&p.call)))
}

// packWeights copies rows of cout floats to rows of ld floats, zeros behind.
func packWeights(dst, src []float32, cout, ld int) {
	for i := 0; len(src) > 0; i++ {
		n := copy(dst[i*ld:][:ld], src[:cout])
		clear(dst[i*ld+n:][:ld-n])
		src = src[cout:]
	}
}
