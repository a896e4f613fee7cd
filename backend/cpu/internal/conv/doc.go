// Package conv holds float32 2-D convolution and max-pooling kernels over NHWC images:
// forward, gradient by the data and gradient by the weights.
//
// # How it works
//
// In NHWC the KW·Cin floats under one row of the window are contiguous, so a convolution is a
// sum of KH matrix products whose left operand is the image itself, read with overlapping rows:
//
//	y[pixel, :] = Σ_kh Σ_k x[row(pixel)+kh, col(pixel)·Cin + k] · w[kh, k, :],  k in [0, KW·Cin)
//
// Nothing is unfolded. An image that needs padding is copied once, with its border of zeros,
// into a scratch buffer of the worker (1/(9·Cout/16) of the work for a 3x3 kernel); an image that
// needs none is read in place. Then:
//
//   - forward: a tile is up to 24 neighbouring pixels of a row times up to 48 output channels,
//     held in registers; each x is broadcast from memory into a fused multiply-add. Tiles of one vector
//     would wait for these broadcasts, so where the window is three pixels wide, in units of the stride,
//     one broadcast serves the three windows that the pixel is in.
//   - gradient by the data: for stride s the pixels of dx fall into s·s phases, each a stride-1
//     convolution of dy with every s-th tap of the kernel, flipped; the forward tiles do them all.
//   - gradient by the weights: a tile is up to 24 window positions times up to 48 output channels
//     that stay in registers while all pixels of an image pass by, one vector with broadcasts for three
//     windows likewise, and with one or two input channels for all of a 3x3 kernel at once.
//
// With Shape.Shorts, where many images have enough channels, package conv16 does the passes with 16-bit integers; see shorts.go.
//
// # Determinism
//
// Every element of y and dx is one chain of multiply-adds in the order (kh, kw, channel), or where
// broadcasts serve three windows (kh, channel, kw), however the image is tiled or split. The weight
// gradient adds per image and then over a number of chunks that depends on the shape alone, in a
// fixed order. So on one instruction set the bits do not depend on the number of threads. NaN and infinities pass through as IEEE 754 says; padding
// contributes 0·w, so an infinite weight over padding gives NaN as the padded product would.
//
// The assembly comes from internal/asmgen/conv; the portable kernels in portable.go do the same
// arithmetic and are what other processors run.
package conv
