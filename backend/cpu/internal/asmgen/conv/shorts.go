package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const shortTable = "k.rowNorms, k.rowQuants, k.channelScales = rowNorms512, rowQuants512, channelScales512\n" +
	"k.pairs, k.pairsTwice, k.prefetch = pairs512, pairsTwice512, prefetch512\n}\n"

// shortRest emits what package conv16 has beside its tiles.
func (m *machine) shortRest() {
	m.rowNorms()
	m.rowQuants()
	m.channelScales()
	m.pairs("pairs512", false)
	m.pairs("pairsTwice512", true)
	m.prefetch()
}

// floats makes floats of sums: times the scale of the image, then of the channels.
func (m *machine) floats(acc []VecVirtual, v int, channels, image Mem) {
	p, x := loadQ(channels), m.vec()
	VBROADCASTSS(image, x)
	for i := range v {
		s := m.vec()
		VMOVUPS(offset(p, i*m.bytes), s)
		for j := i; j < len(acc); j += v {
			VCVTDQ2PS(acc[j], acc[j])
			VMULPS(x, acc[j], acc[j])
			VMULPS(s, acc[j], acc[j])
		}
	}
}

// shortWeights emits the kernel of conv16.outerCall for the three taps of a row, n input channels and v vectors. A pair of
// neighbouring pixels of the image is in the windows of the same pair of dy, of that a pixel before, and of that two before;
// the first column has nothing two before, and if one is left over, the last has nothing of its own.
func (m *machine) shortWeights(n, v int) {
	arg := begin(fmt.Sprintf("weights%sx%dx%d", m.name, n, v), "")
	x, dy, rows, xPix, dyPix := loadQ(arg(0)), loadQ(arg(1)), loadQ(arg(3)), loadQ(arg(5)), loadQ(arg(6))
	half, back := GP64(), GP64()
	MOVQ(dyPix, half)
	SHRQ(Imm(1), half)
	XORQ(back, back)
	SUBQ(dyPix, back)
	places := []Mem{{Base: dy}, {Base: dy, Index: half, Scale: 1}, {Base: dy, Index: back, Scale: 1}}
	acc := m.vecs(3 * n * v)
	for _, a := range acc {
		m.zero(a)
	}
	column := func(taps ...int) {
		d := m.vecs(3 * v)
		for _, tap := range taps {
			for i := range v {
				VMOVUPS(places[tap].Offset(i*m.bytes), d[tap*v+i])
			}
		}
		for i := range n {
			b := m.vec()
			VBROADCASTSS(offset(x, 4*i), b)
			for _, tap := range taps {
				for j := range v {
					m.fma(b, d[tap*v+j], acc[(tap*n+i)*v+j])
				}
			}
		}
		ADDQ(xPix, x)
		ADDQ(dyPix, dy)
	}
	loop("row", rows, func() {
		column(0, 1)
		k := loadQ(arg(4))
		TESTQ(k, k)
		JZ(LabelRef("last"))
		loop("column", k, func() { column(0, 1, 2) })
		Label("last")
		CMPQ(arg(10), Imm(0))
		JEQ(LabelRef("end"))
		column(1, 2)
		Label("end")
	})
	ld := loadQ(arg(7))
	walk := func(out Mem, f func(a VecVirtual, to Mem)) {
		p := loadQ(out)
		for t := range 3 * n {
			for j := range v {
				f(acc[t*v+j], offset(p, j*m.bytes))
			}
			ADDQ(ld, p)
			if (t+1)%n == 0 {
				ADDQ(arg(8), p)
			}
		}
	}
	CMPQ(arg(9), Imm(0))
	JNE(LabelRef("summed"))
	walk(arg(2), func(a VecVirtual, to Mem) { VPADDD(to, a, a) })
	Label("summed")
	CMPQ(arg(13), Imm(0))
	JNE(LabelRef("final"))
	walk(arg(2), func(a VecVirtual, to Mem) { VMOVDQU32(a, to) })
	JMP(LabelRef("done"))
	Label("final")
	m.scaled(acc, n, v, arg(14), arg(15))
	CMPQ(arg(16), Imm(0))
	JNE(LabelRef("begin"))
	walk(arg(13), func(a VecVirtual, to Mem) { VADDPS(to, a, a) })
	Label("begin")
	walk(arg(13), func(a VecVirtual, to Mem) { VMOVUPS(a, to) })
	Label("done")
	VZEROUPPER()
	RET()
}

