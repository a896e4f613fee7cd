package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// lineFields are the words of gemm8.lines, in order.
type lineFields struct{ dst, src, rows, dstStep, srcStep, whole, rest Mem }

func beginLines(name, doc string) lineFields {
	t := begin(name, doc)
	at := func(i int) Mem { return Mem{Base: t, Disp: 8 * i} }
	return lineFields{at(0), at(1), at(2), at(3), at(4), at(5), at(6)}
}

// eachLine runs whole for every vector of 64, or 16, bytes of a row and rest behind them.
func eachLine(f lineFields, from, to int, whole, rest func(d, s GPVirtual)) {
	dst, src := load(f.dst), load(f.src)
	Label("row")
	d, s, n := GP64(), GP64(), load(f.whole)
	MOVQ(dst, d)
	MOVQ(src, s)
	TESTQ(n, n)
	JZ(LabelRef("rest"))
	Label("vector")
	whole(d, s)
	ADDQ(Imm(uint64(from)), s)
	ADDQ(Imm(uint64(to)), d)
	SUBQ(Imm(1), n)
	JNZ(LabelRef("vector"))
	Label("rest")
	rest(d, s)
	ADDQ(f.dstStep, dst)
	ADDQ(f.srcStep, src)
	SUBQ(Imm(1), f.rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

var signs Mem

// flipRows makes unsigned bytes of signed ones: 128 is added to each.
func flipRows() {
	f := beginLines("flipRows", "sets t.rows rows of t.whole vectors of 64 bytes, and one whose mask is t.rest, to src + 128, and leaves t.rows 0.")
	signs = GLOBL("signs", RODATA|NOPTR)
	DATA(0, U32(0x80808080))
	sign, x, k, m := ZMM(), ZMM(), K(), load(f.rest)
	VPBROADCASTD(signs, sign)
	KMOVQ(m, k)
	eachLine(f, 64, 64, func(d, s GPVirtual) {
		VPXORD(Mem{Base: s}, sign, x)
		VMOVDQU64(x, Mem{Base: d})
	}, func(d, s GPVirtual) {
		TESTQ(m, m)
		JZ(LabelRef("end"))
		VMOVDQU8_Z(Mem{Base: s}, k, x)
		VPXORD(x, sign, x)
		VMOVDQU8(x, k, Mem{Base: d})
		Label("end")
	})
}

// widenRows makes 16 bits of each byte.
func widenRows() {
	f := beginLines("widenRows", "sets t.rows rows of t.whole vectors of 16 values, and t.rest more, to src with 16 bits each, and leaves t.rows 0.")
	x, r, n := YMM(), GP64(), GP64()
	eachLine(f, 16, 32, func(d, s GPVirtual) {
		VPMOVSXBW(Mem{Base: s}, x)
		VMOVDQU(x, Mem{Base: d})
	}, func(d, s GPVirtual) {
		MOVQ(f.rest, n)
		TESTQ(n, n)
		JZ(LabelRef("end"))
		Label("one")
		MOVBQSX(Mem{Base: s}, r)
		MOVW(r.As16(), Mem{Base: d})
		ADDQ(Imm(1), s)
		ADDQ(Imm(2), d)
		SUBQ(Imm(1), n)
		JNZ(LabelRef("one"))
		Label("end")
	})
}
