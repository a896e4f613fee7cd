package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// halfRow is wideRow for a B of bfloat16 that is read in place. A vector holds 32 columns: shifted left by 16 bits
// it is the even ones in float32, with its lower halves cleared the odd ones. They are summed apart, and put in
// order once at the end.
func halfRow() {
	TEXT("row1x64Half", NOSPLIT|NOFRAME, "func(t *byte)")
	Pragma("noescape")
	Doc("row1x64Half computes one row and 64 columns of C from 64 neighbouring columns of a B of bfloat16.")
	f := tileFields(Load(Param("t"), GP64()))
	a, b, c := load(f.a), load(f.b), load(f.c)
	as, bs, k := load(f.as), load(f.bs), load(f.k)
	acc := make([]VecVirtual, 4)
	for j := range acc {
		acc[j] = ZMM()
		VPXORD(acc[j], acc[j], acc[j])
	}
	av, upper, bits := ZMM(), ZMM(), GP32()
	MOVL(U32(0xffff0000), bits)
	VPBROADCASTD(bits, upper)
	TESTQ(k, k)
	JZ(LabelRef("order"))
	Label("one")
	VBROADCASTSS(Mem{Base: a}, av)
	for v := range 2 {
		even, odd := ZMM(), ZMM()
		PREFETCHT0(Mem{Base: b, Index: bs, Scale: 8, Disp: 64 * v}) // rows lie too far apart for the processor to follow by itself
		VMOVDQU32(Mem{Base: b, Disp: 64 * v}, odd)
		VPSLLD(Imm(16), odd, even)
		VPANDD(upper, odd, odd)
		VFMADD231PS(even, av, acc[2*v])
		VFMADD231PS(odd, av, acc[2*v+1])
	}
	ADDQ(as, a)
	ADDQ(bs, b)
	SUBQ(Imm(1), k)
	JNZ(LabelRef("one"))
	Label("order")
	for v := range 2 {
		low, up := ZMM(), ZMM()
		VUNPCKLPS(acc[2*v+1], acc[2*v], low) // 0 1 2 3 | 8 9 10 11 | 16 17 18 19 | 24 25 26 27
		VUNPCKHPS(acc[2*v+1], acc[2*v], up)  // 4 5 6 7 | 12 13 14 15 | 20 21 22 23 | 28 29 30 31
		for half, lanes := range []uint64{0x44, 0xee} {
			VSHUFF32X4(Imm(lanes), up, low, acc[2*v+half]) // two lanes of low, then the same two of up
			VSHUFF32X4(Imm(0xd8), acc[2*v+half], acc[2*v+half], acc[2*v+half])
		}
	}
	finishRow(f, acc, c, av)
}
