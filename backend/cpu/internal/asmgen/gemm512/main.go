// Command gemm512 writes the AVX-512 kernels of package gemm.
//
// A tile kernel computes R rows by V vectors of 16 columns of C, for R = 1..14, V = 1, 2:
// with R = 14, V = 2 the 28 accumulators, two vectors of B and two broadcasts of A fill the
// 32 registers. The product over k is summed in the order of k, one fused multiply-add each,
// in every kernel, so that an element of C has the same bits whatever tile it falls into.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	maxRows = 14
	unroll  = 4
)

func main() {
	ConstraintExpr("amd64")
	for v := 1; v <= 2; v++ {
		for r := 1; r <= maxRows; r++ {
			tileKernel(r, v, false)
		}
	}
	for r := 1; r <= maxRows; r++ {
		tileKernel(r, 2, true)
	}
	wideRow()
	widerRow()
	halfRow()
	transpose16(false)
	transpose16(true)
	copyPanel()
	Generate()
}

// field names the words of gemm.tile, in order.
type fields struct {
	a, b, c, bias, k, as, bs, cs, tiles, atile, mask, mode, ahead, step Mem
}

func tileFields(t Register) fields {
	at := func(i int) Mem { return Mem{Base: t, Disp: 8 * i} }
	return fields{at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9), at(10), at(11), at(12), at(13)}
}

func load(m Mem) GPVirtual {
	r := GP64()
	MOVQ(m, r)
	return r
}

// masks loads the column masks of the two vectors.
func masks(f fields, n int) []Op {
	m := GP32()
	MOVL(f.mask, m)
	ks := make([]Op, n)
	for j := range ks {
		k := K()
		KMOVW(m, k)
		if j+1 < n {
			SHRL(Imm(16), m)
		}
		ks[j] = k
	}
	return ks
}

// tileKernel writes the kernel of a tile. A whole one has all its columns and loads without masks, which is faster by 3 to
// 8 %: most likely a load under a mask takes one of the two ports that multiply.
func tileKernel(rows, vecs int, whole bool) {
	name, columns := fmt.Sprintf("tile%dx%d", rows, 16*vecs), "up to "
	if whole {
		name, columns = name+"Whole", ""
	}
	TEXT(name, NOSPLIT|NOFRAME, "func(t *byte)")
	Pragma("noescape")
	Doc(name + fmt.Sprintf(" computes %d rows and %s%d columns of C, t.tiles times down the rows.", rows, columns, 16*vecs))
	f := tileFields(Load(Param("t"), GP64()))
	a0, c := load(f.a), load(f.c)
	as, bs, cs := load(f.as), load(f.bs), load(f.cs)
	as3, bs3 := GP64(), GP64()
	LEAQ(Mem{Base: as, Index: as, Scale: 2}, as3)
	LEAQ(Mem{Base: bs, Index: bs, Scale: 2}, bs3)
	ks := make([]Op, vecs)
	if !whole {
		ks = masks(f, vecs)
	}
	tiles := load(f.tiles)
	ahead := load(f.ahead)

	Label("next")
	acc := make([][]VecVirtual, rows)
	for i := range acc {
		acc[i] = make([]VecVirtual, vecs)
		for j := range acc[i] {
			acc[i][j] = ZMM()
			VPXORD(acc[i][j], acc[i][j], acc[i][j])
		}
	}
	a, b, k := GP64(), load(f.b), load(f.k)
	MOVQ(a0, a)
	nextC := GP64()
	MOVQ(c, nextC)
	bv := make([]VecVirtual, vecs)
	for j := range bv {
		bv[j] = ZMM()
	}
	av := []VecVirtual{ZMM(), ZMM()}
	step := func(aMem, bMem Mem) {
		for j := range bv {
			loadColumns(bMem.Offset(64*j), ks[j], bv[j])
		}
		for i := range rows {
			VBROADCASTSS(aMem.Offset(4*i), av[i%2])
			for j := range bv {
				VFMADD231PS(bv[j], av[i%2], acc[i][j])
			}
		}
	}
	SUBQ(Imm(unroll), k)
	JLT(LabelRef("rest"))
	Label("loop")
	for j := range vecs {
		PREFETCHT1(Mem{Base: nextC, Disp: 64 * j})
	}
	ADDQ(cs, nextC)
	PREFETCHT1(Mem{Base: ahead})
	PREFETCHT1(Mem{Base: ahead, Disp: 64})
	ADDQ(f.step, ahead)
	step(Mem{Base: a}, Mem{Base: b})
	step(Mem{Base: a, Index: as, Scale: 1}, Mem{Base: b, Index: bs, Scale: 1})
	step(Mem{Base: a, Index: as, Scale: 2}, Mem{Base: b, Index: bs, Scale: 2})
	step(Mem{Base: a, Index: as3, Scale: 1}, Mem{Base: b, Index: bs3, Scale: 1})
	LEAQ(Mem{Base: a, Index: as, Scale: 4}, a)
	LEAQ(Mem{Base: b, Index: bs, Scale: 4}, b)
	SUBQ(Imm(unroll), k)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(unroll), k)
	JZ(LabelRef("store"))
	Label("one")
	step(Mem{Base: a}, Mem{Base: b})
	ADDQ(as, a)
	ADDQ(bs, b)
	SUBQ(Imm(1), k)
	JNZ(LabelRef("one"))

	Label("store")
	store(f, acc, ks, c, cs, bv)
	ADDQ(f.atile, a0)
	SUBQ(Imm(1), tiles)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

// loadColumns loads the columns of a mask, or without one all 16.
func loadColumns(from Mem, mask Op, to VecVirtual) {
	if mask == nil {
		VMOVUPS(from, to)
		return
	}
	VMOVUPS_Z(from, mask, to)
}

