package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/reg"
)

// gates writes the step of a gated recurrent unit. Each operation rounds, as the kernels for one at a time do.
func (g *gen) gates() {
	begin(g.name("gates"), "func(dst, h, g0, g1, g2, p0, p1, p2 *float32, n int)",
		"sets dst = t + u (h - t), r = sigmoid(g0 + p0), u = sigmoid(g1 + p1), t = tanh(g2 + r p2).")
	d, h, n := param("dst"), param("h"), param("n")
	g0, g1, g2, p0, p1, p2 := param("g0"), param("g1"), param("g2"), param("p0"), param("p1"), param("p2")
	sum := func(a, b VecVirtual) VecVirtual {
		VADDPS(b, a, b)
		return b
	}
	g.hoist()
	g.each(n, func(i GPVirtual) {
		r := g.sigmoid(sum(g.load(at(g0, i)), g.load(at(p0, i))))
		next := g.load(at(p2, i))
		VMULPS(next, r, next)
		next = g.tanh(sum(g.load(at(g2, i)), next))
		u := g.sigmoid(sum(g.load(at(g1, i)), g.load(at(p1, i))))
		state := g.load(at(h, i))
		VSUBPS(next, state, state)
		VMULPS(state, u, state)
		VADDPS(state, next, state)
		g.store(state, at(d, i))
	})
	end()
	g.unhoist()
}
