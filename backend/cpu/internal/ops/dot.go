package ops

import (
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// Matrices is a batch of products out[b, m, n] = Σ_k lhs[b, m, k]·rhs[b, n, k]. out is dense.
type Matrices struct {
	B, M, N, K int
	LB, LM, LK int // strides of lhs in elements
	RB, RN, RK int // strides of rhs
}

// Pair returns the products of two operands.
func Pair(l, r Side) *Matrices {
	return &Matrices{B: l.Batch.N, M: l.Rows.N, N: r.Rows.N, K: l.Contract.N,
		LB: l.Batch.Stride, LM: l.Rows.Stride, LK: l.Contract.Stride,
		RB: r.Batch.Stride, RN: r.Rows.Stride, RK: r.Contract.Stride}
}

// Dot returns the kernel that computes rows [lo, hi) of the B·M rows of out, or nil. bool uses
// or and and for plus and times.
func Dot(d dtypes.DType) func(m *Matrices, out, lhs, rhs unsafe.Pointer, lo, hi int) {
	if d == dtypes.Bool {
		return dotBool
	}
	return byNumber(d, numberTable[func(m *Matrices, out, lhs, rhs unsafe.Pointer, lo, hi int)]{
		dot[int8], dot[int16], dot[int32], dot[int64],
		dot[uint8], dot[uint16], dot[uint32], dot[uint64],
		dot[float32], dot[float64]})
}

func dot[T number](m *Matrices, out, lhs, rhs unsafe.Pointer, lo, hi int) {
	z := Of[T](out, m.B*m.M*m.N)
	a := func(i int) T { return *(*T)(unsafe.Add(lhs, i*int(unsafe.Sizeof(T(0))))) }
	b := func(i int) T { return *(*T)(unsafe.Add(rhs, i*int(unsafe.Sizeof(T(0))))) }
	for r := lo; r < hi; r++ {
		batch, row := r/m.M, r%m.M
		dst := z[r*m.N:][:m.N]
		l0, r0 := batch*m.LB+row*m.LM, batch*m.RB
		if m.RN == 1 && m.K > 0 {
			clear(dst)
			for k := range m.K {
				x := a(l0 + k*m.LK)
				line := Of[T](unsafe.Add(rhs, (r0+k*m.RK)*int(unsafe.Sizeof(T(0)))), m.N)
				for j, y := range line {
					dst[j] += x * y
				}
			}
			continue
		}
		for j := range dst {
			var s T
			for k := range m.K {
				s += a(l0+k*m.LK) * b(r0+j*m.RN+k*m.RK)
			}
			dst[j] = s
		}
	}
}

func dotBool(m *Matrices, out, lhs, rhs unsafe.Pointer, lo, hi int) {
	z := Of[bool](out, m.B*m.M*m.N)
	for r := lo; r < hi; r++ {
		batch, row := r/m.M, r%m.M
		for j := range m.N {
			s := false
			for k := range m.K {
				x := *(*bool)(unsafe.Add(lhs, batch*m.LB+row*m.LM+k*m.LK))
				y := *(*bool)(unsafe.Add(rhs, batch*m.RB+j*m.RN+k*m.RK))
				s = s || x && y
			}
			z[r*m.N+j] = s
		}
	}
}
