package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// stream writes the kernel that copies rows past the cache. Rows of dst begin on a cache line and are whole ones. Stores of
// this kind are not ordered with others, so it ends with a fence.
func (g *gen) stream() {
	begin(g.name("stream"), "func(dst, src *float32, cols, rows, dstStep, srcStep int)",
		"copies rows of cols floats, a positive multiple of 16, the steps in bytes; rows > 0.")
	d, s, cols, rows := param("dst"), param("src"), param("cols"), param("rows")
	dstStep, srcStep := param("dstStep"), param("srcStep")
	i := GP64()
	Label("row")
	XORQ(i, i)
	Label("line")
	for k := range 16 / g.lanes() {
		x := g.v()
		VMOVUPS(Mem{Base: s, Index: i, Scale: 4, Disp: 4 * k * g.lanes()}, x)
		VMOVNTPS(x, Mem{Base: d, Index: i, Scale: 4, Disp: 4 * k * g.lanes()})
	}
	ADDQ(Imm(16), i)
	CMPQ(i, cols)
	JLT(LabelRef("line"))
	ADDQ(dstStep, d)
	ADDQ(srcStep, s)
	DECQ(rows)
	JNZ(LabelRef("row"))
	SFENCE()
	end()
}
