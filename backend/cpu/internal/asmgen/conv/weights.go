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
	arg := begin(name, fmt.Sprintf("%s adds the outer products of %d window positions and %d vectors of channels over pixels.", name, r, v))
	x, dy, dw := loadQ(arg(0)), loadQ(arg(1)), arg(2)
	rows, cols, xPix, dyPix := loadQ(arg(3)), arg(4), loadQ(arg(5)), loadQ(arg(6))
	xRow, dyRow, ld, bits, count := arg(7), arg(8), arg(9), arg(10), arg(11)
	fresh, near, gap := arg(14), arg(15), arg(16)

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
		CMPQ(near, Imm(0))
		JNE(LabelRef("rowNear"))
	}
	CMPQ(count, Imm(uint64(m.bytes/4)))
	JEQ(LabelRef("whole"))
	sums("", m.mask(bits, count))
	JMP(LabelRef("summed"))
	Label("whole")
	sums("Whole", nil)
	if three {
		JMP(LabelRef("summed"))
		loop("rowNear", rows, func() {
			m.nearRow(acc, nearArgs{x: x, dy: dy, xPix: xPix, dyPix: dyPix, cols: cols})
			ADDQ(xRow, x)
			ADDQ(dyRow, dy)
		})
	}
	Label("summed")
	out, step := loadQ(dw), loadQ(ld)
	CMPQ(fresh, Imm(0))
	JNE(LabelRef("store"))
	sum := loadQ(dw)
	for j := range r {
		for i := range v {
			VADDPS(offset(sum, i*m.bytes), acc[j*v+i], acc[j*v+i])
		}
		ADDQ(step, sum)
		if three && (j+1)%(r/3) == 0 {
			ADDQ(gap, sum)
		}
	}
	Label("store")
	for j := range r {
		for i := range v {
			VMOVUPS(acc[j*v+i], offset(out, i*m.bytes))
		}
		ADDQ(step, out)
		if three && (j+1)%(r/3) == 0 {
			ADDQ(gap, out)
		}
	}
	VZEROUPPER()
	RET()
}

type nearArgs struct {
	x, dy, xPix, dyPix GPVirtual
	cols               Mem
}

// nearRow adds a row's products for windows three pixels wide that begin at neighbouring pixels: a broadcast pixel is in
// three windows. The sums of a tap are the third of acc; each still adds the pixels in their order. At least three pixels.
func (m *machine) nearRow(acc []VecVirtual, a nearArgs) {
	back := GP64()
	XORQ(back, back)
	SUBQ(a.dyPix, back)
	dy := []Mem{{Base: a.dy}, {Base: a.dy, Index: back, Scale: 1}, {Base: a.dy, Index: back, Scale: 2}}
	column := func(first, last int) {
		d := m.vecs(3)
		for tap := first; tap <= last; tap++ {
			VMOVUPS(dy[tap], d[tap])
		}
		n := len(acc) / 3
		for i := range n {
			b := m.vec()
			VBROADCASTSS(offset(a.x, 4*i), b)
			for tap := first; tap <= last; tap++ {
				VFMADD231PS(b, d[tap], acc[tap*n+i])
			}
		}
		ADDQ(a.xPix, a.x)
		ADDQ(a.dyPix, a.dy)
	}
	column(0, 0)
	column(0, 1)
	n := loadQ(a.cols)
	SUBQ(Imm(2), n)
	loop("near", n, func() { column(0, 2) })
	column(1, 2)
	column(2, 2)
	for range 2 {
		SUBQ(a.xPix, a.x)
		SUBQ(a.dyPix, a.dy)
	}
}
