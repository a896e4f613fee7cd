package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// weights emits the kernel of conv.outerCall for r window positions by v vectors. Where all lanes exist, a second loop
// loads without a mask: a load under one most likely takes a port that multiplies.
func (m *machine) weights(r, v int) {
	name := fmt.Sprintf("weights%sx%dx%d", m.name, r, v)
	arg := begin(name, "")
	x, dy, dw := loadQ(arg(0)), loadQ(arg(1)), arg(2)
	rows, cols, xPix, dyPix := loadQ(arg(3)), arg(4), loadQ(arg(5)), loadQ(arg(6))
	xRow, dyRow, ld, bits, count := arg(7), arg(8), arg(9), arg(10), arg(11)
	fresh, near, gap, xTap := arg(14), arg(15), arg(16), arg(17)

	acc := m.vecs(r * v)
	for _, a := range acc {
		m.zero(a)
	}
	sums := func(suffix string, mask Op) {
		loop("row"+suffix, rows, func() {
			n := loadQ(cols)
			loop("pixel"+suffix, n, func() {
				d := m.vecs(v)
				for i := range d {
					var tail Op
					if i == v-1 {
						tail = mask
					}
					m.load(offset(dy, i*m.bytes), tail, d[i])
				}
				m.multiply(acc, d, r, func(i int) Mem { return offset(x, 4*i) })
				ADDQ(xPix, x)
				ADDQ(dyPix, dy)
			})
			ADDQ(xRow, x)
			ADDQ(dyRow, dy)
		})
	}
	three := v == 1 && r%3 == 0
	if three {
		CMPQ(near, Imm(1))
		JEQ(LabelRef("near"))
		if r%9 == 0 {
			JGT(LabelRef("nine"))
		}
	}
	CMPQ(count, Imm(uint64(m.bytes/4)))
	JEQ(LabelRef("whole"))
	sums("", m.mask(bits, count))
	JMP(LabelRef("summed"))
	Label("whole")
	sums("Whole", nil)
	if three {
		a := nearArgs{x: x, dy: dy, rows: rows, xPix: xPix, dyPix: dyPix, cols: cols, xRow: xRow, dyRow: dyRow}
		JMP(LabelRef("summed"))
		Label("near")
		m.near("Near", acc, a)
		if r%9 == 0 {
			JMP(LabelRef("summed"))
			Label("nine")
			a.tap = loadQ(xTap)
			m.near("Nine", acc, a)
		}
	}
	Label("summed")
	m.keep(acc, v, keepArgs{dw: dw, ld: ld, fresh: fresh, gap: gap, three: three})
	VZEROUPPER()
	RET()
}

type keepArgs struct {
	dw, ld, fresh, gap Mem
	three              bool // skip gap after each third of the rows
}

// keep adds the sums to rows of dw, or begins these with them.
func (m *machine) keep(acc []VecVirtual, v int, a keepArgs) {
	r := len(acc) / v
	out, step := loadQ(a.dw), loadQ(a.ld)
	next := func(p GPVirtual, j int) {
		ADDQ(step, p)
		if a.three && (j+1)%(r/3) == 0 {
			ADDQ(a.gap, p)
		}
	}
	CMPQ(a.fresh, Imm(0))
	JNE(LabelRef("store"))
	sum := loadQ(a.dw)
	for j := range r {
		for i := range v {
			VADDPS(offset(sum, i*m.bytes), acc[j*v+i], acc[j*v+i])
		}
		next(sum, j)
	}
	Label("store")
	for j := range r {
		for i := range v {
			VMOVUPS(acc[j*v+i], offset(out, i*m.bytes))
		}
		next(out, j)
	}
}

type nearArgs struct {
	x, dy, rows, xPix, dyPix GPVirtual
	cols, xRow, dyRow        Mem
	tap                      Op // bytes between three tap rows that acc spans, or nil for one
}

// near adds products for windows three pixels wide that begin at neighbouring pixels: a broadcast pixel is in three
// windows. The sums of a tap are the third of acc, or of a third of it; each still adds the pixels in their order. At least
// three pixels.
func (m *machine) near(name string, acc []VecVirtual, a nearArgs) {
	x := []Mem{{Base: a.x}}
	if tap, ok := a.tap.(Register); ok {
		x = append(x, Mem{Base: a.x, Index: tap, Scale: 1}, Mem{Base: a.x, Index: tap, Scale: 2})
	}
	back := GP64()
	XORQ(back, back)
	SUBQ(a.dyPix, back)
	dy := []Mem{{Base: a.dy}, {Base: a.dy, Index: back, Scale: 1}, {Base: a.dy, Index: back, Scale: 2}}
	Label("row" + name)
	column := func(first, last int) {
		d := m.vecs(3)
		for tap := first; tap <= last; tap++ {
			VMOVUPS(dy[tap], d[tap])
		}
		n := len(acc) / 3 / len(x)
		for i := range n * len(x) {
			b := m.vec()
			VBROADCASTSS(x[i/n].Offset(4*(i%n)), b)
			for tap := first; tap <= last; tap++ {
				VFMADD231PS(b, d[tap], acc[(i/n*3+tap)*n+i%n])
			}
		}
		ADDQ(a.xPix, a.x)
		ADDQ(a.dyPix, a.dy)
	}
	column(0, 0)
	column(0, 1)
	n := loadQ(a.cols)
	SUBQ(Imm(2), n)
	loop("pixel"+name, n, func() { column(0, 2) })
	column(1, 2)
	column(2, 2)
	for range 2 {
		SUBQ(a.xPix, a.x)
		SUBQ(a.dyPix, a.dy)
	}
	ADDQ(a.xRow, a.x)
	ADDQ(a.dyRow, a.dy)
	DECQ(a.rows)
	JNZ(LabelRef("row" + name))
}
