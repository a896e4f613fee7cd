package main

import "math"

const (
	sign    = 0x80000000
	noSign  = 0x7fffffff
	infBits = 0x7f800000
	nanBits = 0x7fc00000
)

func single(f two) func(b *body, x v) v { return func(b *body, x v) v { return b.op1(f, x) } }

func unaries(f *file) {
	for _, u := range []struct {
		name, doc string
		unroll    int
		f         func(b *body, x v) v
	}{
		{"neg", "sets dst = -a.", cheap, single(fneg)},
		{"abs", "sets dst = |a|.", cheap, single(fabs)},
		{"sqrt", "sets dst to the square root of a.", 1, single(fsqrt)},
		{"rsqrt", "sets dst = 1 / sqrt(a), each step rounded.", 1, func(b *body, x v) v { return b.op(fdiv, b.c(1), b.op1(fsqrt, x)) }},
		{"relu", "sets dst = max(a, 0), NaN stays NaN.", cheap, func(b *body, x v) v { return b.op(fmax, x, b.zero()) }},
		{"floor", "sets dst to a rounded down.", cheap, single(frintm)},
		{"ceil", "sets dst to a rounded up.", cheap, single(frintp)},
		{"roundEven", "sets dst to the nearest integer, ties to even.", cheap, single(frintn)},
		{"exp", "sets dst = e to the a.", 1, (*body).exp},
		{"log", "sets dst to the natural logarithm of a.", 1, (*body).log},
		{"log1p", "sets dst to the natural logarithm of 1 + a.", 1, (*body).log1p},
		{"tanh", "sets dst to the hyperbolic tangent of a.", 1, (*body).tanh},
		{"sigmoid", "sets dst = 1 / (1 + exp(-a)).", 1, (*body).sigmoid},
		{"erf", "sets dst to the error function of a.", 1, (*body).erf},
		{"gelu", "sets dst = a Phi(a), Phi the normal distribution.", 1, (*body).gelu},
		{"geluSlope", "sets dst to the derivative of gelu at a.", 1, (*body).geluSlope},
	} {
		g := begin(f, u.name, "(dst, a *float32, n int)", u.doc, "dst", "a")
		g.each(u.unroll, func(_ int, _ []v) { g.store(u.f(g.b, g.load("a")), "dst") })
		f.ins("RET")
	}
	circular(f, "sin", 0)
	circular(f, "cos", 1)
}

// exp is 2^n * e^r with n the nearest integer to x / ln 2, |r| <= ln 2 / 2.
func (b *body) exp(x v) v {
	y := b.op(fmax, b.op(fmin, x, b.c(89)), b.c(-105)) // NaN passes
	n := b.op1(frintn, b.op(fmul, y, b.c(math.Log2E)))
	r := b.mulSub(n, b.c(0x1.62e4p-1), y) // 14 bits: n times it is exact
	r = b.mulSub(n, b.c(math.Ln2-0x1.62e4p-1), r)
	p := b.horner(r, 0.49999994, 0.166665167, 0.0416681059, 0.00836914219, 0.00138368073)
	p = b.mulAdd(p, b.op(fmul, r, r), r)
	p = b.op(fadd, p, b.c(1))
	// Two factors, so that neither overflows and a denormal result is rounded once.
	k := b.op1(fcvtns, n)
	h := b.shift(sshr, k, 1)
	for _, e := range []v{h, b.op(isub, k, h)} {
		p = b.op(fmul, p, b.shift(shl, b.op(iadd, e, b.bits(127)), 23))
	}
	return p
}

// split writes x > 0 as m * 2^e with m in [0.75, 1.5); denormals too.
func (b *body) split(x v) (m, e v) {
	tiny := b.op(fcmgt, b.c(0x1p-126), x)
	less := b.op(and, tiny, b.c(24))
	y := b.pick(tiny, b.op(fmul, x, b.c(0x1p24)), x)
	// e = floor(log2(y / 0.75)), m = y / 2^e
	k := b.shift(sshr, b.op(isub, y, b.bits(0x3f400000)), 23)
	m = b.op(isub, y, b.shift(shl, k, 23))
	return m, b.op(fsub, b.op1(scvtf, k), less)
}

