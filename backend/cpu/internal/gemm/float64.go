package gemm

import "fmt"

// Args64 describes one product of float64 matrices; the fields are those of Args. The sums run
// over k in rising order for every element.
type Args64 struct {
	M, N, K        int
	A, B, C        []float64
	LDA, LDB, LDC  int
	TransA, TransB bool
	Accumulate     bool

	Batch                     int
	StrideA, StrideB, StrideC int
}

const rows64 = 8 // rows of C a part

// Float64 computes the products that a describes, in plain Go. It panics as Float32 does.
func (e *Engine) Float64(a *Args64) {
	s := Args{M: a.M, N: a.N, K: a.K, LDA: a.LDA, LDB: a.LDB, LDC: a.LDC, TransA: a.TransA, TransB: a.TransB, Batch: max(a.Batch, 1)}
	if a.M < 0 || a.N < 0 || a.K < 0 || a.StrideA < 0 || a.StrideB < 0 || a.StrideC < 0 {
		panic(fmt.Sprintf("gemm: negative size in %d x %d x %d", a.M, a.N, a.K))
	}
	ra, ca, rb, cb := a.M, a.K, a.K, a.N
	if a.TransA {
		ra, ca = ca, ra
	}
	if a.TransB {
		rb, cb = cb, rb
	}
	checkMatrix("A", len(a.A), ra, ca, &s.LDA, (s.Batch-1)*a.StrideA)
	checkMatrix("B", len(a.B), rb, cb, &s.LDB, (s.Batch-1)*a.StrideB)
	checkMatrix("C", len(a.C), a.M, a.N, &s.LDC, (s.Batch-1)*a.StrideC)
	if a.N == 0 {
		return
	}
	j := job64{a: *a, parts: ceilDiv(a.M, rows64)}
	j.a.LDA, j.a.LDB, j.a.LDC = s.LDA, s.LDB, s.LDC
	for b := range s.Batch {
		j.offA, j.offB, j.offC = b*a.StrideA, b*a.StrideB, b*a.StrideC
		j.b, j.ldb = a.B[min(j.offB, len(a.B)):], s.LDB
		if a.TransB && a.K > 0 && a.N > 0 {
			j.turnB()
		}
		if a.M*a.N*a.K < partWork {
			for i := range j.parts {
				j.Part(0, i)
			}
			continue
		}
		e.pool.Do(j.parts, &j)
	}
}

type job64 struct {
	a                Args64
	parts            int
	offA, offB, offC int
	b                []float64 // [K, N], rows ldb apart
	ldb              int
	turned           []float64
}

// turnB makes b the transpose of B.
func (j *job64) turnB() {
	a := &j.a
	if len(j.turned) == 0 {
		j.turned = make([]float64, a.K*a.N)
	}
	for n := range a.N {
		for k, v := range a.B[j.offB+n*a.LDB:][:a.K] {
			j.turned[k*a.N+n] = v
		}
	}
	j.b, j.ldb = j.turned, a.N
}

func (j *job64) Part(_, i int) {
	a := &j.a
	for m := i * rows64; m < min((i+1)*rows64, a.M); m++ {
		c := j.a.C[j.offC+m*a.LDC:][:a.N]
		if !a.Accumulate {
			clear(c)
		}
		rowStep, step := m*a.LDA, 1
		if a.TransA {
			rowStep, step = m, a.LDA
		}
		k := 0
		for ; k+4 <= a.K; k += 4 {
			o := j.offA + rowStep + k*step
			addRows4(c, j.b[k*j.ldb:], j.ldb, [4]float64{a.A[o], a.A[o+step], a.A[o+2*step], a.A[o+3*step]})
		}
		for ; k < a.K; k++ {
			x := a.A[j.offA+rowStep+k*step]
			for n, v := range j.b[k*j.ldb:][:a.N] {
				c[n] += x * v
			}
		}
	}
}

// addRows4 adds four rows of b, each times its x, to c.
func addRows4(c, b []float64, ld int, x [4]float64) {
	n := len(c)
	b0, b1, b2, b3 := b[:n], b[ld:][:n], b[2*ld:][:n], b[3*ld:][:n]
	x0, x1, x2, x3 := x[0], x[1], x[2], x[3]
	for i := range c {
		c[i] = c[i] + x0*b0[i] + x1*b1[i] + x2*b2[i] + x3*b3[i]
	}
}
