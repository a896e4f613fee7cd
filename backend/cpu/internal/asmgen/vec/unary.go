package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	sign    = 0x80000000
	noSign  = 0x7fffffff
	infBits = 0x7f800000
	nanBits = 0x7fc00000
)

func (g *gen) unaries() {
	for _, u := range []struct {
		name, doc string
		f         func(x VecVirtual) VecVirtual
	}{
		{"neg", "sets dst = -a.", func(x VecVirtual) VecVirtual { VXORPS(g.bits(sign), x, x); return x }},
		{"abs", "sets dst = |a|.", func(x VecVirtual) VecVirtual { VANDPS(g.bits(noSign), x, x); return x }},
		{"sqrt", "sets dst to the square root of a.", func(x VecVirtual) VecVirtual { VSQRTPS(x, x); return x }},
		{"rsqrt", "sets dst = 1 / sqrt(a), each step rounded.", func(x VecVirtual) VecVirtual {
			VSQRTPS(x, x)
			r := g.reg(g.c(1))
			VDIVPS(x, r, r)
			return r
		}},
		{"relu", "sets dst = max(a, 0), NaN stays NaN.", func(x VecVirtual) VecVirtual {
			z := g.v()
			VXORPS(z, z, z)
			VMAXPS(x, z, z)
			return z
		}},
		{"floor", "sets dst to a rounded down.", func(x VecVirtual) VecVirtual { g.round(9, x, x); return x }},
		{"ceil", "sets dst to a rounded up.", func(x VecVirtual) VecVirtual { g.round(10, x, x); return x }},
		{"roundEven", "sets dst to the nearest integer, ties to even.", func(x VecVirtual) VecVirtual { g.round(8, x, x); return x }},
		{"exp", "sets dst = e to the a.", g.exp},
		{"log", "sets dst to the natural logarithm of a.", g.log},
		{"log1p", "sets dst to the natural logarithm of 1 + a.", g.log1p},
		{"tanh", "sets dst to the hyperbolic tangent of a.", g.tanh},
		{"sigmoid", "sets dst = 1 / (1 + exp(-a)).", g.sigmoid},
		{"erf", "sets dst to the error function of a.", g.erf},
		{"gelu", "sets dst = a Phi(a), Phi the normal distribution.", g.gelu},
		{"geluSlope", "sets dst to the derivative of gelu at a.", g.geluSlope},
	} {
		if g.wide && u.name == "geluSlope" {
			g.slope()
			continue
		}
		begin(g.name(u.name), "func(dst, a *float32, n int)", u.doc)
		d, a, n := param("dst"), param("a"), param("n")
		g.hoist()
		g.each(n, func(i GPVirtual) { g.store(u.f(g.load(at(a, i))), at(d, i)) })
		end()
		g.unhoist()
	}
	g.circular("sin", 0)
	g.circular("cos", 1)
}

// exp is 2^n * e^r with n the nearest integer to x / ln 2, |r| <= ln 2 / 2. A result below the least denormal takes the
// processor as long as 20 vectors otherwise, and a hidden score is -Inf: there a factor is 0.
func (g *gen) exp(x VecVirtual) VecVirtual {
	hi := g.reg(g.c(89))
	y := g.v()
	VMINPS(x, hi, y) // NaN passes
	if !g.wide {
		VMAXPS(y, g.reg(g.c(-176)), y) // where both factors are 0
	}
	n := g.v()
	VMULPS(g.c(math.Log2E), y, n)
	g.round(8, n, n)
	r := g.v()
	VMOVAPS(y, r)
	VFNMADD231PS(g.c(0x1.62e4p-1), n, r) // 14 bits: n times it is exact
	VFNMADD231PS(g.c(math.Ln2-0x1.62e4p-1), n, r)
	p := g.horner(r, 0.49999994, 0.166665167, 0.0416681059, 0.00836914219, 0.00138368073)
	r2 := g.v()
	VMULPS(r, r, r2)
	VFMADD213PS(r, r2, p)
	VADDPS(g.c(1), p, p)
	if g.wide {
		VSCALEFPS_Z(n, p, g.cmp(nlt, x, g.c(-104)), p) // below that no factor is a number
		return p
	}
	// Two factors, so that neither overflows and a denormal result is rounded once.
	k, h := g.v(), g.v()
	VCVTPS2DQ(n, k)
	VPSRAD(Imm(1), k, h)
	VPSUBD(h, k, k)
	for _, e := range []VecVirtual{h, k} {
		VPADDD(g.bits(127), e, e)
		VPSLLD(Imm(23), e, e)
		VMULPS(e, p, p)
	}
	return p
}