// scaled makes floats of sums of three taps, n input channels and v vectors, times the scales of both.
func (m *machine) scaled(acc []VecVirtual, n, v int, inputs, outputs Mem) {
	p, o, columns := loadQ(inputs), loadQ(outputs), m.vecs(v)
	for j := range v {
		VMOVUPS(offset(o, j*m.bytes), columns[j])
	}
	for i := range n {
		b := m.vec()
		VBROADCASTSS(offset(p, 4*i), b)
		for tap := range 3 {
			for j := range v {
				a := acc[(tap*n+i)*v+j]
				VCVTDQ2PS(a, a)
				VMULPS(b, a, a)
				VMULPS(columns[j], a, a)
			}
		}
	}
}

// rowNorms emits the kernel of conv16.rowCall that finds norms.
func (m *machine) rowNorms() {
	arg := begin("rowNorms512", "rowNorms512 finds the sum of squares and the greatest magnitude of each of c.rows rows.")
	src, rows, srcStep, squares, high := loadQ(arg(1)), loadQ(arg(2)), loadQ(arg(4)), loadQ(arg(7)), loadQ(arg(8))
	mask := K()
	KMOVW(arg(6), mask)
	bits := m.bits(0x7fffffff)
	loop("row", rows, func() {
		sum, top := m.vecs(4), m.vecs(4)
		for i := range 4 {
			m.zero(sum[i])
			m.zero(top[i])
		}
		one := func(x VecVirtual, i int) {
			VFMADD231PS(x, x, sum[i])
			VPANDD(bits, x, x)
			VMAXPS(x, top[i], top[i])
		}
		p, n := GP64(), loadQ(arg(5))
		MOVQ(src, p)
		SUBQ(Imm(4), n)
		JLT(LabelRef("few"))
		Label("four")
		for i := range 4 {
			x := m.vec()
			VMOVUPS(offset(p, 64*i), x)
			one(x, i)
		}
		ADDQ(U32(256), p)
		SUBQ(Imm(4), n)
		JGE(LabelRef("four"))
		Label("few")
		ADDQ(Imm(4), n)
		JZ(LabelRef("tail"))
		loop("one", n, func() {
			x := m.vec()
			VMOVUPS(offset(p, 0), x)
			one(x, 0)
			ADDQ(U32(64), p)
		})
		Label("tail")
		x := m.vec()
		VMOVUPS_Z(offset(p, 0), mask, x)
		one(x, 1)
		m.join(sum, func(a, b VecVirtual) { VADDPS(a, b, b) })
		m.join(top, func(a, b VecVirtual) { VMAXPS(a, b, b) })
		VMOVSS(sum[0].AsX(), offset(squares, 0))
		VMOVSS(top[0].AsX(), offset(high, 0))
		ADDQ(Imm(4), squares)
		ADDQ(Imm(4), high)
		ADDQ(srcStep, src)
	})
	VZEROUPPER()
	RET()
}

// join leaves in the first lane of v[0] what f makes of all lanes of four vectors.
func (m *machine) join(v []VecVirtual, f func(a, b VecVirtual)) {
	f(v[1], v[0])
	f(v[3], v[2])
	f(v[2], v[0])
	x := m.vec()
	VSHUFF32X4(Imm(0x4e), v[0], v[0], x)
	f(x, v[0])
	VSHUFF32X4(Imm(0xb1), v[0], v[0], x)
	f(x, v[0])
	VPERMILPS(Imm(0x4e), v[0], x)
	f(x, v[0])
	VPERMILPS(Imm(0xb1), v[0], x)
	f(x, v[0])
}

