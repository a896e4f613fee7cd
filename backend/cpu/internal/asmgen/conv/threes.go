package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// threes is the state of a kernel of conv.threeCall: pointers to the first column of the current window, and of a gradient the
// sums of that column, which the window before has begun.
type threes struct {
	m     *machine
	grad  bool
	x, dx [3]GPVirtual // by row
	y     GPVirtual    // maximum, or its gradient
	step  GPVirtual
	sum   [3]VecVirtual // by row
	zero  VecVirtual
}

// maxPoolThrees emits the kernel of conv.threeCall: a row of 3x3 windows two pixels apart, of finite numbers, one vector of
// channels after the other. Every gradient is written once: a window adds to its first column what is in registers.
func (m *machine) maxPoolThrees(grad bool) {
	name := "maxThrees" + m.name
	if grad {
		name = "maxThreesGrad" + m.name
	}
	arg := begin(name, name+" handles a row of 3x3 windows of finite numbers.")
	left, right, at, vecs := arg(10), arg(11), arg(12), cursor(arg(9), arg(13))
	first := GP64()
	XORQ(first, first)
	MOVQ(first, at)
	Label("channels")
	t := &threes{m: m, grad: grad, y: loadQ(arg(6)), step: loadQ(arg(7)), zero: m.vec()}
	m.zero(t.zero)
	ADDQ(at, t.y)
	for r := range 3 {
		t.x[r] = loadQ(arg(r))
		ADDQ(at, t.x[r])
		if grad {
			t.dx[r], t.sum[r] = loadQ(arg(3+r)), m.vec()
			ADDQ(at, t.dx[r])
			m.zero(t.sum[r])
		}
	}
	n := loadQ(arg(8))
	SUBQ(left, n)
	SUBQ(right, n)
	CMPQ(left, Imm(0))
	JEQ(LabelRef("whole"))
	for r := range 3 {
		SUBQ(t.step, t.x[r])
		if grad {
			SUBQ(t.step, t.dx[r])
		}
	}
	t.window(1, 2)
	JMP(LabelRef("windows"))
	Label("whole")
	if grad {
		VMOVUPS(t.at(t.dx[0], 0), t.sum[0])
	}
	Label("windows")
	TESTQ(n, n)
	JEQ(LabelRef("last"))
	loop("window", n, func() { t.window(0, 1, 2) })
	Label("last")
	CMPQ(right, Imm(0))
	JEQ(LabelRef("end"))
	t.window(0, 1)
	JMP(LabelRef("next"))
	Label("end")
	if grad {
		for r := range 3 {
			VMOVUPS(t.sum[r], t.at(t.dx[r], 0))
		}
	}
	Label("next")
	ADDQ(Imm(uint64(m.bytes)), at)
	DECQ(vecs)
	JNZ(LabelRef("channels"))
	VZEROUPPER()
	RET()
}

func (t *threes) at(row GPVirtual, col int) Mem { return step(row, t.step, t.step, col) }

// window emits one window of some columns, and goes to the next.
func (t *threes) window(cols ...int) {
	m := t.m
	best := m.vec()
	for r := range 3 {
		for _, c := range cols {
			tap := t.at(t.x[r], c)
			switch {
			case r == 0 && c == cols[0]:
				VMOVUPS(tap, best)
			case t.grad:
				VMAXPS(tap, best, best)
			default:
				v := m.vec()
				VMOVUPS(tap, v)
				VMAXPS(best, v, best) // of equals the second, so that -0 and 0 keep the first
			}
		}
	}
	if t.grad {
		t.give(best, cols)
	} else {
		VMOVUPS(best, Mem{Base: t.y})
	}
	for r := range 3 {
		LEAQ(Mem{Base: t.x[r], Index: t.step, Scale: 2}, t.x[r])
		if t.grad {
			LEAQ(Mem{Base: t.dx[r], Index: t.step, Scale: 2}, t.dx[r])
		}
	}
	ADDQ(t.step, t.y)
}

// give adds dy to the first tap that equals best. Of the rows, the first has sums already.
func (t *threes) give(best VecVirtual, cols []int) {
	m := t.m
	dy, todo := m.vec(), m.all(nil)
	VMOVUPS(Mem{Base: t.y}, dy)
	for r := range 3 {
		for _, c := range cols {
			hit, place := m.first(t.at(t.x[r], c), nil, best, todo), t.at(t.dx[r], c)
			sum := t.sum[r]
			if c == 1 {
				sum = m.vec()
			}
			switch {
			case c == 0:
			case r == 0:
				VMOVUPS(place, sum)
			case m.wide:
				VADDPS_Z(dy, t.zero, hit, sum)
			default:
				VXORPS(sum, sum, sum)
			}
			switch {
			case m.wide && (c == 0 || r == 0):
				VADDPS(dy, sum, hit, sum)
			case !m.wide:
				VANDPS(dy, hit, hit)
				VADDPS(hit, sum, sum)
			}
			if c < 2 {
				VMOVUPS(sum, place)
			}
		}
	}
}

// finite emits the kernel of conv.finiteCall.
func (m *machine) finite() {
	arg := begin("finite"+m.name, "finite"+m.name+" says whether floats are finite.")
	src := loadQ(arg(0))
	most, bits := m.vec(), m.constant(0x7fffffff)
	m.zero(most)
	loop("vector", loadQ(arg(1)), func() {
		v := m.vec()
		if m.wide {
			VPANDD(Mem{Base: src}, bits, v)
		} else {
			VPAND(Mem{Base: src}, bits, v)
		}
		VPMAXUD(v, most, most)
		ADDQ(Imm(uint64(m.bytes)), src)
	})
	largest, r := m.constant(0x7f7fffff), GP32()
	if m.wide {
		k := K()
		VPCMPGTD(largest, most, k)
		KMOVW(k, r)
	} else {
		v := YMM()
		VPCMPGTD(largest, most, v)
		VMOVMSKPS(v, r)
	}
	MOVL(r, arg(2))
	VZEROUPPER()
	RET()
}
