package gemm

import "fmt"

// LeftSize returns the floats of a packed op(A) [m, k].
//
//	for each block of kBlock columns k: for each tile of mr rows: [kc, mr], anything below the last row
func (e *Engine) LeftSize(m, k int) int { return roundUp(k*roundUp(m, e.kernel.mr)+slack, slack) }

// PackLeft lays op(A) [M, K] of a out in dst for several calls of Part, on the caller's thread; of a only M, K,
// A, LDA and TransA count. dst must have LeftSize(M, K) floats; it panics as Float32 does.
func (e *Engine) PackLeft(dst []float32, a *Args) {
	rows, cols, ld := a.M, a.K, a.LDA
	if a.TransA {
		rows, cols = cols, rows
	}
	checkMatrix("A", len(a.A), rows, cols, &ld, 0)
	if want := e.LeftSize(a.M, a.K); len(dst) < want {
		panic(fmt.Sprintf("gemm: room for %d floats of packed A, want %d for [%d, %d]", len(dst), want, a.M, a.K))
	}
	from := Args{A: a.A, LDA: ld, TransA: a.TransA}
	high := roundUp(a.M, e.kernel.mr)
	for k := 0; k < a.K && a.M > 0; k += kBlock {
		e.kernel.packTiles(dst[k*high:], &from, 0, [2]int{0, a.M}, [2]int{k, min(k+kBlock, a.K)})
	}
}

// Part is a piece of a product: columns [N0, N1) of all rows, from an A and a B that are packed or not.
type Part struct {
	Args            // one product, TransB false; C [M, N1-N0] is of the piece alone, Bias [N] of all columns
	Left  []float32 // op(A) as PackLeft laid it out, or nil: A is read, and packed if it has more than a row
	Right []float32 // op(B) as Pack laid it out for K and N, or nil: B is read in place
	N0    int       // a multiple of PanelWidth
	N1    int
}

// PanelWidth returns the number of columns that a packed B keeps together.
func (e *Engine) PanelWidth() int { return e.kernel.nr }

// RowTile returns the number of rows that a packed A keeps together.
func (e *Engine) RowTile() int { return e.kernel.mr }

// Part computes a piece on the caller's thread, with the bits that Float32 gives it.
func (e *Engine) Part(p *Part) {
	if p.M == 0 || p.N0 >= p.N1 {
		return
	}
	if p.N0%e.kernel.nr != 0 || p.N1 > p.N || p.TransB || p.Batch > 1 {
		panic(fmt.Sprintf("gemm: no part: columns %d to %d of %d, panels of %d", p.N0, p.N1, p.N, e.kernel.nr))
	}
	w := e.take()
	defer e.give(w)
	w.args, w.left, w.corner = p.Args, p.Left, p.N0
	w.args.Batch = 1
	if w.args.LDB == 0 {
		w.args.LDB = p.N
	}
	if w.args.LDA == 0 {
		w.args.LDA = p.K
	}
	if w.args.LDC == 0 {
		w.args.LDC = p.N1 - p.N0
	}
	c := chunk{k: p.K, n1: p.N1, k1: p.K, packed: p.Right, panels: ceilDiv(p.N, e.kernel.nr)}
	w.span(&w.threads[0], &c, span{0, p.M, p.N0 / e.kernel.nr, ceilDiv(p.N1, e.kernel.nr)})
}
