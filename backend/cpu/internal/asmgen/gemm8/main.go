// Command gemm8 writes the kernels of package gemm8: wide.go those for AVX-512 with VNNI, narrow.go those for AVX2,
// rows.go what lays the rows of A out for both, pack.go what packs B.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	for r := 1; r <= wideRows; r++ {
		wideTile(r)
	}
	for r := 1; r <= narrowRows; r++ {
		narrowTile(r)
	}
	flipRows()
	widenRows()
	packFours()
	packTwos()
	Generate()
}

// fields are the words of gemm8.tile, in order.
type fields struct{ a, b, c, rows, columns, bias, groups, as, cs, tiles, mask Mem }

func tileFields(t Register) fields {
	at := func(i int) Mem { return Mem{Base: t, Disp: 8 * i} }
	return fields{at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9), at(10)}
}

func load(m Mem) GPVirtual {
	r := GP64()
	MOVQ(m, r)
	return r
}

func begin(name, doc string) Register {
	TEXT(name, NOSPLIT|NOFRAME, "func(t *byte)")
	Pragma("noescape")
	Doc(name + " " + doc)
	return Load(Param("t"), GP64())
}

// rowPointers are pointers to every third row of A: the two between are reached by the distance of rows.
type rowPointers struct {
	p  []GPVirtual
	as GPVirtual
}

func pointRows(a, as GPVirtual, rows int) rowPointers {
	r := rowPointers{make([]GPVirtual, (rows+2)/3), as}
	for i := range r.p {
		r.p[i] = GP64()
		if i == 0 {
			MOVQ(a, r.p[i])
			continue
		}
		LEAQ(Mem{Base: r.p[i-1], Index: as, Scale: 2}, r.p[i])
		ADDQ(as, r.p[i])
	}
	return r
}

// at is where row i is, offset bytes further.
func (r rowPointers) at(i, offset int) Mem {
	if i%3 == 0 {
		return Mem{Base: r.p[i/3], Disp: offset}
	}
	return Mem{Base: r.p[i/3], Index: r.as, Scale: uint8(i % 3), Disp: offset}
}

func (r rowPointers) advance(bytes int) {
	for _, p := range r.p {
		ADDQ(U32(uint32(bytes)), p)
	}
}

// nextTile goes to the tile of as many rows below, if there is one.
func nextTile(f fields, a, as GPVirtual, rows int) {
	for range rows {
		ADDQ(as, a)
	}
	SUBQ(Imm(1), f.tiles)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}
