package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	pieces      = 32   // of the slope, as many as two registers hold
	pieceWidth  = 0.19 // the last begins at 5.8, where the slope is 1 to 1.2e-7
	pieceDegree = 5
)

// slopeTable writes the coefficients of polynomials in u that are, within 1e-8, Φ(a) + a φ(a) - 1/2 at a = (i + u) pieceWidth
// for |u| <= 1/2 and piece i, all of u^0 first; the last piece is 1/2. They meet the function at Chebyshev's points.
func slopeTable() Mem {
	table := GLOBL("slopePieces", RODATA|NOPTR)
	for j := range pieceDegree + 1 {
		for i := range pieces {
			c := [pieceDegree + 1]float64{0.5}
			if i < pieces-1 {
				c = piece(i)
			}
			DATA(4*(pieces*j+i), U32(math.Float32bits(float32(c[j]))))
		}
	}
	return table
}

// piece returns the coefficients of a piece: Newton's, then those of powers.
func piece(i int) (c [pieceDegree + 1]float64) {
	var u, d [pieceDegree + 1]float64
	for k := range u {
		u[k] = math.Cos((float64(k)+0.5)*math.Pi/(pieceDegree+1)) / 2
		a := (float64(i) + u[k]) * pieceWidth
		d[k] = math.Erf(a/math.Sqrt2)/2 + a*math.Exp(-a*a/2)/math.Sqrt(2*math.Pi)
	}
	for j := 1; j <= pieceDegree; j++ {
		for k := pieceDegree; k >= j; k-- {
			d[k] = (d[k] - d[k-1]) / (u[k] - u[k-j])
		}
	}
	for k := pieceDegree; k >= 0; k-- { // c = c (u - u[k]) + d[k]
		for j := pieceDegree; j > 0; j-- {
			c[j] = c[j-1] - c[j]*u[k]
		}
		c[0] = d[k] - c[0]*u[k]
	}
	return c
}

// slope writes geluSlope for AVX-512, which looks 32 coefficients up at a time: 1/2 + sign(x) (Φ(|x|) + |x| φ(|x|) - 1/2).
func (g *gen) slope() {
	begin(g.name("geluSlope"), "func(dst, a *float32, n int)", "sets dst to the derivative of gelu at a.")
	d, a, n := param("dst"), param("a"), param("n")
	g.hoist()
	table := GP64()
	LEAQ(slopeTable(), table)
	var low, high [pieceDegree + 1]VecVirtual
	for j := range low {
		low[j], high[j] = ZMM(), ZMM()
		VMOVUPS(Mem{Base: table, Disp: 4 * pieces * j}, low[j])
		VMOVUPS(Mem{Base: table, Disp: 4*pieces*j + 64}, high[j])
	}
	g.each(n, func(i GPVirtual) {
		x := g.load(at(a, i))
		u, last := g.v(), g.reg(g.c((pieces-1)*pieceWidth))
		VANDPS(g.bits(noSign), x, u)
		VMINPS(u, last, u)        // NaN passes
		k := g.reg(g.c(0x1.8p23)) // its last bits become the number of the piece
		VFMADD231PS(g.c(1/pieceWidth), u, k)
		whole := g.v()
		VSUBPS(g.c(0x1.8p23), k, whole)
		VFMSUB132PS(g.c(1/pieceWidth), whole, u)
		var p VecVirtual
		for j := pieceDegree; j >= 0; j-- {
			c := g.reg(k)
			VPERMI2PS(high[j], low[j], c)
			if p != nil {
				VFMADD231PS(p, u, c)
			}
			p = c
		}
		s := g.v()
		VANDPS(g.bits(sign), x, s)
		VXORPS(s, p, p)
		VADDPS(g.c(0.5), p, p)
		g.store(p, at(d, i))
	})
	end()
	g.unhoist()
}
