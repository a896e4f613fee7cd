package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// reductions keep four vectors of partial results; element i goes to lane i mod lanes of vector
// i / lanes mod 4 while four whole vectors are left, then of the first one.
func (g *gen) reductions() {
	add := func(b, a, r Op) { VADDPS(b, a, r) }
	g.reduce("sum", "a", "returns the sum of a.", add, func(acc VecVirtual, m []Mem) { VADDPS(g.load(m[0]), acc, acc) })
	g.reduce("sumSquares", "a", "returns the sum of a * a.", add, func(acc VecVirtual, m []Mem) {
		x := g.load(m[0])
		VFMADD231PS(x, x, acc)
	})
	g.reduce("dot", "a, b", "returns the sum of a * b.", add, func(acc VecVirtual, m []Mem) {
		VFMADD231PS(g.load(m[1]), g.load(m[0]), acc)
	})
	g.extreme("maxOf", "returns the largest of a, NaN if any is; n > 0.", false)
	g.extreme("minOf", "returns the smallest of a, NaN if any is; n > 0.", true)
}

func (g *gen) reduce(name, args, doc string, fold func(b, a, r Op), step func(acc VecVirtual, m []Mem)) {
	begin(g.name(name), "func("+args+" *float32, n int) float32", doc)
	p := []GPVirtual{param("a")}
	if args == "a, b" {
		p = append(p, param("b"))
	}
	n := param("n")
	acc := make([]VecVirtual, 4)
	for i := range acc {
		acc[i] = g.v()
		VXORPS(acc[i], acc[i], acc[i])
	}
	four := 4 * g.lanes()
	SUBQ(Imm(uint64(four)), n)
	JLT(LabelRef("few"))
	Label("four")
	for v := range acc {
		var m []Mem
		for _, r := range p {
			m = append(m, Mem{Base: r, Disp: 4 * g.lanes() * v})
		}
		step(acc[v], m)
	}
	for _, r := range p {
		ADDQ(U32(4*four), r)
	}
	SUBQ(Imm(uint64(four)), n)
	JGE(LabelRef("four"))
	Label("few")
	ADDQ(Imm(uint64(four)), n)
	g.each(n, func(i GPVirtual) {
		var m []Mem
		for _, r := range p {
			m = append(m, at(r, i))
		}
		step(acc[0], m)
	})
	fold(acc[1], acc[0], acc[0])
	fold(acc[3], acc[2], acc[2])
	fold(acc[2], acc[0], acc[0])
	Store(g.across(acc[0], fold), ReturnIndex(0))
	end()
}

// across folds the lanes of a vector, halves first.
func (g *gen) across(v VecVirtual, fold func(b, a, r Op)) VecVirtual {
	y, x, t := v.(VecVirtual), XMM(), XMM()
	if g.wide {
		h := YMM()
		VEXTRACTF64X4(Imm(1), v, h)
		fold(h, v.AsY(), h)
		y = h
	}
	VEXTRACTF128(Imm(1), y.AsY(), x)
	fold(y.AsX(), x, x)
	VPERMILPS(Imm(0x4e), x, t)
	fold(t, x, x)
	VPERMILPS(Imm(0xb1), x, t)
	fold(t, x, x)
	return x
}

func (g *gen) extreme(name, doc string, min bool) {
	begin(g.name(name), "func(a *float32, n int) float32", doc)
	a, n := param("a"), param("n")
	best, nan := g.v(), g.v()
	VBROADCASTSS(Mem{Base: a}, best)
	VXORPS(nan, nan, nan)
	first := g.v()
	VMOVAPS(best, first)
	fold := func(b, a, r Op) {
		if min {
			VMINPS(b, a, r)
		} else {
			VMAXPS(b, a, r)
		}
	}
	g.each(n, func(i GPVirtual) {
		x := g.load(at(a, i))
		if g.tail != nil { // the lanes that are not there repeat the first element
			y := g.v()
			VMOVAPS(first, y)
			g.pick(g.tail, x, y)
			x = y
		}
		fold(x, best, best)
		g.pick(g.cmp(unordered, x, x), x, nan)
	})
	// A NaN anywhere makes the sum of the lanes of nan a NaN, and theirs is 0 otherwise.
	r := g.across(best, fold)
	s := g.across(nan, func(b, a, r Op) { VADDPS(b, a, r) })
	VADDSS(s, r, r)
	Store(r, ReturnIndex(0))
	end()
}

// columns adds up the rows of a matrix.
func (g *gen) columns() {
	begin(g.name("addRows"), "func(dst, a *float32, rows, cols, stride int)",
		"adds every row of a [rows, cols] to dst [cols], first row first; stride is in bytes, rows > 0.")
	d, a, rows, cols, stride := param("dst"), param("a"), param("rows"), param("cols"), param("stride")
	block := func(i GPVirtual, count int, label string) {
		acc := make([]VecVirtual, count)
		for v := range acc {
			acc[v] = g.load(at(d, i).Offset(4 * g.lanes() * v))
		}
		p, r := GP64(), GP64()
		LEAQ(at(a, i), p)
		MOVQ(rows, r)
		Label(label)
		for v := range acc {
			VADDPS(g.load(Mem{Base: p, Disp: 4 * g.lanes() * v}), acc[v], acc[v])
		}
		ADDQ(stride, p)
		SUBQ(Imm(1), r)
		JNZ(LabelRef(label))
		for v := range acc {
			g.store(acc[v], at(d, i).Offset(4*g.lanes()*v))
		}
	}
	zero := GP64()
	XORQ(zero, zero)
	eight := 8 * g.lanes()
	SUBQ(Imm(uint64(eight)), cols)
	JLT(LabelRef("narrow"))
	Label("broad")
	block(zero, 8, "rows8")
	ADDQ(U32(4*eight), d)
	ADDQ(U32(4*eight), a)
	SUBQ(Imm(uint64(eight)), cols)
	JGE(LabelRef("broad"))
	Label("narrow")
	ADDQ(Imm(uint64(eight)), cols)
	pass := 0
	g.each(cols, func(i GPVirtual) {
		block(i, 1, []string{"rows1", "rowsTail"}[pass])
		pass++
	})
	end()
}
