// Command gemm256 writes the AVX2 kernels of package gemm.
//
// A tile is R rows by 16 columns, R = 1..6: twelve accumulators, two vectors of B and two
// broadcasts of A fill the 16 registers. Tiles at the right edge, whose masks need registers
// too, have at most 4 rows.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	for r := 1; r <= 6; r++ {
		tileKernel(r, false)
	}
	for r := 1; r <= 4; r++ {
		tileKernel(r, true)
	}
	wideRow()
	halfRow()
	dots()
	transpose8()
	strip(6)
	strip(16)
	Generate()
}

type fields struct {
	a, b, c, bias, k, as, bs, cs, tiles, atile, mask, mode Mem
}

func tileFields(t Register) fields {
	at := func(i int) Mem { return Mem{Base: t, Disp: 8 * i} }
	return fields{at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9), at(10), at(11)}
}

func load(m Mem) GPVirtual {
	r := GP64()
	MOVQ(m, r)
	return r
}

var ones Mem

// laneMask points p so that vectors at p, p+32 are the masks of the first n of 16 columns.
func laneMask(n GPVirtual) GPVirtual {
	if ones.Base == nil {
		ones = GLOBL("columnMasks", RODATA|NOPTR)
		for i := range 32 {
			DATA(4*i, U32([2]uint32{0xffffffff, 0}[i/16]))
		}
	}
	p := GP64()
	LEAQ(ones.Offset(64), p)
	NEGQ(n)
	LEAQ(Mem{Base: p, Index: n, Scale: 4}, p)
	return p
}

// columns moves two vectors, through the masks if there are any.
type columns struct{ masks []VecVirtual }

func (c columns) load(m Mem, j int, r VecVirtual) {
	if c.masks != nil {
		VMASKMOVPS(m.Offset(32*j), c.masks[j], r)
		return
	}
	VMOVUPS(m.Offset(32*j), r)
}

func (c columns) store(r VecVirtual, j int, m Mem) {
	if c.masks != nil {
		VMASKMOVPS(r, c.masks[j], m.Offset(32*j))
		return
	}
	VMOVUPS(r, m.Offset(32*j))
}

func tileKernel(rows int, masked bool) {
	name := fmt.Sprintf("tile%dx16AVX2", rows)
	if masked {
		name = fmt.Sprintf("edge%dx16AVX2", rows)
	}
	TEXT(name, NOSPLIT|NOFRAME, "func(t *byte)")
	Pragma("noescape")
	Doc(name + fmt.Sprintf(" computes %d rows and 16 columns of C, or the first t.mask of them for an edge, t.tiles times down the rows.", rows))
	f := tileFields(Load(Param("t"), GP64()))
	a0, c := load(f.a), load(f.c)
	as, bs, cs := load(f.as), load(f.bs), load(f.cs)
	tiles := load(f.tiles)
	cols := columns{}
	if masked {
		p := laneMask(load(f.mask))
		cols.masks = []VecVirtual{YMM(), YMM()}
		for j, m := range cols.masks {
			VMOVUPS(Mem{Base: p, Disp: 32 * j}, m)
		}
	}
	Label("next")
	acc := make([][2]VecVirtual, rows)
	for i := range acc {
		for j := range 2 {
			acc[i][j] = YMM()
			VXORPS(acc[i][j], acc[i][j], acc[i][j])
		}
	}
	a, b, k := GP64(), load(f.b), load(f.k)
	MOVQ(a0, a)
	bv := []VecVirtual{YMM(), YMM()}
	av := []VecVirtual{YMM(), YMM()}
	step := func() {
		for j := range bv {
			cols.load(Mem{Base: b}, j, bv[j])
		}
		for i := range rows {
			VBROADCASTSS(Mem{Base: a, Disp: 4 * i}, av[i%2])
			for j := range bv {
				VFMADD231PS(bv[j], av[i%2], acc[i][j])
			}
		}
		ADDQ(as, a)
		ADDQ(bs, b)
	}
	SUBQ(Imm(2), k)
	JLT(LabelRef("rest"))
	Label("loop")
	step()
	step()
	SUBQ(Imm(2), k)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(2), k)
	JZ(LabelRef("store"))
	step()

	Label("store")
	mode, row := load(f.mode), GP64()
	TESTQ(U32(1), mode)
	JZ(LabelRef("bias"))
	MOVQ(c, row)
	for i := range acc {
		for j := range acc[i] {
			cols.load(Mem{Base: row}, j, bv[j])
			VADDPS(acc[i][j], bv[j], acc[i][j])
		}
		ADDQ(cs, row)
	}
	Label("bias")
	bias := load(f.bias)
	TESTQ(bias, bias)
	JZ(LabelRef("relu"))
	for j := range bv {
		cols.load(Mem{Base: bias}, j, bv[j])
	}
	for i := range acc {
		for j := range acc[i] {
			VADDPS(bv[j], acc[i][j], acc[i][j])
		}
	}
	Label("relu")
	TESTQ(U32(2), mode)
	JZ(LabelRef("write"))
	VXORPS(bv[0], bv[0], bv[0])
	for i := range acc {
		for j := range acc[i] {
			VMAXPS(acc[i][j], bv[0], acc[i][j]) // NaN stays NaN
		}
	}
	Label("write")
	for i := range acc {
		for j := range acc[i] {
			cols.store(acc[i][j], j, Mem{Base: c})
		}
		ADDQ(cs, c)
	}
	ADDQ(f.atile, a0)
	SUBQ(Imm(1), tiles)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

