package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// fetch asks for rows that lie too far apart for the processor to foresee them. Its words are attention.fetch's.
func fetch() {
	t := begin("fetchRows", "asks for t.bytes of each of t.rows rows, t.stride bytes apart, to come into the second-level cache.")
	p, rows, stride, bytes := load(Mem{Base: t}), load(Mem{Base: t, Disp: 8}), load(Mem{Base: t, Disp: 16}), load(Mem{Base: t, Disp: 24})
	i := GP64()
	Label("row")
	XORQ(i, i)
	Label("line")
	PREFETCHT1(Mem{Base: p, Index: i, Scale: 1})
	ADDQ(Imm(64), i)
	CMPQ(i, bytes)
	JLT(LabelRef("line"))
	ADDQ(stride, p)
	SUBQ(Imm(1), rows)
	JNZ(LabelRef("row"))
	RET()
}
