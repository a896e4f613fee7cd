// Package gemm8 multiplies dense row-major matrices of 8-bit integers.
//
//	C[m, n] = A[m, k] · B[k, n]                                   int32
//	C[m, n] = (float32(A·B)[m, n]·rows[m])·columns[n] + bias[n]   float32
//
// B is laid out once with Engine.Pack, for many products. A part of a product lays out the rows of A that it multiplies,
// and a micro-kernel computes a tile of C in registers from rows of A and a panel of B, nr columns wide, over all of k:
//
//	level          mr x nr   k at once
//	avx512, VNNI   14 x 32   4
//	avx2            6 x 16   2
//	portable        4 x 8    1
//
// The sums are exact, but for those that leave int32, which wrap; with k up to 131,071 none can. So the bits depend
// neither on the instruction set nor on the number of threads nor on how C is cut; nor do those of float results, whose
// steps are rounded one by one.
//
// VNNI multiplies unsigned by signed bytes. A is made unsigned by adding 128, and each column of sums begins at -128
// times the sum of its column of B, which stands before the panel. Nothing outside the slices is read or written.
package gemm8