// wideRow is the kernel for one row of A: 64 columns of four panels at a time.
func wideRow() {
	TEXT("row1x64AVX2", NOSPLIT|NOFRAME, "func(t *byte)")
	Pragma("noescape")
	Doc("row1x64AVX2 computes one row and 64 columns of C, from four panels of B that lie t.atile bytes apart.")
	f := tileFields(Load(Param("t"), GP64()))
	a, b, c := load(f.a), load(f.b), load(f.c)
	as, bs, k, ps := load(f.as), load(f.bs), load(f.k), load(f.atile)
	ps3 := GP64()
	LEAQ(Mem{Base: ps, Index: ps, Scale: 2}, ps3)
	acc := make([]VecVirtual, 8)
	for j := range acc {
		acc[j] = YMM()
		VXORPS(acc[j], acc[j], acc[j])
	}
	av := YMM()
	TESTQ(k, k)
	JZ(LabelRef("store"))
	Label("one")
	VBROADCASTSS(Mem{Base: a}, av)
	prefetchRow(b, bs, 4)
	for p, m := range []Mem{{Base: b}, {Base: b, Index: ps, Scale: 1}, {Base: b, Index: ps, Scale: 2}, {Base: b, Index: ps3, Scale: 1}} {
		VFMADD231PS(m, av, acc[2*p])
		VFMADD231PS(m.Offset(32), av, acc[2*p+1])
	}
	ADDQ(as, a)
	ADDQ(bs, b)
	SUBQ(Imm(1), k)
	JNZ(LabelRef("one"))
	finishRow(f, acc, c, av)
}

// prefetchRow asks for so many lines of B eight rows further on, where B is read in place: rows lie too far apart for
// the processor to follow by itself, and 24 rows ahead was slower.
func prefetchRow(b, bs GPVirtual, lines int) {
	for line := range lines {
		PREFETCHT0(Mem{Base: b, Index: bs, Scale: 8, Disp: 64 * line})
	}
}

// finishRow writes 64 sums of a row through the epilogue; zero is free for it.
func finishRow(f fields, acc []VecVirtual, c GPVirtual, zero VecVirtual) {
	Label("store")
	mode := load(f.mode)
	TESTQ(U32(1), mode)
	JZ(LabelRef("bias"))
	for j := range acc {
		VADDPS(Mem{Base: c, Disp: 32 * j}, acc[j], acc[j])
	}
	Label("bias")
	bias := load(f.bias)
	TESTQ(bias, bias)
	JZ(LabelRef("relu"))
	for j := range acc {
		VADDPS(Mem{Base: bias, Disp: 32 * j}, acc[j], acc[j])
	}
	Label("relu")
	TESTQ(U32(2), mode)
	JZ(LabelRef("write"))
	VXORPS(zero, zero, zero)
	for j := range acc {
		VMAXPS(acc[j], zero, acc[j]) // NaN stays NaN
	}
	Label("write")
	for j := range acc {
		VMOVUPS(acc[j], Mem{Base: c, Disp: 32 * j})
	}
	VZEROUPPER()
	RET()
}