// split writes x > 0 as m * 2^e with m in [0.75, 1.5); denormals too.
func (g *gen) split(x VecVirtual) (m, e VecVirtual) {
	m, e = g.v(), g.v()
	if g.wide {
		VGETMANTPS(Imm(3), x, m)
		VGETEXPPS(x, e)
		t := g.v()
		VGETEXPPS(m, t)
		VSUBPS(t, e, e)
		return m, e
	}
	tiny := g.cmp(lt, x, g.c(0x1p-126))
	scaled := g.v()
	VMULPS(g.c(0x1p24), x, scaled)
	y := g.v()
	VMOVAPS(x, y)
	g.pick(tiny, scaled, y)
	// e = floor(log2(y / 0.75)), m = y / 2^e
	k := g.v()
	VPSUBD(g.bits(0x3f400000), y, k)
	VPSRAD(Imm(23), k, k)
	t := g.v()
	VPSLLD(Imm(23), k, t)
	VPSUBD(t, y, m)
	VCVTDQ2PS(k, e)
	VANDPS(g.c(24), tiny, t)
	VSUBPS(t, e, e)
	return m, e
}

// logCore is log(1 + f + low) + e ln 2 for f in [-0.25, 0.5), low a rounding error of f.
func (g *gen) logCore(f, e VecVirtual) VecVirtual {
	p := g.horner(f, 0.333334476, -0.250014544, 0.199930623, -0.165941522, 0.143371657, -0.135790899, 0.122401737, -0.0609475188)
	f2, t := g.v(), g.v()
	VMULPS(f, f, f2)
	VMULPS(f, f2, t)
	VMULPS(t, p, p)
	VFMADD231PS(g.c(math.Ln2-0x1.62e4p-1), e, p)
	VFNMADD231PS(g.c(0.5), f2, p)
	VADDPS(f, p, p)
	VFMADD231PS(g.c(0x1.62e4p-1), e, p)
	return p
}

func (g *gen) logEnds(x, y VecVirtual) {
	zero := g.v()
	VXORPS(zero, zero, zero)
	g.pick(g.cmp(eq, x, zero), g.bits(sign|infBits), y)
	g.pick(g.cmp(lt, x, zero), g.bits(nanBits), y)
	g.pick(g.cmp(eq, x, g.bits(infBits)), x, y)
	g.pick(g.cmp(unordered, x, x), x, y)
}

func (g *gen) log(x VecVirtual) VecVirtual {
	m, e := g.split(x)
	VSUBPS(g.c(1), m, m)
	y := g.logCore(m, e)
	g.logEnds(x, y)
	return y
}

// log1p is log(u) + d/u with u = 1 + x rounded and d its rounding error.
func (g *gen) log1p(x VecVirtual) VecVirtual {
	u, d, t := g.v(), g.v(), g.v()
	VADDPS(g.c(1), x, u)
	// The error of the sum 1 + x: (1 - (u - v)) + (x - v), v = u - 1.
	v := g.v()
	VSUBPS(g.c(1), u, v)
	VSUBPS(v, u, d)
	one := g.reg(g.c(1))
	VSUBPS(d, one, d)
	VSUBPS(v, x, t)
	VADDPS(t, d, d)
	VDIVPS(u, d, d)
	m, e := g.split(u)
	VSUBPS(g.c(1), m, m)
	y := g.logCore(m, e)
	VADDPS(d, y, y)
	g.logEnds(u, y)
	// Where u = 1 exactly the sum is x itself; it keeps the sign of zero.
	g.pick(g.cmp(eq, u, one), x, y)
	return y
}

