package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// winograd are the words of conv.winogradCall.
type winograd struct {
	m                       *machine
	src, dst                GPVirtual // current tile
	row, pix, plane         GPVirtual
	at                      GPVirtual // byte offset of the current channels
	bias, floor, rows, cols Mem
	to, res                 Mem // first tile of an output, and the residual there or nil
}

// winogradKernel emits a loop over tiles and channels. imageSource says which side is the image,
// where a tile is three pixels wide; the other side holds 25 planes with a pixel a tile.
func (m *machine) winogradKernel(name, doc string, imageSource bool, body func(w *winograd)) {
	arg := begin(name+m.name, name+m.name+" "+doc)
	w := &winograd{m: m, src: loadQ(arg(0)), dst: loadQ(arg(1)), row: loadQ(arg(2)), pix: loadQ(arg(3)), plane: loadQ(arg(6)),
		bias: arg(7), floor: arg(8), rows: arg(9), cols: arg(10), to: arg(1), res: arg(12)}
	loop("tile", cursor(arg(4), arg(11)), func() {
		w.at = GP64()
		XORQ(w.at, w.at)
		vecs := loadQ(arg(5))
		loop("channels", vecs, func() {
			body(w)
			ADDQ(Imm(uint64(m.bytes)), w.at)
		})
		image, planes := w.src, w.dst
		if !imageSource {
			image, planes = planes, image
		}
		LEAQ(Mem{Base: image, Index: w.pix, Scale: 2}, image)
		ADDQ(w.pix, image)
		ADDQ(w.pix, planes)
	})
	VZEROUPPER()
	RET()
}

// walk returns a pointer to the current channels behind base.
func (w *winograd) walk(base GPVirtual) GPVirtual {
	p := GP64()
	LEAQ(Mem{Base: base, Index: w.at, Scale: 1}, p)
	return p
}

// step addresses what lies i steps behind p; third is three steps, for i = 3 alone.
func step(p, by, third GPVirtual, i int) Mem {
	switch i {
	case 0:
		return Mem{Base: p}
	case 3:
		return Mem{Base: p, Index: third, Scale: 1}
	}
	return Mem{Base: p, Index: by, Scale: uint8(i)}
}

// times returns a register of n steps.
func times(n int, by GPVirtual) GPVirtual {
	r := GP64()
	LEAQ(Mem{Base: by, Index: by, Scale: uint8(n - 1)}, r)
	return r
}

// constant fills a vector with a float32, given as its bits.
func (m *machine) constant(bits uint32) VecVirtual {
	r, s, v := GP32(), XMM(), m.vec()
	MOVL(U32(bits), r)
	VMOVD(r, s)
	VBROADCASTSS(s, v)
	return v
}

const (
	bitsOfTwo  = 0x40000000
	bitsOfFour = 0x40800000
)

// put stores v to the next plane.
func (w *winograd) put(v VecVirtual, p GPVirtual) {
	VMOVUPS(v, Mem{Base: p})
	ADDQ(w.plane, p)
}

// winogradInput emits Bt·d·B of 5x5 pixels d: rows first, then columns. With AVX2 the rows wait in the planes.
func (m *machine) winogradInput() {
	m.winogradKernel("winogradInput", "transforms windows of 5x5 pixels.", true, func(w *winograd) {
		third, two := times(3, w.pix), m.constant(bitsOfTwo)
		in, out := w.walk(w.src), w.walk(w.dst)
		var grid [5][]VecVirtual
		for i := range grid {
			d := m.vecs(5)
			for j := range d {
				VMOVUPS(step(in, w.pix, third, j), d[j])
			}
			grid[i] = m.mixInput(d, two)
			if i < 4 {
				ADDQ(w.row, in)
			}
			if !m.wide {
				for _, v := range grid[i] {
					w.put(v, out)
				}
			}
		}
		if !m.wide {
			out = w.walk(w.dst)
		}
		fifth := times(5, w.plane)
		last := times(3, fifth)
		for j := range 5 {
			at := func(i int) Mem { return step(out, fifth, last, i) }
			d := make([]VecVirtual, 5)
			for i := range d {
				if d[i] = grid[i][j]; !m.wide {
					d[i] = m.vec()
					VMOVUPS(at(i), d[i])
				}
			}
			for i, v := range m.mixInput(d, two) {
				VMOVUPS(v, at(i))
			}
			if j < 4 {
				ADDQ(w.plane, out)
			}
		}
	})
}

// mixInput returns Bt·d, in the registers of d and one more:
//
//	2(d0-d2)+(d3-d1), (d3-d2)-2d1, (d3-d2)+2(d1-d2), d3-d1, (d4-d2)-2(d3-d1)
func (m *machine) mixInput(d []VecVirtual, two VecVirtual) []VecVirtual {
	a := m.vec()
	VSUBPS(d[1], d[3], a)
	VSUBPS(d[2], d[0], d[0])
	VFMADD213PS(a, two, d[0])
	VSUBPS(d[2], d[4], d[4])
	VFNMADD231PS(two, a, d[4])
	VSUBPS(d[2], d[3], d[3])
	VSUBPS(d[2], d[1], d[2])
	VFMADD213PS(d[3], two, d[2])
	VFNMADD231PS(two, d[1], d[3])
	return []VecVirtual{d[0], d[3], d[2], a, d[4]}
}

