package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// strip is the words of attention.strip, in order: 16 queries side by side, keys below each other.
type strip struct{ s, d, lanes, keys, stride, before, scale Mem }

func stripFields(t Register) strip {
	at := func(i int) Mem { return Mem{Base: t, Disp: 8 * i} }
	return strip{at(0), at(1), at(2), at(3), at(4), at(5), at(6)}
}

// parts is one strip: a vector, or two.
func (g *gen) parts() []VecVirtual {
	p := make([]VecVirtual, 64/g.bytes())
	for j := range p {
		p[j] = g.v()
	}
	return p
}

// down runs body for every key, with the place of its part j.
func (g *gen) down(f strip, label string, from []Mem, body func(at func(from, j int) Mem)) {
	p := make([]GPVirtual, len(from))
	for i, m := range from {
		p[i] = load(m)
	}
	n := load(f.keys)
	Label(label)
	body(func(from, j int) Mem { return Mem{Base: p[from], Disp: j * g.bytes()} })
	for _, r := range p {
		ADDQ(f.stride, r)
	}
	SUBQ(Imm(1), n)
	JNZ(LabelRef(label))
}

// sight counts, for each query of a strip, the keys that it still sees; below 0 it sees none.
type sight struct {
	g    *gen
	left []VecVirtual
	one  VecVirtual
}

var lanes Mem

func (g *gen) sight(f strip) sight {
	if lanes.Base == nil {
		lanes = GLOBL("lanes", RODATA|NOPTR)
		for i := range 16 {
			DATA(4*i, U32(uint32(i)))
		}
		DATA(64, U32(1))
	}
	s := sight{g: g, left: g.parts(), one: g.v()}
	VPBROADCASTD(lanes.Offset(64), s.one)
	for j := range s.left {
		VPBROADCASTD(f.before, s.left[j])
		VPADDD(lanes.Offset(j*g.bytes()), s.left[j], s.left[j])
	}
	return s
}

// hide sets x of part j to what where it is not seen, and goes on to the next key.
func (s sight) hide(j int, what, x VecVirtual) {
	if s.g.wide {
		k := K()
		VPMOVD2M(s.left[j], k)
		VMOVAPS(what, k, x)
	} else {
		VBLENDVPS(s.left[j], what, x, x)
	}
	VPSUBD(s.one, s.left[j], s.left[j])
}

var nothing Mem

// negativeInfinity returns a vector of what a score is where nothing is seen.
func (g *gen) negativeInfinity() VecVirtual {
	if nothing.Base == nil {
		nothing = GLOBL("nothing", RODATA|NOPTR)
		DATA(0, U32(math.Float32bits(float32(math.Inf(-1)))))
	}
	r := g.v()
	VBROADCASTSS(nothing, r)
	return r
}

// soften makes scores the logarithms of shares, up to a constant of each query: the largest, or what lanes hold.
func (g *gen) soften(largest bool) {
	name, doc := "shift", "sets s to scale s - lanes, or to -Inf where a query does not see the key."
	if largest {
		name, doc = "soften", "sets lanes to the largest scale s that a query sees and s to scale s - lanes, or to -Inf where it does not see the key."
	}
	f := stripFields(begin(g.name(name), doc))
	hidden, top := g.negativeInfinity(), g.parts()
	scale, where := g.v(), load(f.lanes)
	VBROADCASTSS(f.scale, scale)
	if largest {
		seen := g.sight(f)
		for j := range top {
			VMOVAPS(hidden, top[j])
		}
		g.down(f, "largest", []Mem{f.s}, func(at func(from, j int) Mem) {
			for j := range top {
				x := g.v()
				VMOVUPS(at(0, j), x)
				seen.hide(j, hidden, x)
				VMAXPS(x, top[j], top[j])
			}
		})
		for j := range top {
			VMULPS(scale, top[j], top[j])
			VMOVUPS(top[j], Mem{Base: where, Disp: j * g.bytes()})
		}
	} else {
		for j := range top {
			VMOVUPS(Mem{Base: where, Disp: j * g.bytes()}, top[j])
		}
	}
	seen := g.sight(f)
	g.down(f, "shift", []Mem{f.s}, func(at func(from, j int) Mem) {
		for j := range top {
			x := g.v()
			VMOVUPS(at(0, j), x)
			VFMSUB213PS(top[j], scale, x)
			seen.hide(j, hidden, x)
			VMOVUPS(x, at(0, j))
		}
	})
	end()
}

// share divides by the sum of each query.
func (g *gen) share() {
	f := stripFields(begin(g.name("share"), "sets lanes to the sums of s over the keys and divides s by them."))
	sum, where := g.parts(), load(f.lanes)
	for j := range sum {
		g.zero(sum[j])
	}
	g.down(f, "sum", []Mem{f.s}, func(at func(from, j int) Mem) {
		for j := range sum {
			VADDPS(at(0, j), sum[j], sum[j])
		}
	})
	one := g.v()
	VBROADCASTSS(unit(), one)
	for j := range sum {
		VMOVUPS(sum[j], Mem{Base: where, Disp: j * g.bytes()})
		VDIVPS(sum[j], one, sum[j])
	}
	g.down(f, "divide", []Mem{f.s}, func(at func(from, j int) Mem) {
		for j := range sum {
			x := g.v()
			VMULPS(at(0, j), sum[j], x)
			VMOVUPS(x, at(0, j))
		}
	})
	end()
}

var oneFloat Mem

func unit() Mem {
	if oneFloat.Base == nil {
		oneFloat = GLOBL("unit", RODATA|NOPTR)
		DATA(0, U32(math.Float32bits(1)))
	}
	return oneFloat
}

// slope is the gradient of the scores from that of the shares.
func (g *gen) slope() {
	f := stripFields(begin(g.name("slope"), "sets d to scale s (d - m), m the sum of s d over the keys of each query."))
	mean, scale := g.parts(), g.v()
	for j := range mean {
		g.zero(mean[j])
	}
	VBROADCASTSS(f.scale, scale)
	g.down(f, "sum", []Mem{f.s, f.d}, func(at func(from, j int) Mem) {
		for j := range mean {
			x := g.v()
			VMOVUPS(at(0, j), x)
			VFMADD231PS(at(1, j), x, mean[j])
		}
	})
	g.down(f, "slope", []Mem{f.s, f.d}, func(at func(from, j int) Mem) {
		for j := range mean {
			x, d := g.v(), g.v()
			VMOVUPS(at(1, j), d)
			VSUBPS(mean[j], d, d)
			VMULPS(at(0, j), scale, x)
			VMULPS(x, d, d)
			VMOVUPS(d, at(1, j))
		}
	})
	end()
}