// bits fills a vector with a word.
func (m *machine) bits(word uint32) VecVirtual {
	r, v := GP32(), m.vec()
	MOVL(U32(word), r)
	VPBROADCASTD(r, v)
	return v
}

func (m *machine) float(x float32) VecVirtual { return m.bits(math.Float32bits(x)) }

// rowQuants emits the kernel of conv16.rowCall that rounds rows times c.inverse.
func (m *machine) rowQuants() {
	arg := begin("rowQuants512", "rowQuants512 rounds c.rows rows times c.inverse to 16 bits.")
	dst, src, rows, dstStep, srcStep := loadQ(arg(0)), loadQ(arg(1)), loadQ(arg(2)), loadQ(arg(3)), loadQ(arg(4))
	mask, scale := K(), m.vec()
	KMOVW(arg(6), mask)
	VBROADCASTSS(arg(9), scale)
	loop("row", rows, func() {
		p, q, n, x := GP64(), GP64(), loadQ(arg(5)), m.vec()
		MOVQ(src, p)
		MOVQ(dst, q)
		TESTQ(n, n)
		JZ(LabelRef("tail"))
		loop("vector", n, func() {
			VMULPS(offset(p, 0), scale, x)
			VCVTPS2DQ(x, x)
			VPMOVDW(x, offset(q, 0))
			ADDQ(U32(64), p)
			ADDQ(Imm(32), q)
		})
		Label("tail")
		CMPQ(arg(6), Imm(0))
		JEQ(LabelRef("end"))
		VMOVUPS_Z(offset(p, 0), mask, x)
		VMULPS(x, scale, x)
		VCVTPS2DQ(x, x)
		VPMOVDW(x, mask, offset(q, 0))
		Label("end")
		ADDQ(dstStep, dst)
		ADDQ(srcStep, src)
	})
	VZEROUPPER()
	RET()
}

// channelScales emits the kernel of conv16.channelCall. The steps are those of rounding.Scale.
func (m *machine) channelScales() {
	arg := begin("channelScales512", "channelScales512 finds the scales of c.vecs vectors of channels of c.pixels pixels.")
	src, vecs, step, scales, inverses := loadQ(arg(0)), loadQ(arg(1)), loadQ(arg(3)), loadQ(arg(4)), loadQ(arg(5))
	third := times(3, step)
	bits, most, greatest := m.bits(0x7fffffff), m.float(46300), m.float(math.MaxInt16)
	lower, upper := m.float(1e-18), m.float(1e13)
	bad := GP64()
	XORQ(bad, bad)
	loop("vector", vecs, func() {
		sum, top := m.vecs(4), m.vecs(4)
		for i := range 4 {
			m.zero(sum[i])
			m.zero(top[i])
		}
		one := func(from Mem, i int) {
			x := m.vec()
			VMOVUPS(from, x)
			VFMADD231PS(x, x, sum[i])
			VPANDD(bits, x, x)
			VMAXPS(x, top[i], top[i])
		}
		p, n := GP64(), loadQ(arg(2))
		MOVQ(src, p)
		SUBQ(Imm(4), n)
		JLT(LabelRef("few"))
		Label("four")
		for i, from := range []Mem{{Base: p}, {Base: p, Index: step, Scale: 1}, {Base: p, Index: step, Scale: 2}, {Base: p, Index: third, Scale: 1}} {
			one(from, i)
		}
		LEAQ(Mem{Base: p, Index: step, Scale: 4}, p)
		SUBQ(Imm(4), n)
		JGE(LabelRef("four"))
		Label("few")
		ADDQ(Imm(4), n)
		JZ(LabelRef("found"))
		loop("one", n, func() {
			one(offset(p, 0), 0)
			ADDQ(step, p)
		})
		Label("found")
		for i := 1; i < 4; i++ {
			VADDPS(sum[i], sum[0], sum[0])
			VMAXPS(top[i], top[0], top[0])
		}
		zero, empty, fine, high := m.vec(), K(), K(), K()
		m.zero(zero)
		VPORD(sum[0], top[0], sum[1])
		VPCMPEQD(zero, sum[1], empty)
		s, t := m.vec(), m.vec()
		VSQRTPS(sum[0], s)
		VDIVPS(most, s, s)
		VDIVPS(greatest, top[0], t)
		VMAXPS(s, t, s) // NaN if the norm is
		VCMPPS(Imm(13), lower, s, fine)
		VCMPPS(Imm(2), upper, s, high)
		KANDW(high, fine, fine)
		VDIVPS(s, top[0], t)
		VCVTTPS2DQ(t, t)
		VCVTDQ2PS(t, t)
		VDIVPS_Z(t, top[0], fine, s)
		VDIVPS_Z(top[0], t, fine, t)
		VMOVUPS(s, offset(scales, 0))
		VMOVUPS(t, offset(inverses, 0))
		KORW(empty, fine, fine)
		KNOTW(fine, fine)
		r := GP32()
		KMOVW(fine, r)
		ORQ(r.As64(), bad)
		ADDQ(Imm(64), src)
		ADDQ(Imm(64), scales)
		ADDQ(Imm(64), inverses)
	})
	MOVQ(bad, arg(6))
	VZEROUPPER()
	RET()
}