// store writes the accumulators and leaves c at the row after them.
func store(f fields, acc [][]VecVirtual, ks []Op, c, cs GPVirtual, tmp []VecVirtual) {
	mode := GP64()
	MOVQ(f.mode, mode)
	row := GP64()
	TESTQ(U32(1), mode)
	JZ(LabelRef("bias"))
	MOVQ(c, row)
	for i := range acc {
		for j := range acc[i] {
			loadColumns(Mem{Base: row, Disp: 64 * j}, ks[j], tmp[j])
			VADDPS(acc[i][j], tmp[j], acc[i][j])
		}
		ADDQ(cs, row)
	}
	Label("bias")
	bias := load(f.bias)
	TESTQ(bias, bias)
	JZ(LabelRef("relu"))
	for j := range tmp {
		loadColumns(Mem{Base: bias, Disp: 64 * j}, ks[j], tmp[j])
	}
	for i := range acc {
		for j := range acc[i] {
			VADDPS(tmp[j], acc[i][j], acc[i][j])
		}
	}
	Label("relu")
	TESTQ(U32(2), mode)
	JZ(LabelRef("write"))
	VPXORD(tmp[0], tmp[0], tmp[0])
	for i := range acc {
		for j := range acc[i] {
			VMAXPS(acc[i][j], tmp[0], acc[i][j]) // NaN stays NaN
		}
	}
	Label("write")
	for i := range acc {
		for j := range acc[i] {
			if to := (Mem{Base: c, Disp: 64 * j}); ks[j] == nil {
				VMOVUPS(acc[i][j], to)
			} else {
				VMOVUPS(acc[i][j], ks[j], to)
			}
		}
		ADDQ(cs, c)
	}
}

// wideRow is the kernel for one row of A: 128 columns of four panels at a time, which keeps
// eight sums in flight.
func wideRow() {
	TEXT("row1x128", NOSPLIT|NOFRAME, "func(t *byte)")
	Pragma("noescape")
	Doc("row1x128 computes one row and 128 columns of C, from four panels of B that lie t.atile bytes apart.")
	f := tileFields(Load(Param("t"), GP64()))
	a, b, c := load(f.a), load(f.b), load(f.c)
	as, bs, k := load(f.as), load(f.bs), load(f.k)
	ps := load(f.atile)
	ps3 := GP64()
	LEAQ(Mem{Base: ps, Index: ps, Scale: 2}, ps3)
	acc := make([]VecVirtual, 8)
	for j := range acc {
		acc[j] = ZMM()
		VPXORD(acc[j], acc[j], acc[j])
	}
	av := ZMM()
	TESTQ(k, k)
	JZ(LabelRef("store"))
	Label("one")
	VBROADCASTSS(Mem{Base: a}, av)
	for p, m := range []Mem{{Base: b}, {Base: b, Index: ps, Scale: 1}, {Base: b, Index: ps, Scale: 2}, {Base: b, Index: ps3, Scale: 1}} {
		VFMADD231PS(m, av, acc[2*p])
		VFMADD231PS(m.Offset(64), av, acc[2*p+1])
	}
	ADDQ(as, a)
	ADDQ(bs, b)
	SUBQ(Imm(1), k)
	JNZ(LabelRef("one"))
	finishRow(f, acc, c, av)
}

// finishRow writes the sums of a row through the epilogue; zero is free for it.
func finishRow(f fields, acc []VecVirtual, c GPVirtual, zero VecVirtual) {
	Label("store")
	mode := load(f.mode)
	TESTQ(U32(1), mode)
	JZ(LabelRef("bias"))
	for j := range acc {
		VADDPS(Mem{Base: c, Disp: 64 * j}, acc[j], acc[j])
	}
	Label("bias")
	bias := load(f.bias)
	TESTQ(bias, bias)
	JZ(LabelRef("relu"))
	for j := range acc {
		VADDPS(Mem{Base: bias, Disp: 64 * j}, acc[j], acc[j])
	}
	Label("relu")
	TESTQ(U32(2), mode)
	JZ(LabelRef("write"))
	VPXORD(zero, zero, zero)
	for j := range acc {
		VMAXPS(acc[j], zero, acc[j]) // NaN stays NaN
	}
	Label("write")
	for j := range acc {
		VMOVUPS(acc[j], Mem{Base: c, Disp: 64 * j})
	}
	VZEROUPPER()
	RET()
}

// widerRow is the kernel for one row of A where B is read in place: 256 columns that lie side by side.
func widerRow() {
	TEXT("row1x256", NOSPLIT|NOFRAME, "func(t *byte)")
	Pragma("noescape")
	Doc("row1x256 computes the sums of one row and 256 columns of C from neighbouring columns of B.")
	f := tileFields(Load(Param("t"), GP64()))
	a, b, c := load(f.a), load(f.b), load(f.c)
	as, bs, k := load(f.as), load(f.bs), load(f.k)
	acc := make([]VecVirtual, 16)
	for j := range acc {
		acc[j] = ZMM()
		VPXORD(acc[j], acc[j], acc[j])
	}
	step := func() {
		av := ZMM()
		VBROADCASTSS(Mem{Base: a}, av)
		for j := range acc {
			VFMADD231PS(Mem{Base: b, Disp: 64 * j}, av, acc[j])
		}
		ADDQ(as, a)
		ADDQ(bs, b)
	}
	SUBQ(Imm(2), k)
	JLT(LabelRef("rest"))
	Label("loop")
	step()
	step()
	SUBQ(Imm(2), k)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(2), k)
	JZ(LabelRef("store"))
	step()
	Label("store")
	for j := range acc {
		VMOVUPS(acc[j], Mem{Base: c, Disp: 64 * j})
	}
	VZEROUPPER()
	RET()
}
