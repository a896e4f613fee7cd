package main

import (
	"fmt"
	"strings"
)

// gemm writes the kernels of a product. A tile is 12 rows by 8 columns: 24 accumulators, three
// vectors of A and two of B, of which one lane of A times a vector of B is one FMLA by element.
// Edges are put together from tiles of fewer rows and columns.
func gemm(f *file) {
	for _, r := range []int{12, 8, 4, 3, 2, 1} {
		for _, c := range []int{8, 4, 2, 1} {
			tileKernel(f, r, c)
		}
	}
	wideRow(f)
	transpose4(f)
	copyPanel(f)
}

// The registers of a tile kernel.
const (
	a0, a, b, c, bias, k           = "R1", "R2", "R3", "R4", "R5", "R6"
	as, bs, cs, tiles, atile, mode = "R7", "R8", "R9", "R10", "R11", "R12"
	row                            = "R13"
	firstA, firstB, zero, firstAcc = 0, 3, 5, 8
)

// tileFields loads what a kernel is told; the offsets are those of gemm's type tile.
func tileFields(f *file, names ...string) {
	f.arg("t", "R0")
	offsets := map[string]int{a0: 0, a: 0, c: 16, as: 40, bs: 48, cs: 56, tiles: 64, atile: 72, mode: 88}
	for _, r := range names {
		f.ins("MOVD %d(R0), %s", offsets[r], r)
	}
}

// list names n vectors from v on.
func list(v, n int) string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprintf("V%d.S4", v+i))
	}
	return "[" + strings.Join(s, ", ") + "]"
}

// columns loads or stores the columns of a row, at the address in r, in vectors from v on.
func columns(f *file, cols int, load bool, r string, v int) {
	name := map[int]string{2: "FMOVD", 1: "FMOVS"}[cols]
	switch {
	case cols >= 4 && load:
		f.ins("VLD1 (%s), %s", r, list(v, cols/4))
	case cols >= 4:
		f.ins("VST1 %s, (%s)", list(v, cols/4), r)
	case load:
		f.ins("%s (%s), F%d", name, r, v)
	default:
		f.ins("%s F%d, (%s)", name, v, r)
	}
}

func tileKernel(f *file, rows, cols int) {
	name := fmt.Sprintf("tile%dx%dNEON", rows, cols)
	f.begin(name, "(t *byte)", fmt.Sprintf("computes %d rows and %d columns of C, t.tiles times down the rows.", rows, cols))
	vecs := (cols + 3) / 4
	acc := func(i, j int) int { return firstAcc + i*vecs + j }
	each := func(do func(v, j int)) {
		for i := range rows {
			for j := range vecs {
				do(acc(i, j), j)
			}
		}
	}
	tileFields(f, a0, c, as, bs, cs, tiles, atile, mode)
	f.label("next")
	each(func(v, _ int) { f.ins("%s", clear0(v)) })
	f.ins("MOVD %s, %s", a0, a)
	f.ins("MOVD 8(R0), %s", b)
	f.ins("MOVD 32(R0), %s", k)
	step := func() {
		if rows == 1 {
			f.ins("VLD1R (%s), [V%d.S4]", a, firstA)
		} else {
			f.ins("VLD1 (%s), %s", a, list(firstA, (rows+3)/4))
		}
		columns(f, cols, true, b, firstB)
		f.ins("ADD %s, %s", as, a)
		f.ins("ADD %s, %s", bs, b)
		for i := range rows {
			for j := range vecs {
				f.ins("%s", fmlaLane(acc(i, j), firstB+j, firstA+i/4, i%4))
			}
		}
	}
	f.ins("SUBS $2, %s", k)
	f.ins("BLT rest")
	f.label("loop")
	step()
	step()
	f.ins("SUBS $2, %s", k)
	f.ins("BGE loop")
	f.label("rest")
	f.ins("ADDS $2, %s", k)
	f.ins("BEQ store")
	step()

	f.label("store")
	f.ins("TBZ $0, %s, bias", mode)
	f.ins("MOVD %s, %s", c, row)
	for i := range rows {
		columns(f, cols, true, row, firstB)
		f.ins("ADD %s, %s", cs, row)
		for j := range vecs {
			f.ins("%s", fadd(acc(i, j), acc(i, j), firstB+j))
		}
	}
	f.label("bias")
	f.ins("MOVD 24(R0), %s", bias)
	f.ins("CBZ %s, relu", bias)
	columns(f, cols, true, bias, firstB)
	each(func(v, j int) { f.ins("%s", fadd(v, v, firstB+j)) })
	f.label("relu")
	f.ins("TBZ $1, %s, write", mode)
	f.ins("%s", clear0(zero))
	each(func(v, _ int) { f.ins("%s", fmax(v, v, zero)) }) // NaN stays NaN
	f.label("write")
	for i := range rows {
		columns(f, cols, false, c, acc(i, 0))
		f.ins("ADD %s, %s", cs, c)
	}
	f.ins("ADD %s, %s", atile, a0)
	f.ins("SUBS $1, %s", tiles)
	f.ins("BNE next")
	f.ins("RET")
}

