package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// dots is the kernel for few columns: of pairs of rows of A with up to four rows of B, both read as they lie. Eight
// accumulators, two vectors of A and two of B keep both multipliers busy; a tile of 16 columns would waste most of it.
func dots() {
	TEXT("dots2x4AVX2", NOSPLIT|NOFRAME, "func(t *byte)")
	Pragma("noescape")
	Doc("dots2x4AVX2 writes the dot products of two rows of t.a, t.as bytes apart, with four of t.b, t.bs bytes apart, each t.k long, to c[r*4+j],",
		"t.tiles times: two rows further in a, 8 floats in c. Only t.mask rows of b, 1 to 4, are read: the others' products are the last one's.")
	f := tileFields(Load(Param("t"), GP64()))
	a0, as, c, tiles := load(f.a), load(f.as), load(f.c), load(f.tiles)
	b := [4]GPVirtual{load(f.b)}
	bs, n := load(f.bs), load(f.mask)
	for j := 1; j < 4; j++ {
		b[j] = GP64()
		next := GP64()
		LEAQ(Mem{Base: b[j-1], Index: bs, Scale: 1}, next)
		MOVQ(b[j-1], b[j])
		CMPQ(n, Imm(uint64(j)))
		CMOVQGT(next, b[j])
	}
	whole := load(f.k) // bytes of whole vectors
	rest := GP64()
	MOVQ(whole, rest)
	ANDQ(Imm(7), rest)
	SUBQ(rest, whole)
	SHLQ(Imm(2), whole)

	Label("next")
	a1, at := GP64(), GP64()
	LEAQ(Mem{Base: a0, Index: as, Scale: 1}, a1)
	XORQ(at, at)
	var acc [2][4]VecVirtual
	for r := range acc {
		for j := range acc[r] {
			acc[r][j] = YMM()
			VXORPS(acc[r][j], acc[r][j], acc[r][j])
		}
	}
	x, y := [2]VecVirtual{YMM(), YMM()}, [2]VecVirtual{YMM(), YMM()}
	step := func(load func(from GPVirtual, to VecVirtual)) {
		load(a0, x[0])
		load(a1, x[1])
		for j := range b {
			load(b[j], y[j%2])
			for r := range acc {
				VFMADD231PS(y[j%2], x[r], acc[r][j])
			}
		}
	}
	CMPQ(at, whole)
	JGE(LabelRef("rest"))
	Label("loop")
	step(func(from GPVirtual, to VecVirtual) { VMOVUPS(Mem{Base: from, Index: at, Scale: 1}, to) })
	ADDQ(Imm(32), at)
	CMPQ(at, whole)
	JLT(LabelRef("loop"))
	Label("rest")
	TESTQ(rest, rest)
	JZ(LabelRef("sum"))
	count, mask := GP64(), YMM()
	MOVQ(rest, count)
	VMOVUPS(Mem{Base: laneMask(count)}, mask)
	step(func(from GPVirtual, to VecVirtual) { VMASKMOVPS(Mem{Base: from, Index: at, Scale: 1}, mask, to) })

	Label("sum")
	for r, row := range acc {
		VHADDPS(row[1], row[0], row[0])
		VHADDPS(row[3], row[2], row[2])
		VHADDPS(row[2], row[0], row[0])
		VEXTRACTF128(Imm(1), row[0], x[0].AsX())
		VADDPS(x[0].AsX(), row[0].AsX(), row[0].AsX())
		VMOVUPS(row[0].AsX(), Mem{Base: c, Disp: 16 * r})
	}
	LEAQ(Mem{Base: a0, Index: as, Scale: 2}, a0)
	ADDQ(Imm(32), c)
	SUBQ(Imm(1), tiles)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}
