package main

import "fmt"

// lines is how many partial results a reduction keeps.
const lines = 4

// reductions keep four vectors of partial results; element i goes to lane i mod 4 of vector
// i / 4 mod 4 while four whole vectors are left, then of the first one.
func reductions(f *file) {
	reduce(f, "sum", "a *float32", "returns the sum of a.", func(g *gen, acc v) {
		g.b.into(acc, func(o int, in []int) string { return fadd(o, in[0], in[1]) }, acc, g.load("a"))
	})
	square := func(o int, in []int) string { return fmla(o, in[1], in[1]) }
	reduce(f, "sumSquares", "a *float32", "returns the sum of a * a.", func(g *gen, acc v) {
		g.b.into(acc, square, acc, g.load("a"))
	})
	product := func(o int, in []int) string { return fmla(o, in[1], in[2]) }
	reduce(f, "dot", "a, b *float32", "returns the sum of a * b.", func(g *gen, acc v) {
		x := g.load("a")
		g.b.into(acc, product, acc, x, g.load("b"))
	})
	extreme(f, "maxOf", "returns the largest of a, NaN if any is; n > 0.", fmax, fmaxp)
	extreme(f, "minOf", "returns the smallest of a, NaN if any is; n > 0.", fmin, fminp)
}

func reduce(f *file, name, args, doc string, step func(g *gen, acc v)) {
	pointers := []string{"a"}
	if args != "a *float32" {
		pointers = append(pointers, "b")
	}
	g := begin(f, name, "("+args+", n int) float32", doc, pointers...)
	for range lines {
		g.cleared()
	}
	g.each(lines, func(i int, kept []v) { step(g, kept[i]) })
	g.fold(fadd, faddp)
}

// fold puts the partial results together, pairs first, and returns lane 0.
func (g *gen) fold(f, pairs three) {
	first := 31
	g.write([]string{f(first, first, first-1), f(first-2, first-2, first-3), f(first, first, first-2),
		pairs(first, first, first), pairs(first, first, first)})
	g.f.ins("FMOVS F%d, %s", first, g.f.args["ret"])
	g.f.ins("RET")
}

func extreme(f *file, name, doc string, pick, pairs three) {
	g := begin(f, name, "(a *float32, n int) float32", doc, "a")
	for range lines {
		g.keep(func(r int) { f.ins("VLD1R (%s), [V%d.S4]", g.pointers["a"], r) })
	}
	g.broad = true // lanes that are not there repeat the element
	g.each(lines, func(i int, kept []v) {
		g.b.into(kept[i], func(o int, in []int) string { return pick(o, in[0], in[1]) }, kept[i], g.load("a"))
	})
	g.fold(pick, pairs)
}

// columnSums adds up the rows of a matrix.
func columnSums(f *file) {
	f.begin("addRowsNEON", "(dst, a *float32, rows, cols, stride int)",
		"adds every row of a [rows, cols] to dst [cols], first row first; stride is in bytes, rows > 0.")
	for _, p := range [][2]string{{"dst", "R0"}, {"a", "R1"}, {"rows", "R2"}, {"cols", count}, {"stride", "R4"}} {
		f.arg(p[0], p[1])
	}
	block := func(name string, floats int) {
		move := func(load bool, r string, v int) {
			for i := 0; i < max(1, floats/16); i++ {
				if floats < 16 {
					columns(f, floats, load, r, v)
					continue
				}
				if load {
					f.ins("VLD1.P 64(%s), %s", r, list(v+4*i, 4))
				} else {
					f.ins("VST1.P %s, 64(%s)", list(v+4*i, 4), r)
				}
			}
		}
		f.ins("SUBS $%d, %s", floats, count)
		f.ins("BLT %sEnd", name)
		f.label(name)
		f.ins("MOVD R0, R5")
		move(true, "R5", 0)
		f.ins("MOVD R1, R6")
		f.ins("MOVD R2, R7")
		f.label(name + "Rows")
		f.ins("MOVD R6, R5")
		move(true, "R5", 16)
		f.ins("ADD R4, R6")
		for i := range max(1, floats/4) {
			f.ins("%s", fadd(i, i, 16+i))
		}
		f.ins("SUBS $1, R7")
		f.ins("BNE %sRows", name)
		f.ins("MOVD R0, R5")
		move(false, "R5", 0)
		f.ins("ADD $%d, R0", 4*floats)
		f.ins("ADD $%d, R1", 4*floats)
		f.ins("SUBS $%d, %s", floats, count)
		f.ins("BGE %s", name)
		f.label(name + "End")
		f.ins("ADD $%d, %s", floats, count)
	}
	for _, floats := range []int{32, 4, 1} {
		block(fmt.Sprintf("block%d", floats), floats)
	}
	f.ins("RET")
}