// winogradOutput emits max(floor, At·m·A + bias + res), 3x3 pixels or what of them exists.
func (m *machine) winogradOutput() {
	m.winogradKernel("winogradOutput", "transforms products to 3x3 pixels.", false, func(w *winograd) {
		in, out := w.walk(w.src), w.walk(w.dst)
		two, four := m.constant(bitsOfTwo), m.constant(bitsOfFour)
		third, fifth := times(3, w.plane), times(5, w.plane)
		var y [3][]VecVirtual
		for i := range 5 {
			h := m.mixOutput(func(j int) Mem { return step(in, w.plane, third, j) }, two, four)
			if i < 4 {
				ADDQ(fifth, in)
			}
			for j, v := range h {
				switch i {
				case 0:
					y[0] = h
				case 1:
					VADDPS(v, y[0][j], y[0][j])
					t := m.vec()
					VMOVAPS(v, t)
					y[1], y[2] = h, append(y[2], t)
				case 2:
					VADDPS(v, y[0][j], y[0][j])
					VSUBPS(v, y[1][j], y[1][j])
					VADDPS(v, y[2][j], y[2][j])
				case 3:
					VADDPS(v, y[0][j], y[0][j])
					VFMADD231PS(two, v, y[1][j])
					VFMADD231PS(four, v, y[2][j])
				case 4:
					VADDPS(v, y[2][j], y[2][j])
				}
			}
		}
		bias, low, b := m.vec(), m.vec(), GP64()
		MOVQ(w.bias, b)
		VMOVUPS(Mem{Base: b, Index: w.at, Scale: 1}, bias)
		VBROADCASTSS(w.floor, low)
		far := loadQ(w.res)
		SUBQ(w.to, far)
		res := GP64()
		LEAQ(Mem{Base: out, Index: far, Scale: 1}, res)
		for r := range 3 {
			if r > 0 {
				CMPQ(w.rows, Imm(uint64(r)))
				JEQ(LabelRef("rowsDone"))
				ADDQ(w.row, out)
				ADDQ(w.row, res)
			}
			skip := []string{"skip0", "skip1", "skip2"}[r]
			for c, v := range y[r] {
				if c > 0 {
					CMPQ(w.cols, Imm(uint64(c)))
					JEQ(LabelRef(skip))
				}
				VADDPS(bias, v, v)
				bare := fmt.Sprintf("bare%d%d", r, c)
				CMPQ(w.res, Imm(0))
				JEQ(LabelRef(bare))
				VADDPS(step(res, w.pix, w.pix, c), v, v)
				Label(bare)
				VMAXPS(v, low, v)
				VMOVUPS(v, step(out, w.pix, w.pix, c))
			}
			Label(skip)
		}
		Label("rowsDone")
	})
}

// mixOutput returns At·m of five floats in memory: m0+m1+m2+m3, m1-m2+2·m3, m1+m2+4·m3+m4.
func (m *machine) mixOutput(at func(int) Mem, two, four VecVirtual) []VecVirtual {
	a, b, c, sum := m.vec(), m.vec(), m.vec(), m.vec()
	VMOVUPS(at(1), a)
	VMOVUPS(at(2), b)
	VADDPS(b, a, c)
	VSUBPS(b, a, a)
	VMOVUPS(at(3), b)
	VADDPS(at(0), c, sum)
	VADDPS(b, sum, sum)
	VFMADD231PS(two, b, a)
	VFMADD231PS(four, b, c)
	VADDPS(at(4), c, c)
	return []VecVirtual{sum, a, c}
}

// winogradGrad emits A·dy·At of 3x3 pixels dy.
func (m *machine) winogradGrad() {
	m.winogradKernel("winogradGrad", "transforms 3x3 pixels of a gradient.", true, func(w *winograd) {
		rows := []GPVirtual{w.walk(w.src), GP64(), GP64()}
		for i := 1; i < 3; i++ {
			LEAQ(Mem{Base: rows[i-1], Index: w.row, Scale: 1}, rows[i])
		}
		out := w.walk(w.dst)
		two, four := m.constant(bitsOfTwo), m.constant(bitsOfFour)
		for i := range 5 {
			d := m.vecs(3) // row i of A·dy
			for j, v := range d {
				at := func(k int) Mem { return step(rows[k], w.pix, w.pix, j) }
				VMOVUPS(at(i/4*2), v)
				switch i {
				case 1, 2:
					if i == 1 {
						VADDPS(at(1), v, v)
					} else {
						VSUBPS(at(1), v, v)
					}
					VADDPS(at(2), v, v)
				case 3:
					VFMADD231PS(at(1), two, v)
					VFMADD231PS(at(2), four, v)
				}
			}
			sum := m.vecs(3)
			VADDPS(d[2], d[0], sum[0])
			VSUBPS(d[1], sum[0], sum[1])
			VADDPS(d[1], sum[0], sum[0])
			VMOVAPS(d[0], sum[2])
			VFMADD231PS(d[1], two, sum[2])
			VFMADD231PS(d[2], four, sum[2])
			for _, v := range []VecVirtual{d[0], sum[0], sum[1], sum[2], d[2]} {
				w.put(v, out)
			}
		}
	})
}
