// Package attention computes scaled dot-product attention and its gradient head by head, on blocks
// of queries whose scores stay in the cache: no tensor of all scores exists.
//
//	o = softmax(scale·q·kᵀ)·v
//
// Where the machine has kernels for it, attention to few keys runs on tiles that pack nothing (short.go);
// the rest, and all of it elsewhere, on package gemm, or row by row if it is tiny.
//
// Parts are heads, or blocks of queries, of a size that the shape alone decides, and each sums in a
// fixed order: the bits do not depend on the number of threads.
package attention

import (
	"math"

	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/pool"
	"foresee/backend/cpu/internal/vec"
)

// Shape is the sizes and kind of one attention. Queries may have more heads than keys and values,
// a multiple of them: neighbours then share a head.
type Shape struct {
	Batch, Heads, KVHeads int
	Queries, Keys, Width  int     // tokens, and floats of a head
	Scale                 float32 // above 0
	Causal                bool    // query t sees keys 0 to t only
}

// Tensor is queries, keys, values or what belongs to them: Width adjoining floats for each token
// of each head of each batch, whose distances in floats are given.
type Tensor struct {
	Data               []float32
	Batch, Head, Token int
}

// at returns the floats of one head from a token on.
func (x Tensor) at(batch, head, token int) []float32 {
	return x.Data[batch*x.Batch+head*x.Head+token*x.Token:]
}

// Engine is what the kernels run on. Products must be an engine of one thread.
type Engine struct {
	Pool     *pool.Pool
	Products *gemm.Engine
	Scratch  func(worker int) []float32 // ScratchFloats of the shape, for each worker
}

// scoreFloats bounds the scores of a block of queries, unless it is of the least size.
const (
	scoreFloats = 32 << 10
	leastBlock  = 24
)

// block returns the number of queries in a block.
func (s *Shape) block() int {
	if s.short() {
		return min(s.Queries, s.lanes())
	}
	return max(1, min(s.Queries, max(leastBlock, scoreFloats/max(1, s.Keys))))
}

func (s *Shape) blocks() int { return (s.Queries + s.block() - 1) / s.block() }

// seen returns the number of keys that a query sees.
func (s *Shape) seen(query int) int {
	if s.Causal {
		return min(s.Keys, query+1)
	}
	return s.Keys
}

// ScratchFloats returns what Forward and Backward need for each worker.
func (s *Shape) ScratchFloats() int {
	if s.short() {
		return s.shortScratch()
	}
	return 2 * s.block() * stride(s.Keys)
}

// stride is the distance of two rows of scores: whole vectors, so that no kernel masks.
func stride(keys int) int { return (keys + 7) &^ 7 }

// Problem is one attention: what goes in and what comes out.
type Problem struct {
	Shape
	Q, K, V Tensor
	Out     Tensor    // the attention
	Mass    []float32 // [Batch, Heads, Queries], the logarithms of the sums of exp(scale·q·kᵀ)
}

// Forward sets p.Out and p.Mass. A query that sees no key gets NaN.
func Forward(e *Engine, p Problem) {
	f := &forward{e, p}
	if p.short() {
		forwardShort(f)
		return
	}
	e.Pool.Do(p.Batch*p.Heads*p.blocks(), f)
}

type forward struct {
	e *Engine
	Problem
}

// Part implements pool.Job: one block of queries of one head.
func (f *forward) Part(worker, i int) {
	s := &f.Shape
	n := s.blocks()
	b := blockOf(s, i/n, i%n)
	scores := f.e.Scratch(worker)[:b.rows()*b.stride()]
	f.e.scores(s, b, scores, f.Q, f.K)
	sums := f.Mass[(b.batch*s.Heads+b.head)*s.Queries:]
	for r := range b.rows() {
		row, seen := b.row(scores, r), min(s.seen(b.q0+r), b.keys)
		top := vec.MaxOf(row[:seen]) * s.Scale
		vec.Affine(row, row, s.Scale, -top)
		hide(row[seen:])
		sums[b.q0+r] = top
	}
	vec.Exp(scores, scores)
	f.e.mix(s, b, scores, f.V, f.Out)
	for r := range b.rows() {
		sum := vec.Sum(b.row(scores, r))
		sums[b.q0+r] += float32(math.Log(float64(sum)))
		y := f.Out.at(b.batch, b.head, b.q0+r)[:s.Width]
		vec.DivScalar(y, y, sum)
	}
}

// block is queries [q0, q1) of one head and the number of keys that the last of them sees.
type block struct{ batch, head, kv, q0, q1, keys int }

func blockOf(s *Shape, head, i int) block {
	q0 := i * s.block()
	q1 := min(q0+s.block(), s.Queries)
	h := head % s.Heads
	return block{head / s.Heads, h, h / (s.Heads / s.KVHeads), q0, q1, s.seen(q1 - 1)}
}

func (b *block) rows() int { return b.q1 - b.q0 }

func (b *block) stride() int { return stride(b.keys) }

// row returns the scores of a query, with what fills the last vector.
func (b *block) row(scores []float32, r int) []float32 { return scores[r*b.stride():][:b.stride()] }

// hide gives keys that a query does not see, and what fills the last vector, no mass.
func hide(scores []float32) {
	for i := range scores {
		scores[i] = float32(math.Inf(-1))
	}
}
