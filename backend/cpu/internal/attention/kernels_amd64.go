package attention

import (
	"unsafe"

	"foresee/backend/cpu/internal/isa"
)

//go:generate go -C ../asmgen run ./attention -out ../attention/kernels_amd64.s -stubs ../attention/stubs_amd64.go -pkg attention

func archKernels(l isa.Level) *kernels {
	switch l {
	case isa.AVX512:
		return &kernels{keys: 1024, lanes: 32, rows: 8, cols: 32, narrow: 16, run: run512, fetch: fetchRows,
			soften: softenAVX512, shift: shiftAVX512, share: shareAVX512, slope: slopeAVX512}
	case isa.AVX2:
		return &kernels{keys: 48, lanes: 16, rows: 4, cols: 16, narrow: 4, run: run256, fetch: fetchRows,
			soften: softenAVX2, shift: shiftAVX2, share: shareAVX2, slope: slopeAVX2}
	}
	return nil
}

var narrow512 = [17]func(*byte){nil, tile1x16AVX512, tile2x16AVX512, tile3x16AVX512, tile4x16AVX512,
	tile5x16AVX512, tile6x16AVX512, tile7x16AVX512, tile8x16AVX512, tile9x16AVX512, tile10x16AVX512,
	tile11x16AVX512, tile12x16AVX512, tile13x16AVX512, tile14x16AVX512, tile15x16AVX512, tile16x16AVX512}

var wide512 = [9]func(*byte){nil, tile1x32AVX512, tile2x32AVX512, tile3x32AVX512, tile4x32AVX512,
	tile5x32AVX512, tile6x32AVX512, tile7x32AVX512, tile8x32AVX512}

var tiles256 = [5]func(*byte){nil, tile1x16AVX2, tile2x16AVX2, tile3x16AVX2, tile4x16AVX2}

func run512(t *tile, rows, cols int) {
	t.mask = 1<<cols - 1
	if cols > 16 {
		wide512[rows]((*byte)(unsafe.Pointer(t)))
		return
	}
	narrow512[rows]((*byte)(unsafe.Pointer(t)))
}

func run256(t *tile, rows, cols int) {
	t.mask = uint64(cols)
	tiles256[rows]((*byte)(unsafe.Pointer(t)))
}
