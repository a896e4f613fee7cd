package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// narrowRows: twelve sums, two vectors of B, one of A and one of products fill the 16 registers.
const narrowRows = 6

// narrowTile writes the kernel of rows by 16 columns. VPMADDWD multiplies pairs of 16 bits, those of B made of bytes as
// they are read, those of A by widenRows; VPMADDUBSW would take bytes, but cuts off what exceeds 16 bits.
func narrowTile(rows int) {
	name := fmt.Sprintf("tile%dx16AVX2", rows)
	f := tileFields(begin(name, fmt.Sprintf("computes %d rows and 16 columns of C, t.tiles times down the rows, and leaves t.tiles 0.", rows)))
	a, c, as := load(f.a), load(f.c), load(f.as)
	scales := load(f.rows)

	Label("next")
	n := newNarrowSums(rows)
	p, b, k := pointRows(a, as, rows), load(f.b), load(f.groups)
	SUBQ(Imm(2), k)
	JLT(LabelRef("rest"))
	Label("loop")
	n.step(p, 0, Mem{Base: b})
	n.step(p, 4, Mem{Base: b, Disp: 32})
	p.advance(8)
	ADDQ(Imm(64), b)
	SUBQ(Imm(2), k)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(2), k)
	JZ(LabelRef("sum"))
	n.step(p, 0, Mem{Base: b})

	Label("sum")
	n.scale(f, scales)
	cs := load(f.cs)
	for _, row := range n.sums {
		for j, v := range row {
			VMOVUPS(v, Mem{Base: c, Disp: 32 * j})
		}
		ADDQ(cs, c)
	}
	nextTile(f, a, as, rows)
}

type narrowSums struct {
	sums       [][2]VecVirtual
	b          [2]VecVirtual
	a, product VecVirtual
}

func newNarrowSums(rows int) *narrowSums {
	n := &narrowSums{b: [2]VecVirtual{YMM(), YMM()}, a: YMM(), product: YMM()}
	for range rows {
		sums := [2]VecVirtual{YMM(), YMM()}
		for _, v := range sums {
			VPXOR(v, v, v)
		}
		n.sums = append(n.sums, sums)
	}
	return n
}

// step adds a pair of k.
func (n *narrowSums) step(a rowPointers, offset int, b Mem) {
	for j, v := range n.b {
		VPMOVSXBW(b.Offset(16*j), v)
	}
	for i, sums := range n.sums {
		VPBROADCASTD(a.at(i, offset), n.a)
		for j, sum := range sums {
			VPMADDWD(n.b[j], n.a, n.product)
			VPADDD(n.product, sum, sum)
		}
	}
}

// scale makes floats of the sums if there are scales, and leaves them at the row after the last.
func (n *narrowSums) scale(f fields, rows GPVirtual) {
	TESTQ(rows, rows)
	JZ(LabelRef("store"))
	p := load(f.columns)
	for i, sums := range n.sums {
		VBROADCASTSS(Mem{Base: rows, Disp: 4 * i}, n.a)
		for j, v := range sums {
			VCVTDQ2PS(v, v)
			VMULPS(n.a, v, v)
			VMULPS(Mem{Base: p, Disp: 32 * j}, v, v)
		}
	}
	ADDQ(Imm(uint64(4*len(n.sums))), rows)
	MOVQ(f.bias, p)
	TESTQ(p, p)
	JZ(LabelRef("store"))
	for _, sums := range n.sums {
		for j, v := range sums {
			VADDPS(Mem{Base: p, Disp: 32 * j}, v, v)
		}
	}
	Label("store")
}
