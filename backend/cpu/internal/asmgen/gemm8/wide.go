package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	wideRows   = 14 // 28 sums, two vectors of B and two of A fill the 32 registers
	wideUnroll = 4  // groups of k in a round of the loop
)

// wideTile writes the kernel of rows by 32 columns. VPDPBUSD multiplies four unsigned bytes of A, which flipRows made,
// by four signed ones of B; what the flip adds to each column, Pack has put, negative, before the panel of B.
func wideTile(rows int) {
	name := fmt.Sprintf("tile%dx32VNNI", rows)
	f := tileFields(begin(name, fmt.Sprintf("computes %d rows and up to 32 columns of C, t.tiles times down the rows, and leaves t.tiles 0.", rows)))
	a, c, as := load(f.a), load(f.c), load(f.as)
	masks := wideMasks(f)
	scales := load(f.rows)

	Label("next")
	w := newWideSums(rows)
	p, b, k := pointRows(a, as, rows), load(f.b), load(f.groups)
	w.start(b)
	ADDQ(Imm(128), b)
	SUBQ(Imm(wideUnroll), k)
	JLT(LabelRef("rest"))
	Label("loop")
	for g := range wideUnroll {
		w.step(g%len(w.sums), p, 4*g, Mem{Base: b, Disp: 128 * g})
	}
	p.advance(4 * wideUnroll)
	ADDQ(U32(128*wideUnroll), b)
	SUBQ(Imm(wideUnroll), k)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(wideUnroll), k)
	JZ(LabelRef("sum"))
	Label("one")
	w.step(0, p, 0, Mem{Base: b})
	p.advance(4)
	ADDQ(U32(128), b)
	SUBQ(Imm(1), k)
	JNZ(LabelRef("one"))

	Label("sum")
	w.gather()
	w.scale(f, masks, scales)
	cs := load(f.cs)
	for _, row := range w.sums[0] {
		for j, v := range row {
			VMOVUPS(v, masks[j], Mem{Base: c, Disp: 64 * j})
		}
		ADDQ(cs, c)
	}
	nextTile(f, a, as, rows)
}

// wideMasks loads the masks of the columns that are there.
func wideMasks(f fields) [2]Op {
	m, k0, k1 := load(f.mask), K(), K()
	KMOVW(m.As32(), k0)
	SHRL(Imm(16), m.As32())
	KMOVW(m.As32(), k1)
	return [2]Op{k0, k1}
}

// wideSums are the registers of a tile. Few rows have several sets of sums, one for each of as many adjoining groups of
// k: a sum waits five cycles for the one before it.
type wideSums struct {
	sums [][][2]VecVirtual // [set][row]
	a, b [2]VecVirtual
}

func newWideSums(rows int) *wideSums {
	sets := 1
	for sets < wideUnroll && 2*rows*sets < 10 {
		sets *= 2
	}
	w := &wideSums{sums: make([][][2]VecVirtual, sets)}
	for s := range w.sums {
		for range rows {
			w.sums[s] = append(w.sums[s], [2]VecVirtual{ZMM(), ZMM()})
		}
	}
	for j := range 2 {
		w.a[j], w.b[j] = ZMM(), ZMM()
	}
	return w
}

// start sets the first set of sums to what stands before the panel, the others to 0.
func (w *wideSums) start(panel GPVirtual) {
	for s, set := range w.sums {
		for i := range set {
			for j, v := range set[i] {
				switch {
				case s > 0:
					VPXORD(v, v, v)
				case i == 0:
					VMOVUPS(Mem{Base: panel, Disp: 64 * j}, v)
				default:
					VMOVAPS(set[0][j], v)
				}
			}
		}
	}
}

// step adds a group of four k.
func (w *wideSums) step(set int, a rowPointers, offset int, b Mem) {
	for j, v := range w.b {
		VMOVUPS(b.Offset(64*j), v)
	}
	for i, sums := range w.sums[set] {
		x := w.a[i%2]
		VPBROADCASTD(a.at(i, offset), x)
		for j, sum := range sums {
			VPDPBUSD(w.b[j], x, sum)
		}
	}
}

// gather adds the other sets to the first.
func (w *wideSums) gather() {
	for n := len(w.sums) / 2; n > 0; n /= 2 {
		for s := range n {
			for i, sums := range w.sums[s] {
				for j, v := range sums {
					VPADDD(w.sums[s+n][i][j], v, v)
				}
			}
		}
	}
}

// scale makes floats of the sums if there are scales, and leaves them at the row after the last.
func (w *wideSums) scale(f fields, masks [2]Op, rows GPVirtual) {
	TESTQ(rows, rows)
	JZ(LabelRef("store"))
	p := load(f.columns)
	for j, v := range w.b {
		VMOVUPS_Z(Mem{Base: p, Disp: 64 * j}, masks[j], v)
	}
	for i, sums := range w.sums[0] {
		VBROADCASTSS(Mem{Base: rows, Disp: 4 * i}, w.a[i%2])
		for j, v := range sums {
			VCVTDQ2PS(v, v)
			VMULPS(w.a[i%2], v, v)
			VMULPS(w.b[j], v, v)
		}
	}
	ADDQ(Imm(uint64(4*len(w.sums[0]))), rows)
	MOVQ(f.bias, p)
	TESTQ(p, p)
	JZ(LabelRef("store"))
	for j, v := range w.b {
		VMOVUPS_Z(Mem{Base: p, Disp: 64 * j}, masks[j], v)
	}
	for _, sums := range w.sums[0] {
		for j, v := range sums {
			VADDPS(w.b[j], v, v)
		}
	}
	Label("store")
}
