package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

type op2 func(g *gen, a, b VecVirtual) VecVirtual

func in(f func(Op, Op, Op)) op2 {
	return func(g *gen, a, b VecVirtual) VecVirtual {
		r := g.v()
		f(b, a, r)
		return r
	}
}

// arithmetic lists the operations of two vectors, or of a vector and a number.
var arithmetic = []struct {
	name, doc string
	f         op2
	scalar    bool // has a form with a number on the right
	reversed  bool // and one on the left
}{
	{"add", "a + b", in(func(b, a, r Op) { VADDPS(b, a, r) }), true, false},
	{"sub", "a - b", in(func(b, a, r Op) { VSUBPS(b, a, r) }), false, true},
	{"mul", "a * b", in(func(b, a, r Op) { VMULPS(b, a, r) }), true, false},
	{"div", "a / b", in(func(b, a, r Op) { VDIVPS(b, a, r) }), true, true},
	{"max", "the larger of a and b, NaN if either is", func(g *gen, a, b VecVirtual) VecVirtual { r := g.v(); g.maxNaN(false, a, b, r); return r }, true, false},
	{"min", "the smaller of a and b, NaN if either is", func(g *gen, a, b VecVirtual) VecVirtual { r := g.v(); g.maxNaN(true, a, b, r); return r }, true, false},
	{"reluGrad", "b where a > 0, else 0", func(g *gen, a, b VecVirtual) VecVirtual {
		r := g.v()
		VXORPS(r, r, r)
		g.pick(g.cmp(gt, a, r), b, r)
		return r
	}, false, false},
}

func (g *gen) basics() {
	for _, op := range arithmetic {
		begin(g.name(op.name), "func(dst, a, b *float32, n int)", "sets dst = "+op.doc+".")
		d, a, b, n := param("dst"), param("a"), param("b"), param("n")
		g.each(n, func(i GPVirtual) { g.store(op.f(g, g.load(at(a, i)), g.load(at(b, i))), at(d, i)) })
		end()
		if op.scalar {
			g.withScalar(op.name+"Scalar", "sets dst = "+op.doc+" with b = s.", func(a, s VecVirtual) VecVirtual { return op.f(g, a, s) })
		}
		if op.reversed {
			g.withScalar("scalar"+string(op.name[0]-32)+op.name[1:], "sets dst = "+op.doc+" with a = s, b = a.", func(a, s VecVirtual) VecVirtual { return op.f(g, s, a) })
		}
	}
	begin(g.name("mulAdd"), "func(dst, a, b, c *float32, n int)", "sets dst = a * b + c, rounded once.")
	d, a, b, cc, n := param("dst"), param("a"), param("b"), param("c"), param("n")
	g.each(n, func(i GPVirtual) {
		x, y, z := g.load(at(a, i)), g.load(at(b, i)), g.load(at(cc, i))
		VFMADD231PS(y, x, z)
		g.store(z, at(d, i))
	})
	end()

	begin(g.name("axpy"), "func(dst, a *float32, s float32, n int)", "sets dst = dst + s * a, rounded once.")
	d, a, n = param("dst"), param("a"), param("n")
	s := g.scalar("s")
	g.each(n, func(i GPVirtual) {
		x, z := g.load(at(a, i)), g.load(at(d, i))
		VFMADD231PS(s, x, z)
		g.store(z, at(d, i))
	})
	end()

	begin(g.name("affine"), "func(dst, a *float32, s, t float32, n int)", "sets dst = a * s + t, rounded once.")
	d, a, n = param("dst"), param("a"), param("n")
	s, t := g.scalar("s"), g.scalar("t")
	g.each(n, func(i GPVirtual) {
		x := g.load(at(a, i))
		VFMADD213PS(t, s, x)
		g.store(x, at(d, i))
	})
	end()

	begin(g.name("fill"), "func(dst *float32, s float32, n int)", "sets dst = s.")
	d, n = param("dst"), param("n")
	s = g.scalar("s")
	g.each(n, func(i GPVirtual) { g.store(s, at(d, i)) })
	end()
}

func (g *gen) withScalar(name, doc string, f func(a, s VecVirtual) VecVirtual) {
	begin(g.name(name), "func(dst, a *float32, s float32, n int)", doc)
	d, a, n := param("dst"), param("a"), param("n")
	s := g.scalar("s")
	g.each(n, func(i GPVirtual) { g.store(f(g.load(at(a, i)), s), at(d, i)) })
	end()
}
