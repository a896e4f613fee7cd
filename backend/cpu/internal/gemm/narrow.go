package gemm

const (
	// narrowColumns is the most columns of C that are computed by dot products: a tile would waste most of its own.
	narrowColumns = 8
	narrowRows    = 64 // rows of C that are computed at once, an even number
	narrowK       = 16 // the least k for which sums across a vector pay
)

// isNarrow reports whether C is computed by dot products of rows of A and columns of B, as of queries with few keys. It
// looks at the shape alone, and takes products whose B's differ only: one B has a packed form too and comes in parts,
// whose bits are those of tiles.
func (w *work) isNarrow() bool {
	a := &w.args
	return w.kernel.dots != nil && a.Batch > 1 && a.StrideB > 0 && !a.TransA && a.N <= narrowColumns && a.K >= narrowK
}

// narrowJob computes products of few columns: each unit is narrowRows rows of one product.
type narrowJob struct {
	w            *work
	units, group int
}

// narrow runs the products of isNarrow.
func (w *work) narrow() {
	a, j := &w.args, &w.narrowing
	*j = narrowJob{w: w, units: a.Batch * ceilDiv(a.M, narrowRows)}
	each := min(a.M, narrowRows) * a.N * a.K
	j.group = max(1, min(partWork/each, ceilDiv(j.units, 4*len(w.threads))))
	w.pool.Do(ceilDiv(j.units, j.group), j)
}

// columns writes the columns of B [K, N] of product i one after the other.
func (w *work) columns(dst []float32, i int) {
	a := &w.args
	for k := range a.K {
		for n, v := range a.B[i*a.StrideB+k*a.LDB:][:a.N] {
			dst[n*a.K+k] = v
		}
	}
}

func (j *narrowJob) Part(worker, i int) {
	w := j.w
	th, blocks := &w.threads[worker], ceilDiv(w.args.M, narrowRows)
	for u := i * j.group; u < min((i+1)*j.group, j.units); u++ {
		a, product := &w.args, u/blocks
		cols := columnsOf{th.b, a.K}
		if a.TransB {
			cols = columnsOf{a.B[product*a.StrideB:], a.LDB}
		} else {
			th.b = grow(th.b, a.N*a.K)
			w.columns(th.b, product)
			cols.b = th.b
		}
		r0 := u % blocks * narrowRows
		w.dotRows(th, product, [2]int{r0, min(r0+narrowRows, a.M)}, cols)
	}
}

// columnsOf are the columns of one B, each without gaps, ld floats apart.
type columnsOf struct {
	b  []float32
	ld int
}

// dotRows computes rows [r0, r1) of product i.
func (w *work) dotRows(th *thread, i int, rows [2]int, cols columnsOf) {
	a, t := &w.args, &th.tile
	th.a = grow(th.a, 4*narrowRows*ceilDiv(a.N, 4))
	from := i*a.StrideA + rows[0]*a.LDA
	count := rows[1] - rows[0]
	t.k, t.bs = a.K, 4*cols.ld
	for n := 0; n < a.N; n += 4 {
		out := th.a[n*narrowRows:]
		t.b, t.mask = &cols.b[n*cols.ld], uint64(min(4, a.N-n))
		if t.tiles = count / 2; t.tiles > 0 {
			t.a, t.as, t.c = &a.A[from], 4*a.LDA, &out[0]
			w.kernel.dots(t)
		}
		if count%2 > 0 { // a pair of one row
			t.a, t.as, t.tiles = &a.A[from+(count-1)*a.LDA], 0, 1
			var pair [8]float32
			t.c = &pair[0]
			w.kernel.dots(t)
			copy(out[4*(count-1):], pair[:4])
		}
	}
	end := tile{bias: at(a.Bias, 0)}
	if a.Accumulate {
		end.mode |= modeAccumulate
	}
	if a.ReLU {
		end.mode |= modeReLU
	}
	for r := range count {
		var sum [narrowColumns]float32
		copy(sum[:4], th.a[4*r:])
		if a.N > 4 {
			copy(sum[4:], th.a[4*narrowRows+4*r:][:4])
		}
		finishRow(a.C[i*a.StrideC+(rows[0]+r)*a.LDC:][:a.N], sum[:a.N], &end)
	}
}
