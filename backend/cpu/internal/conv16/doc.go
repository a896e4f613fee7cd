// Package conv16 holds convolutions of float32 NHWC images by way of 16-bit integers, on processors that multiply twice as
// many of those.
//
//	y[n, pixel, o] = s[n]·t[o]·(Σ q[n, pixel+tap, c]·r[tap, c, o]) + ...,  q = round(x/s), r = round(w/t)
//
// An image has one scale, an output channel of the weights has one: the least with which no value leaves 16 bits and the
// Euclidean norm of every window of the image, and of every channel's weights, stays below 46,340. Then by Cauchy and Schwarz
// no sum leaves 32 bits, and all sums are exact. The norm of windows is bounded by that of the rows that they lie in and by
// that of as many of the greatest value. A weight gradient
//
//	dw[tap, c, o] = Σn s[n, c]·t[n, o]·(Σ q[n, pixel+tap, c]·r[n, pixel, o]),  q = round(x/s), r = round(dy/t)
//
// has a scale for each channel of each image on both sides; sums over an image are exact, those over images in float32. So
// the bits depend neither on the number of threads nor on how the images come.
//
// Where roundings are independent of each other, an element is wrong by about 9e-6·|a|·|b| in a weight gradient, the norms of
// the channels' planes, as in package gemm16; in the other passes by 1e-5 to 2.3e-5·|a|·|b|, |a| the norm of the image's greatest
// window. An image, or in a weight gradient a channel of an image, that has a value that is not finite makes NaN of what it
// would add to.
//
// The kernels are those of package conv with pairs of integers in place of floats: of two channels of a pixel, or in a weight
// gradient of a channel of two pixels. The assembly comes from internal/asmgen/conv.
package conv16
