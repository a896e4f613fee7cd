package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func rowQuants() {
	f := beginLines("rowQuants", "rounds t.rows rows of t.whole vectors of 16 and one whose mask is t.rest, 0 behind the rest, times their inverse scales, and leaves t.rows 0.")
	src, dst, inverse, mask := load(f.src), load(f.dst), load(f.inverse), K()
	KMOVW(f.rest, mask)
	scale, x := ZMM(), ZMM()
	Label("row")
	p, q, n := GP64(), GP64(), load(f.whole)
	MOVQ(src, p)
	MOVQ(dst, q)
	VBROADCASTSS(Mem{Base: inverse}, scale)
	TESTQ(n, n)
	JZ(LabelRef("rest"))
	Label("vector")
	VMULPS(Mem{Base: p}, scale, x)
	VCVTPS2DQ(x, x)
	VPMOVDW(x, Mem{Base: q})
	ADDQ(Imm(64), p)
	ADDQ(Imm(32), q)
	SUBQ(Imm(1), n)
	JNZ(LabelRef("vector"))
	Label("rest")
	CMPQ(f.rest, Imm(0))
	JE(LabelRef("end"))
	VMOVUPS_Z(Mem{Base: p}, mask, x)
	VMULPS(x, scale, x)
	VCVTPS2DQ(x, x)
	VPMOVDW(x, Mem{Base: q})
	Label("end")
	ADDQ(Imm(4), inverse)
	ADDQ(f.srcStep, src)
	ADDQ(f.dstStep, dst)
	SUBQ(Imm(1), f.rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// columnQuants rounds 16 columns, or 32: the second of a pair of rows fills the upper halves of lanes.
func columnQuants(vectors int) {
	f := beginStrip(fmt.Sprintf("columnQuants%d", 16*vectors), fmt.Sprintf("rounds up to %d columns of t.groups pairs of rows, and a row alone if t.odd is not 0, times their inverse scales.", 16*vectors))
	src, dst, groups, m := load(f.src), load(f.dst), load(f.groups), load(f.mask)
	step, dstStep, p := load(f.srcStep), load(f.dstStep), load(f.inverse)
	upper := K()
	masks, scales, low, high := make([]Register, vectors), make([]VecVirtual, vectors), make([]VecVirtual, vectors), make([]VecVirtual, vectors)
	for j := range vectors {
		masks[j], scales[j], low[j], high[j] = K(), ZMM(), ZMM(), ZMM()
		KMOVW(m.As32(), masks[j])
		SHRQ(Imm(16), m)
		VMOVUPS_Z(Mem{Base: p, Disp: 64 * j}, masks[j], scales[j])
	}
	MOVL(U32(0xaaaaaaaa), m.As32())
	KMOVD(m.As32(), upper)
	round := func(from Mem, j int, to VecVirtual) {
		VMOVUPS_Z(from.Offset(64*j), masks[j], to)
		VMULPS(scales[j], to, to)
		VCVTPS2DQ(to, to)
	}
	TESTQ(groups, groups)
	JZ(LabelRef("odd"))
	Label("pair")
	for j := range vectors {
		round(Mem{Base: src}, j, low[j])
		round(Mem{Base: src, Index: step, Scale: 1}, j, high[j])
		VPSLLD(Imm(16), high[j], high[j])
		VMOVDQU16(high[j], upper, low[j])
		VMOVDQU32(low[j], masks[j], Mem{Base: dst, Disp: 64 * j})
	}
	LEAQ(Mem{Base: src, Index: step, Scale: 2}, src)
	ADDQ(dstStep, dst)
	SUBQ(Imm(1), groups)
	JNZ(LabelRef("pair"))
	Label("odd")
	CMPQ(f.odd, Imm(0))
	JE(LabelRef("end"))
	for j := range vectors {
		round(Mem{Base: src}, j, low[j])
		VPXORD(high[j], high[j], high[j])
		VMOVDQU16(high[j], upper, low[j])
		VMOVDQU32(low[j], masks[j], Mem{Base: dst, Disp: 64 * j})
	}
	Label("end")
	VZEROUPPER()
	RET()
}

// turn gathers pairs: lane c is a pair of row c.
func turn() {
	at := begin("turnPanel", "sets t.groups pairs of 32 columns of a panel to those of rows t.step bytes apart.")
	dst, src, step, groups := load(at(0)), load(at(1)), load(at(2)), load(at(3))
	lanes := GLOBL("lanes", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(uint32(i)))
	}
	index, all, x := ZMM(), K(), ZMM()
	VPBROADCASTD(step.As32(), index)
	VPMULLD(lanes, index, index)
	second := GP64()
	MOVQ(step, second)
	SHLQ(Imm(4), second)
	ADDQ(src, second)
	Label("group")
	for j, p := range []GPVirtual{src, second} {
		KXNORW(all, all, all)
		VPGATHERDD(Mem{Base: p, Index: index, Scale: 1}, all, x)
		VMOVDQU32(x, Mem{Base: dst, Disp: 64 * j})
		ADDQ(Imm(4), p)
	}
	ADDQ(U32(128), dst)
	SUBQ(Imm(1), groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}
