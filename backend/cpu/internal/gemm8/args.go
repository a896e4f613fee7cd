package gemm8

import "fmt"

// Args describes one product.
//
// A is [M, K]. The result goes to C [M, N], or if Floats is not nil to Floats [M, N] as
//
//	(float32(sum)·Rows[m])·Columns[n] + Bias[n]
//
// where every step is rounded to float32, as by separate passes over the matrix. LDA is the values from one row of A to
// the next, LDC those of C or Floats; 0 means without gaps, and what lies in gaps is kept. The result must not overlap
// what is read.
type Args struct {
	M, N, K  int
	A        []int8
	C        []int32 // not used if Floats is not nil
	LDA, LDC int

	Floats  []float32
	Rows    []float32 // [M]
	Columns []float32 // [N]
	Bias    []float32 // nil: none is added; or [N]
}

// normalize fills the defaults in and panics if the slices are too short.
func (a *Args) normalize() {
	if a.M < 0 || a.N < 0 || a.K < 0 {
		panic(fmt.Sprintf("gemm8: negative size in %d x %d x %d", a.M, a.N, a.K))
	}
	checkMatrix("A", len(a.A), a.M, a.K, &a.LDA)
	if a.Floats == nil {
		checkMatrix("C", len(a.C), a.M, a.N, &a.LDC)
		return
	}
	checkMatrix("Floats", len(a.Floats), a.M, a.N, &a.LDC)
	if len(a.Rows) < a.M || len(a.Columns) < a.N || a.Bias != nil && len(a.Bias) < a.N {
		panic(fmt.Sprintf("gemm8: %d scales of rows, %d of columns and %d of bias for [%d, %d]",
			len(a.Rows), len(a.Columns), len(a.Bias), a.M, a.N))
	}
}

// checkMatrix fills in ld and panics if have values do not hold [rows, cols].
func checkMatrix(name string, have, rows, cols int, ld *int) {
	if *ld == 0 {
		*ld = cols
	}
	if *ld < cols && rows > 1 {
		panic(fmt.Sprintf("gemm8: row stride of %s is %d, want at least its %d columns", name, *ld, cols))
	}
	if rows == 0 || cols == 0 {
		return
	}
	if need := (rows-1)**ld + cols; have < need {
		panic(fmt.Sprintf("gemm8: %s has %d values, want %d for [%d, %d]", name, have, need, rows, cols))
	}
}
