package main

// cheap is how many vectors a loop of few instructions does at a time.
const cheap = 4

type op2 func(b *body, x, y v) v

func direct(f three) op2 { return func(b *body, x, y v) v { return b.op(f, x, y) } }

// arithmetic lists the operations of two vectors, or of a vector and a number.
var arithmetic = []struct {
	name, doc string
	f         op2
	scalar    string // the name of the form with a number on the right, if there is one
	reversed  string // and of the one with a number on the left
}{
	{"add", "a + b", direct(fadd), "addScalar", ""},
	{"sub", "a - b", direct(fsub), "", "scalarSub"},
	{"mul", "a * b", direct(fmul), "mulScalar", ""},
	{"div", "a / b", direct(fdiv), "divScalar", "scalarDiv"},
	{"max", "the larger of a and b, NaN if either is", direct(fmax), "maxScalar", ""},
	{"min", "the smaller of a and b, NaN if either is", direct(fmin), "minScalar", ""},
	{"reluGrad", "b where a > 0, else 0", func(b *body, x, y v) v { return b.op(and, b.op(fcmgt, x, b.zero()), y) }, "", ""},
}

func basics(f *file) {
	for _, op := range arithmetic {
		g := begin(f, op.name, "(dst, a, b *float32, n int)", "sets dst = "+op.doc+".", "dst", "a", "b")
		g.each(cheap, func(_ int, _ []v) {
			x := g.load("a")
			g.store(op.f(g.b, x, g.load("b")), "dst")
		})
		f.ins("RET")
		if op.scalar != "" {
			withScalar(f, op.scalar, "sets dst = "+op.doc+" with b = s.", op.f)
		}
		if op.reversed != "" {
			withScalar(f, op.reversed, "sets dst = "+op.doc+" with a = s, b = a.", func(b *body, x, s v) v { return op.f(b, s, x) })
		}
	}
	g := begin(f, "mulAdd", "(dst, a, b, c *float32, n int)", "sets dst = a * b + c, rounded once.", "dst", "a", "b", "c")
	g.each(cheap, func(_ int, _ []v) {
		x := g.load("a")
		y := g.load("b")
		g.store(g.b.mulAdd(x, y, g.load("c")), "dst")
	})
	f.ins("RET")

	g = begin(f, "axpy", "(dst, a *float32, s float32, n int)", "sets dst = dst + s * a, rounded once.", "dst", "a")
	s := g.scalar("s")
	g.each(cheap, func(_ int, kept []v) {
		x := g.load("a")
		g.store(g.b.mulAdd(x, kept[s], g.peek("dst")), "dst")
	})
	f.ins("RET")

	g = begin(f, "affine", "(dst, a *float32, s, t float32, n int)", "sets dst = a * s + t, rounded once.", "dst", "a")
	s, t := g.scalar("s"), g.scalar("t")
	g.each(cheap, func(_ int, kept []v) { g.store(g.b.mulAdd(g.load("a"), kept[s], kept[t]), "dst") })
	f.ins("RET")

	g = begin(f, "fill", "(dst *float32, s float32, n int)", "sets dst = s.", "dst")
	s = g.scalar("s")
	g.each(cheap, func(_ int, kept []v) { g.store(kept[s], "dst") })
	f.ins("RET")
}

func withScalar(f *file, name, doc string, do op2) {
	g := begin(f, name, "(dst, a *float32, s float32, n int)", doc, "dst", "a")
	s := g.scalar("s")
	g.each(cheap, func(_ int, kept []v) { g.store(do(g.b, g.load("a"), kept[s]), "dst") })
	f.ins("RET")
}
