package conv

// window is a rectangle of pixels of an image [H, W, C] that may reach over its edges.
type window struct {
	row, col   int // first pixel, may be negative
	rows, cols int
}

// pack copies a window of the image src [h, w, c] to dst [rows, cols, c], zeros outside of src.
func pack(dst, src []float32, h, w, c int, win window) {
	left := min(max(-win.col, 0), win.cols)
	right := max(min(w-win.col, win.cols), left) // columns of the window before the right border
	line := win.cols * c
	for r := range win.rows {
		d := dst[r*line:][:line]
		at := win.row + r
		if at < 0 || at >= h || right == left {
			clear(d)
			continue
		}
		clear(d[:left*c])
		from := (at*w + win.col + left) * c
		copy(d[left*c:right*c], src[from:])
		clear(d[right*c:])
	}
}

// packWeights copies rows of cout floats to rows of ld floats, zeros behind.
func packWeights(dst, src []float32, cout, ld int) {
	for i := 0; len(src) > 0; i++ {
		n := copy(dst[i*ld:][:ld], src[:cout])
		clear(dst[i*ld+n:][:ld-n])
		src = src[cout:]
	}
}