// logCore is log(1 + f) + e ln 2 for f in [-0.25, 0.5).
func (b *body) logCore(f, e v) v {
	p := b.horner(f, 0.333334476, -0.250014544, 0.199930623, -0.165941522, 0.143371657, -0.135790899, 0.122401737, -0.0609475188)
	f2 := b.op(fmul, f, f)
	p = b.op(fmul, p, b.op(fmul, f2, f))
	p = b.mulAdd(e, b.c(math.Ln2-0x1.62e4p-1), p)
	p = b.mulSub(f2, b.c(0.5), p)
	p = b.op(fadd, p, f)
	return b.mulAdd(e, b.c(0x1.62e4p-1), p)
}

// logEnds puts right what y = log(x) is at 0, below, at infinity and NaN.
func (b *body) logEnds(x, y v) v {
	zero := b.zero()
	y = b.pick(b.op(fcmeq, x, zero), b.bits(sign|infBits), y)
	y = b.pick(b.op(fcmgt, zero, x), b.bits(nanBits), y)
	y = b.pick(b.op(fcmeq, x, b.bits(infBits)), x, y)
	return b.pick(b.op(fcmeq, x, x), y, x)
}

func (b *body) log(x v) v {
	m, e := b.split(x)
	return b.logEnds(x, b.logCore(b.op(fsub, m, b.c(1)), e))
}

// log1p is log(u) + d/u with u = 1 + x rounded and d its rounding error.
func (b *body) log1p(x v) v {
	one := b.c(1)
	u := b.op(fadd, x, one)
	// The error of the sum 1 + x: (1 - (u - v)) + (x - v), v = u - 1.
	big := b.op(fsub, u, one)
	d := b.op(fadd, b.op(fsub, one, b.op(fsub, u, big)), b.op(fsub, x, big))
	d = b.op(fdiv, d, u)
	m, e := b.split(u)
	y := b.op(fadd, b.logCore(b.op(fsub, m, one), e), d)
	y = b.logEnds(u, y)
	// Where u = 1 exactly the sum is x itself; it keeps the sign of zero.
	return b.pick(b.op(fcmeq, u, one), x, y)
}

// withSign gives y the sign of x.
func (b *body) withSign(x, y v) v { return b.op(or, y, b.op(and, x, b.bits(sign))) }

// tanh is an odd polynomial below 0.62 and 1 - 2 / (exp(2|x|) + 1) above.
func (b *body) tanh(x v) v {
	a, z := b.op1(fabs, x), b.op(fmul, x, x)
	p := b.horner(z, -0.333332866, 0.133315712, -0.0537506454, 0.0206754226, -0.00574646145)
	p = b.mulAdd(b.op(fmul, p, z), x, x)
	e := b.op(fadd, b.exp(b.op(fadd, a, a)), b.c(1))
	q := b.op(fsub, b.c(1), b.op(fdiv, b.c(2), e))
	return b.pick(b.op(fcmgt, b.c(0.62), a), p, b.withSign(x, q))
}

// sigmoid is 1 or e over 1 + e with e = exp(-|x|), which keeps small results exact.
func (b *body) sigmoid(x v) v {
	e := b.exp(b.op(or, x, b.bits(sign)))
	den := b.op(fadd, e, b.c(1))
	num := b.pick(b.op(fcmgt, b.zero(), x), e, b.c(1))
	return b.op(fdiv, num, den)
}

// erf is x + x p(x^2) up to 1 and 1 - exp(-q(|x|)) above.
func (b *body) erf(x v) v {
	a, z := b.op1(fabs, x), b.op(fmul, x, x)
	p := b.horner(z, 0.128379166, -0.376126289, 0.112836182, -0.026855126, 0.00519073335, -0.000803075032, 7.92030332e-5)
	p = b.mulAdd(p, x, x)
	t := b.op(fmin, a, b.c(4))
	q := b.horner(t, -0.000188034668, 1.12957835, 0.633220136, 0.108418196, -0.0252079312, 0.00420440501, -0.000441296375, 2.16826957e-5)
	q = b.op(fsub, b.c(1), b.exp(b.op1(fneg, q)))
	return b.pick(b.op(fcmgt, b.c(1), a), p, b.withSign(x, q))
}

