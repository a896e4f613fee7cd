package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// fields are the words of attention.tile, in order.
type fields struct{ a, b, c, k, ar, ak, bs, cs, tiles, mask, add Mem }

func tileFields(t Register) fields {
	at := func(i int) Mem { return Mem{Base: t, Disp: 8 * i} }
	return fields{at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9), at(10)}
}

// tiles writes the products: a tile of rows by vectors of C stays in registers while k runs. Neither operand is
// packed: both steps of A are free, so that A may be a matrix as it lies or its transpose.
func (g *gen) tiles() {
	if !g.wide {
		for r := 1; r <= 4; r++ {
			g.tile(r, 2)
		}
		return
	}
	for r := 1; r <= 16; r++ {
		g.tile(r, 1)
	}
	for r := 1; r <= 8; r++ {
		g.tile(r, 2)
	}
}

func (g *gen) tile(rows, vecs int) {
	name := g.name(fmt.Sprintf("tile%dx%d", rows, vecs*g.bytes()/4))
	t := begin(name, fmt.Sprintf("computes %d rows and up to %d columns of C, t.tiles times down the rows, and leaves t.tiles 0.", rows, vecs*g.bytes()/4))
	f := tileFields(t)
	a0, c := load(f.a), load(f.c)
	ar, ak, bs := load(f.ar), load(f.ak), load(f.bs)
	cols := g.columns(f, vecs)

	Label("next")
	p := g.rows(a0, ar, rows)
	b, k := load(f.b), load(f.k)
	acc := make([][]VecVirtual, rows)
	for i := range acc {
		acc[i] = make([]VecVirtual, vecs)
		for j := range acc[i] {
			acc[i][j] = g.v()
			g.zero(acc[i][j])
		}
	}
	av := []VecVirtual{g.v(), g.v()}[:min(2, rows)]
	bv := make([]VecVirtual, vecs)
	for j := range bv {
		bv[j] = g.v()
	}
	Label("loop")
	for j := range bv {
		cols.load(Mem{Base: b, Disp: j * g.bytes()}, j, bv[j])
	}
	for i := range acc {
		x := av[i%len(av)]
		VBROADCASTSS(rowOf(p, ar, i), x)
		for j := range bv {
			VFMADD231PS(bv[j], x, acc[i][j])
		}
	}
	for _, r := range p {
		ADDQ(ak, r)
	}
	ADDQ(bs, b)
	SUBQ(Imm(1), k)
	JNZ(LabelRef("loop"))

	g.store(f, acc, cols, c)
	for range rows {
		ADDQ(ar, a0)
	}
	SUBQ(Imm(1), f.tiles)
	JNZ(LabelRef("next"))
	end()
}

// rows points at every third row of A; rowOf reaches the two between by their distance.
func (g *gen) rows(a, ar GPVirtual, rows int) []GPVirtual {
	p := make([]GPVirtual, (rows+2)/3)
	for i := range p {
		p[i] = GP64()
		if i == 0 {
			MOVQ(a, p[i])
			continue
		}
		LEAQ(Mem{Base: p[i-1], Index: ar, Scale: 2}, p[i])
		ADDQ(ar, p[i])
	}
	return p
}

func rowOf(p []GPVirtual, ar GPVirtual, i int) Mem {
	if i%3 == 0 {
		return Mem{Base: p[i/3]}
	}
	return Mem{Base: p[i/3], Index: ar, Scale: uint8(i % 3)}
}

// store writes the sums, or adds them to what is there, and leaves c at the row after them.
func (g *gen) store(f fields, acc [][]VecVirtual, cols columns, c GPVirtual) {
	row, x := GP64(), g.v()
	CMPQ(f.add, Imm(0))
	JE(LabelRef("write"))
	MOVQ(c, row)
	for i := range acc {
		for j := range acc[i] {
			cols.load(Mem{Base: row, Disp: j * g.bytes()}, j, x)
			VADDPS(x, acc[i][j], acc[i][j])
		}
		ADDQ(f.cs, row)
	}
	Label("write")
	for i := range acc {
		for j := range acc[i] {
			cols.store(acc[i][j], j, Mem{Base: c, Disp: j * g.bytes()})
		}
		ADDQ(f.cs, c)
	}
}

// columns moves the vectors of a row through masks of the columns that are there.
type columns struct {
	wide  bool
	masks []Op
}

var ones Mem

func (g *gen) columns(f fields, vecs int) columns {
	c := columns{wide: g.wide}
	n := load(f.mask)
	if g.wide { // a bit each
		for range vecs {
			k := K()
			KMOVW(n.As32(), k)
			SHRL(Imm(16), n.As32())
			c.masks = append(c.masks, k)
		}
		return c
	}
	if ones.Base == nil { // their number, at most 16
		ones = GLOBL("columnMasks", RODATA|NOPTR)
		for i := range 32 {
			DATA(4*i, U32([2]uint32{0xffffffff, 0}[i/16]))
		}
	}
	p := GP64()
	LEAQ(ones.Offset(64), p)
	NEGQ(n)
	for j := range vecs {
		m := YMM()
		VMOVUPS(Mem{Base: p, Index: n, Scale: 4, Disp: 32 * j}, m)
		c.masks = append(c.masks, m)
	}
	return c
}

func (c columns) load(m Mem, j int, r VecVirtual) {
	if c.wide {
		VMOVUPS_Z(m, c.masks[j], r)
		return
	}
	VMASKMOVPS(m, c.masks[j], r)
}

func (c columns) store(r VecVirtual, j int, m Mem) {
	if c.wide {
		VMOVUPS(r, c.masks[j], m)
		return
	}
	VMASKMOVPS(r, c.masks[j], m)
}
