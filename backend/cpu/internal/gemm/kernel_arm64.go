package gemm

import (
	"math/bits"
	"unsafe"

	"foresee/backend/cpu/internal/isa"
)

// A tile of the NEON kernels is 12 x 8.
const rowsNEON, colsNEON = 12, 8

func archKernel(l isa.Level) *kernel {
	if l != isa.NEON {
		return nil
	}
	return &kernel{mr: rowsNEON, nr: colsNEON, run: runNEON, wide: wideNEON,
		packRows: packRowsNEON, packCols: packColsNEON, transpose: transposeNEON}
}

type tileFunc func(*byte)

// tableNEON holds the kernels by rows and by the logarithm of the columns.
func tableNEON() [rowsNEON + 1][4]tileFunc {
	return [rowsNEON + 1][4]tileFunc{
		1:  {tile1x1NEON, tile1x2NEON, tile1x4NEON, tile1x8NEON},
		2:  {tile2x1NEON, tile2x2NEON, tile2x4NEON, tile2x8NEON},
		3:  {tile3x1NEON, tile3x2NEON, tile3x4NEON, tile3x8NEON},
		4:  {tile4x1NEON, tile4x2NEON, tile4x4NEON, tile4x8NEON},
		8:  {tile8x1NEON, tile8x2NEON, tile8x4NEON, tile8x8NEON},
		12: {tile12x1NEON, tile12x2NEON, tile12x4NEON, tile12x8NEON},
	}
}

var tilesNEON = tableNEON()

// rowPiece returns the most rows, up to n > 0, that a kernel computes.
func rowPiece(n int) int {
	if n >= 4 {
		return n &^ 3
	}
	return n
}

func runNEON(t *tile, rows, cols int) {
	whole := *t
	if first := rowPiece(rows); first == rows {
		columnsNEON(t, &whole, rows, cols)
	} else {
		for i := range whole.tiles { // a tile of 4 or 8 rows and one of the rest
			one := whole
			one.tiles = 1
			one.a, one.c = shift(whole.a, i*whole.atile), shift(whole.c, i*rows*whole.cs)
			columnsNEON(t, &one, first, cols)
			one.a, one.c = shift(one.a, 4*first), shift(one.c, first*whole.cs)
			columnsNEON(t, &one, rows-first, cols)
		}
	}
	*t = whole
}

// columnsNEON computes the tiles of whole in pieces of 8, 4, 2 and 1 columns; t is what the kernels are told.
func columnsNEON(t, whole *tile, rows, cols int) {
	*t = *whole
	for at := 0; at < cols; {
		log := bits.Len(uint(cols-at)) - 1
		t.b, t.c = shift(whole.b, 4*at), shift(whole.c, 4*at)
		if whole.bias != nil {
			t.bias = shift(whole.bias, 4*at)
		}
		tilesNEON[rows][log]((*byte)(unsafe.Pointer(t)))
		at += 1 << log
	}
}

// shift returns p moved by some bytes; nil stays nil.
func shift(p *float32, by int) *float32 {
	if p == nil {
		return nil
	}
	return (*float32)(unsafe.Add(unsafe.Pointer(p), by))
}

func wideNEON(t *tile) { row1x32NEON((*byte)(unsafe.Pointer(t))) }

func packRowsNEON(dst, src []float32, width, ld, rows, cols int) {
	i := 0
	for ; i+4 <= rows && cols >= 4; i += 4 {
		transpose4Rows(dst[i:], src[i*ld:], width, ld, cols)
	}
	if i < rows {
		packRowsPortable(dst[i:], src[i*ld:], width, ld, rows-i, cols)
	}
}

// transpose4Rows writes dst[j*ldd+i] = src[i*lds+j] for i < 4, j < cols; cols >= 4.
func transpose4Rows(dst, src []float32, ldd, lds, cols int) {
	_, _ = dst[(cols-1)*ldd+3], src[3*lds+cols-1]
	n := cols &^ 3
	transpose4NEON(&dst[0], &src[0], 4*ldd, 4*lds, n)
	for j := n; j < cols; j++ {
		for i := range 4 {
			dst[j*ldd+i] = src[i*lds+j]
		}
	}
}

func packColsNEON(dst, src []float32, width, ld, rows, cols int) {
	if rows == 0 || cols < width {
		packColsPortable(dst, src, width, ld, rows, cols)
		return
	}
	_, _ = dst[rows*width-1], src[(rows-1)*ld+width-1]
	if width == rowsNEON {
		copyPanel12NEON(&dst[0], &src[0], 4*ld, rows)
		return
	}
	copyPanel8NEON(&dst[0], &src[0], 4*ld, rows)
}

func transposeNEON(dst, src *float32, dstStride, srcStride, rows, cols int) {
	ldd, lds := dstStride/4, srcStride/4
	packRowsNEON(unsafe.Slice(dst, (cols-1)*ldd+rows), unsafe.Slice(src, (rows-1)*lds+cols), ldd, lds, rows, cols)
}
