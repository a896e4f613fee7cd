package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// transpose16 turns 16 rows into columns, 16 columns of the source at a time: four levels of
// interleaving, of 4, 8 and then 16 bytes, over 16 registers.
//
// With exact it stores the lanes of rows only.
func transpose16(exact bool) {
	name, doc := "transpose16", "Lanes i >= rows hold copies of the last row. Each j stores 16 lanes, in the order of j."
	if exact {
		name, doc = "transposeExact", "Lanes i >= rows are not stored."
	}
	TEXT(name, NOSPLIT|NOFRAME, "func(dst, src *float32, dstStride, srcStride, rows, cols int)")
	Pragma("noescape")
	Doc(name+" writes dst[j*dstStride+i] = src[i*srcStride+j] for 16 i and cols j, strides in bytes.", doc)
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	ds, ss := Load(Param("dstStride"), GP64()), Load(Param("srcStride"), GP64())
	rows, cols := Load(Param("rows"), GP64()), Load(Param("cols"), GP64())
	full, tail := K(), K()
	ones := GP32()
	MOVL(U32(0xffff), ones)
	KMOVW(ones, full)
	store := func(r VecVirtual) { VMOVUPS(r, Mem{Base: dst}) }
	if exact {
		lanes := GP32()
		MOVL(U32(1), lanes)
		MOVQ(rows, RCX)
		SHLL(CL, lanes)
		SUBL(Imm(1), lanes)
		valid := K()
		KMOVW(lanes, valid)
		store = func(r VecVirtual) { VMOVUPS(r, valid, Mem{Base: dst}) }
	}

	Label("block")
	// The mask of the columns that are left: all ones, or 1<<cols - 1.
	bits := GP64()
	MOVQ(U64(1), bits)
	count := GP64()
	MOVQ(cols, RCX)
	SHLQ(CL, bits)
	SUBQ(Imm(1), bits)
	MOVL(U32(0xffff), count.As32())
	CMPQ(cols, Imm(16))
	CMOVQGE(count, bits)
	KMOVW(bits.As32(), tail)

	p, q := GP64(), GP64()
	MOVQ(src, p)
	r := make([]VecVirtual, 16)
	for i := range r {
		r[i] = ZMM()
		VMOVUPS_Z(Mem{Base: p}, tail, r[i])
		if i < 15 {
			LEAQ(Mem{Base: p, Index: ss, Scale: 1}, q)
			CMPQ(rows, Imm(uint64(i+1)))
			CMOVQGT(q, p)
		}
	}
	t := make([]VecVirtual, 16)
	for i := range t {
		t[i] = ZMM()
	}
	for i := 0; i < 16; i += 2 {
		VUNPCKLPS(r[i+1], r[i], t[i])
		VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	// r[4g+j] holds, in 128-bit lane l, column 4l+j of rows 4g..4g+3.
	for g := 0; g < 16; g += 4 {
		VUNPCKLPD(t[g+2], t[g], r[g])
		VUNPCKHPD(t[g+2], t[g], r[g+1])
		VUNPCKLPD(t[g+3], t[g+1], r[g+2])
		VUNPCKHPD(t[g+3], t[g+1], r[g+3])
	}
	for j := range 4 {
		VSHUFF32X4(Imm(0x44), r[4+j], r[j], t[j])      // lanes 0, 1 of rows 0..3 and 4..7
		VSHUFF32X4(Imm(0xee), r[4+j], r[j], t[4+j])    // lanes 2, 3
		VSHUFF32X4(Imm(0x44), r[12+j], r[8+j], t[8+j]) // of rows 8..15
		VSHUFF32X4(Imm(0xee), r[12+j], r[8+j], t[12+j])
	}
	out := make([]VecVirtual, 16)
	for j := range 4 {
		for l := range 4 {
			lo, hi := t[j+4*(l/2)], t[8+j+4*(l/2)]
			imm := uint64(0x88)
			if l%2 == 1 {
				imm = 0xdd
			}
			out[4*l+j] = r[4*l+j]
			VSHUFF32X4(Imm(imm), hi, lo, out[4*l+j])
		}
	}
	CMPQ(cols, Imm(16))
	JLT(LabelRef("last"))
	for j := range out {
		store(out[j])
		ADDQ(ds, dst)
	}
	ADDQ(Imm(64), src)
	SUBQ(Imm(16), cols)
	JNZ(LabelRef("block"))
	JMP(LabelRef("end"))
	Label("last")
	for j := range out {
		store(out[j])
		ADDQ(ds, dst)
		SUBQ(Imm(1), cols)
		JZ(LabelRef("end"))
	}
	Label("end")
	VZEROUPPER()
	RET()
}

// copyPanel moves rows of at most 32 floats.
func copyPanel() {
	TEXT("copyPanel", NOSPLIT|NOFRAME, "func(dst, src *float32, dstStride, srcStride, rows int, mask uint64)")
	Pragma("noescape")
	Doc("copyPanel copies rows of 32 floats, strides in bytes; floats whose bit of mask is 0 are not read and become 0.",
		"It stores whole vectors: 32 floats a row, or 16 if the upper half of mask is 0.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	ds, ss := Load(Param("dstStride"), GP64()), Load(Param("srcStride"), GP64())
	rows, mask := Load(Param("rows"), GP64()), Load(Param("mask"), GP64())
	k0, k1 := K(), K()
	KMOVW(mask.(GPVirtual).As32(), k0)
	SHRQ(Imm(16), mask)
	KMOVW(mask.(GPVirtual).As32(), k1)
	TESTQ(rows, rows)
	JZ(LabelRef("end"))
	x, y := ZMM(), ZMM()
	TESTQ(mask, mask)
	JZ(LabelRef("half"))
	Label("row")
	VMOVUPS_Z(Mem{Base: src}, k0, x)
	VMOVUPS_Z(Mem{Base: src, Disp: 64}, k1, y)
	VMOVUPS(x, Mem{Base: dst})
	VMOVUPS(y, Mem{Base: dst, Disp: 64})
	ADDQ(ss, src)
	ADDQ(ds, dst)
	SUBQ(Imm(1), rows)
	JNZ(LabelRef("row"))
	JMP(LabelRef("end"))
	Label("half")
	VMOVUPS_Z(Mem{Base: src}, k0, x)
	VMOVUPS(x, k0, Mem{Base: dst})
	ADDQ(ss, src)
	ADDQ(ds, dst)
	SUBQ(Imm(1), rows)
	JNZ(LabelRef("half"))
	Label("end")
	VZEROUPPER()
	RET()
}