// wideRow is the kernel for one row of A: 32 columns of four panels at a time.
func wideRow(f *file) {
	f.begin("row1x32NEON", "(t *byte)", "computes one row and 32 columns of C, from four panels of B that lie t.atile bytes apart.")
	tileFields(f, a, c, as, bs, atile, mode)
	panels := []string{b, "R15", "R16", "R17"}
	f.ins("MOVD 8(R0), %s", b)
	f.ins("MOVD 32(R0), %s", k)
	for p := 1; p < 4; p++ {
		f.ins("ADD %s, %s, %s", atile, panels[p-1], panels[p])
	}
	for v := range 8 {
		f.ins("%s", clear0(firstAcc+v))
	}
	f.ins("CBZ %s, store", k)
	f.label("loop")
	f.ins("VLD1R (%s), [V0.S4]", a)
	for p, r := range panels {
		f.ins("VLD1 (%s), %s", r, list(16+2*p, 2))
		f.ins("ADD %s, %s", bs, r)
	}
	for v := range 8 {
		f.ins("%s", fmla(firstAcc+v, 16+v, 0))
	}
	f.ins("ADD %s, %s", as, a)
	f.ins("SUBS $1, %s", k)
	f.ins("BNE loop")
	add := func(r string) { // the 32 floats at r
		for v := range 8 {
			f.ins("FMOVQ %d(%s), F16", 16*v, r)
			f.ins("%s", fadd(firstAcc+v, firstAcc+v, 16))
		}
	}
	f.label("store")
	f.ins("TBZ $0, %s, bias", mode)
	add(c)
	f.label("bias")
	f.ins("MOVD 24(R0), %s", bias)
	f.ins("CBZ %s, relu", bias)
	add(bias)
	f.label("relu")
	f.ins("TBZ $1, %s, write", mode)
	f.ins("%s", clear0(zero))
	for v := range 8 {
		f.ins("%s", fmax(firstAcc+v, firstAcc+v, zero))
	}
	f.label("write")
	f.ins("VST1.P %s, 64(%s)", list(firstAcc, 4), c)
	f.ins("VST1 %s, (%s)", list(firstAcc+4, 4), c)
	f.ins("RET")
}

// transpose4 turns 4 rows into columns, 4 columns of the source at a time.
func transpose4(f *file) {
	f.begin("transpose4NEON", "(dst, src *float32, dstStride, srcStride, cols int)",
		"writes dst[j*dstStride+i] = src[i*srcStride+j] for 4 i and cols j, strides in bytes; cols is a positive multiple of 4.")
	for _, p := range [][2]string{{"dst", "R0"}, {"src", "R1"}, {"dstStride", "R2"}, {"srcStride", "R3"}, {"cols", "R4"}} {
		f.arg(p[0], p[1])
	}
	f.label("block")
	f.ins("MOVD R1, R5")
	for i := range 4 {
		f.ins("VLD1 (R5), [V%d.S4]", i)
		f.ins("ADD R3, R5")
	}
	for i := 0; i < 4; i += 2 { // V4, V6: even columns of two rows, V5, V7: odd ones
		f.ins("VTRN1 V%d.S4, V%d.S4, V%d.S4", i+1, i, 4+i)
		f.ins("VTRN2 V%d.S4, V%d.S4, V%d.S4", i+1, i, 5+i)
	}
	for i := range 2 {
		f.ins("VTRN1 V%d.D2, V%d.D2, V%d.D2", 6+i, 4+i, i)
		f.ins("VTRN2 V%d.D2, V%d.D2, V%d.D2", 6+i, 4+i, 2+i)
	}
	for i := range 4 {
		f.ins("VST1 [V%d.S4], (R0)", i)
		f.ins("ADD R2, R0")
	}
	f.ins("ADD $16, R1")
	f.ins("SUBS $4, R4")
	f.ins("BNE block")
	f.ins("RET")
}

// copyPanel copies rows of whole panels.
func copyPanel(f *file) {
	for _, width := range []int{12, 8} {
		f.begin(fmt.Sprintf("copyPanel%dNEON", width), "(dst, src *float32, srcStride, rows int)",
			fmt.Sprintf("copies rows of %d floats that are srcStride bytes apart to dst, one behind the other; rows > 0.", width))
		for _, p := range [][2]string{{"dst", "R0"}, {"src", "R1"}, {"srcStride", "R2"}, {"rows", "R3"}} {
			f.arg(p[0], p[1])
		}
		f.label("loop")
		f.ins("VLD1 (R1), %s", list(0, width/4))
		f.ins("ADD R2, R1")
		f.ins("VST1.P %s, %d(R0)", list(0, width/4), 4*width)
		f.ins("SUBS $1, R3")
		f.ins("BNE loop")
		f.ins("RET")
	}
}
