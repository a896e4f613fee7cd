package gemm

import (
	"unsafe"

	"foresee/backend/cpu/internal/isa"
)

//go:generate go -C ../asmgen run ./neon -kernels gemm -out ../gemm/neon_arm64.s -stubs ../gemm/neon_arm64.go

// kBlock is the number of k that a tile sums before it goes back to C: a panel of B of that
// height fills half of a second-level cache's fast part and all of a first-level one.
const kBlock = 256

// tile is what a micro-kernel is told. The generators know its layout: 8 bytes a field.
type tile struct {
	a, b, c, bias *float32
	k             int
	as, bs, cs    int // bytes from one k to the next in a and b, from one row to the next in c
	tiles, atile  int // tiles down the rows, and the bytes from one to the next in a
	mask          uint64
	mode          uint64
	ahead         uintptr // two cache lines there are asked for every four k, step bytes further each time, whatever is there
	step          int
}

const (
	modeAccumulate = 1 // add to C
	modeReLU       = 2
)

// kernel is one instruction set's way to do the work.
type kernel struct {
	mr, nr int
	// run computes t.tiles tiles of rows x cols, rows <= mr, cols <= nr.
	run func(t *tile, rows, cols int)
	// wide, if any, computes 1 x 4*nr; the panels of b are t.atile bytes apart.
	wide func(t *tile)
	// wider, if any, computes 1 x 8*nr from rows of b, without their epilogue.
	wider func(t *tile)
	// dots, if any, is dots2x4AVX2: the narrow products.
	dots func(t *tile)
	// half, if any, computes 1 x halfColumns from bfloat16, t.bs bytes from one row of b to the next.
	half func(t *tile)
	// packRows writes dst[j*width+i] = src[i*ld+j] for i < rows <= width, j < cols. It may write
	// anything into the lanes i >= rows and into slack floats after the last lane.
	packRows func(dst, src []float32, width, ld, rows, cols int)
	// packCols writes dst[j*width+i] = src[j*ld+i] for i < cols <= width, j < rows, with the same freedom.
	packCols func(dst, src []float32, width, ld, rows, cols int)
	// strip, if any, is packCols of whole tiles side by side, dstStep floats apart in dst, without that
	// freedom; width is mr or nr. Then rows of the source are read as they lie.
	strip func(dst, src []float32, width, tiles, dstStep, ld, rows int)
	// transpose is exactTranspose, or nil.
	transpose func(dst, src *float32, dstStride, srcStride, rows, cols int)
}

// slack is the number of floats that packing may write behind a panel.
const slack = 16

func kernelFor(l isa.Level) *kernel {
	if k := archKernel(l); k != nil {
		return k
	}
	return &kernel{mr: 4, nr: 8, run: runPortable, packRows: packRowsPortable, packCols: packColsPortable}
}

func at(s []float32, i int) *float32 {
	if i >= len(s) {
		return nil // only where there is nothing to read
	}
	return &s[i]
}

func runPortable(t *tile, rows, cols int) {
	for i := range t.tiles {
		tilePortable(t, i, rows, cols)
	}
}

func tilePortable(t *tile, i, rows, cols int) {
	var acc [4][8]float32
	as, bs, cs := t.as/4, t.bs/4, t.cs/4
	if t.k > 0 {
		a := unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(t.a), i*t.atile)), (t.k-1)*as+rows)
		b := unsafe.Slice(t.b, (t.k-1)*bs+cols)
		whole := rows == 4 && cols == 8
		if whole {
			for r := 0; r < 4; r += 2 {
				for j := 0; j < 8; j += 4 {
					sums2x4(&acc, r, j, a[r:], b[j:], as, bs, t.k)
				}
			}
		}
		for k := 0; k < t.k && !whole; k++ {
			bk := b[k*bs : k*bs+cols]
			for r, x := range a[k*as : k*as+rows] {
				row := acc[r][:cols]
				for j, y := range bk {
					row[j] += x * y
				}
			}
		}
	}
	c := unsafe.Slice(t.c, (i*rows+rows-1)*cs+cols)
	for r := range rows {
		out := c[(i*rows+r)*cs:][:cols]
		finishRow(out, acc[r][:cols], t)
	}
}

// sums2x4 computes the sums of rows r, r+1 and columns j to j+3 of a tile in registers.
func sums2x4(acc *[4][8]float32, r, j int, a, b []float32, as, bs, k int) {
	var c00, c01, c02, c03, c10, c11, c12, c13 float32
	for i := range k {
		x, y := a[i*as:][:2], b[i*bs:][:4]
		c00 += x[0] * y[0]
		c01 += x[0] * y[1]
		c02 += x[0] * y[2]
		c03 += x[0] * y[3]
		c10 += x[1] * y[0]
		c11 += x[1] * y[1]
		c12 += x[1] * y[2]
		c13 += x[1] * y[3]
	}
	copy(acc[r][j:], []float32{c00, c01, c02, c03})
	copy(acc[r+1][j:], []float32{c10, c11, c12, c13})
}

// epilogue returns a tile that finishes rows as a asks.
func (a *Args) epilogue() tile {
	t := tile{bias: at(a.Bias, 0)}
	if a.Accumulate {
		t.mode |= modeAccumulate
	}
	if a.ReLU {
		t.mode |= modeReLU
	}
	return t
}

// finishRow writes one row of sums through the epilogue of t.
func finishRow(out, sum []float32, t *tile) {
	if t.mode&modeAccumulate != 0 {
		for j := range out {
			sum[j] += out[j]
		}
	}
	if t.bias != nil {
		for j, v := range unsafe.Slice(t.bias, len(sum)) {
			sum[j] += v
		}
	}
	if t.mode&modeReLU != 0 {
		for j, v := range sum {
			if v < 0 {
				sum[j] = 0
			}
		}
	}
	copy(out, sum)
}

func packRowsPortable(dst, src []float32, width, ld, rows, cols int) {
	for i := range rows {
		row := src[i*ld:][:cols]
		for j, v := range row {
			dst[j*width+i] = v
		}
	}
}

func packColsPortable(dst, src []float32, width, ld, rows, cols int) {
	for j := range rows {
		copy(dst[j*width:][:cols], src[j*ld:][:cols])
	}
}
