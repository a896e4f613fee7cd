package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	tileRows   = 14 // 28 sums, two vectors of B and two of A fill the 32 registers
	tileUnroll = 4  // pairs of k in a round of the loop
)

// tileFields are the words of gemm16.tile, in order.
type tileFields struct{ a, b, c, rows, columns, bias, groups, as, cs, tiles, mask, add, floor Mem }

func beginTile(name, doc string) tileFields {
	at := begin(name, doc)
	return tileFields{at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9), at(10), at(11), at(12)}
}

// left is where a pair of k of row i of A is, g pairs further.
type left interface {
	at(i, g int) Mem
	advance(pairs int)
}

// rowsLeft is an A row by row: pointers to every third row, the two between are reached by the distance of rows.
type rowsLeft struct {
	p  []GPVirtual
	as GPVirtual
}

func startRows(a, as GPVirtual, rows int) rowsLeft {
	l := rowsLeft{make([]GPVirtual, (rows+2)/3), as}
	for i := range l.p {
		l.p[i] = GP64()
		if i == 0 {
			MOVQ(a, l.p[i])
			continue
		}
		LEAQ(Mem{Base: l.p[i-1], Index: as, Scale: 2}, l.p[i])
		ADDQ(as, l.p[i])
	}
	return l
}

func (l rowsLeft) at(i, g int) Mem {
	if i%3 == 0 {
		return Mem{Base: l.p[i/3], Disp: 4 * g}
	}
	return Mem{Base: l.p[i/3], Index: l.as, Scale: uint8(i % 3), Disp: 4 * g}
}

func (l rowsLeft) advance(pairs int) {
	for _, p := range l.p {
		ADDQ(U32(uint32(4*pairs)), p)
	}
}

// tilesLeft is an A in tiles of so many rows.
type tilesLeft struct {
	p    GPVirtual
	rows int
}

func startTiles(a GPVirtual, rows int) tilesLeft {
	p := GP64()
	MOVQ(a, p)
	return tilesLeft{p, rows}
}

func (l tilesLeft) at(i, g int) Mem   { return Mem{Base: l.p, Disp: 4 * (l.rows*g + i)} }
func (l tilesLeft) advance(pairs int) { ADDQ(U32(uint32(4*l.rows*pairs)), l.p) }

// rowsTile writes the kernel of rows by 32 columns for an A row by row.
func rowsTile(rows int) {
	f := beginTile(fmt.Sprintf("rows%dx32", rows), fmt.Sprintf("computes %d rows and up to 32 columns of C from rows of A, t.tiles times down the rows, and leaves t.tiles 0.", rows))
	a, as := load(f.a), load(f.as)
	tileBody(f, rows, func() left { return startRows(a, as, rows) }, func() {
		for range rows {
			ADDQ(as, a)
		}
	})
}

// tilesTile writes the same for an A in tiles.
func tilesTile(rows int) {
	f := beginTile(fmt.Sprintf("tiles%dx32", rows), fmt.Sprintf("computes %d rows and up to 32 columns of C from tiles of A, t.tiles times down the rows, and leaves t.tiles 0.", rows))
	a := load(f.a)
	tileBody(f, rows, func() left { return startTiles(a, rows) }, func() { ADDQ(f.as, a) })
}

func tileBody(f tileFields, rows int, start func() left, next func()) {
	c, scales := load(f.c), load(f.rows)
	masks := tileMasks(f)
	Label("next")
	s := newSums(rows)
	ahead, step := GP64(), load(f.cs)
	MOVQ(c, ahead)
	for range rows { // they come while the sums are made
		for j := range 2 {
			PREFETCHT1(Mem{Base: ahead, Disp: 64 * j})
		}
		ADDQ(step, ahead)
	}
	l, b, k := start(), load(f.b), load(f.groups)
	SUBQ(Imm(tileUnroll), k)
	JLT(LabelRef("rest"))
	Label("loop")
	for g := range tileUnroll {
		s.step(g%len(s.sums), l, g, Mem{Base: b, Disp: 128 * g})
	}
	l.advance(tileUnroll)
	ADDQ(U32(128*tileUnroll), b)
	SUBQ(Imm(tileUnroll), k)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(tileUnroll), k)
	JZ(LabelRef("sum"))
	Label("one")
	s.step(0, l, 0, Mem{Base: b})
	l.advance(1)
	ADDQ(U32(128), b)
	SUBQ(Imm(1), k)
	JNZ(LabelRef("one"))

	Label("sum")
	s.gather()
	s.finish(f, masks, scales, c)
	next()
	SUBQ(Imm(1), f.tiles)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

