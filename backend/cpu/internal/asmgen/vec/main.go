// Command vec writes the AVX-512 and AVX2 kernels of package vec.
//
// Every kernel walks its slices a vector at a time and does the rest with a masked vector, by
// the same instructions, so that an element's bits do not depend on its place. Constants are
// memory operands. The polynomials are those that fit/fit.py finds.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// gen writes kernels of one instruction set.
type gen struct {
	wide bool // AVX-512
	// tail is the mask of the vector in work, nil for a whole one: K for AVX-512, a vector for AVX2.
	tail Op
	// hoisted, if not nil, are the constants that the kernel in work keeps in registers.
	hoisted map[uint32]VecVirtual
	order   []uint32
	ones    VecVirtual // bytes of 1, for comparisons
}

// maxHoisted leaves registers for what a kernel computes.
const maxHoisted = 20

var constants = map[uint32]Mem{}

func main() {
	ConstraintExpr("amd64")
	for _, g := range []*gen{{wide: true}, {wide: false}} {
		g.basics()
		g.unaries()
		g.gates()
		g.reductions()
		g.columns()
		g.bytes()
		g.integers()
		g.stream()
	}
	byteExtremes()
	Generate()
}

func (g *gen) lanes() int {
	if g.wide {
		return 16
	}
	return 8
}

func (g *gen) name(s string) string {
	if g.wide {
		return s + "AVX512"
	}
	return s + "AVX2"
}

func (g *gen) v() VecVirtual {
	if g.wide {
		return ZMM()
	}
	return YMM()
}

// bits returns an operand with the pattern in all lanes: memory for AVX2; for AVX-512, where 64
// bytes may straddle cache lines, a register that is loaded before the loop while there are any.
func (g *gen) bits(u uint32) Op {
	m, ok := constants[u]
	if !ok {
		m = GLOBL(fmt.Sprintf("c%08x", u), RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(u))
		}
		constants[u] = m
	}
	if !g.wide {
		return m
	}
	if r, ok := g.hoisted[u]; ok {
		return r
	}
	r := ZMM()
	if g.hoisted != nil && len(g.order) < maxHoisted {
		g.hoisted[u] = r
		g.order = append(g.order, u)
		return r
	}
	VBROADCASTSS(m, r)
	return r
}

func (g *gen) c(f float32) Op { return g.bits(math.Float32bits(f)) }

// hoist begins a kernel with constants: its loads stand at the end, where they are known.
func (g *gen) hoist() {
	if g.wide {
		g.hoisted = map[uint32]VecVirtual{}
		JMP(LabelRef("constants"))
		Label("start")
	}
}

// unhoist ends it.
func (g *gen) unhoist() {
	if g.wide {
		Label("constants")
		for _, u := range g.order {
			VBROADCASTSS(constants[u], g.hoisted[u])
		}
		JMP(LabelRef("start"))
		g.hoisted, g.order = nil, nil
	}
}

// reg loads an operand into a fresh register.
func (g *gen) reg(m Op) VecVirtual {
	r := g.v()
	VMOVUPS(m, r)
	return r
}

// load loads a vector through the tail mask.
func (g *gen) load(m Mem) VecVirtual {
	r := g.v()
	switch {
	case g.tail == nil:
		VMOVUPS(m, r)
	case g.wide:
		VMOVUPS_Z(m, g.tail, r)
	default:
		VMASKMOVPS(m, g.tail, r)
	}
	return r
}

func (g *gen) store(r Op, m Mem) {
	switch {
	case g.tail == nil:
		VMOVUPS(r, m)
	case g.wide:
		VMOVUPS(r, g.tail, m)
	default:
		VMASKMOVPS(r, g.tail, m)
	}
}

// each runs body for every vector of n elements, i counting elements, then for the masked rest.
func (g *gen) each(n GPVirtual, body func(i GPVirtual)) {
	i := GP64()
	XORQ(i, i)
	SUBQ(Imm(uint64(g.lanes())), n)
	JLT(LabelRef("rest"))
	Label("loop")
	body(i)
	ADDQ(Imm(uint64(g.lanes())), i)
	SUBQ(Imm(uint64(g.lanes())), n)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(uint64(g.lanes())), n)
	JZ(LabelRef("done"))
	g.maskTail(n)
	body(i)
	g.tail = nil
	Label("done")
}

// maskTail makes the mask of the first n lanes, 0 < n < lanes.
func (g *gen) maskTail(n GPVirtual) {
	if g.wide {
		MOVQ(n, RCX)
		one := GP32()
		MOVL(U32(1), one)
		SHLL(CL, one)
		SUBL(Imm(1), one)
		k := K()
		KMOVW(one, k)
		g.tail = k
		return
	}
	table, ok := masks, masks.Base != nil
	if !ok {
		table = GLOBL("laneMasks", RODATA|NOPTR)
		for i := range 16 {
			DATA(4*i, U32([2]uint32{0xffffffff, 0}[i/8]))
		}
		masks = table
	}
	p, m := GP64(), GP64()
	LEAQ(table.Offset(32), p)
	MOVQ(n, m)
	NEGQ(m)
	y := YMM()
	VMOVUPS(Mem{Base: p, Index: m, Scale: 4}, y)
	g.tail = y
}

var masks Mem

func at(base Register, i Register) Mem { return Mem{Base: base, Index: i, Scale: 4} }

func begin(name, signature, doc string) {
	TEXT(name, NOSPLIT|NOFRAME, signature)
	Pragma("noescape")
	Doc(name + " " + doc)
}

func end() {
	VZEROUPPER()
	RET()
}

func param(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

// scalar broadcasts a float parameter straight from the stack: the SSE move that avo loads a float
// with costs over 100 ns where an upper half is in use, as by an earlier parameter.
func (g *gen) scalar(name string) VecVirtual {
	where, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	r := g.v()
	VBROADCASTSS(where.Addr, r)
	return r
}

// The rest names what the two instruction sets spell differently.

const (
	eq, lt, le, unordered, neq, nlt, gt = 0, 1, 2, 3, 4, 5, 14
)

// cmp returns the mask of a PRED b; b may be memory.
func (g *gen) cmp(pred uint64, a, b Op) Op {
	if g.wide {
		k := K()
		VCMPPS(Imm(pred), b, a, k)
		return k
	}
	m := g.v()
	VCMPPS(Imm(pred), b, a, m)
	return m
}

// pick sets dst to yes where the mask is set; yes may be memory.
func (g *gen) pick(mask, yes Op, dst VecVirtual) {
	if g.wide {
		VMOVAPS(yes, mask, dst)
		return
	}
	VBLENDVPS(mask, yes, dst, dst)
}

func (g *gen) round(how uint64, a Op, dst VecVirtual) {
	if g.wide {
		VRNDSCALEPS(Imm(how), a, dst)
		return
	}
	VROUNDPS(Imm(how), a, dst)
}

// maxNaN sets dst to the larger of a and b, NaN if either is.
func (g *gen) maxNaN(min bool, a, b, dst VecVirtual) {
	r := g.v()
	if min {
		VMINPS(b, a, r)
	} else {
		VMAXPS(b, a, r)
	}
	g.pick(g.cmp(unordered, a, a), a, r)
	VMOVAPS(r, dst)
}

// horner evaluates c0 + c1 x + ... into a fresh register.
func (g *gen) horner(x VecVirtual, cs ...float32) VecVirtual {
	p := g.reg(g.c(cs[len(cs)-1]))
	for i := len(cs) - 2; i >= 0; i-- {
		VFMADD213PS(g.c(cs[i]), x, p)
	}
	return p
}
