package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// stripFields are the words of gemm8.strip, in order.
type stripFields struct {
	dst, src, step, groups, mask Mem
	rest                         [4]Mem
}

func beginStrip(name, doc string) stripFields {
	t := begin(name, doc)
	at := func(i int) Mem { return Mem{Base: t, Disp: 8 * i} }
	return stripFields{at(0), at(1), at(2), at(3), at(4), [4]Mem{at(5), at(6), at(7), at(8)}}
}

// packFours packs a panel for VPDPBUSD. Two vectors of two rows each are four rows of 32 bytes, which VPERMT2D makes
// fours of columns, four bytes from each row in a lane, and VPSHUFB then columns.
func packFours() {
	f := beginStrip("packFours", "packs up to 32 columns, t.groups times four rows and those of t.rest, with the sums of columns before them.")
	p := newFours()
	dst, src, step, groups, left := load(f.dst), load(f.src), load(f.step), load(f.groups), load(f.rest[0])
	head, third := GP64(), GP64()
	MOVQ(dst, head)
	LEAQ(Mem{Base: step, Index: step, Scale: 2}, third)
	for _, k := range p.masks {
		KMOVD(f.mask, k)
	}
	SUBQ(Imm(1), groups)
	JLT(LabelRef("rest"))
	Label("group")
	ADDQ(U32(128), dst)
	p.group(dst, [4]Mem{{Base: src}, {Base: src, Index: step, Scale: 1}, {Base: src, Index: step, Scale: 2}, {Base: src, Index: third, Scale: 1}})
	LEAQ(Mem{Base: src, Index: step, Scale: 4}, src)
	SUBQ(Imm(1), groups)
	JGE(LabelRef("group"))
	Label("rest")
	TESTQ(left, left)
	JZ(LabelRef("sums"))
	for i, k := range p.masks {
		KMOVD(f.rest[i], k)
	}
	XORQ(left, left)
	XORQ(groups, groups)
	JMP(LabelRef("group"))

	Label("sums")
	zero := ZMM()
	VPXORD(zero, zero, zero)
	for j, v := range p.sums {
		VPSUBD(v, zero, v)
		VMOVDQU64(v, Mem{Base: head, Disp: 64 * j})
	}
	VZEROUPPER()
	RET()
}

// fours are the registers of packFours.
type fours struct {
	masks          [4]Register
	sums, from     [2]VecVirtual // from: where each dword of a half of the columns comes from
	bytes, hundred VecVirtual    // where each byte of a lane comes from; 128 in each byte
}

func newFours() *fours {
	dwords := GLOBL("fourDwords", RODATA|NOPTR)
	for to := range 32 {
		row, column := to%4, to/4
		DATA(4*to, U32(uint32(16*(row/2)+8*(row%2)+column)))
	}
	bytes := GLOBL("fourBytes", RODATA|NOPTR)
	for column := range 4 {
		DATA(4*column, U32(uint32(0x0c080400+0x01010101*column)))
	}
	p := &fours{bytes: ZMM(), hundred: ZMM()}
	for i := range p.masks {
		p.masks[i] = K()
	}
	for j := range 2 {
		p.sums[j], p.from[j] = ZMM(), ZMM()
		VPXORD(p.sums[j], p.sums[j], p.sums[j])
		VMOVDQU64(dwords.Offset(64*j), p.from[j])
	}
	VBROADCASTI32X4(bytes, p.bytes)
	r := GP32()
	MOVL(U32(0x80808080), r)
	VPBROADCASTD(r, p.hundred)
	return p
}

// group packs four rows, and adds 128 times their sums.
func (p *fours) group(dst GPVirtual, rows [4]Mem) {
	var pairs [2]VecVirtual
	for i := range pairs {
		low, high := ZMM(), YMM()
		VMOVDQU8_Z(rows[2*i], p.masks[2*i], low.AsY())
		VMOVDQU8_Z(rows[2*i+1], p.masks[2*i+1], high)
		VINSERTI64X4(Imm(1), high, low, low)
		pairs[i] = low
	}
	second := ZMM()
	VMOVDQA64(pairs[0], second)
	for j, v := range []VecVirtual{pairs[0], second} {
		VPERMT2D(pairs[1], p.from[j], v)
		VPSHUFB(p.bytes, v, v)
		VPDPBUSD(v, p.hundred, p.sums[j])
		VMOVDQU64(v, Mem{Base: dst, Disp: 64 * j})
	}
}

// packTwos packs a panel for narrowTile.
func packTwos() {
	f := beginStrip("packTwos", "packs 16 columns of t.groups times two rows, above 0.")
	dst, src, step, groups := load(f.dst), load(f.src), load(f.step), load(f.groups)
	a, b, low := XMM(), XMM(), XMM()
	Label("group")
	VMOVDQU(Mem{Base: src}, a)
	VMOVDQU(Mem{Base: src, Index: step, Scale: 1}, b)
	VPUNPCKLBW(b, a, low)
	VPUNPCKHBW(b, a, a)
	VMOVDQU(low, Mem{Base: dst})
	VMOVDQU(a, Mem{Base: dst, Disp: 16})
	LEAQ(Mem{Base: src, Index: step, Scale: 2}, src)
	ADDQ(Imm(32), dst)
	SUBQ(Imm(1), groups)
	JNZ(LabelRef("group"))
	RET()
}