// tileMasks loads the masks of the columns that are there.
func tileMasks(f tileFields) [2]Op {
	m, k0, k1 := load(f.mask), K(), K()
	KMOVW(m.As32(), k0)
	SHRL(Imm(16), m.As32())
	KMOVW(m.As32(), k1)
	return [2]Op{k0, k1}
}

// sums are the registers of a tile. Few rows have several sets of sums, one for each of as many adjoining pairs of k: a sum
// waits five cycles for the one before it.
type sums struct {
	sums [][][2]VecVirtual // [set][row]
	a, b [2]VecVirtual
}

func newSums(rows int) *sums {
	sets := 1
	for sets < tileUnroll && 2*rows*sets < 10 {
		sets *= 2
	}
	s := &sums{sums: make([][][2]VecVirtual, sets)}
	for i := range s.sums {
		for range rows {
			s.sums[i] = append(s.sums[i], [2]VecVirtual{zero(), zero()})
		}
	}
	for j := range 2 {
		s.a[j], s.b[j] = ZMM(), ZMM()
	}
	return s
}

// step adds a pair of k.
func (s *sums) step(set int, l left, g int, b Mem) {
	for j, v := range s.b {
		VMOVUPS(b.Offset(64*j), v)
	}
	for i, sums := range s.sums[set] {
		x := s.a[i%2]
		VPBROADCASTD(l.at(i, g), x)
		for j, sum := range sums {
			VPDPWSSD(s.b[j], x, sum)
		}
	}
}

// gather adds the other sets to the first.
func (s *sums) gather() {
	for n := len(s.sums) / 2; n > 0; n /= 2 {
		for i := range n {
			for r, sums := range s.sums[i] {
				for j, v := range sums {
					VPADDD(s.sums[i+n][r][j], v, v)
				}
			}
		}
	}
}

// finish makes floats of the sums and stores them; it leaves scales and c at the row after the last.
func (s *sums) finish(f tileFields, masks [2]Op, scales, c GPVirtual) {
	rows := s.sums[0]
	s.columns(f.columns, masks)
	for i, sums := range rows {
		VBROADCASTSS(Mem{Base: scales, Disp: 4 * i}, s.a[i%2])
		for j, v := range sums {
			VCVTDQ2PS(v, v)
			VMULPS(s.a[i%2], v, v)
			VMULPS(s.b[j], v, v)
		}
	}
	ADDQ(Imm(uint64(4*len(rows))), scales)
	cs, p := load(f.cs), GP64()
	CMPQ(f.add, Imm(0))
	JE(LabelRef("bias"))
	MOVQ(c, p)
	for _, sums := range rows {
		for j, v := range sums {
			VMOVUPS_Z(Mem{Base: p, Disp: 64 * j}, masks[j], s.a[j])
			VADDPS(s.a[j], v, v)
		}
		ADDQ(cs, p)
	}
	Label("bias")
	CMPQ(f.bias, Imm(0))
	JE(LabelRef("floor"))
	s.columns(f.bias, masks)
	for _, sums := range rows {
		for j, v := range sums {
			VADDPS(s.b[j], v, v)
		}
	}
	Label("floor")
	CMPQ(f.floor, Imm(0))
	JE(LabelRef("store"))
	VPXORD(s.a[0], s.a[0], s.a[0])
	for _, sums := range rows {
		for _, v := range sums {
			VMAXPS(v, s.a[0], v) // NaN stays: the second source
		}
	}
	Label("store")
	for _, sums := range rows {
		for j, v := range sums {
			VMOVUPS(v, masks[j], Mem{Base: c, Disp: 64 * j})
		}
		ADDQ(cs, c)
	}
}

// columns loads a value for each column into b.
func (s *sums) columns(from Mem, masks [2]Op) {
	p := load(from)
	for j, v := range s.b {
		VMOVUPS_Z(Mem{Base: p, Disp: 64 * j}, masks[j], v)
	}
}
