package gemm

import "foresee/backend/cpu/internal/isa"

// exactTranspose writes dst[j*dstStride+i] = src[i*srcStride+j] for i < rows <= 16 and j < cols,
// strides in bytes; nil where there is no kernel.
var exactTranspose = kernelFor(isa.Best()).transpose

// Transpose writes dst[j*ldd+i] = src[i*lds+j] for i < rows and j < cols. Rows of dst must not
// overlap each other, nor src. It panics if a slice is too short.
func Transpose(dst, src []float32, rows, cols, ldd, lds int) {
	if rows <= 0 || cols <= 0 {
		return
	}
	_, _ = dst[(cols-1)*ldd+rows-1], src[(rows-1)*lds+cols-1]
	if exactTranspose != nil {
		for i := 0; i < rows; i += 16 {
			exactTranspose(&dst[i], &src[i*lds], 4*ldd, 4*lds, min(rows-i, 16), cols)
		}
		return
	}
	const tile = 16
	for i0 := 0; i0 < rows; i0 += tile {
		for j0 := 0; j0 < cols; j0 += tile {
			for j := j0; j < min(j0+tile, cols); j++ {
				row := dst[j*ldd+i0:][:min(tile, rows-i0)]
				for i := range row {
					row[i] = src[(i0+i)*lds+j]
				}
			}
		}
	}
}
