package main

import "fmt"

// Kernels that read or write bytes and bools do eight elements at a time: n is a positive
// multiple of 8.

func (g *gen) eights(do func(kept []v)) {
	preload, text := g.inside(false, 1, func(_ int, kept []v) { do(kept) })
	g.write(preload)
	g.f.label("loop")
	g.write(text)
	g.f.ins("SUBS $8, %s", count)
	g.f.ins("BNE loop")
	g.f.ins("RET")
}

func comparisons(f *file) {
	not := func(op op2) op2 { return func(b *body, x, y v) v { return b.op1(mvn, op(b, x, y)) } }
	swapped := func(f three) op2 { return func(b *body, x, y v) v { return b.op(f, y, x) } }
	for _, p := range []struct {
		name, doc string
		f         op2
	}{{"less", "a < b", swapped(fcmgt)}, {"lessEqual", "a <= b", swapped(fcmge)}, {"equal", "a == b", direct(fcmeq)}, {"notEqual", "a != b", not(direct(fcmeq))}} {
		g := begin(f, p.name, "(dst *bool, a, b *float32, n int)", "sets dst = "+p.doc+"; n is a positive multiple of 8.", "dst", "a", "b")
		g.eights(func([]v) {
			var m [2]v
			for i := range m {
				x := g.load("a")
				m[i] = p.f(g.b, x, g.load("b"))
			}
			w := g.b.op1(xtn, g.b.op(uzp1, m[0], m[1]))
			w = g.b.op(and, w, g.b.bits(0x01010101))
			g.b.effect(func(in []int) string { return fmt.Sprintf("FMOVD.P F%d, 8(%s)", in[0], g.pointers["dst"]) }, w)
		})
	}
	g := begin(f, "choose", "(dst *float32, cond *bool, a, b *float32, n int)", "sets dst to a where cond, else to b; n is a positive multiple of 8.", "dst", "cond", "a", "b")
	g.eights(func([]v) {
		for _, w := range g.bytes("cond") {
			x := g.load("a")
			y := g.load("b")
			g.store(g.b.pick(g.b.op(tst, w, w), x, y), "dst")
		}
	})
	g = begin(f, "fromBytes", "(dst *float32, a *uint8, s, t float32, n int)", "sets dst = a * s + t, rounded once; n is a positive multiple of 8.", "dst", "a")
	s, t := g.scalar("s"), g.scalar("t")
	g.eights(func(kept []v) {
		for _, w := range g.bytes("a") {
			g.store(g.b.mulAdd(g.b.op1(ucvtf, w), kept[s], kept[t]), "dst")
		}
	})
}

// bytes reads eight bytes and widens them to two vectors of 32-bit lanes.
func (g *gen) bytes(p string) [2]v {
	r := g.pointers[p]
	w := g.b.op1(uxtlb, g.b.do(func(o int, _ []int) string { return fmt.Sprintf("FMOVD.P 8(%s), F%d", r, o) }))
	return [2]v{g.b.op1(uxtl, w), g.b.op1(uxtl2, w)}
}

// byteExtremes writes the kernels of bytes alone.
func byteExtremes(f *file) {
	for _, p := range []struct {
		name, doc string
		f         three
	}{{"maxBytes", "the larger of a and b", umax}, {"minBytes", "the smaller of a and b", umin}} {
		f.begin(p.name+"NEON", "(dst, a, b *uint8, n int)", "sets dst = "+p.doc+"; n is a positive multiple of 32.")
		for _, a := range [][2]string{{"dst", "R0"}, {"a", "R1"}, {"b", "R2"}, {"n", count}} {
			f.arg(a[0], a[1])
		}
		f.label("loop")
		f.ins("VLD1.P 32(R1), [V0.B16, V1.B16]")
		f.ins("VLD1.P 32(R2), [V2.B16, V3.B16]")
		f.ins("%s", p.f(0, 0, 2))
		f.ins("%s", p.f(1, 1, 3))
		f.ins("VST1.P [V0.B16, V1.B16], 32(R0)")
		f.ins("SUBS $32, %s", count)
		f.ins("BNE loop")
		f.ins("RET")
	}
}
