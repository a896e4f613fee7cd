package attention

import "foresee/backend/cpu/internal/isa"

// SetLevel makes the package use the kernels of a level until undo is called.
func SetLevel(l isa.Level) (undo func()) {
	old := strips
	strips = archKernels(l)
	return func() { strips = old }
}

// HasKernels reports whether the level in use has kernels for short attention.
func HasKernels() bool { return strips != nil }

// Factors are the matrices of a product and the distances of their elements in floats.
type Factors struct {
	A, B, C                []float32
	ARow, ACol, BRow, CRow int
}

// Product sets C [rows, cols] to A·B, or adds that.
func Product(rows, k, cols int, f Factors, add bool) {
	t, z := new(tile), size{rows, k, cols}
	t.set(z, matrix{f.C, f.CRow, 1}, matrix{f.A, f.ARow, f.ACol}, matrix{f.B, f.BRow, 1}, add)
	strips.product(t, z)
}
