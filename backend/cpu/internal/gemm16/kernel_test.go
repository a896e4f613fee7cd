package gemm16

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"foresee/backend/cpu/internal/fence"
	"foresee/backend/cpu/internal/isa"
	"foresee/backend/cpu/internal/rounding"
)

// kernels are those of the levels of this machine that have their own, with portable ones for panels as wide.
func kernels(t *testing.T, check func(t *testing.T, rng *rand.Rand, kn, twin *kernel)) {
	for _, l := range isa.Levels() {
		kn := archKernel(l)
		if kn == nil {
			continue
		}
		twin := portable()
		twin.turn = func(panel, rows *int16, step, groups int) { turnPortable(panel, rows, step, groups, kn.nr) }
		t.Run(l.String(), func(t *testing.T) { check(t, rand.New(rand.NewPCG(4, 16)), kn, twin) })
	}
}

func normals(rng *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(rng.NormFloat64())
	}
	return fence.AtEnd(s)
}

// marked returns n integers before a fence that say where nothing was written.
func marked(n int) []int16 {
	s := make([]float32, ceilDiv(n, 2))
	q := rounding.Integers(fence.AtEnd(s))
	for i := range q {
		q[i] = 21845
	}
	return q[len(q)-n:]
}

func nearly(a, b float32) bool { return math.Abs(float64(a-b)) <= 1e-5*math.Abs(float64(b)) }

// TestColumns: norms of columns, and their quants in panels, that may be 0 behind the columns, and in tiles, behind which
// nothing is written.
func TestColumns(t *testing.T) {
	kernels(t, func(t *testing.T, rng *rand.Rand, kn, twin *kernel) {
		for range 500 {
			k, cols := 1+rng.IntN(40), 1+rng.IntN(wide)
			ld := cols + rng.IntN(3)
			src := normals(rng, (k-1)*ld+cols)
			s := strip{src: &src[0], groups: k / 2, odd: k % 2, srcStep: 4 * ld}
			var squares, high [2][wide]float32
			for i, n := range []*kernel{twin, kn} {
				each := s
				each.squares, each.high = &squares[i][0], &high[i][0]
				n.columnNorms(&each, cols)
			}
			for c := range cols {
				if !nearly(squares[1][c], squares[0][c]) || high[1][c] != high[0][c] {
					t.Fatalf("%d x %d: column %d has %g, %g, want %g, %g", k, cols, c, squares[1][c], high[1][c], squares[0][c], high[0][c])
				}
			}
			cols = 1 + rng.IntN(min(cols, kn.nr))
			step, inverse := 2*kn.nr, normals(rng, cols)
			if cols <= kn.mr && rng.IntN(2) == 0 {
				step = 2 * cols
			}
			s.dstStep = 2 * step
			for i := range inverse {
				inverse[i] *= 1000
			}
			var q [2][]int16
			for i, n := range []*kernel{twin, kn} {
				each := s
				q[i] = marked(ceilDiv(k, 2) * step)
				each.dst, each.inverse = &q[i][0], &inverse[0]
				n.columnQuants(&each, cols)
			}
			for i, v := range q[1] {
				if want := q[0][i]; v != want && !(v == 0 && i%step >= 2*cols) {
					t.Fatalf("%d x %d, %d apart: integer %d is %d, want %d", k, cols, step, i, v, want)
				}
			}
		}
	})
}

// TestRows: norms and quants of rows, with zeros up to an even number.
func TestRows(t *testing.T) {
	kernels(t, func(t *testing.T, rng *rand.Rand, kn, twin *kernel) {
		for range 300 {
			k, rows := 1+rng.IntN(100), 1+rng.IntN(tall)
			ld, step := k+rng.IntN(3), rowBytes(k)
			src, inverse := normals(rng, (rows-1)*ld+k), normals(rng, rows)
			for i := range inverse {
				inverse[i] *= 1000
			}
			if rng.IntN(4) == 0 { // a scale that must be found again
				inverse[0] = float32(math.NaN())
			}
			var squares, high [2][tall]float32
			var q [2][]int16
			for i, n := range []*kernel{twin, kn} {
				q[i] = marked(rows * step / 2)
				l := lines{dst: &q[i][0], src: &src[0], rows: rows, dstStep: step, srcStep: 4 * ld,
					squares: &squares[i][0], high: &high[i][0], inverse: &inverse[0]}
				n.rowNorms(&l, k)
				l.rows = rows
				n.rowQuants(&l, k)
			}
			for r := range rows {
				name := fmt.Sprintf("%d x %d: row %d", rows, k, r)
				if !nearly(squares[1][r], squares[0][r]) || high[1][r] != high[0][r] {
					t.Fatalf("%s has %g, %g, want %g, %g", name, squares[1][r], high[1][r], squares[0][r], high[0][r])
				}
				from, even := k, k+k%2
				if inverse[r] == inverse[r] {
					from = 0
				}
				if got, want := q[1][r*step/2:][from:even], q[0][r*step/2:][from:even]; !slices.Equal(got, want) {
					t.Fatalf("%s is %v, want %v", name, got, want)
				}
			}
		}
	})
}

// TestTurn: panels of pairs that lie in rows.
func TestTurn(t *testing.T) {
	kernels(t, func(t *testing.T, rng *rand.Rand, kn, twin *kernel) {
		for groups := 1; groups < 80; groups++ {
			step := rowBytes(2 * groups)
			rows := rounding.Integers(normals(rng, kn.nr*step/4))
			var q [2][]int16
			for i, n := range []*kernel{twin, kn} {
				q[i] = marked(2 * groups * kn.nr)
				n.turn(unsafe.SliceData(q[i]), &rows[0], step, groups)
			}
			if !slices.Equal(q[1], q[0]) {
				t.Fatalf("%d pairs: %v, want %v", groups, q[1], q[0])
			}
		}
	})
}
