// Package vec computes over float32 slices with AVX-512, AVX2, NEON or plain Go, whichever
// the machine has.
//
// Sources are at least as long as dst, else the call panics; they may be dst itself, but must
// not overlap it otherwise. An element's bits depend on the values and the instruction set
// only, not on its place or the length. Functions keep no reference and may run concurrently.
// Calls are cheap (a few nanoseconds), meant for blocks that fit the first-level cache.
//
// NaN in, NaN out, infinities as in package math, denormals are kept. Largest errors against
// float64, in units in the last place of the result (tests hold them):
//
//	Exp 1.5   Log 1.5   Log1p 2.5   Tanh 2.5   Sigmoid 2.5   Erf 1.5
//	Sin, Cos  1e-7 absolute for |x| <= 100, 1e-6 up to 30000, then as package math
//	GELU      8, below -13; 5 elsewhere
//	GELUSlope 2e-7 absolute
package vec