// copySign gives y the sign of x.
func (g *gen) copySign(x, y VecVirtual) {
	s := g.v()
	VANDPS(g.bits(sign), x, s)
	VORPS(s, y, y)
}

// tanh is an odd polynomial below 0.62 and 1 - 2 / (exp(2|x|) + 1) above.
func (g *gen) tanh(x VecVirtual) VecVirtual {
	a, z := g.v(), g.v()
	VANDPS(g.bits(noSign), x, a)
	VMULPS(x, x, z)
	p := g.horner(z, -0.333332866, 0.133315712, -0.0537506454, 0.0206754226, -0.00574646145)
	VMULPS(z, p, p)
	VFMADD213PS(x, x, p)
	t := g.v()
	VADDPS(a, a, t)
	e := g.exp(t)
	VADDPS(g.c(1), e, e)
	q := g.reg(g.c(2))
	VDIVPS(e, q, q)
	one := g.reg(g.c(1))
	VSUBPS(q, one, q)
	g.copySign(x, q)
	g.pick(g.cmp(lt, a, g.c(0.62)), p, q)
	return q
}

// sigmoid is 1 or e over 1 + e with e = exp(-|x|), which keeps small results exact.
func (g *gen) sigmoid(x VecVirtual) VecVirtual {
	t := g.v()
	VORPS(g.bits(sign), x, t)
	e := g.exp(t)
	den := g.v()
	VADDPS(g.c(1), e, den)
	num := g.reg(g.c(1))
	zero := g.v()
	VXORPS(zero, zero, zero)
	g.pick(g.cmp(lt, x, zero), e, num)
	VDIVPS(den, num, num)
	return num
}

// erf is x + x p(x^2) up to 1 and 1 - exp(-q(|x|)) above.
func (g *gen) erf(x VecVirtual) VecVirtual {
	a, z := g.v(), g.v()
	VANDPS(g.bits(noSign), x, a)
	VMULPS(x, x, z)
	p := g.horner(z, 0.128379166, -0.376126289, 0.112836182, -0.026855126, 0.00519073335, -0.000803075032, 7.92030332e-5)
	VFMADD213PS(x, x, p)
	four := g.reg(g.c(4))
	t := g.v()
	VMINPS(a, four, t)
	q := g.horner(t, -0.000188034668, 1.12957835, 0.633220136, 0.108418196, -0.0252079312, 0.00420440501, -0.000441296375, 2.16826957e-5)
	VXORPS(g.bits(sign), q, q)
	q = g.exp(q)
	one := g.reg(g.c(1))
	VSUBPS(q, one, q)
	g.copySign(x, q)
	g.pick(g.cmp(lt, a, g.c(1)), p, q)
	return q
}

// normal is, for a = min(|x|, 20), a, e = exp(-a^2/2) and the upper tail 1 - Phi(a) = e t p(t), t = 1 / (1 + 0.35 a):
// one exponential for both, and no difference of near numbers.
func (g *gen) normal(x VecVirtual) (a, e, tail VecVirtual) {
	a = g.v()
	VANDPS(g.bits(noSign), x, a)
	limit := g.reg(g.c(20))
	VMINPS(a, limit, a) // NaN passes
	h, low := g.v(), g.v()
	VMULPS(a, a, h)
	VMOVAPS(a, low)
	VFMSUB213PS(h, a, low) // a^2 - h, exactly
	VMULPS(g.c(-0.5), h, h)
	VMULPS(g.c(-0.5), low, low)
	e = g.exp(h)
	VFMADD231PS(low, e, e)
	t := g.reg(g.c(1))
	d := g.v()
	VMOVAPS(t, d)
	VFMADD231PS(g.c(0.35), a, d)
	VDIVPS(d, t, t)
	tail = g.horner(t, 0.13962166, 0.13985756, 0.119863138, 0.105391808, -0.0228422806, 0.158794403, -0.255388707, 0.143817127, -0.0291147251)
	VMULPS(t, tail, tail)
	VMULPS(e, tail, tail)
	return a, e, tail
}

