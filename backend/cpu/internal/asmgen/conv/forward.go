package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// group is how many pixels one base register reaches with the indices s, 3s, 5s and 7s.
const group = 9

// pixels addresses p pixels that lie a constant step apart.
type pixels struct {
	bases []GPVirtual
	step  map[int]GPVirtual // 1, 3, 5, 7 times the step
}

func (a *pixels) at(p int) Mem {
	m := Mem{Base: a.bases[p/group]}
	odd, scale := p%group, uint8(1)
	if odd == 0 {
		return m
	}
	for odd%2 == 0 {
		odd, scale = odd/2, scale*2
	}
	m.Index, m.Scale = a.step[odd], scale
	return m
}

// newPixels prepares registers for p pixels; the bases are set by point.
func newPixels(p int, step Mem) *pixels {
	a := &pixels{step: map[int]GPVirtual{}}
	s := loadQ(step)
	a.step[1] = s
	for _, odd := range []int{3, 5, 7} {
		if min(p-1, group-1) >= odd {
			r := GP64()
			switch odd {
			case 3:
				LEAQ(Mem{Base: s, Index: s, Scale: 2}, r)
			case 5:
				LEAQ(Mem{Base: s, Index: s, Scale: 4}, r)
			case 7:
				LEAQ(Mem{Base: a.step[3], Index: s, Scale: 4}, r)
			}
			a.step[odd] = r
		}
	}
	for i := 0; i < p; i += group {
		a.bases = append(a.bases, GP64())
	}
	return a
}

// point sets the bases for the first pixel at x.
func (a *pixels) point(x Mem) {
	MOVQ(x, a.bases[0])
	for i := 1; i < len(a.bases); i++ { // 9s = s + 8s
		LEAQ(Mem{Base: a.bases[i-1], Index: a.step[1], Scale: 8}, a.bases[i])
		ADDQ(a.step[1], a.bases[i])
	}
}

func (a *pixels) advance(by Op) {
	for _, b := range a.bases {
		ADDQ(by, b)
	}
}

