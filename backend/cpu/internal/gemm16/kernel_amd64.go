package gemm16

import (
	"unsafe"

	"golang.org/x/sys/cpu"

	"foresee/backend/cpu/internal/isa"
)

//go:generate go -C ../asmgen run ./gemm16 -out ../gemm16/kernels_amd64.s -stubs ../gemm16/stubs_amd64.go -pkg gemm16

// fast says whether kernels outdo those of package gemm. Without VNNI those of AVX2 are slower than float32 with AVX-512.
func fast(l isa.Level) bool { return l == isa.AVX2 || l == isa.AVX512 && cpu.X86.HasAVX512VNNI }

func archKernel(l isa.Level) *kernel {
	switch {
	case l == isa.AVX512 && cpu.X86.HasAVX512VNNI:
		return &kernel{mr: 14, nr: 32, run: runVNNI, rowNorms: rowNormsVNNI, rowQuants: rowQuantsVNNI,
			columnNorms: columnNormsVNNI, columnQuants: columnQuantsVNNI, turn: turnVNNI}
	case l == isa.AVX512 || l == isa.AVX2:
		return kernelAVX2()
	}
	return nil
}

var rowsVNNI = [15]func(*byte){nil, rows1x32, rows2x32, rows3x32, rows4x32, rows5x32, rows6x32, rows7x32, rows8x32,
	rows9x32, rows10x32, rows11x32, rows12x32, rows13x32, rows14x32}

var tilesVNNI = [15]func(*byte){nil, tiles1x32, tiles2x32, tiles3x32, tiles4x32, tiles5x32, tiles6x32, tiles7x32, tiles8x32,
	tiles9x32, tiles10x32, tiles11x32, tiles12x32, tiles13x32, tiles14x32}

func runVNNI(t *tile, rows, cols int, inTiles bool) {
	t.mask = 1<<cols - 1
	table := &rowsVNNI
	if inTiles {
		table = &tilesVNNI
	}
	table[rows]((*byte)(unsafe.Pointer(t)))
}

func (l *lines) cut(k int) { l.whole, l.rest = k/16, 1<<(k%16)-1 }

func rowNormsVNNI(l *lines, k int) {
	l.cut(k)
	rowNorms((*byte)(unsafe.Pointer(l)))
}

func rowQuantsVNNI(l *lines, k int) {
	l.cut(k)
	rowQuants((*byte)(unsafe.Pointer(l)))
}

func columnNormsVNNI(s *strip, cols int) {
	s.mask = 1<<cols - 1 // all of 64 too
	columnNorms((*byte)(unsafe.Pointer(s)))
}

func columnQuantsVNNI(s *strip, cols int) {
	s.mask = 1<<cols - 1
	if cols <= 16 {
		columnQuants16((*byte)(unsafe.Pointer(s)))
		return
	}
	columnQuants32((*byte)(unsafe.Pointer(s)))
}

func turnVNNI(panel, rows *int16, step, groups int) {
	t := struct {
		panel, rows  *int16
		step, groups int
	}{panel, rows, step, groups}
	turnPanel((*byte)(unsafe.Pointer(&t)))
}
