package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// halfRow is wideRow for a B of bfloat16 that is read in place. A vector holds 16 columns: shifted left by 16 bits
// it is the even ones in float32, with its lower halves cleared the odd ones. They are summed apart, and put in
// order once at the end.
func halfRow() {
	high := GLOBL("upperHalves", RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(0xffff0000))
	}
	TEXT("row1x64HalfAVX2", NOSPLIT|NOFRAME, "func(t *byte)")
	Pragma("noescape")
	Doc("row1x64HalfAVX2 computes one row and 64 columns of C from 64 neighbouring columns of a B of bfloat16.")
	f := tileFields(Load(Param("t"), GP64()))
	a, b, c := load(f.a), load(f.b), load(f.c)
	as, bs, k := load(f.as), load(f.bs), load(f.k)
	acc := make([]VecVirtual, 8)
	for j := range acc {
		acc[j] = YMM()
		VXORPS(acc[j], acc[j], acc[j])
	}
	av, mask := YMM(), YMM()
	VMOVDQU(high, mask)
	TESTQ(k, k)
	JZ(LabelRef("order"))
	Label("one")
	VBROADCASTSS(Mem{Base: a}, av)
	prefetchRow(b, bs, 2)
	for v := range 4 {
		even, odd := YMM(), YMM()
		VMOVDQU(Mem{Base: b, Disp: 32 * v}, odd)
		VPSLLD(Imm(16), odd, even)
		VPAND(mask, odd, odd)
		VFMADD231PS(even, av, acc[2*v])
		VFMADD231PS(odd, av, acc[2*v+1])
	}
	ADDQ(as, a)
	ADDQ(bs, b)
	SUBQ(Imm(1), k)
	JNZ(LabelRef("one"))
	Label("order")
	for v := range 4 {
		low, up := YMM(), YMM()
		VUNPCKLPS(acc[2*v+1], acc[2*v], low) // 0 1 2 3 | 8 9 10 11
		VUNPCKHPS(acc[2*v+1], acc[2*v], up)  // 4 5 6 7 | 12 13 14 15
		VPERM2F128(Imm(0x20), up, low, acc[2*v])
		VPERM2F128(Imm(0x31), up, low, acc[2*v+1])
	}
	finishRow(f, acc, c, av)
}
