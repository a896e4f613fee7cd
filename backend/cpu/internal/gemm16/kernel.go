package gemm16

import (
	"math"
	"unsafe"

	"foresee/backend/cpu/internal/rounding"
)

const (
	line  = 64
	chunk = 1024 // of k that has scales of its own
	wide  = 64   // the most columns whose norms a kernel finds at once
	tall  = 32   // the most rows
)

// tile is what a micro-kernel is told. The generator knows its layout: 8 bytes a field.
type tile struct {
	a, b                *int16   // rows or a tile of A, and the panel of B
	c                   *float32 // the tile of C
	rows, columns, bias *float32 // the scales; bias may be nil
	groups              int      // pairs of k
	as, cs              int      // bytes from one row of A, or if it is in tiles one tile, and of C to the next
	tiles               int      // tiles down the rows, above 0; spent afterwards
	mask                uint64   // a bit for each column that is there
	add                 int      // 1: the product is added to C
	floor               int      // 1: then max(x, 0)
	edge                *edge    // no kernel written in assembly reads it
}

// edge is memory for tiles with fewer columns than a kernel computes.
type edge struct {
	c             [6 * 16]float32
	columns, bias [16]float32
}

// lines is up to tall rows of op(A) or of a transposed op(B), of whole vectors of 16 and rest.
type lines struct {
	dst              *int16
	src              *float32
	rows             int // above 0; spent afterwards
	dstStep, srcStep int // bytes from one row to the next
	whole            int
	rest             uint64 // a bit for each value behind the whole vectors
	squares, high    *float32
	inverse          *float32
}

// strip is columns of a stored matrix, contracted down the rows; the generator knows its layout too.
type strip struct {
	dst              *int16
	src              *float32
	groups           int // pairs of rows
	odd              int // 1: a row follows them
	dstStep, srcStep int // bytes from one pair, one row to the next
	mask             uint64
	squares, high    *float32
	inverse          *float32
}

// kernel is one instruction set's way to do the work.
type kernel struct {
	mr, nr int
	// run computes t.tiles tiles of rows x cols, rows <= mr, cols <= nr, from an A in tiles or in rows.
	run func(t *tile, rows, cols int, inTiles bool)
	// rowNorms finds the sums of squares and greatest magnitudes of rows of k values, rowQuants rounds them times their
	// inverse, 0 behind them up to an even number, or a multiple of 16.
	rowNorms, rowQuants func(l *lines, k int)
	// columnNorms does so for up to wide columns; columnQuants rounds up to nr columns, in pairs of rows, as many as are
	// there side by side, and maybe 0 behind them as far as dstStep reaches, but not behind the last pair.
	columnNorms, columnQuants func(s *strip, cols int)
	// turn sets a panel of B to pairs of its columns, that lie step bytes apart in rows.
	turn func(panel, rows *int16, step, groups int)
}

func portable() *kernel {
	return &kernel{mr: 4, nr: 8, run: runPortable, rowNorms: rowNormsPortable, rowQuants: rowQuantsPortable,
		columnNorms: columnNormsPortable, columnQuants: columnQuantsPortable,
		turn: func(panel, rows *int16, step, groups int) { turnPortable(panel, rows, step, groups, 8) }}
}

// panelFloats returns the floats of a panel of B.
func (kn *kernel) panelFloats(k int) int { return roundUp(ceilDiv(k, 2)*kn.nr, line/4) }

// scaleFloats returns the floats of the scales before the panels.
func scaleFloats(n int) int { return roundUp(n, line/4) }

func (kn *kernel) rightFloats(k, n int) int {
	return scaleFloats(n) + ceilDiv(n, kn.nr)*kn.panelFloats(k)
}

// rowBytes returns the bytes from one row of A to the next where it is laid out: an odd number of cache lines, so that
// adjoining rows fall into different sets of the cache.
func rowBytes(k int) int { return roundUp(2*k, line) | line }

func shift[T any](p *T, bytes int) *T { return (*T)(unsafe.Add(unsafe.Pointer(p), bytes)) }

func runPortable(t *tile, rows, cols int, inTiles bool) {
	b := unsafe.Slice(t.b, 16*t.groups)
	for ; t.tiles > 0; t.tiles-- {
		for r := range rows {
			p, step := shift(t.a, r*t.as), 2
			if inTiles {
				p, step = shift(t.a, 4*r), 2*rows
			}
			var sums [8]int32
			for g := range t.groups {
				x := unsafe.Slice(shift(p, 2*g*step), 2)
				x0, x1 := int32(x[0]), int32(x[1])
				for c, y := 0, b[16*g:][:16]; c < cols; c++ {
					sums[c] += x0*int32(y[2*c]) + x1*int32(y[2*c+1])
				}
			}
			t.finish(r, sums[:cols])
		}
		t.a, t.c, t.rows = shift(t.a, t.as), shift(t.c, rows*t.cs), shift(t.rows, 4*rows)
		if !inTiles {
			t.a = shift(t.a, (rows-1)*t.as)
		}
	}
}

// finish writes sums to row r of a tile of C. Each product is converted, lest the compiler fuse it with the sum that follows.
func (t *tile) finish(r int, sums []int32) {
	out, scale := unsafe.Slice(shift(t.c, r*t.cs), len(sums)), *shift(t.rows, 4*r)
	for j, s := range sums {
		v := float32(float32(float32(s)*scale) * *shift(t.columns, 4*j))
		if t.add != 0 {
			v += out[j]
		}
		if t.bias != nil {
			v += *shift(t.bias, 4*j)
		}
		if t.floor != 0 && v < 0 {
			v = 0
		}
		out[j] = v
	}
}

func rowNormsPortable(l *lines, k int) {
	for r := range l.rows {
		*shift(l.squares, 4*r), *shift(l.high, 4*r) = rounding.Norms(unsafe.Slice(shift(l.src, r*l.srcStep), k))
	}
}

func rowQuantsPortable(l *lines, k int) {
	for r := range l.rows {
		dst, inverse := unsafe.Slice(shift(l.dst, r*l.dstStep), k+k%2), *shift(l.inverse, 4*r)
		dst[len(dst)-1] = 0
		for i, x := range unsafe.Slice(shift(l.src, r*l.srcStep), k) {
			dst[i] = rounding.Quant(x, inverse)
		}
	}
}

func columnNormsPortable(s *strip, cols int) {
	squares, high := unsafe.Slice(s.squares, cols), unsafe.Slice(s.high, cols)
	clear(squares)
	clear(high)
	for r := range 2*s.groups + s.odd {
		for c, x := range unsafe.Slice(shift(s.src, r*s.srcStep), cols) {
			squares[c] += float32(x * x)
			high[c] = max(high[c], float32(math.Abs(float64(x))))
		}
	}
}

func columnQuantsPortable(s *strip, cols int) {
	inverse := unsafe.Slice(s.inverse, cols)
	for r := range 2*s.groups + s.odd {
		dst := unsafe.Slice(shift(s.dst, r/2*s.dstStep), 2*cols)
		for c, x := range unsafe.Slice(shift(s.src, r*s.srcStep), cols) {
			dst[2*c+r%2] = rounding.Quant(x, inverse[c])
			if r%2 == 0 && r == 2*s.groups {
				dst[2*c+1] = 0
			}
		}
	}
}

func turnPortable(panel, rows *int16, step, groups, nr int) {
	to := unsafe.Slice((*int32)(unsafe.Pointer(panel)), groups*nr)
	for c := range nr {
		for g, v := range unsafe.Slice((*int32)(unsafe.Pointer(shift(rows, c*step))), groups) {
			to[g*nr+c] = v
		}
	}
}
