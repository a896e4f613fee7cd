package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// copyRows emits the kernel of conv.copyCall: rows of n floats, n >= 1.
func (m *machine) copyRows() {
	arg := begin("copyRows"+m.name, "copyRows"+m.name+" copies rows of floats.")
	dst, src, rows, n, dstStep, srcStep := loadQ(arg(0)), loadQ(arg(1)), loadQ(arg(2)), arg(3), loadQ(arg(4)), loadQ(arg(5))
	lanes := m.bytes / 4
	last := GP64() // floats of the last vector, 1..lanes
	MOVQ(n, last)
	DECQ(last)
	whole := GP64() // bytes of the vectors before it
	MOVQ(last, whole)
	ANDQ(I32(-lanes), whole)
	SUBQ(whole, last)
	INCQ(last)
	SHLQ(Imm(2), whole)
	mask := m.lanesMask(last, lanes)
	loop("row", rows, func() {
		at := GP64()
		XORQ(at, at)
		Label("more")
		CMPQ(at, whole)
		JGE(LabelRef("end"))
		v := m.vec()
		VMOVUPS(Mem{Base: src, Index: at, Scale: 1}, v)
		VMOVUPS(v, Mem{Base: dst, Index: at, Scale: 1})
		ADDQ(Imm(uint64(m.bytes)), at)
		JMP(LabelRef("more"))
		Label("end")
		m.load(Mem{Base: src, Index: at, Scale: 1}, mask, v)
		m.store(v, mask, Mem{Base: dst, Index: at, Scale: 1})
		ADDQ(dstStep, dst)
		ADDQ(srcStep, src)
	})
	VZEROUPPER()
	RET()
}

// sumParts emits the kernel of conv.sumCall: dst = part 0 + part 1 + ..., over n vectors.
func (m *machine) sumParts() {
	arg := begin("sumParts"+m.name, "sumParts"+m.name+" adds the parts, vector by vector, in their order.")
	dst, src, n, parts, stride := loadQ(arg(0)), loadQ(arg(1)), loadQ(arg(2)), arg(3), loadQ(arg(4))
	loop("vector", n, func() {
		left, p, v := loadQ(parts), GP64(), m.vec()
		MOVQ(src, p)
		VMOVUPS(offset(p, 0), v)
		DECQ(left)
		JZ(LabelRef("store"))
		loop("part", left, func() {
			ADDQ(stride, p)
			VADDPS(offset(p, 0), v, v)
		})
		Label("store")
		VMOVUPS(v, offset(dst, 0))
		ADDQ(Imm(uint64(m.bytes)), src)
		ADDQ(Imm(uint64(m.bytes)), dst)
	})
	VZEROUPPER()
	RET()
}

// prefetch emits the kernel of conv.prefetchCall: n cache lines into the second level.
func (m *machine) prefetch() {
	arg := begin("prefetch"+m.name, "prefetch"+m.name+" asks for cache lines that will be read soon.")
	p, n := loadQ(arg(0)), loadQ(arg(1))
	loop("line", n, func() {
		PREFETCHT1(offset(p, 0))
		ADDQ(Imm(64), p)
	})
	RET()
}
