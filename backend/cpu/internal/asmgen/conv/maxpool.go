package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Predicates of VCMPPS that raise nothing for a quiet NaN.
const (
	equal     = 0 // ordered
	unordered = 3
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
	a := poolArgs{
		x: cursor(arg(0), arg(13)), y: cursor(arg(1), arg(14)), dx: cursor(arg(2), arg(15)),
		rows: arg(3), cols: arg(4), xRow: arg(5), xTap: arg(6), from: arg(11), to: arg(12),
	}
	pixels, xStep, yStep, channels := arg(7), arg(8), arg(9), arg(10)
	lanes := m.bytes / 4

	Label("window")
	left := loadQ(channels)
	a.at = GP64() // bytes from the first channel
	XORQ(a.at, a.at)
	Label("channels")
	CMPQ(left, U32(lanes))
	JLT(LabelRef("part"))
	m.poolBlock("whole", a, nil, grad)
	ADDQ(Imm(uint64(m.bytes)), a.at)
	SUBQ(Imm(uint64(lanes)), left)
	JNZ(LabelRef("channels"))
	JMP(LabelRef("next"))
	Label("part")
	m.poolBlock("part", a, m.lanesMask(left, lanes), grad)

	Label("next")
	d := loadQ(xStep)
	ADDQ(d, a.x)
	if grad {
		ADDQ(d, a.dx)
	}
	ADDQ(loadQ(yStep), a.y)
	DECQ(pixels)
	JNZ(LabelRef("window"))
	VZEROUPPER()
	RET()
}

// poolArgs are the words of conv.poolCall and the current channel.
type poolArgs struct {
	x, y, dx, rows, cols, xRow, xTap, from, to Mem
	at                                         GPVirtual
}

// poolBlock handles one vector of channels of one window; mask is nil for a whole vector.
//
// The usual way takes the maxima without a look at their places, and a sum of products with 0
// that turns NaN if any tap is a NaN or infinite: then the careful way starts over.
func (m *machine) poolBlock(label string, a poolArgs, mask Op, grad bool) {
	best, poison, zero := m.vec(), m.vec(), m.vec()
	step := loadQ(a.xTap)
	src := loadQ(a.x)
	ADDQ(a.at, src)
	m.load(offset(src, 0), mask, best)
	m.zero(poison)
	m.zero(zero)
	r := loadQ(a.rows)
	loop(label+"MaxRow", r, func() {
		p, c := GP64(), loadQ(a.cols)
		MOVQ(src, p)
		loop(label+"Max", c, func() {
			v := m.vec()
			m.load(offset(p, 0), mask, v)
			VMAXPS(best, v, best) // of equals the second, so that -0 and 0 keep the first
			VFMADD231PS(zero, v, poison)
			ADDQ(step, p)
		})
		ADDQ(a.xRow, src)
	})
	m.testNaN(poison)
	JNE(LabelRef(label + "Careful"))
	if grad {
		m.give(label, a, mask, best, step)
	} else {
		out := loadQ(a.y)
		ADDQ(a.at, out)
		m.store(best, mask, offset(out, 0))
	}
	JMP(LabelRef(label + "Done"))
	Label(label + "Careful")
	m.careful(label, a, mask, grad)
	Label(label + "Done")
}

// testNaN clears the zero flag if any lane of v is a NaN.
func (m *machine) testNaN(v VecVirtual) {
	if m.wide {
		k := K()
		VCMPPS(Imm(unordered), v, v, k)
		KORTESTW(k, k)
		return
	}
	c, r := YMM(), GP32()
	VCMPPS(Imm(unordered), v, v, c)
	VMOVMSKPS(c, r)
	TESTL(r, r)
}

