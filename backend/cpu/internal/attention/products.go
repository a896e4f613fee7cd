package attention

import (
	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/vec"
)

// shortest is the number of tokens up to which products go row by row: packing 8 or 16 tokens costs
// more than multiplying them.
const shortest = 16

// byRow says whether all products of the shape are small.
func (s *Shape) byRow() bool { return max(s.Queries, s.Keys) <= shortest }

// scores sets out [rows, stride] to q·kᵀ of a block. What stands there for keys that a query does not
// see means nothing; the caller gives them no mass.
func (e *Engine) scores(s *Shape, b block, out []float32, q, k Tensor) {
	if !s.byRow() {
		e.Products.Float32(&gemm.Args{M: b.rows(), N: b.keys, K: s.Width, A: q.at(b.batch, b.head, b.q0), LDA: q.Token,
			B: k.at(b.batch, b.kv, 0), LDB: k.Token, TransB: true, C: out, LDC: b.stride()})
		return
	}
	for r := range b.rows() {
		row, x, seen := b.row(out, r), q.at(b.batch, b.head, b.q0+r)[:s.Width], s.seen(b.q0+r)
		for c := range seen {
			row[c] = vec.Dot(x, k.at(b.batch, b.kv, c)[:s.Width])
		}
		clear(row[seen:])
	}
}

// mix sets out, of queries, to p·x of a block: x is of keys, and p [rows, stride] is 0 where a key is not seen.
func (e *Engine) mix(s *Shape, b block, p []float32, x, out Tensor) {
	if !s.byRow() {
		e.Products.Float32(&gemm.Args{M: b.rows(), N: s.Width, K: b.keys, A: p, LDA: b.stride(),
			B: x.at(b.batch, b.kv, 0), LDB: x.Token, C: out.at(b.batch, b.head, b.q0), LDC: out.Token})
		return
	}
	for r := range b.rows() {
		row, y := b.row(p, r), out.at(b.batch, b.head, b.q0+r)[:s.Width]
		clear(y)
		for c := range s.seen(b.q0 + r) {
			vec.Axpy(y, x.at(b.batch, b.kv, c)[:s.Width], row[c])
		}
	}
}

// spread adds pᵀ·x of a block to out, of keys: x is of queries.
func (e *Engine) spread(s *Shape, b block, p []float32, x, out Tensor) {
	if !s.byRow() {
		e.Products.Float32(&gemm.Args{M: b.keys, N: s.Width, K: b.rows(), A: p, LDA: b.stride(), TransA: true,
			B: x.at(b.batch, b.head, b.q0), LDB: x.Token, C: out.at(b.batch, b.kv, 0), LDC: out.Token, Accumulate: true})
		return
	}
	for r := range b.rows() {
		row, from := b.row(p, r), x.at(b.batch, b.head, b.q0+r)[:s.Width]
		for c := range s.seen(b.q0 + r) {
			vec.Axpy(out.at(b.batch, b.kv, c)[:s.Width], from, row[c])
		}
	}
}