// pairs emits a kernel of conv16.pairCall: pairs of neighbouring pixels of a row that begin at odd pixels, the first with
// nothing before it; or twice, those that begin at even pixels before each of them.
func (m *machine) pairs(name string, twice bool) {
	doc := "rounds a row times the inverse scales of channels, in pairs of pixels from an odd one on."
	if twice {
		doc = "does so, before each pair that from the even pixel before it on."
	}
	arg := begin(name, name+" "+doc)
	dst, src, vecs, srcStep, dstStep, inverse := loadQ(arg(0)), loadQ(arg(1)), loadQ(arg(2)), loadQ(arg(4)), loadQ(arg(5)), loadQ(arg(7))
	second := GP64()
	if twice {
		MOVQ(dstStep, second)
		SHRQ(Imm(1), second)
	}
	upper, r := K(), GP32()
	MOVL(U32(0xaaaaaaaa), r)
	KMOVD(r, upper)
	loop("vector", vecs, func() {
		p, q, n, scale, before := GP64(), GP64(), loadQ(arg(3)), m.vec(), m.vec()
		MOVQ(src, p)
		MOVQ(dst, q)
		VMOVUPS(offset(inverse, 0), scale)
		m.zero(before)
		round := func(from Mem, to VecVirtual) {
			VMULPS(from, scale, to)
			VCVTPS2DQ(to, to)
		}
		// put stores the pairs (before, low) and (low, high), high in upper halves
		put := func(low, high VecVirtual) {
			t := m.vec()
			VPSLLD(Imm(16), low, t)
			VMOVDQU16(t, upper, before)
			if !twice {
				VMOVDQU32(before, offset(q, 0))
				return
			}
			VMOVDQU32(before, Mem{Base: q, Index: second, Scale: 1})
			VMOVDQU16(high, upper, low)
			VMOVDQU32(low, offset(q, 0))
		}
		TESTQ(n, n)
		JZ(LabelRef("last"))
		loop("pair", n, func() {
			low, high, t := m.vec(), m.vec(), m.vec()
			round(offset(p, 0), low)
			round(Mem{Base: p, Index: srcStep, Scale: 1}, high)
			if twice {
				VPSLLD(Imm(16), high, t)
			}
			put(low, t)
			VMOVDQA32(high, before)
			LEAQ(Mem{Base: p, Index: srcStep, Scale: 2}, p)
			ADDQ(dstStep, q)
		})
		Label("last")
		low, none := m.vec(), m.vec()
		m.zero(low)
		m.zero(none)
		CMPQ(arg(6), Imm(0))
		JEQ(LabelRef("even"))
		round(offset(p, 0), low)
		Label("even")
		put(low, none)
		ADDQ(Imm(64), src)
		ADDQ(Imm(64), dst)
		ADDQ(Imm(64), inverse)
	})
	VZEROUPPER()
	RET()
}
