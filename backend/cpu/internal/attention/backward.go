package attention

import "foresee/backend/cpu/internal/vec"

// Gradients are those of a sum that Out's gradient is given of, and of queries, keys and values.
type Gradients struct{ Out, Q, K, V Tensor }

// Backward sets the gradients of queries, keys and values, given the problem that Forward solved and d.Out:
//
//	p = exp(scale·q·kᵀ - mass),   dv = pᵀ·do,   ds = scale·p·(do·vᵀ - rowsum(do·o)),   dq = ds·k,   dk = dsᵀ·q
//
// Source: Dao et al., "FlashAttention", NeurIPS 2022, appendix B.2 and algorithm 4.
func Backward(e *Engine, p Problem, d Gradients) {
	f := &backward{e, p, d}
	if p.short() {
		backwardShort(f)
		return
	}
	e.Pool.Do(p.Batch*p.KVHeads, f)
}

type backward struct {
	e *Engine
	Problem
	d Gradients
}

// Part implements pool.Job: one head of keys and values, with the heads of queries that share it.
func (f *backward) Part(worker, i int) {
	s := &f.Shape
	batch, kv := i/s.KVHeads, i%s.KVHeads
	for _, t := range []Tensor{f.d.K, f.d.V} {
		for r := range s.Keys {
			clear(t.at(batch, kv, r)[:s.Width])
		}
	}
	group := s.Heads / s.KVHeads
	for h := kv * group; h < (kv+1)*group; h++ {
		for n := range s.blocks() {
			f.block(f.e.Scratch(worker), blockOf(s, batch*s.Heads+h, n))
		}
	}
}

// block adds what one block of queries contributes.
func (f *backward) block(scratch []float32, b block) {
	s, n := &f.Shape, b.rows()*b.stride()
	p, ds := scratch[:n], scratch[n:2*n]
	f.e.scores(s, b, p, f.Q, f.K)
	mass := f.Mass[(b.batch*s.Heads+b.head)*s.Queries+b.q0:]
	for r := range b.rows() {
		row, seen := b.row(p, r), min(s.seen(b.q0+r), b.keys)
		vec.Affine(row, row, s.Scale, -mass[r])
		hide(row[seen:])
	}
	vec.Exp(p, p)
	f.e.spread(s, b, p, f.d.Out, f.d.V)
	f.e.scores(s, b, ds, f.d.Out, f.V)
	for r := range b.rows() {
		dot := vec.Dot(f.d.Out.at(b.batch, b.head, b.q0+r)[:s.Width], f.Out.at(b.batch, b.head, b.q0+r)[:s.Width])
		row := b.row(ds, r)
		vec.Affine(row, row, s.Scale, -dot*s.Scale)
	}
	vec.Mul(ds, ds, p)
	f.e.mix(s, b, ds, f.K, f.d.Q)
	f.e.spread(s, b, ds, f.Q, f.d.K)
}
