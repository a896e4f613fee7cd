package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func narrowRowQuants() {
	f := beginLines("rowQuantsAVX2", "rounds t.rows rows of t.whole vectors of 16 and t.rest values, 0 behind the rest, times their inverse scales, and leaves t.rows 0.")
	src, dst, inverse := load(f.src), load(f.dst), load(f.inverse)
	masks := laneMasks(load(f.rest), 2)
	scale, x, y := YMM(), YMM(), YMM()
	store := func(q GPVirtual) {
		VPACKSSDW(y, x, x)
		VPERMQ(Imm(0xd8), x, x)
		VMOVDQU(x, Mem{Base: q})
	}
	Label("row")
	p, q, n := GP64(), GP64(), load(f.whole)
	MOVQ(src, p)
	MOVQ(dst, q)
	VBROADCASTSS(Mem{Base: inverse}, scale)
	TESTQ(n, n)
	JZ(LabelRef("rest"))
	Label("vector")
	for j, v := range []VecVirtual{x, y} {
		VMULPS(Mem{Base: p, Disp: 32 * j}, scale, v)
		VCVTPS2DQ(v, v)
	}
	store(q)
	ADDQ(Imm(64), p)
	ADDQ(Imm(32), q)
	SUBQ(Imm(1), n)
	JNZ(LabelRef("vector"))
	Label("rest")
	CMPQ(f.rest, Imm(0))
	JE(LabelRef("end"))
	for j, v := range []VecVirtual{x, y} {
		VMASKMOVPS(Mem{Base: p, Disp: 32 * j}, masks[j], v)
		VMULPS(v, scale, v)
		VCVTPS2DQ(v, v)
		VPAND(masks[j], v, v) // 0 times a scale that is not found yet is none
	}
	store(q)
	Label("end")
	ADDQ(Imm(4), inverse)
	ADDQ(f.srcStep, src)
	ADDQ(f.dstStep, dst)
	SUBQ(Imm(1), f.rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// narrowQuants is a kernel that rounds columns: vectors of 8 of them, read by masks unless whole, and written by masks if
// edge.
type narrowQuants struct {
	name, doc   string
	vectors     int
	whole, edge bool
}

func (c narrowQuants) write() {
	f := beginStrip(c.name, "rounds "+c.doc+" of t.groups pairs of rows, and a row alone if t.odd is not 0, times their inverse scales.")
	src, dst, groups, step, dstStep := load(f.src), load(f.dst), load(f.groups), load(f.srcStep), load(f.dstStep)
	masks := make([]Op, c.vectors)
	if !c.whole {
		masks = laneMasks(load(f.mask), c.vectors)
	}
	get := func(from Mem, j int, to VecVirtual) {
		if c.whole {
			VMOVUPS(from.Offset(32*j), to)
			return
		}
		VMASKMOVPS(from.Offset(32*j), masks[j], to)
	}
	put := func(v VecVirtual, j int) {
		if c.edge {
			VPMASKMOVD(v, masks[j], Mem{Base: dst, Disp: 32 * j})
			return
		}
		VMOVDQU(v, Mem{Base: dst, Disp: 32 * j})
	}
	p, scales, zero := load(f.inverse), make([]VecVirtual, c.vectors), narrowZero()
	low, high := make([]VecVirtual, c.vectors), make([]VecVirtual, c.vectors)
	for j := range c.vectors {
		scales[j], low[j], high[j] = YMM(), YMM(), YMM()
		get(Mem{Base: p}, j, scales[j])
	}
	round := func(from Mem, j int, to VecVirtual) {
		get(from, j, to)
		VMULPS(scales[j], to, to)
		VCVTPS2DQ(to, to)
	}
	TESTQ(groups, groups)
	JZ(LabelRef("odd"))
	Label("pair")
	for j := range c.vectors {
		round(Mem{Base: src}, j, low[j])
		round(Mem{Base: src, Index: step, Scale: 1}, j, high[j])
		VPSLLD(Imm(16), high[j], high[j])
		VPBLENDW(Imm(0xaa), high[j], low[j], low[j])
		put(low[j], j)
	}
	LEAQ(Mem{Base: src, Index: step, Scale: 2}, src)
	ADDQ(dstStep, dst)
	SUBQ(Imm(1), groups)
	JNZ(LabelRef("pair"))
	Label("odd")
	CMPQ(f.odd, Imm(0))
	JE(LabelRef("end"))
	for j := range c.vectors {
		round(Mem{Base: src}, j, low[j])
		VPBLENDW(Imm(0xaa), zero, low[j], low[j])
		put(low[j], j)
	}
	Label("end")
	VZEROUPPER()
	RET()
}

// narrowTurn transposes pairs, four of 8 rows at a time: it reads as many of each row.
func narrowTurn() {
	at := begin("turnPanelAVX2", "sets t.groups pairs of 16 columns of a panel to those of rows t.step bytes apart, of which it reads whole fours of pairs.")
	dst, src, step, groups := load(at(0)), load(at(1)), load(at(2)), load(at(3))
	second, three, five, seven := GP64(), GP64(), GP64(), GP64()
	LEAQ(Mem{Base: src, Index: step, Scale: 8}, second)
	LEAQ(Mem{Base: step, Index: step, Scale: 2}, three)
	LEAQ(Mem{Base: step, Index: step, Scale: 4}, five)
	LEAQ(Mem{Base: three, Index: step, Scale: 4}, seven)
	rows := func(p GPVirtual) [8]Mem {
		m := func(index GPVirtual, scale uint8) Mem { return Mem{Base: p, Index: index, Scale: scale} }
		return [8]Mem{{Base: p}, m(step, 1), m(step, 2), m(three, 1), m(step, 4), m(five, 1), m(three, 2), m(seven, 1)}
	}
	var out [2][4]VecVirtual
	var r, t [4]VecVirtual
	for i := range 4 {
		out[0][i], out[1][i], r[i], t[i] = YMM(), YMM(), YMM(), YMM()
	}
	four := func() {
		for h, p := range []GPVirtual{src, second} {
			from := rows(p)
			for i, v := range r {
				VMOVUPS(from[i], v.AsX())
				VINSERTF128(Imm(1), from[i+4], v, v)
			}
			for i := 0; i < 4; i += 2 {
				VUNPCKLPS(r[i+1], r[i], t[i])
				VUNPCKHPS(r[i+1], r[i], t[i+1])
			}
			VUNPCKLPD(t[2], t[0], out[h][0])
			VUNPCKHPD(t[2], t[0], out[h][1])
			VUNPCKLPD(t[3], t[1], out[h][2])
			VUNPCKHPD(t[3], t[1], out[h][3])
			ADDQ(Imm(16), p)
		}
	}
	SUBQ(Imm(4), groups)
	JLT(LabelRef("rest"))
	Label("four")
	four()
	for g := range 4 {
		for h := range 2 {
			VMOVUPS(out[h][g], Mem{Base: dst, Disp: 64*g + 32*h})
		}
	}
	ADDQ(U32(256), dst)
	SUBQ(Imm(4), groups)
	JGE(LabelRef("four"))
	Label("rest")
	ADDQ(Imm(4), groups)
	JZ(LabelRef("end"))
	four()
	for g := range 3 {
		for h := range 2 {
			VMOVUPS(out[h][g], Mem{Base: dst, Disp: 64*g + 32*h})
		}
		SUBQ(Imm(1), groups)
		JZ(LabelRef("end"))
	}
	Label("end")
	VZEROUPPER()
	RET()
}
