// Package cpu is a GoMLX compute backend for the CPU in pure Go, registered as "cpu".
//
// A graph is compiled once: dead nodes and common subexpressions go, float16 arithmetic is
// widened, element-wise operations are fused into loops over blocks that stay in the cache, and
// every intermediate gets a place in one arena by its lifetime. Executing it again allocates
// outputs only, from a pool that Finalize refills; a donated input's memory becomes an output's.
//
// Results have the same bits for any number of threads. An Executable may be executed by many
// goroutines at once: each run takes its own arena from a free list. The worker pool serves
// one of them at a time, and the others compute on their own goroutine.
//
// Supported are float32, float64, the integers of 8 to 64 bits and bool; float16 and bfloat16
// are stored as such and computed in float32. Not supported, and refused with
// compute.ErrNotImplemented: complex numbers, FFT, packed integers below 8 bits, dynamic
// axes, several devices, and most fused operations. Random bits are Philox 4x32-10.
package cpu
