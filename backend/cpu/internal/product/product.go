// Package product chooses how a matrix product of float32 is computed: by package gemm, or where fewer bits are allowed and
// faster by gemm16.
package product

import (
	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/gemm16"
	"foresee/backend/cpu/internal/pool"
)

// Engine multiplies by one of both. It is a value that can be compared; engines are equal if they lay operands out alike.
type Engine struct {
	single *gemm.Engine
	short  *gemm16.Engine // nil: single
}

// Engines are what products may be computed by.
type Engines struct{ pooled, serial Engine }

// New returns engines on the threads of a pool; without shorts all products are those of package gemm.
func New(p *pool.Pool, single, serial *gemm.Engine, shorts bool) Engines {
	e := Engines{Engine{single: single}, Engine{single: serial}}
	if shorts {
		e.pooled.short, e.serial.short = gemm16.New(p), gemm16.New(nil)
	}
	return e
}

// Shorts says whether large products are those of gemm16.
func (e Engines) Shorts() bool { return e.pooled.short != nil }

// For returns what computes a product: on all threads, and pieces of it on the caller's alone.
func (e Engines) For(a *gemm.Args) (pooled, serial Engine) {
	if e.pooled.short == nil || !e.pooled.short.Packs(a) {
		return Engine{single: e.pooled.single}, Engine{single: e.serial.single}
	}
	return e.pooled, e.serial
}

// Packs says whether products with one op(B) gain if it is packed once for all.
func (e Engine) Packs(a *gemm.Args) bool { return e.short != nil || e.single.Packs(a) }

// PackedSize returns the floats of a packed op(B) [k, n].
func (e Engine) PackedSize(k, n int) int {
	if e.short != nil {
		return e.short.PackedSize(k, n)
	}
	return e.single.PackedSize(k, n)
}

// Pack lays op(B) of a out in dst; of a only K, N, B, LDB and TransB are read.
func (e Engine) Pack(dst []float32, a *gemm.Args) {
	if e.short != nil {
		e.short.Pack(dst, a)
		return
	}
	e.single.Pack(dst, a.K, a.N, a.B, a.LDB, a.TransB)
}

// Multiply computes a product, with a packed op(B) if there is one.
func (e Engine) Multiply(a *gemm.Args, packed []float32) {
	switch {
	case e.short != nil && packed != nil:
		e.short.Float32Packed(a, packed)
	case e.short != nil:
		e.short.Float32(a)
	case packed != nil:
		e.single.Float32Packed(a, packed)
	default:
		e.single.Float32(a)
	}
}

// Part computes some rows of a product whose op(B) is packed.
func (e Engine) Part(p *gemm.Part) {
	if e.short != nil {
		e.short.Part(p)
		return
	}
	e.single.Part(p)
}
