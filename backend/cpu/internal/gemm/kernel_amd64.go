package gemm

import (
	"unsafe"

	"foresee/backend/cpu/internal/isa"
)

//go:generate go -C ../asmgen run ./gemm512 -out ../gemm/avx512_amd64.s -stubs ../gemm/avx512_amd64.go -pkg gemm
//go:generate go -C ../asmgen run ./gemm256 -out ../gemm/avx2_amd64.s -stubs ../gemm/avx2_amd64.go -pkg gemm

func archKernel(l isa.Level) *kernel {
	switch l {
	case isa.AVX512:
		return &kernel{mr: 14, nr: 32, run: run512, wide: wide512, wider: wider512, half: half512, dots: dots256, packRows: packRows512, packCols: packCols512, transpose: transposeExact, strip: strip512}
	case isa.AVX2:
		return &kernel{mr: 6, nr: 16, run: run256, wide: wide256, half: half256, dots: dots256, packRows: packRows256, packCols: packColsPortable, strip: strip256}
	}
	return nil
}

type tileFunc func(*byte)

// table512 holds the kernels of up to 16, up to 32 and of 32 columns by rows.
func table512() [3][15]tileFunc {
	return [3][15]tileFunc{
		{nil, tile1x16, tile2x16, tile3x16, tile4x16, tile5x16, tile6x16, tile7x16,
			tile8x16, tile9x16, tile10x16, tile11x16, tile12x16, tile13x16, tile14x16},
		{nil, tile1x32, tile2x32, tile3x32, tile4x32, tile5x32, tile6x32, tile7x32,
			tile8x32, tile9x32, tile10x32, tile11x32, tile12x32, tile13x32, tile14x32},
		{nil, tile1x32Whole, tile2x32Whole, tile3x32Whole, tile4x32Whole, tile5x32Whole, tile6x32Whole, tile7x32Whole,
			tile8x32Whole, tile9x32Whole, tile10x32Whole, tile11x32Whole, tile12x32Whole, tile13x32Whole, tile14x32Whole},
	}
}

var tiles512 = table512()

func run512(t *tile, rows, cols int) {
	t.mask = 1<<cols - 1
	tiles512[(cols-1)/16+cols/32][rows]((*byte)(unsafe.Pointer(t)))
}

func wide512(t *tile) { row1x128((*byte)(unsafe.Pointer(t))) }

func wider512(t *tile) { row1x256((*byte)(unsafe.Pointer(t))) }

func half512(t *tile) { row1x64Half((*byte)(unsafe.Pointer(t))) }

func packRows512(dst, src []float32, width, ld, rows, cols int) {
	if cols == 0 {
		return
	}
	_ = src[(rows-1)*ld+cols-1]
	for i := 0; i < rows; i += 16 {
		d := dst[i:]
		_ = d[(cols-1)*width+15]
		transpose16(&d[0], &src[i*ld], 4*width, 4*ld, min(rows-i, 16), cols)
	}
}

func packCols512(dst, src []float32, width, ld, rows, cols int) {
	if rows == 0 {
		return
	}
	_ = src[(rows-1)*ld+cols-1]
	_ = dst[(rows-1)*width+(cols+15)&^15-1]
	copyPanel(&dst[0], &src[0], 4*width, 4*ld, rows, 1<<cols-1)
}

func strip512(dst, src []float32, width, tiles, dstStep, ld, rows int) {
	if tiles == 0 || rows == 0 {
		return
	}
	_, _ = dst[(tiles-1)*dstStep+rows*width-1], src[(rows-1)*ld+tiles*width-1]
	for i := range tiles {
		copyPanel(&dst[i*dstStep], &src[i*width], 4*width, 4*ld, rows, 1<<width-1)
	}
}

func table256() (full, edge [7]tileFunc) {
	full = [7]tileFunc{nil, tile1x16AVX2, tile2x16AVX2, tile3x16AVX2, tile4x16AVX2, tile5x16AVX2, tile6x16AVX2}
	edge = [7]tileFunc{nil, edge1x16AVX2, edge2x16AVX2, edge3x16AVX2, edge4x16AVX2}
	return full, edge
}

var full256, edge256 = table256()

func run256(t *tile, rows, cols int) {
	p := (*byte)(unsafe.Pointer(t))
	switch {
	case cols == 16:
		full256[rows](p)
		return
	case rows <= 4:
		t.mask = uint64(cols)
		edge256[rows](p)
		return
	}
	// Edge kernels have up to 4 rows: do each tile in two.
	t.mask = uint64(cols)
	whole := *t
	t.tiles = 1
	for i := range whole.tiles {
		for r := 0; r < rows; r += 4 {
			t.a = (*float32)(unsafe.Add(unsafe.Pointer(whole.a), i*t.atile+4*r))
			t.c = (*float32)(unsafe.Add(unsafe.Pointer(whole.c), (i*rows+r)*t.cs))
			edge256[min(4, rows-r)](p)
		}
	}
	*t = whole
}

func wide256(t *tile) { row1x64AVX2((*byte)(unsafe.Pointer(t))) }

func dots256(t *tile) { dots2x4AVX2((*byte)(unsafe.Pointer(t))) }

func half256(t *tile) { row1x64HalfAVX2((*byte)(unsafe.Pointer(t))) }

func packRows256(dst, src []float32, width, ld, rows, cols int) {
	if cols == 0 {
		return
	}
	_ = src[(rows-1)*ld+cols-1]
	for i := 0; i < rows; i += 8 {
		d := dst[i:]
		_ = d[(cols-1)*width+7]
		transpose8AVX2(&d[0], &src[i*ld], 4*width, 4*ld, min(rows-i, 8), cols)
	}
}

func strip256(dst, src []float32, width, tiles, dstStep, ld, rows int) {
	if tiles == 0 || rows == 0 {
		return
	}
	_, _ = dst[(tiles-1)*dstStep+rows*width-1], src[(rows-1)*ld+tiles*width-1]
	copy := strip16AVX2
	if width == 6 {
		copy = strip6AVX2
	}
	copy(&dst[0], &src[0], tiles, 4*dstStep, 4*ld, rows)
}
