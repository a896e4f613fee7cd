package main

import "fmt"

// vec writes the kernels of package vec. Every kernel walks its slices some vectors at a time,
// then element by element by the same instructions in lane 0, so that an element's bits do not
// depend on its place. Algorithms and polynomials are those of ../vec.
func vec(f *file) {
	basics(f)
	unaries(f)
	reductions(f)
	columnSums(f)
	comparisons(f)
	byteExtremes(f)
}

// gen is a kernel in work: pointers in registers, and what lives in vectors for the whole kernel.
type gen struct {
	f        *file
	pointers map[string]string
	broad    bool // a single element is loaded into all lanes
	single   bool // the body in work is for a single element
	b        *body
	kept     []func(b *body) v // values kept, by order
	setup    []func(b *body)
}

var pointerRegs = []string{"R0", "R1", "R2", "R3"}

const count = "R8" // elements left

// begin starts a kernel with pointer parameters and the number n.
func begin(f *file, name, signature, doc string, pointers ...string) *gen {
	f.begin(name+"NEON", signature, doc)
	g := &gen{f: f, pointers: map[string]string{}}
	for i, p := range pointers {
		g.pointers[p] = pointerRegs[i]
		f.arg(p, pointerRegs[i])
	}
	f.arg("n", count)
	f.ins("MOVD $constants<>(SB), %s", constantsBase)
	return g
}

// scalar keeps a float parameter in all lanes.
func (g *gen) scalar(name string) int {
	return g.keep(func(r int) {
		g.f.ins("FMOVS %s, F%d", g.f.args[name], r)
		g.f.ins("%s", dup(r, r))
	})
}

// cleared keeps a vector that begins as 0.
func (g *gen) cleared() int {
	return g.keep(func(r int) { g.f.ins("%s", clear0(r)) })
}

// keep reserves a register for the whole kernel, which init sets, and returns its index for kept.
func (g *gen) keep(init func(reg int)) int {
	n := len(g.kept)
	init(31 - n)
	g.kept = append(g.kept, func(b *body) v { return b.keep() })
	return n
}

// load reads a vector at a pointer and moves it on.
func (g *gen) load(p string) v {
	r := g.pointers[p]
	return g.b.do(func(o int, _ []int) string {
		switch {
		case g.single && g.broad:
			return fmt.Sprintf("VLD1R.P 4(%s), [V%d.S4]", r, o)
		case g.single:
			return fmt.Sprintf("FMOVS.P 4(%s), F%d", r, o)
		}
		return fmt.Sprintf("VLD1.P 16(%s), [V%d.S4]", r, o)
	})
}

// peek reads without moving on.
func (g *gen) peek(p string) v {
	r := g.pointers[p]
	return g.b.do(func(o int, _ []int) string {
		if g.single {
			return fmt.Sprintf("FMOVS (%s), F%d", r, o)
		}
		return fmt.Sprintf("VLD1 (%s), [V%d.S4]", r, o)
	})
}

func (g *gen) store(x v, p string) {
	r := g.pointers[p]
	g.b.effect(func(in []int) string {
		if g.single {
			return fmt.Sprintf("FMOVS.P F%d, 4(%s)", in[0], r)
		}
		return fmt.Sprintf("VST1.P [V%d.S4], 16(%s)", in[0], r)
	}, x)
}

// inside builds a body that runs do several times, the i-th time with i, and returns its text.
func (g *gen) inside(single bool, times int, do func(i int, kept []v)) (preload, text []string) {
	g.b, g.single = newBody(g.f), single
	var kept []v
	for _, k := range g.kept {
		kept = append(kept, k(g.b))
	}
	for i := range times {
		do(i, kept)
	}
	return g.b.allocate()
}

func (g *gen) write(lines []string) {
	for _, l := range lines {
		g.f.ins("%s", l)
	}
}

// each runs do for every element of count: unroll vectors at a time, then one, then element by element.
func (g *gen) each(unroll int, do func(i int, kept []v)) {
	g.loop("block", 4*unroll, false, unroll, do)
	if unroll > 1 {
		g.loop("vector", 4, false, 1, do)
	}
	g.loop("one", 1, true, 1, do)
}

// loop runs do, the given times in a row, while count is at least step.
func (g *gen) loop(name string, step int, single bool, times int, do func(i int, kept []v)) {
	preload, text := g.inside(single, times, do)
	f := g.f
	f.ins("SUBS $%d, %s", step, count)
	f.ins("BLT %sEnd", name)
	g.write(preload)
	f.label(name)
	g.write(text)
	f.ins("SUBS $%d, %s", step, count)
	f.ins("BGE %s", name)
	f.label(name + "End")
	f.ins("ADD $%d, %s", step, count)
}
