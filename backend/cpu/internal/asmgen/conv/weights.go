package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// weights emits the kernel of conv.outerCall for r window positions by v vectors.
func (m *machine) weights(r, v int) {
	name := fmt.Sprintf("weights%sx%dx%d", m.name, r, v)
	arg := begin(name, fmt.Sprintf("%s adds the outer products of %d window positions and %d vectors of channels over pixels.", name, r, v))
	x, dy, dw := loadQ(arg(0)), loadQ(arg(1)), arg(2)
	rows, cols, xPix, dyPix := loadQ(arg(3)), arg(4), loadQ(arg(5)), loadQ(arg(6))
	xRow, dyRow, ld, bits, count := arg(7), arg(8), arg(9), arg(10), arg(11)
	fresh := arg(14)

	mask := m.mask(bits, count)
	acc := m.vecs(r * v)
	for _, a := range acc {
		m.zero(a)
	}
	loop("row", rows, func() {
		n := loadQ(cols)
		loop("pixel", n, func() {
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
	out, step := loadQ(dw), loadQ(ld)
	CMPQ(fresh, Imm(0))
	JNE(LabelRef("store"))
	sum := loadQ(dw)
	for j := range r {
		for i := range v {
			VADDPS(offset(sum, i*m.bytes), acc[j*v+i], acc[j*v+i])
		}
		ADDQ(step, sum)
	}
	Label("store")
	for j := range r {
		for i := range v {
			VMOVUPS(acc[j*v+i], offset(out, i*m.bytes))
		}
		ADDQ(step, out)
	}
	VZEROUPPER()
	RET()
}
