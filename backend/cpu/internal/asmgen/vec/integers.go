package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// integers writes the kernels between float32 and the integers of products of bytes. The AVX2 ones want whole vectors:
// n is a multiple of 8.
func (g *gen) integers() {
	begin(g.name("fromInts"), "func(dst *float32, a *int32, n int)", "sets dst = float32(a).")
	d, a, n := param("dst"), param("a"), param("n")
	g.eachBytes(n, func(i GPVirtual) {
		x := g.load(at(a, i))
		VCVTDQ2PS(x, x)
		g.store(x, at(d, i))
	})
	end()

	begin(g.name("toSigned"), "func(dst *int8, a *float32, n int)", "sets dst to a without its fraction, within [-128, 127], NaN to 0.")
	d, a, n = param("dst"), param("a"), param("n")
	least, most := g.constant(-128), g.constant(127)
	g.eachBytes(n, func(i GPVirtual) {
		x, y := g.load(at(a, i)), g.v()
		known := g.cmp(eq, x, x) // not NaN
		VMINPS(most, x, y)
		VMAXPS(least, y, y)
		to := Mem{Base: d, Index: i, Scale: 1}
		if !g.wide {
			VCVTTPS2DQ(y, y)
			VPAND(known.(VecVirtual), y, y)
			high := XMM()
			VEXTRACTI128(Imm(1), y, high)
			VPACKSSDW(high, y.AsX(), high)
			VPACKSSWB(high, high, high)
			VMOVQ(high, to)
			return
		}
		VCVTTPS2DQ_Z(y, known, y)
		if g.tail != nil {
			VPMOVDB(y, g.tail, to)
		} else {
			VPMOVDB(y, to)
		}
	})
	end()
}

// constant loads a constant into all lanes of a register.
func (g *gen) constant(f float32) VecVirtual {
	op := g.c(f)
	if r, ok := op.(VecVirtual); ok {
		return r
	}
	return g.reg(op)
}
