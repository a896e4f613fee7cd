package gemm8

import (
	"unsafe"

	"golang.org/x/sys/cpu"

	"foresee/backend/cpu/internal/isa"
)

//go:generate go -C ../asmgen run ./gemm8 -out ../gemm8/kernels_amd64.s -stubs ../gemm8/stubs_amd64.go -pkg gemm8

func archKernel(l isa.Level) *kernel {
	switch {
	case l == isa.AVX512 && cpu.X86.HasAVX512VNNI:
		return &kernel{mr: 14, nr: 32, depth: 4, flipped: true, run: runVNNI, lay: layVNNI, valueBytes: 1, strip: stripVNNI}
	case l == isa.AVX512 || l == isa.AVX2:
		return &kernel{mr: 6, nr: 16, depth: 2, run: runAVX2, lay: layAVX2, valueBytes: 2, strip: stripAVX2}
	}
	return nil
}

var tilesVNNI = [15]func(*byte){nil, tile1x32VNNI, tile2x32VNNI, tile3x32VNNI, tile4x32VNNI, tile5x32VNNI, tile6x32VNNI,
	tile7x32VNNI, tile8x32VNNI, tile9x32VNNI, tile10x32VNNI, tile11x32VNNI, tile12x32VNNI, tile13x32VNNI, tile14x32VNNI}

var tilesAVX2 = [7]func(*byte){nil, tile1x16AVX2, tile2x16AVX2, tile3x16AVX2, tile4x16AVX2, tile5x16AVX2, tile6x16AVX2}

func runVNNI(t *tile, rows, cols int) {
	t.mask = 1<<cols - 1
	tilesVNNI[rows]((*byte)(unsafe.Pointer(t)))
}

// runAVX2 computes tiles that are not of 16 columns in scratch memory, as sums.
func runAVX2(t *tile, rows, cols int) {
	p := (*byte)(unsafe.Pointer(t))
	if cols == 16 {
		tilesAVX2[rows](p)
		return
	}
	whole := *t
	t.rows, t.cs = nil, 4*16
	for i := range whole.tiles {
		t.a, t.c, t.tiles = (*byte)(unsafe.Add(unsafe.Pointer(whole.a), i*rows*t.as)), unsafe.Pointer(t.scratch), 1
		tilesAVX2[rows](p)
		for r := range rows {
			whole.finish(i*rows+r, t.scratch[16*r:][:cols])
		}
	}
}

func layVNNI(l *lines, k int) {
	l.whole, l.rest = k/64, 1<<(k%64)-1
	flipRows((*byte)(unsafe.Pointer(l)))
}

func layAVX2(l *lines, k int) {
	l.whole, l.rest = k/16, uint64(k%16)
	widenRows((*byte)(unsafe.Pointer(l)))
}

func stripVNNI(s *strip, k, cols int) int {
	s.groups, s.mask, s.rest = k/4, 1<<cols-1, [4]uint64{}
	for i := range k % 4 {
		s.rest[i] = s.mask
	}
	packFours((*byte)(unsafe.Pointer(s)))
	return k
}

func stripAVX2(s *strip, k, cols int) int {
	if s.groups = k / 2; s.groups == 0 || cols < 16 {
		return 0
	}
	packTwos((*byte)(unsafe.Pointer(s)))
	return 2 * s.groups
}