// give adds dy to dx at the first tap that equals best, where its row is in [from, to).
func (m *machine) give(label string, a poolArgs, mask Op, best VecVirtual, step GPVirtual) {
	dy, todo := m.vec(), m.all(mask)
	out := loadQ(a.y)
	ADDQ(a.at, out)
	m.load(offset(out, 0), mask, dy)
	src, far, r := loadQ(a.x), loadQ(a.dx), GP64()
	SUBQ(src, far) // from x to dx
	ADDQ(a.at, src)
	XORQ(r, r)
	Label(label + "GiveRow")
	CMPQ(r, a.to)
	JGE(LabelRef(label + "Given"))
	p, c := GP64(), loadQ(a.cols)
	MOVQ(src, p)
	CMPQ(r, a.from)
	JLT(LabelRef(label + "Pass"))
	loop(label+"Give", c, func() {
		hit, d := m.first(offset(p, 0), mask, best, todo), m.vec()
		place := Mem{Base: p, Index: far, Scale: 1}
		m.load(place, mask, d)
		if m.wide {
			VADDPS(dy, d, hit, d)
		} else {
			VANDPS(dy, hit, hit)
			VADDPS(hit, d, d)
		}
		m.store(d, mask, place)
		ADDQ(step, p)
	})
	JMP(LabelRef(label + "GiveNext"))
	Label(label + "Pass")
	loop(label+"PassTap", c, func() {
		m.first(offset(p, 0), mask, best, todo)
		ADDQ(step, p)
	})
	Label(label + "GiveNext")
	ADDQ(a.xRow, src)
	INCQ(r)
	JMP(LabelRef(label + "GiveRow"))
	Label(label + "Given")
}

// all returns a fresh copy of the mask of the lanes in use.
func (m *machine) all(mask Op) Op {
	if m.wide {
		k := K()
		if mask == nil {
			KXNORW(k, k, k)
		} else {
			KMOVW(mask, k)
		}
		return k
	}
	v := YMM()
	if mask == nil {
		VPCMPEQD(v, v, v)
	} else {
		VMOVAPS(mask, v)
	}
	return v
}

// first returns the lanes of todo whose tap equals best, and takes them out of todo.
func (m *machine) first(tap Mem, mask Op, best VecVirtual, todo Op) Op {
	v := m.vec()
	m.load(tap, mask, v)
	if m.wide {
		hit := K()
		VCMPPS(Imm(equal), best, v, todo, hit)
		KANDNW(todo, hit, todo)
		return hit
	}
	hit := YMM()
	VCMPPS(Imm(equal), best, v, hit)
	VANDPS(hit, todo, hit)
	VANDNPS(todo, hit, todo)
	return hit
}

// careful handles one vector of channels tap by tap, with NaN as the greatest value.
func (m *machine) careful(label string, a poolArgs, mask Op, grad bool) {
	mask = m.all(mask)
	s := pooling{m: m, best: m.vec()}
	src := loadQ(a.x)
	ADDQ(a.at, src)
	m.load(offset(src, 0), mask, s.best)
	if grad {
		s.where, s.tap, s.one = m.vec(), m.vec(), m.vec()
		m.zero(s.where)
		m.zero(s.tap)
		m.ones(s.one)
	}
	r, step := loadQ(a.rows), loadQ(a.xTap)
	loop(label+"Row", r, func() {
		p, c := GP64(), loadQ(a.cols)
		MOVQ(src, p)
		loop(label+"Col", c, func() {
			s.look(p, mask, grad)
			ADDQ(step, p)
		})
		ADDQ(a.xRow, src)
	})
	out := loadQ(a.y)
	ADDQ(a.at, out)
	if grad {
		s.scatter(label, a, out, mask)
	} else {
		m.store(s.best, mask, offset(out, 0))
	}
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

// scatter adds the dy at out to dx at the tap of the maximum, where its row is in [from, to).
func (s *pooling) scatter(label string, a poolArgs, out GPVirtual, mask Op) {
	m, step := s.m, loadQ(a.xTap)
	dy := m.vec()
	m.load(offset(out, 0), mask, dy)
	r, first := loadQ(a.to), loadQ(a.from)
	SUBQ(first, r)
	JLE(LabelRef(label + "Scattered"))
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
	loop(label+"ScatterRow", r, func() {
		p, c := GP64(), loadQ(a.cols)
		MOVQ(x, p)
		loop(label+"Scatter", c, func() {
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
			ADDQ(step, p)
		})
		ADDQ(a.xRow, x)
	})
	Label(label + "Scattered")
}
