package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// lineFields are the words of gemm16.lines, in order.
type lineFields struct{ dst, src, rows, dstStep, srcStep, whole, rest, squares, high, inverse Mem }

func beginLines(name, doc string) lineFields {
	at := begin(name, doc)
	return lineFields{at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9)}
}

// rowNorms has two sets of sums, so that one need not wait for the other.
func rowNorms() {
	f := beginLines("rowNorms", "finds the sums of squares and the greatest magnitudes of t.rows rows of t.whole vectors of 16 and one whose mask is t.rest, and leaves t.rows 0.")
	src, squares, high, mask := load(f.src), load(f.squares), load(f.high), K()
	KMOVW(f.rest, mask)
	bits := magnitudes()
	Label("row")
	var sum, top, x, y [2]VecVirtual
	for i := range 2 {
		sum[i], top[i], x[i], y[i] = zero(), zero(), ZMM(), ZMM()
	}
	one := func(i int) {
		VFMADD231PS(x[i], x[i], sum[i])
		VPANDD(bits, x[i], y[i])
		VMAXPS(y[i], top[i], top[i])
	}
	p, n := GP64(), load(f.whole)
	MOVQ(src, p)
	SUBQ(Imm(2), n)
	JLT(LabelRef("last"))
	Label("two")
	for i := range 2 {
		VMOVUPS(Mem{Base: p, Disp: 64 * i}, x[i])
		one(i)
	}
	ADDQ(U32(128), p)
	SUBQ(Imm(2), n)
	JGE(LabelRef("two"))
	Label("last")
	ADDQ(Imm(2), n)
	JZ(LabelRef("rest"))
	VMOVUPS(Mem{Base: p}, x[0])
	one(0)
	ADDQ(Imm(64), p)
	Label("rest")
	CMPQ(f.rest, Imm(0))
	JE(LabelRef("fold"))
	VMOVUPS_Z(Mem{Base: p}, mask, x[1])
	one(1)
	Label("fold")
	VADDPS(sum[1], sum[0], sum[0])
	VMAXPS(top[1], top[0], top[0])
	fold(sum[0], func(a, b VecVirtual) { VADDPS(a, b, b) })
	fold(top[0], func(a, b VecVirtual) { VMAXPS(a, b, b) })
	VMOVSS(sum[0].AsX(), Mem{Base: squares})
	VMOVSS(top[0].AsX(), Mem{Base: high})
	ADDQ(Imm(4), squares)
	ADDQ(Imm(4), high)
	ADDQ(f.srcStep, src)
	SUBQ(Imm(1), f.rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// fold leaves in the first lane what join makes of all lanes.
func fold(v VecVirtual, join func(a, b VecVirtual)) {
	x := ZMM()
	VSHUFF32X4(Imm(0x4e), v, v, x)
	join(x, v)
	VSHUFF32X4(Imm(0xb1), v, v, x)
	join(x, v)
	VPERMILPS(Imm(0x4e), v, x)
	join(x, v)
	VPERMILPS(Imm(0xb1), v, x)
	join(x, v)
}

// stripFields are the words of gemm16.strip, in order.
type stripFields struct{ dst, src, groups, odd, dstStep, srcStep, mask, squares, high, inverse Mem }

func beginStrip(name, doc string) stripFields {
	at := begin(name, doc)
	return stripFields{at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9)}
}

func columnNorms() {
	f := beginStrip("columnNorms", "finds the sums of squares and the greatest magnitudes of up to 64 columns of 2·t.groups + t.odd rows, and writes 64 of each.")
	src, step, rows, m := load(f.src), load(f.srcStep), load(f.groups), load(f.mask)
	ADDQ(rows, rows)
	ADDQ(f.odd, rows)
	bits := magnitudes()
	var masks [4]Register
	var sum, top, x, y [4]VecVirtual
	for j := range 4 {
		masks[j] = K()
		KMOVW(m.As32(), masks[j])
		SHRQ(Imm(16), m)
		sum[j], top[j], x[j], y[j] = zero(), zero(), ZMM(), ZMM()
	}
	ahead := GP64()
	MOVQ(step, ahead)
	SHLQ(Imm(4), ahead) // processors do not fetch across pages by themselves
	TESTQ(rows, rows)
	JZ(LabelRef("end"))
	Label("row")
	for j := range 4 {
		PREFETCHT0(Mem{Base: src, Index: ahead, Scale: 1, Disp: 64 * j})
		VMOVUPS_Z(Mem{Base: src, Disp: 64 * j}, masks[j], x[j])
		VFMADD231PS(x[j], x[j], sum[j])
		VPANDD(bits, x[j], y[j])
		VMAXPS(y[j], top[j], top[j])
	}
	ADDQ(step, src)
	SUBQ(Imm(1), rows)
	JNZ(LabelRef("row"))
	Label("end")
	squares, high := load(f.squares), load(f.high)
	for j := range 4 {
		VMOVUPS(sum[j], Mem{Base: squares, Disp: 64 * j})
		VMOVUPS(top[j], Mem{Base: high, Disp: 64 * j})
	}
	VZEROUPPER()
	RET()
}
