package vec

import "fmt"

// AddRows adds every row of a, len(dst) wide and stride floats apart, to dst, first row first:
// column sums. It panics if a is too short.
func AddRows(dst, a []float32, rows, stride int) {
	cols := len(dst)
	if rows <= 0 || cols == 0 {
		return
	}
	checkRows(len(a), rows, cols, stride)
	if ops.addRows != nil {
		ops.addRows(&dst[0], &a[0], rows, cols, 4*stride)
		return
	}
	for r := range rows {
		for i, x := range a[r*stride:][:cols] {
			dst[i] += x
		}
	}
}

// ByRow calls f(dst row, a row, b) for every row of a dense matrix as wide as b, such as
// ByRow(Add, dst, a, bias). It panics if dst is no whole number of rows.
func ByRow(f func(dst, a, b []float32), dst, a, b []float32) {
	w := len(b)
	if len(dst) == 0 {
		return
	}
	if w == 0 || len(dst)%w != 0 {
		panic(fmt.Sprintf("vec: %d floats are no whole rows of %d", len(dst), w))
	}
	a = a[:len(dst)]
	for i := 0; i < len(dst); i += w {
		f(dst[i:i+w], a[i:i+w], b)
	}
}

func checkRows(have, rows, cols, stride int) {
	if need := (rows-1)*stride + cols; stride < 0 || have < need {
		panic(fmt.Sprintf("vec: %d floats, want %d for [%d, %d]", have, need, rows, cols))
	}
}
