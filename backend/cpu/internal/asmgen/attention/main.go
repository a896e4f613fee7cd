// Command attention writes the kernels of package attention for AVX-512 and AVX2: tiles.go the products of
// short matrices, strips.go what stands between them.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// gen writes kernels of one instruction set. A strip of 16 floats is one vector of AVX-512 and two of AVX2.
type gen struct{ wide bool }

func main() {
	ConstraintExpr("amd64")
	for _, g := range []*gen{{wide: true}, {wide: false}} {
		g.tiles()
		g.soften(true)
		g.soften(false)
		g.share()
		g.slope()
	}
	fetch()
	Generate()
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

// bytes is the size of a vector.
func (g *gen) bytes() int {
	if g.wide {
		return 64
	}
	return 32
}

func (g *gen) zero(r VecVirtual) {
	if g.wide {
		VPXORD(r, r, r)
		return
	}
	VXORPS(r, r, r)
}

func begin(name string, doc ...string) Register {
	TEXT(name, NOSPLIT|NOFRAME, "func(t *byte)")
	Pragma("noescape")
	doc[0] = name + " " + doc[0]
	Doc(doc...)
	return Load(Param("t"), GP64())
}

func end() {
	VZEROUPPER()
	RET()
}

func load(m Mem) GPVirtual {
	r := GP64()
	MOVQ(m, r)
	return r
}
