package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// transpose8 turns 8 rows into columns, 8 columns of the source at a time.
func transpose8() {
	TEXT("transpose8AVX2", NOSPLIT|NOFRAME, "func(dst, src *float32, dstStride, srcStride, rows, cols int)")
	Pragma("noescape")
	Doc("transpose8AVX2 writes dst[j*dstStride+i] = src[i*srcStride+j] for 8 i and cols j, strides in bytes.",
		"Lanes i >= rows hold copies of the last row. Each j stores 8 lanes, in the order of j.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	ds, ss := Load(Param("dstStride"), GP64()), Load(Param("srcStride"), GP64())
	rows, cols := Load(Param("rows"), GP64()), Load(Param("cols"), GP64())

	Label("block")
	n, eight := GP64(), GP64()
	MOVQ(cols, n)
	MOVQ(U32(8), eight)
	CMPQ(cols, Imm(8))
	CMOVQGT(eight, n)
	mask := YMM()
	VMOVUPS(Mem{Base: laneMask(n)}, mask)
	p, q := GP64(), GP64()
	MOVQ(src, p)
	r, t := make([]VecVirtual, 8), make([]VecVirtual, 8)
	for i := range r {
		r[i] = YMM()
		VMASKMOVPS(Mem{Base: p}, mask, r[i])
		if i < 7 {
			LEAQ(Mem{Base: p, Index: ss, Scale: 1}, q)
			CMPQ(rows, Imm(uint64(i+1)))
			CMOVQGT(q, p)
		}
	}
	for i := range t {
		t[i] = YMM()
	}
	for i := 0; i < 8; i += 2 {
		VUNPCKLPS(r[i+1], r[i], t[i])
		VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	// r[4g+j] holds, in 128-bit lane l, column 4l+j of rows 4g..4g+3.
	for g := 0; g < 8; g += 4 {
		VUNPCKLPD(t[g+2], t[g], r[g])
		VUNPCKHPD(t[g+2], t[g], r[g+1])
		VUNPCKLPD(t[g+3], t[g+1], r[g+2])
		VUNPCKHPD(t[g+3], t[g+1], r[g+3])
	}
	for j := range 4 {
		VPERM2F128(Imm(0x20), r[4+j], r[j], t[j])
		VPERM2F128(Imm(0x31), r[4+j], r[j], t[4+j])
	}
	for j := range t {
		VMOVUPS(t[j], Mem{Base: dst})
		ADDQ(ds, dst)
		SUBQ(Imm(1), cols)
		JZ(LabelRef("end"))
	}
	ADDQ(Imm(32), src)
	JMP(LabelRef("block"))
	Label("end")
	VZEROUPPER()
	RET()
}

// strip copies a few rows of tiles that lie side by side, so that the rows are read as they lie.
func strip(width int) {
	name := fmt.Sprintf("strip%dAVX2", width)
	TEXT(name, NOSPLIT|NOFRAME, "func(dst, src *float32, tiles, dstStep, srcStride, rows int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s writes dst[t*dstStep+j*%d+i] = src[j*srcStride+t*%d+i] for i < %d, j < rows and t < tiles, both at least 1;", name, width, width, width),
		"dstStep and srcStride are in bytes. It touches nothing else.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	tiles, step := Load(Param("tiles"), GP64()), Load(Param("dstStep"), GP64())
	stride, rows := Load(Param("srcStride"), GP64()), Load(Param("rows"), GP64())
	Label("tile")
	p, q, n := GP64(), GP64(), GP64()
	MOVQ(dst, p)
	MOVQ(src, q)
	MOVQ(rows, n)
	Label("row")
	for i := 0; i < width; {
		from, to := Mem{Base: q, Disp: 4 * i}, Mem{Base: p, Disp: 4 * i}
		switch rest := width - i; {
		case rest >= 8:
			r := YMM()
			VMOVUPS(from, r)
			VMOVUPS(r, to)
			i += 8
		case rest >= 4:
			r := XMM()
			VMOVUPS(from, r)
			VMOVUPS(r, to)
			i += 4
		default:
			r := GP64()
			MOVQ(from, r)
			MOVQ(r, to)
			i += 2
		}
	}
	ADDQ(Imm(uint64(4*width)), p)
	ADDQ(stride, q)
	SUBQ(Imm(1), n)
	JNZ(LabelRef("row"))
	ADDQ(step, dst)
	ADDQ(Imm(uint64(4*width)), src)
	SUBQ(Imm(1), tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}
