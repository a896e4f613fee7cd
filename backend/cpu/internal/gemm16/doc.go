// Package gemm16 multiplies matrices of float32 by way of 16-bit integers, on processors that do more of those: with VNNI twice
// as many, with AVX2 alone three for two if two multiplications of vectors of them can begin in a cycle.
//
//	C[m, n] = s[m]·t[n]·(Σk q[m, k]·r[k, n]) + bias[n],   q = round(op(A)/s), r = round(op(B)/t)
//
// Each row of op(A) and each column of op(B) has a scale of its own, the least with which no value leaves 16 bits and its
// Euclidean norm stays below 46,340: then by Cauchy and Schwarz no sum leaves 32 bits, and all sums are exact. A long k is
// cut into chunks of 1,024, each with its own scales, whose products are added in float32. So the bits depend neither on
// the number of threads nor on how C is cut.
//
// Where roundings are independent of each other, an element of C is wrong by about 9e-6·|a|·|b|, the norms of its row and
// column within a chunk, one standard deviation, with any k. Where the products that it sums have random signs, that is
// 1.2e-4 of it with k = 192 and 3e-4 with 1,024 and more; rounding both operands to the 11 bits of TensorFloat-32 gives
// 3e-4, bfloat16 2e-3. The greatest magnitude is a multiple of its scale, so that ones and zeros are exact.
//
// A row or column with a value that is not finite makes NaN of its row or column of C.
//
// B is laid out in panels of nr columns, pairs of k side by side. A is laid out row by row or, if it is read transposed, in
// tiles, pairs of k side by side; a micro-kernel computes a tile of sums in registers:
//
//	level          mr x nr   k at once
//	avx512, VNNI   14 x 32   2
//	avx2            6 x 16   2   (and avx512 without VNNI, slower there than float32)
//	portable        4 x 8    2
package gemm16
