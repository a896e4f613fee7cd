package main

import (
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
}

// winogradKernel emits a loop over tiles and channels. imageSource says which side is the image,
// where a tile is two pixels wide; the other side holds 16 planes with a pixel a tile.
func (m *machine) winogradKernel(name, doc string, imageSource bool, body func(w *winograd)) {
	arg := begin(name+m.name, name+m.name+" "+doc)
	w := &winograd{m: m, src: loadQ(arg(0)), dst: loadQ(arg(1)), row: loadQ(arg(2)), pix: loadQ(arg(3)), plane: loadQ(arg(6)),
		bias: arg(7), floor: arg(8), rows: arg(9), cols: arg(10)}
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

// pixel addresses pixel j of the image row at p; third is three pixels.
func (w *winograd) pixel(p, third GPVirtual, j int) Mem {
	switch j {
	case 0:
		return Mem{Base: p}
	case 3:
		return Mem{Base: p, Index: third, Scale: 1}
	}
	return Mem{Base: p, Index: w.pix, Scale: uint8(j)}
}

// put stores v to the next plane.
func (w *winograd) put(v VecVirtual, p GPVirtual) {
	VMOVUPS(v, Mem{Base: p})
	ADDQ(w.plane, p)
}

// winogradInput emits Bt·d·B of 4x4 pixels d.
func (m *machine) winogradInput() {
	m.winogradKernel("winogradInput", "transforms windows of 4x4 pixels.", true, func(w *winograd) {
		third := GP64()
		LEAQ(Mem{Base: w.pix, Index: w.pix, Scale: 2}, third)
		rows := []GPVirtual{w.walk(w.src), GP64(), GP64(), GP64()}
		for i := 1; i < 4; i++ {
			LEAQ(Mem{Base: rows[i-1], Index: w.row, Scale: 1}, rows[i])
		}
		out := w.walk(w.dst)
		for i := range 4 {
			t := m.vecs(4)
			for j := range t {
				m.mix(i, func(k int) Mem { return w.pixel(rows[k], third, j) }, t[j])
			}
			v := m.vec()
			VSUBPS(t[2], t[0], v)
			w.put(v, out)
			v = m.vec()
			VADDPS(t[2], t[1], v)
			w.put(v, out)
			v = m.vec()
			VSUBPS(t[1], t[2], v)
			w.put(v, out)
			v = m.vec()
			VSUBPS(t[3], t[1], v)
			w.put(v, out)
		}
	})
}

// mix computes element i of Bt·d: d0-d2, d1+d2, d2-d1, d1-d3.
func (m *machine) mix(i int, d func(int) Mem, dst VecVirtual) {
	VMOVUPS(d([]int{0, 1, 2, 1}[i]), dst)
	other := d([]int{2, 2, 1, 3}[i])
	if i == 1 {
		VADDPS(other, dst, dst)
	} else {
		VSUBPS(other, dst, dst)
	}
}

// winogradOutput emits max(floor, At·m·A + bias), 2x2 pixels or what of them exists.
func (m *machine) winogradOutput() {
	m.winogradKernel("winogradOutput", "transforms products to 2x2 pixels.", false, func(w *winograd) {
		in, out := w.walk(w.src), w.walk(w.dst)
		var s [2][4]VecVirtual
		// planes come row by row: m[0][*], m[1][*], ...
		for j := range 4 {
			s[0][j], s[1][j] = m.vec(), m.vec()
			VMOVUPS(Mem{Base: in}, s[0][j])
			ADDQ(w.plane, in)
		}
		for j := range 4 {
			VMOVUPS(Mem{Base: in}, s[1][j])
			VADDPS(s[1][j], s[0][j], s[0][j])
			ADDQ(w.plane, in)
		}
		for j := range 4 {
			t := m.vec()
			VMOVUPS(Mem{Base: in}, t)
			VADDPS(t, s[0][j], s[0][j])
			VSUBPS(t, s[1][j], s[1][j])
			ADDQ(w.plane, in)
		}
		for j := range 4 {
			VSUBPS(Mem{Base: in}, s[1][j], s[1][j])
			if j < 3 {
				ADDQ(w.plane, in)
			}
		}
		bias, low := m.vec(), m.vec()
		b := GP64()
		MOVQ(w.bias, b)
		VMOVUPS(Mem{Base: b, Index: w.at, Scale: 1}, bias)
		VBROADCASTSS(w.floor, low)
		for r := range 2 {
			v := s[r]
			left, right := m.vec(), m.vec()
			VADDPS(v[1], v[0], left)
			VADDPS(v[2], left, left)
			VADDPS(bias, left, left)
			VMAXPS(left, low, left)
			VMOVUPS(left, Mem{Base: out})
			skip := []string{"skip0", "skip1"}[r]
			CMPQ(w.cols, Imm(1))
			JEQ(LabelRef(skip))
			VSUBPS(v[2], v[1], right)
			VSUBPS(v[3], right, right)
			VADDPS(bias, right, right)
			VMAXPS(right, low, right)
			VMOVUPS(right, Mem{Base: out, Index: w.pix, Scale: 1})
			Label(skip)
			if r == 0 {
				CMPQ(w.rows, Imm(1))
				JEQ(LabelRef("oneRow"))
				ADDQ(w.row, out)
			}
		}
		Label("oneRow")
	})
}

// winogradGrad emits A·dy·At of 2x2 pixels dy.
func (m *machine) winogradGrad() {
	m.winogradKernel("winogradGrad", "transforms 2x2 pixels of a gradient.", true, func(w *winograd) {
		in, out := w.walk(w.src), w.walk(w.dst)
		d := m.vecs(4)
		VMOVUPS(Mem{Base: in}, d[0])
		VMOVUPS(Mem{Base: in, Index: w.pix, Scale: 1}, d[1])
		ADDQ(w.row, in)
		VMOVUPS(Mem{Base: in}, d[2])
		VMOVUPS(Mem{Base: in, Index: w.pix, Scale: 1}, d[3])
		zero := m.vec()
		m.zero(zero)
		for i := range 4 {
			a, b := m.vec(), m.vec() // row i of A·dy
			switch i {
			case 0:
				a, b = d[0], d[1]
			case 1:
				VADDPS(d[2], d[0], a)
				VADDPS(d[3], d[1], b)
			case 2:
				VSUBPS(d[2], d[0], a)
				VSUBPS(d[3], d[1], b)
			case 3:
				VSUBPS(d[2], zero, a)
				VSUBPS(d[3], zero, b)
			}
			w.put(a, out)
			v := m.vec()
			VADDPS(b, a, v)
			w.put(v, out)
			v = m.vec()
			VSUBPS(b, a, v)
			w.put(v, out)
			v = m.vec()
			VSUBPS(b, zero, v)
			w.put(v, out)
		}
	})
}