// gelu is max(x, 0) - a tail.
func (g *gen) gelu(x VecVirtual) VecVirtual {
	a, _, tail := g.normal(x)
	y := g.v()
	VXORPS(y, y, y)
	VMAXPS(x, y, y) // NaN passes
	VFNMADD231PS(tail, a, y)
	return y
}

// geluSlope is Phi(x) + x phi(x).
func (g *gen) geluSlope(x VecVirtual) VecVirtual {
	a, e, tail := g.normal(x)
	phi := g.reg(g.c(1))
	VSUBPS(tail, phi, phi)
	zero := g.v()
	VXORPS(zero, zero, zero)
	g.pick(g.cmp(lt, x, zero), tail, phi)
	VMULPS(g.c(0.398942280), e, e)
	s := g.v()
	VANDPS(g.bits(sign), x, s)
	VORPS(s, a, a)
	VFMADD231PS(e, a, phi)
	return phi
}

// circular is sin for shift 0 and cos for shift 1. x = n pi/2 + r; n tells which of the two
// polynomials in r, and its sign.
func (g *gen) circular(name string, shift uint32) {
	begin(g.name(name), "func(dst, a *float32, n int) (far uint32)", "sets dst to the "+name+" of a; far is not 0 if an |a| is above 30000, where the result is wrong.")
	d, a, n := param("dst"), param("a"), param("n")
	far := GP32()
	XORL(far, far)
	g.hoist()
	g.each(n, func(i GPVirtual) {
		x := g.load(at(a, i))
		mag := g.v()
		VANDPS(g.bits(noSign), x, mag)
		bad := g.cmp(gt, mag, g.c(30000))
		w := GP32()
		if g.wide {
			KMOVW(bad, w)
		} else {
			VMOVMSKPS(bad, w)
		}
		ORL(w, far)
		q, r := g.v(), g.v()
		VMULPS(g.c(2/math.Pi), x, q)
		g.round(8, q, q)
		VMOVAPS(x, r)
		const c1, c2 = 0x1.921p0, 0x1.f6a8p-12 // pi/2 in three pieces
		VFNMADD231PS(g.c(c1), q, r)
		VFNMADD231PS(g.c(c2), q, r)
		VFNMADD231PS(g.c(math.Pi/2-c1-c2), q, r)
		k, z := g.v(), g.v()
		VCVTPS2DQ(q, k)
		if shift != 0 {
			VPADDD(g.bits(shift), k, k)
		}
		VMULPS(r, r, z)
		s := g.horner(z, -0.166666672, 0.00833338033, -0.000198534995, 2.83727582e-6)
		VMULPS(z, s, s)
		VFMADD213PS(r, r, s)
		co := g.horner(z, 0.0416666456, -0.00138873013, 2.44306702e-5)
		VMULPS(z, co, co)
		VSUBPS(g.c(0.5), co, co)
		VFMADD213PS(g.c(1), z, co)
		odd := g.v()
		VPSLLD(Imm(31), k, odd)
		if g.wide {
			m := K()
			VPMOVD2M(odd, m)
			VMOVAPS(co, m, s)
		} else {
			VBLENDVPS(odd, co, s, s)
		}
		VPSRLD(Imm(1), k, k)
		VPSLLD(Imm(31), k, k)
		VXORPS(k, s, s)
		g.store(s, at(d, i))
	})
	Store(far, ReturnIndex(0))
	end()
	g.unhoist()
}
