package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Predicates of VCMPPS that raise nothing for a quiet NaN.
const (
	ordered   = 7
	notLessEq = 22 // greater or unordered
)

// pooling is the state of a max-pool kernel: the maximum so far and the number of its tap.
type pooling struct {
	m               *machine
	best            VecVirtual
	where, tap, one VecVirtual // gradient only
}

// maxPool emits the kernel of conv.poolCall: maxima, or their gradients.
func (m *machine) maxPool(grad bool) {
	name := "maxPool" + m.name
	if grad {
		name = "maxPoolGrad" + m.name
	}
	arg := begin(name, name+" handles a run of windows that have the same taps.")
	x, y, dx := cursor(arg(0), arg(13)), cursor(arg(1), arg(14)), cursor(arg(2), arg(15))
	rows, cols, xRow, xTap := arg(3), arg(4), arg(5), arg(6)
	pixels, xStep, yStep, channels, from, to := arg(7), arg(8), arg(9), arg(10), arg(11), arg(12)
	lanes := m.bytes / 4

	Label("window")
	left := loadQ(channels)
	at := GP64() // bytes from the first channel
	XORQ(at, at)
	Label("channels")
	mask := m.lanesMask(left, lanes)
	s := pooling{m: m, best: m.vec()}
	src := loadQ(x)
	ADDQ(at, src)
	m.load(offset(src, 0), mask, s.best)
	if grad {
		s.where, s.tap, s.one = m.vec(), m.vec(), m.vec()
		m.zero(s.where)
		m.zero(s.tap)
		m.ones(s.one)
	}
	r := loadQ(rows)
	step := loadQ(xTap)
	loop("row", r, func() {
		p, c := GP64(), loadQ(cols)
		MOVQ(src, p)
		loop("col", c, func() {
			s.look(p, mask, grad)
			ADDQ(step, p)
		})
		ADDQ(xRow, src)
	})
	out := loadQ(y)
	ADDQ(at, out)
	if grad {
		s.scatter(scatterArgs{dx: dx, at: at, dy: out, from: from, to: to, xRow: xRow, cols: cols, step: step}, mask)
	} else {
		m.store(s.best, mask, offset(out, 0))
	}
	ADDQ(Imm(uint64(m.bytes)), at)
	SUBQ(Imm(uint64(lanes)), left)
	JGT(LabelRef("channels"))

	d := loadQ(xStep)
	ADDQ(d, x)
	if grad {
		ADDQ(d, dx)
	}
	ADDQ(loadQ(yStep), y)
	DECQ(pixels)
	JNZ(LabelRef("window"))
	VZEROUPPER()
	RET()
}

// lanesMask returns the mask of the first min(left, lanes) lanes.
func (m *machine) lanesMask(left GPVirtual, lanes int) Op {
	n, most := GP64(), GP64()
	MOVQ(left, n)
	MOVQ(U32(lanes), most)
	CMPQ(n, most)
	CMOVQGT(most, n)
	if m.wide {
		bits, k := GP32(), K()
		MOVL(U32(0xffffffff), bits)
		BZHIL(n.As32(), bits, bits)
		KMOVW(bits, k)
		return k
	}
	at, v := GP64(), YMM()
	NEGQ(n)
	LEAQ(m.tails, at)
	VMOVUPS(Mem{Base: at, Index: n, Scale: 4, Disp: 32}, v)
	return v
}

// ones sets every 32-bit lane to the integer 1.
func (m *machine) ones(v VecVirtual) {
	r, s := GP32(), XMM()
	MOVL(U32(1), r)
	VMOVD(r, s)
	VPBROADCASTD(s, v)
}

// look lets the tap at p replace the maximum if it is greater or a NaN and the maximum is not
// a NaN.
func (s *pooling) look(p GPVirtual, mask Op, grad bool) {
	m, v := s.m, s.m.vec()
	m.load(offset(p, 0), mask, v)
	if m.wide {
		k := K()
		VCMPPS(Imm(ordered), s.best, s.best, k)
		VCMPPS(Imm(notLessEq), s.best, v, k, k)
		VMOVAPS(v, k, s.best)
		if grad {
			VMOVDQA32(s.tap, k, s.where)
			VPADDD(s.one, s.tap, s.tap)
		}
		return
	}
	a, b := YMM(), YMM()
	VCMPPS(Imm(ordered), s.best, s.best, a)
	VCMPPS(Imm(notLessEq), s.best, v, b)
	VANDPS(a, b, b)
	VBLENDVPS(b, v, s.best, s.best)
	if grad {
		VBLENDVPS(b, s.tap, s.where, s.where)
		VPADDD(s.one, s.tap, s.tap)
	}
}

type scatterArgs struct {
	dx, from, to, xRow, cols Mem
	at, dy, step             GPVirtual
}

// scatter adds dy to dx at the tap of the maximum, where its row is in [from, to).
func (s *pooling) scatter(a scatterArgs, mask Op) {
	m := s.m
	dy := m.vec()
	m.load(offset(a.dy, 0), mask, dy)
	r, first := loadQ(a.to), loadQ(a.from)
	SUBQ(first, r)
	JLE(LabelRef("done"))
	// first tap number = from·cols; first address = dx + at + from·xRow
	n, x := GP64(), GP64()
	MOVQ(first, n)
	IMULQ(a.cols, n)
	t := XMM()
	VMOVD(n.As32(), t)
	VPBROADCASTD(t, s.tap)
	MOVQ(first, x)
	IMULQ(a.xRow, x)
	ADDQ(a.dx, x)
	ADDQ(a.at, x)
	loop("giveRow", r, func() {
		p, c := GP64(), loadQ(a.cols)
		MOVQ(x, p)
		loop("give", c, func() {
			v := m.vec()
			if m.wide {
				k := K()
				VPCMPEQD(s.where, s.tap, mask, k)
				VMOVUPS_Z(offset(p, 0), k, v)
				VADDPS(dy, v, v)
				VMOVUPS(v, k, offset(p, 0))
			} else {
				k := YMM()
				VPCMPEQD(s.where, s.tap, k)
				VANDPS(mask, k, k)
				VMASKMOVPS(offset(p, 0), k, v)
				VADDPS(dy, v, v)
				VMASKMOVPS(v, k, offset(p, 0))
			}
			VPADDD(s.one, s.tap, s.tap)
			ADDQ(a.step, p)
		})
		ADDQ(a.xRow, x)
	})
	Label("done")
}
