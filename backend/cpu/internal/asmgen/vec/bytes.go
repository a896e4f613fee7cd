package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// bytes writes the kernels that read or write bytes and bools. The AVX2 ones want whole vectors:
// n is a multiple of 8.
func (g *gen) bytes() {
	for _, p := range []struct {
		name, doc string
		pred      uint64
	}{{"less", "a < b", lt}, {"lessEqual", "a <= b", le}, {"equal", "a == b", eq}, {"notEqual", "a != b", neq}} {
		begin(g.name(p.name), "func(dst *bool, a, b *float32, n int)", "sets dst = "+p.doc+".")
		d, a, b, n := param("dst"), param("a"), param("b"), param("n")
		if g.wide {
			g.ones = XMM()
			VMOVDQU(ones(), g.ones)
		}
		g.eachBytes(n, func(i GPVirtual) {
			g.storeBools(g.cmp(p.pred, g.load(at(a, i)), g.load(at(b, i))), Mem{Base: d, Index: i, Scale: 1})
		})
		end()
	}

	begin(g.name("choose"), "func(dst *float32, cond *bool, a, b *float32, n int)", "sets dst to a where cond, else to b.")
	d, cond, a, b, n := param("dst"), param("cond"), param("a"), param("b"), param("n")
	g.eachBytes(n, func(i GPVirtual) {
		w := g.loadBytes(Mem{Base: cond, Index: i, Scale: 1})
		y := g.load(at(b, i))
		if g.wide {
			k := K()
			VPTESTMD(w, w, k)
			VMOVAPS(g.load(at(a, i)), k, y)
		} else {
			VPSLLD(Imm(31), w, w)
			VBLENDVPS(w, g.load(at(a, i)), y, y)
		}
		g.store(y, at(d, i))
	})
	end()

	begin(g.name("fromBytes"), "func(dst *float32, a *uint8, s, t float32, n int)", "sets dst = a * s + t, rounded once.")
	d, a, n = param("dst"), param("a"), param("n")
	s, t := g.scalar("s"), g.scalar("t")
	g.eachBytes(n, func(i GPVirtual) {
		x := g.loadBytes(Mem{Base: a, Index: i, Scale: 1})
		VCVTDQ2PS(x, x)
		VFMADD213PS(t, s, x)
		g.store(x, at(d, i))
	})
	end()
}

// byteExtremes writes the kernels of bytes alone, for every set the same: n is a positive
// multiple of 32.
func byteExtremes() {
	for _, p := range []struct {
		name, doc string
		f         func(a, b, dst Op)
	}{
		{"maxBytes", "the larger of a and b", func(a, b, dst Op) { VPMAXUB(a, b, dst) }},
		{"minBytes", "the smaller of a and b", func(a, b, dst Op) { VPMINUB(a, b, dst) }},
	} {
		begin(p.name, "func(dst, a, b *uint8, n int)", "sets dst = "+p.doc+".")
		d, a, b, n := param("dst"), param("a"), param("b"), param("n")
		i, x := GP64(), YMM()
		XORQ(i, i)
		Label("loop")
		VMOVDQU(Mem{Base: a, Index: i, Scale: 1}, x)
		p.f(Mem{Base: b, Index: i, Scale: 1}, x, x)
		VMOVDQU(x, Mem{Base: d, Index: i, Scale: 1})
		ADDQ(Imm(32), i)
		SUBQ(Imm(32), n)
		JNZ(LabelRef("loop"))
		end()
	}
}

func (g *gen) eachBytes(n GPVirtual, body func(i GPVirtual)) {
	if g.wide {
		g.each(n, body)
		return
	}
	i := GP64()
	XORQ(i, i)
	Label("loop")
	body(i)
	ADDQ(Imm(8), i)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("loop"))
}

// loadBytes widens bytes to 32-bit lanes.
func (g *gen) loadBytes(m Mem) VecVirtual {
	r := g.v()
	if g.tail != nil {
		VPMOVZXBD_Z(m, g.tail, r)
	} else {
		VPMOVZXBD(m, r)
	}
	return r
}

// storeBools stores a mask as bytes 0 and 1.
func (g *gen) storeBools(mask Op, m Mem) {
	x := XMM()
	if g.wide {
		VMOVDQU8_Z(g.ones, mask, x)
		if g.tail != nil {
			VMOVDQU8(x, g.tail, m)
		} else {
			VMOVDQU(x, m)
		}
		return
	}
	y := mask.(VecVirtual)
	VEXTRACTF128(Imm(1), y, x)
	VPACKSSDW(x, y.AsX(), x)
	VPACKSSWB(x, x, x)
	VPAND(ones(), x, x)
	VMOVQ(x, m)
}

func ones() Mem {
	narrow := gen{}
	return narrow.bits(0x01010101).(Mem)
}
