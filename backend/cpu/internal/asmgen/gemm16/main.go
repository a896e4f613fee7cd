// Command gemm16 writes the kernels of package gemm16: tiles.go multiplies, norms.go finds what scales are made of,
// quants.go rounds and lays out with AVX-512 and its VNNI, narrow_tiles.go, narrow_norms.go and narrow_quants.go with AVX2.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	for r := 1; r <= tileRows; r++ {
		rowsTile(r)
		tilesTile(r)
	}
	rowNorms()
	columnNorms()
	rowQuants()
	columnQuants(1)
	columnQuants(2)
	turn()
	for r := 1; r <= narrowRows; r++ {
		narrowRowsTile(r)
		narrowTilesTile(r)
	}
	narrowRowNorms()
	narrowColumnNorms(true)
	narrowColumnNorms(false)
	narrowRowQuants()
	for _, c := range []narrowQuants{
		{"columnQuants16AVX2", "16 columns", 2, true, false},
		{"columnQuantsUpTo16AVX2", "the first t.mask of 16 columns, 0 behind them,", 2, false, false},
		{"columnQuantsUpTo8AVX2", "the first t.mask of 8 columns, 0 behind them,", 1, false, false},
		{"columnQuantsEdgeAVX2", "the first t.mask of 8 columns, and writes nothing behind them,", 1, false, true},
	} {
		c.write()
	}
	narrowTurn()
	Generate()
}

func load(m Mem) GPVirtual {
	r := GP64()
	MOVQ(m, r)
	return r
}

// begin starts a function and returns its words, of 8 bytes each.
func begin(name, doc string) func(i int) Mem {
	TEXT(name, NOSPLIT|NOFRAME, "func(t *byte)")
	Pragma("noescape")
	Doc(name + " " + doc)
	t := Load(Param("t"), GP64())
	return func(i int) Mem { return Mem{Base: t, Disp: 8 * i} }
}

func zero() VecVirtual {
	v := ZMM()
	VPXORD(v, v, v)
	return v
}

// magnitudes returns a vector that takes the signs of floats away.
func magnitudes() VecVirtual {
	r, v := GP32(), ZMM()
	MOVL(U32(0x7fffffff), r)
	VPBROADCASTD(r, v)
	return v
}
