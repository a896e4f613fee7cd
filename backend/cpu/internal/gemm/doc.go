// Package gemm multiplies dense row-major matrices.
//
//	C[m, n] (+)= op(A)[m, k] · op(B)[k, n]  (+ bias[n], then max(·, 0))
//
// Panels of B are packed once per call, or with Pack once for several calls, and shared by the
// threads; each thread packs the rows of A that it multiplies. Where C has few rows or elements, each
// thread packs the panels of B that it multiplies, right before use. A micro-kernel then computes a
// tile of C in registers:
//
//	       B panel, nr columns          level    mr x nr
//	       ┌────┐                       avx512   14 x 32
//	 A     │ kc │                       avx2      6 x 16
//	┌──kc─┐└────┘                       neon     12 x 8
//	mr    │ tile of C                   portable  4 x 8
//	└─────┘
//
// Every element of C is the sum over k in rising order, in blocks of kBlock that are added
// in order, so its bits depend on the instruction set and on k only: not on the number of
// threads, the number of rows, packing or the element's place. The one exception are products
// with a long k and a small C, whose k is cut into parts by the shape alone.
//
// NaN and infinities follow IEEE 754. Nothing outside the slices is read or written.
package gemm
