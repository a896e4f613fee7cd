package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

var ones Mem

// laneMasks loads the masks of the first n of so many vectors of 8 lanes, at most 4.
func laneMasks(n GPVirtual, vectors int) []Op {
	if ones.Base == nil {
		ones = GLOBL("laneMasks", RODATA|NOPTR)
		for i := range 64 {
			DATA(4*i, U32([2]uint32{0xffffffff, 0}[i/32]))
		}
	}
	end, p := GP64(), GP64()
	LEAQ(ones.Offset(4*32), p)
	MOVQ(n, end)
	SHLQ(Imm(2), end)
	SUBQ(end, p)
	masks := make([]Op, vectors)
	for j := range masks {
		v := YMM()
		VMOVDQU(Mem{Base: p, Disp: 32 * j}, v)
		masks[j] = v
	}
	return masks
}

// narrowMagnitudes returns a vector that takes the signs of floats away.
func narrowMagnitudes() VecVirtual {
	v := YMM()
	VPCMPEQD(v, v, v)
	VPSRLD(Imm(1), v, v)
	return v
}

// narrowNorms are the registers of sums of squares and greatest magnitudes, in sets that need not wait for each other.
type narrowNorms struct {
	sum, top, x []VecVirtual
	bits        VecVirtual
}

func newNarrowNorms(bits VecVirtual) *narrowNorms {
	n := &narrowNorms{bits: bits}
	for range 4 {
		n.sum, n.top, n.x = append(n.sum, narrowZero()), append(n.top, narrowZero()), append(n.x, YMM())
	}
	n.x = n.x[:2]
	return n
}

// add adds 8 values to set i, those with a mask if there is one.
func (n *narrowNorms) add(i int, from Mem, mask Op) {
	x := n.x[i%2]
	if mask != nil {
		VMASKMOVPS(from, mask, x)
		VANDPS(x, n.bits, x)
	} else {
		VANDPS(from, n.bits, x)
	}
	VFMADD231PS(x, x, n.sum[i])
	VMAXPS(x, n.top[i], n.top[i])
}

func narrowRowNorms() {
	f := beginLines("rowNormsAVX2", "finds the sums of squares and the greatest magnitudes of t.rows rows of t.whole vectors of 16 and t.rest values, and leaves t.rows 0.")
	src, squares, high := load(f.src), load(f.squares), load(f.high)
	bits, masks := narrowMagnitudes(), laneMasks(load(f.rest), 2)
	Label("row")
	s := newNarrowNorms(bits)
	p, n := GP64(), load(f.whole)
	MOVQ(src, p)
	SUBQ(Imm(2), n)
	JLT(LabelRef("last"))
	Label("two")
	for i := range 4 {
		s.add(i, Mem{Base: p, Disp: 32 * i}, nil)
	}
	ADDQ(U32(128), p)
	SUBQ(Imm(2), n)
	JGE(LabelRef("two"))
	Label("last")
	ADDQ(Imm(2), n)
	JZ(LabelRef("rest"))
	for i := range 2 {
		s.add(i, Mem{Base: p, Disp: 32 * i}, nil)
	}
	ADDQ(Imm(64), p)
	Label("rest")
	CMPQ(f.rest, Imm(0))
	JE(LabelRef("fold"))
	for i := range 2 {
		s.add(2+i, Mem{Base: p, Disp: 32 * i}, masks[i])
	}
	Label("fold")
	for _, i := range []int{2, 1} {
		for j := range i {
			VADDPS(s.sum[i+j], s.sum[j], s.sum[j])
			VMAXPS(s.top[i+j], s.top[j], s.top[j])
		}
	}
	narrowFold(s.sum[0], s.x[0], func(a, b VecVirtual) { VADDPS(a, b, b) })
	narrowFold(s.top[0], s.x[1], func(a, b VecVirtual) { VMAXPS(a, b, b) })
	VMOVSS(s.sum[0].AsX(), Mem{Base: squares})
	VMOVSS(s.top[0].AsX(), Mem{Base: high})
	ADDQ(Imm(4), squares)
	ADDQ(Imm(4), high)
	ADDQ(f.srcStep, src)
	SUBQ(Imm(1), f.rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// narrowFold leaves in the first lane what join makes of all lanes; x is spent.
func narrowFold(v, x VecVirtual, join func(a, b VecVirtual)) {
	VPERM2F128(Imm(1), v, v, x)
	join(x, v)
	VPERMILPS(Imm(0x4e), v, x)
	join(x, v)
	VPERMILPS(Imm(0xb1), v, x)
	join(x, v)
}

// narrowColumnNorms takes 32 columns, or up to 32.
func narrowColumnNorms(whole bool) {
	name, which := "columnNorms32", "32 columns"
	if !whole {
		name, which = "columnNormsUpTo32", "the first t.mask of 32 columns"
	}
	f := beginStrip(name, "finds the sums of squares and the greatest magnitudes of "+which+" of 2·t.groups + t.odd rows, and writes 32 of each.")
	src, step, rows := load(f.src), load(f.srcStep), load(f.groups)
	ADDQ(rows, rows)
	ADDQ(f.odd, rows)
	masks := make([]Op, 4)
	if !whole {
		masks = laneMasks(load(f.mask), 4)
	}
	s := newNarrowNorms(narrowMagnitudes())
	ahead := GP64()
	MOVQ(step, ahead)
	SHLQ(Imm(4), ahead) // processors do not fetch across pages by themselves
	TESTQ(rows, rows)
	JZ(LabelRef("end"))
	Label("row")
	for j := range 4 {
		if j%2 == 0 {
			PREFETCHT0(Mem{Base: src, Index: ahead, Scale: 1, Disp: 32 * j})
		}
		s.add(j, Mem{Base: src, Disp: 32 * j}, masks[j])
	}
	ADDQ(step, src)
	SUBQ(Imm(1), rows)
	JNZ(LabelRef("row"))
	Label("end")
	squares, high := load(f.squares), load(f.high)
	for j := range 4 {
		VMOVUPS(s.sum[j], Mem{Base: squares, Disp: 32 * j})
		VMOVUPS(s.top[j], Mem{Base: high, Disp: 32 * j})
	}
	VZEROUPPER()
	RET()
}
