package gemm

import "fmt"

// Args describes one product, or Batch products of one shape.
//
// Op(A) is A [M, K], or with TransA the transpose of A [K, M]; the same for B [K, N] and
// TransB [N, K]. LDA, LDB and LDC are the floats from one stored row to the next, 0 means
// without gaps. C must not overlap the others.
type Args struct {
	M, N, K        int
	A, B, C        []float32
	LDA, LDB, LDC  int
	TransA, TransB bool

	Accumulate bool      // add to C instead of overwriting it
	Bias       []float32 // nil, or [N], added to every row of the final sum
	ReLU       bool      // then max(x, 0), NaN stays NaN

	Batch                     int // 0 means 1
	StrideA, StrideB, StrideC int // floats from one product to the next; A and B may have 0
}

// checkMatrix fills in ld and panics if have floats do not hold [rows, cols] from index last on.
func checkMatrix(name string, have, rows, cols int, ld *int, last int) {
	if *ld == 0 {
		*ld = cols
	}
	if *ld < cols && rows > 1 {
		panic(fmt.Sprintf("gemm: row stride of %s is %d, want at least its %d columns", name, *ld, cols))
	}
	if rows == 0 || cols == 0 {
		return
	}
	if need := last + (rows-1)**ld + cols; have < need {
		panic(fmt.Sprintf("gemm: %s has %d floats, want %d for [%d, %d]", name, have, need, rows, cols))
	}
}

// Normalize fills the defaults in and panics with a message that begins with "gemm:" if the slices are too short. B is not
// looked at if it is packed.
func (a *Args) Normalize(packed bool) {
	if a.M < 0 || a.N < 0 || a.K < 0 || a.Batch < 0 || a.StrideA < 0 || a.StrideB < 0 || a.StrideC < 0 {
		panic(fmt.Sprintf("gemm: negative size in %d x %d x %d, batch %d", a.M, a.N, a.K, a.Batch))
	}
	if a.Batch == 0 {
		a.Batch = 1
	}
	ar, ac := a.M, a.K
	if a.TransA {
		ar, ac = ac, ar
	}
	checkMatrix("A", len(a.A), ar, ac, &a.LDA, (a.Batch-1)*a.StrideA)
	if !packed {
		br, bc := a.K, a.N
		if a.TransB {
			br, bc = bc, br
		}
		checkMatrix("B", len(a.B), br, bc, &a.LDB, (a.Batch-1)*a.StrideB)
	}
	checkMatrix("C", len(a.C), a.M, a.N, &a.LDC, (a.Batch-1)*a.StrideC)
	if a.Batch > 1 && a.M > 0 && a.StrideC < (a.M-1)*a.LDC+a.N {
		panic(fmt.Sprintf("gemm: products of C overlap: stride %d for [%d, %d]", a.StrideC, a.M, a.N))
	}
	if a.Bias != nil && len(a.Bias) < a.N {
		panic(fmt.Sprintf("gemm: bias has %d floats, want %d", len(a.Bias), a.N))
	}
}

// mergeBatch turns a batch with one shared B into one tall product where rows are evenly spaced.
func (a *Args) mergeBatch() {
	if a.Batch > 1 && a.StrideB == 0 && !a.TransA && a.StrideA == a.M*a.LDA && a.StrideC == a.M*a.LDC {
		a.M, a.Batch = a.M*a.Batch, 1
	}
}
