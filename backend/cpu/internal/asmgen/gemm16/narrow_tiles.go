package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// narrowRows: twelve sums, two vectors of B, one of A and one of products fill the 16 registers.
const narrowRows = 6

// narrowRowsTile writes the kernel of rows by 16 columns for an A row by row.
func narrowRowsTile(rows int) {
	f := beginTile(fmt.Sprintf("rows%dx16", rows), fmt.Sprintf("computes %d rows and 16 columns of C from rows of A, t.tiles times down the rows, and leaves t.tiles 0.", rows))
	a, as := load(f.a), load(f.as)
	narrowBody(f, rows, func() left { return startRows(a, as, rows) }, func() {
		for range rows {
			ADDQ(as, a)
		}
	})
}

// narrowTilesTile writes the same for an A in tiles.
func narrowTilesTile(rows int) {
	f := beginTile(fmt.Sprintf("tiles%dx16", rows), fmt.Sprintf("computes %d rows and 16 columns of C from tiles of A, t.tiles times down the rows, and leaves t.tiles 0.", rows))
	a := load(f.a)
	narrowBody(f, rows, func() left { return startTiles(a, rows) }, func() { ADDQ(f.as, a) })
}

func narrowBody(f tileFields, rows int, start func() left, next func()) {
	c, scales := load(f.c), load(f.rows)
	Label("next")
	s := newNarrowSums(rows)
	ahead, step := GP64(), load(f.cs)
	MOVQ(c, ahead)
	for range rows { // they come while the sums are made
		PREFETCHT1(Mem{Base: ahead})
		ADDQ(step, ahead)
	}
	l, b, k := start(), load(f.b), load(f.groups)
	SUBQ(Imm(tileUnroll), k)
	JLT(LabelRef("rest"))
	Label("loop")
	for g := range tileUnroll {
		s.step(l, g, Mem{Base: b, Disp: 64 * g})
	}
	l.advance(tileUnroll)
	ADDQ(U32(64*tileUnroll), b)
	SUBQ(Imm(tileUnroll), k)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(tileUnroll), k)
	JZ(LabelRef("sum"))
	Label("one")
	s.step(l, 0, Mem{Base: b})
	l.advance(1)
	ADDQ(Imm(64), b)
	SUBQ(Imm(1), k)
	JNZ(LabelRef("one"))

	Label("sum")
	s.finish(f, scales, c)
	next()
	SUBQ(Imm(1), f.tiles)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

// narrowSums are the registers of a tile.
type narrowSums struct {
	sums       [][2]VecVirtual
	b          [2]VecVirtual
	a, product VecVirtual
}

func newNarrowSums(rows int) *narrowSums {
	s := &narrowSums{b: [2]VecVirtual{YMM(), YMM()}, a: YMM(), product: YMM()}
	for range rows {
		s.sums = append(s.sums, [2]VecVirtual{narrowZero(), narrowZero()})
	}
	return s
}

func narrowZero() VecVirtual {
	v := YMM()
	VPXOR(v, v, v)
	return v
}

// step adds a pair of k.
func (s *narrowSums) step(l left, g int, b Mem) {
	for j, v := range s.b {
		VMOVDQU(b.Offset(32*j), v)
	}
	for i, sums := range s.sums {
		VPBROADCASTD(l.at(i, g), s.a)
		for j, sum := range sums {
			VPMADDWD(s.b[j], s.a, s.product)
			VPADDD(s.product, sum, sum)
		}
	}
}

// finish makes floats of the sums and stores them; it leaves scales and c at the row after the last.
func (s *narrowSums) finish(f tileFields, scales, c GPVirtual) {
	p, cs := load(f.columns), load(f.cs)
	for j, v := range s.b {
		VMOVUPS(Mem{Base: p, Disp: 32 * j}, v)
	}
	for i, sums := range s.sums {
		VBROADCASTSS(Mem{Base: scales, Disp: 4 * i}, s.a)
		for j, v := range sums {
			VCVTDQ2PS(v, v)
			VMULPS(s.a, v, v)
			VMULPS(s.b[j], v, v)
		}
	}
	ADDQ(Imm(uint64(4*len(s.sums))), scales)
	CMPQ(f.add, Imm(0))
	JE(LabelRef("bias"))
	MOVQ(c, p)
	for _, sums := range s.sums {
		for j, v := range sums {
			VADDPS(Mem{Base: p, Disp: 32 * j}, v, v)
		}
		ADDQ(cs, p)
	}
	Label("bias")
	MOVQ(f.bias, p)
	TESTQ(p, p)
	JE(LabelRef("floor"))
	for j, v := range s.b {
		VMOVUPS(Mem{Base: p, Disp: 32 * j}, v)
	}
	for _, sums := range s.sums {
		for j, v := range sums {
			VADDPS(s.b[j], v, v)
		}
	}
	Label("floor")
	CMPQ(f.floor, Imm(0))
	JE(LabelRef("store"))
	VPXOR(s.a, s.a, s.a)
	for _, sums := range s.sums {
		for _, v := range sums {
			VMAXPS(v, s.a, v) // NaN stays: the second source
		}
	}
	Label("store")
	for _, sums := range s.sums {
		for j, v := range sums {
			VMOVUPS(v, Mem{Base: c, Disp: 32 * j})
		}
		ADDQ(cs, c)
	}
}