// forward emits the kernel of conv.tileCall for p pixels by v vectors.
func (m *machine) forward(p, v int) {
	name := fmt.Sprintf("forward%sx%dx%d", m.name, p, v)
	arg := begin(name, "")
	x, y, res := cursor(arg(0), arg(16)), cursor(arg(2), arg(17)), cursor(arg(4), arg(18))
	w, bias := cursor(arg(1), arg(19)), arg(3)
	xTile, yTile, wTile := arg(20), arg(21), arg(22)
	taps, depth, xRow, xPix, wStep, yPix, tiles := arg(5), arg(6), arg(7), arg(8), arg(9), arg(10), arg(11)
	bits, floor := arg(12), arg(13)
	count, near, wNear := floor.Offset(4), arg(23), arg(24)

	reach := p
	if v == 1 {
		reach += 2
	}
	src := newPixels(reach, xPix)
	ws := loadQ(wStep)
	acc := m.vecs(p * v)
	Label("tile")
	src.point(x)
	wp := loadQ(w)
	for _, a := range acc {
		m.zero(a)
	}
	t := loadQ(taps)
	if v == 1 {
		g := loadQ(wNear)
		TESTQ(g, g)
		JEQ(LabelRef("tap"))
		loop("tapNear", t, func() {
			loop("deepNear", loadQ(near), func() {
				m.threeTaps(acc, wp, g, src)
				src.advance(Imm(4))
				ADDQ(ws, wp)
			})
			for range 2 {
				ADDQ(g, wp)
				src.advance(src.step[1])
			}
			src.advance(xRow)
		})
		JMP(LabelRef("summed"))
	}
	loop("tap", t, func() {
		k := loadQ(depth)
		loop("deep", k, func() {
			wv := m.vecs(v)
			for i := range wv {
				VMOVUPS(offset(wp, i*m.bytes), wv[i])
			}
			m.multiply(acc, wv, p, src.at)
			src.advance(Imm(4))
			ADDQ(ws, wp)
		})
		src.advance(xRow)
	})
	Label("summed")
	if m.short {
		m.floats(acc, v, arg(25), arg(26))
	}
	m.epilogue(acc, p, v, epilogueArgs{y: y, res: res, bias: bias, step: yPix, floor: floor, bits: bits, count: count})

	// the next tile
	ADDQ(loadQ(wTile), w)
	ADDQ(loadQ(xTile), x)
	d := loadQ(yTile)
	ADDQ(d, y)
	CMPQ(res, Imm(0))
	JEQ(LabelRef("next"))
	ADDQ(d, res)
	Label("next")
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// threeTaps adds one channel's products for windows three pixels wide that begin at neighbouring pixels: a broadcast pixel
// is in the windows of three. The weights of the taps lie g bytes apart.
func (m *machine) threeTaps(acc []VecVirtual, w, g GPVirtual, src *pixels) {
	wv := m.vecs(3)
	for i, from := range []Mem{{Base: w}, {Base: w, Index: g, Scale: 1}, {Base: w, Index: g, Scale: 2}} {
		VMOVUPS(from, wv[i])
	}
	for j := range len(acc) + 2 {
		b := m.vec()
		VBROADCASTSS(src.at(j), b)
		for tap, w := range wv {
			if p := j - tap; p >= 0 && p < len(acc) {
				m.fma(b, w, acc[p])
			}
		}
	}
}

// multiply adds the products of n broadcast floats at the given places with the vectors of w.
func (m *machine) multiply(acc, w []VecVirtual, n int, at func(int) Mem) {
	for i := range n {
		switch {
		case m.short && len(w) == 1:
			VPDPWSSD_BCST(at(i), w[0], acc[i])
			continue
		case m.wide && len(w) == 1:
			VFMADD231PS_BCST(at(i), w[0], acc[i])
			continue
		}
		b := m.vec()
		VBROADCASTSS(at(i), b)
		for j := range w {
			m.fma(b, w[j], acc[i*len(w)+j])
		}
	}
}

// fma adds the products of floats, or of pairs of 16-bit integers.
func (m *machine) fma(x, w, acc VecVirtual) {
	if m.short {
		VPDPWSSD(x, w, acc)
		return
	}
	VFMADD231PS(x, w, acc)
}

type epilogueArgs struct {
	y, res, bias, step, floor, bits, count Mem
}

// epilogue stores max(floor, acc + bias + res), or without a bias acc alone; a NaN sum stays NaN, as the sum is the second
// source of the maximum.
func (m *machine) epilogue(acc []VecVirtual, p, v int, e epilogueArgs) {
	bias := loadQ(e.bias)
	TESTQ(bias, bias)
	JEQ(LabelRef("bare"))
	for i := range v {
		b := m.vec()
		VMOVUPS(offset(bias, i*m.bytes), b)
		for j := range p {
			VADDPS(b, acc[j*v+i], acc[j*v+i])
		}
	}
	mask := m.mask(e.bits, e.count)
	tail := func(i int) Op {
		if i == v-1 {
			return mask
		}
		return nil
	}
	r, step := loadQ(e.res), loadQ(e.step)
	TESTQ(r, r)
	JEQ(LabelRef("plain"))
	t := m.vec()
	for j := range p {
		for i := range v {
			m.load(offset(r, i*m.bytes), tail(i), t)
			VADDPS(t, acc[j*v+i], acc[j*v+i])
		}
		ADDQ(step, r)
	}
	Label("plain")
	low := m.vec()
	VBROADCASTSS(e.floor, low)
	for _, a := range acc {
		VMAXPS(a, low, a)
	}
	m.write(acc, v, e, tail)
	JMP(LabelRef("written"))
	Label("bare")
	m.write(acc, v, e, func(int) Op { return nil })
	Label("written")
}

// write stores the sums, the vectors of a pixel under the masks of tail.
func (m *machine) write(acc []VecVirtual, v int, e epilogueArgs, tail func(int) Op) {
	out, step := loadQ(e.y), loadQ(e.step)
	for j := 0; j < len(acc); j += v {
		for i := range v {
			m.store(acc[j+i], tail(i), offset(out, i*m.bytes))
		}
		ADDQ(step, out)
	}
}
