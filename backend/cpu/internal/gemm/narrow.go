package gemm

const (
	// narrowColumns is the most columns of C that are computed by dot products: a tile would waste most of its own.
	narrowColumns = 8
	narrowK       = 16 // the least k for which sums across a vector pay
)

// isNarrow reports whether products are computed by dot products of rows of A and columns of B, as of queries with few
// keys. It looks at the shape alone, and not at M, so that a row's bits depend on no other. It takes products whose B's
// differ only: one B has a packed form too and comes in parts, whose bits are those of tiles.
func (w *work) isNarrow() bool {
	a := &w.args
	return w.kernel.dots != nil && a.Batch > 1 && a.StrideB > 0 && !a.TransA && a.N <= narrowColumns && a.K >= narrowK
}

// narrow computes product i on one thread.
func (w *work) narrow(th *thread, i int) {
	a, t := &w.args, &th.tile
	b, ld := a.B[i*a.StrideB:], a.LDB
	if !a.TransB {
		th.b = grow(th.b, a.N*a.K)
		Transpose(th.b, b, a.K, a.N, a.K, a.LDB)
		b, ld = th.b, a.K
	}
	fours := ceilDiv(a.N, 4) // of columns; sums of each four are [M, 4]
	th.a = grow(th.a, 4*a.M*fours)
	t.k, t.bs = a.K, 4*ld
	for f := range fours {
		out := th.a[4*a.M*f:]
		t.b, t.mask = &b[4*f*ld], uint64(min(4, a.N-4*f))
		if t.tiles = a.M / 2; t.tiles > 0 {
			t.a, t.as, t.c = &a.A[i*a.StrideA], 4*a.LDA, &out[0]
			w.kernel.dots(t)
		}
		if a.M%2 > 0 { // a pair of one row
			var pair [8]float32
			t.a, t.as, t.c, t.tiles = &a.A[i*a.StrideA+(a.M-1)*a.LDA], 0, &pair[0], 1
			w.kernel.dots(t)
			copy(out[4*(a.M-1):], pair[:4])
		}
	}
	end := a.epilogue()
	for r := range a.M {
		var sum [narrowColumns]float32
		for f := range fours {
			copy(sum[4*f:], th.a[4*(a.M*f+r):][:4])
		}
		finishRow(a.C[i*a.StrideC+r*a.LDC:][:a.N], sum[:a.N], &end)
	}
}