// normal is, for a = min(|x|, 20), a, e = exp(-a^2/2) and the upper tail 1 - Phi(a) = e t p(t), t = 1 / (1 + 0.35 a).
func (b *body) normal(x v) (a, e, tail v) {
	a = b.op(fmin, b.op1(fabs, x), b.c(20)) // NaN passes
	h := b.op(fmul, a, a)
	low := b.op(fmul, b.mulSub(a, a, h), b.c(0.5)) // half of h - a^2, exactly
	e = b.exp(b.op(fmul, h, b.c(-0.5)))
	e = b.mulAdd(low, e, e)
	t := b.op(fdiv, b.c(1), b.mulAdd(a, b.c(0.35), b.c(1)))
	tail = b.horner(t, 0.13962166, 0.13985756, 0.119863138, 0.105391808, -0.0228422806, 0.158794403, -0.255388707, 0.143817127, -0.0291147251)
	return a, e, b.op(fmul, b.op(fmul, tail, t), e)
}

// gelu is max(x, 0) - a tail.
func (b *body) gelu(x v) v {
	a, _, tail := b.normal(x)
	return b.mulSub(a, tail, b.op(fmax, x, b.zero()))
}

// geluSlope is Phi(x) + x phi(x).
func (b *body) geluSlope(x v) v {
	a, e, tail := b.normal(x)
	phi := b.pick(b.op(fcmgt, b.zero(), x), tail, b.op(fsub, b.c(1), tail))
	return b.mulAdd(b.op(fmul, e, b.c(0.398942280)), b.withSign(x, a), phi)
}

// circular is sin for shift 0 and cos for shift 1. x = n pi/2 + r; n tells which of the two
// polynomials in r, and its sign.
func circular(f *file, name string, shift uint32) {
	g := begin(f, name, "(dst, a *float32, n int) uint32", "sets dst to the "+name+" of a; the result is not 0 if an |a| is above 30000, where dst is wrong.", "dst", "a")
	far := g.cleared()
	g.each(1, func(_ int, kept []v) {
		b := g.b
		x := g.load("a")
		bad := b.op(fcmgt, b.op1(fabs, x), b.c(30000))
		b.into(kept[far], func(o int, in []int) string { return or(o, in[0], in[1]) }, kept[far], bad)
		q := b.op1(frintn, b.op(fmul, x, b.c(2/math.Pi)))
		const c1, c2 = 0x1.921p0, 0x1.f6a8p-12 // pi/2 in three pieces
		r := b.mulSub(q, b.c(c1), x)
		r = b.mulSub(q, b.c(c2), r)
		r = b.mulSub(q, b.c(math.Pi/2-c1-c2), r)
		k := b.op1(fcvtns, q)
		if shift != 0 {
			k = b.op(iadd, k, b.bits(shift))
		}
		z := b.op(fmul, r, r)
		s := b.horner(z, -0.166666672, 0.00833338033, -0.000198534995, 2.83727582e-6)
		s = b.mulAdd(b.op(fmul, s, z), r, r)
		co := b.horner(z, 0.0416666456, -0.00138873013, 2.44306702e-5)
		co = b.op(fsub, b.op(fmul, co, z), b.c(0.5))
		co = b.mulAdd(co, z, b.c(1))
		s = b.pick(b.shift(sshr, b.shift(shl, k, 31), 31), co, s)
		s = b.op(eor, s, b.shift(shl, b.shift(ushr, k, 1), 31))
		g.store(s, "dst")
	})
	f.ins("%s", umaxv(31-far, 31-far))
	f.ins("FMOVS F%d, %s", 31-far, f.args["ret"])
	f.ins("RET")
}
