package attention

import "foresee/backend/cpu/internal/vec"

type shortBackward struct {
	*backward
	desks []desk
	heads int // of keys in a part
}

func backwardShort(f *backward) {
	s := &f.Shape
	heads := perPart(s.Queries * s.Heads / s.KVHeads * s.Keys * s.Width)
	f.e.Pool.Do((s.Batch*s.KVHeads+heads-1)/heads, &shortBackward{f, make([]desk, f.e.Pool.Threads()), heads})
}

// Part implements pool.Job: some heads of keys and values, with the heads of queries that share them.
func (f *shortBackward) Part(worker, i int) {
	s, d := &f.Shape, &f.desks[worker]
	d.open(s, f.e.Scratch(worker))
	group := s.Heads / s.KVHeads
	end := min((i+1)*f.heads, s.Batch*s.KVHeads)
	for h := i * f.heads; h < end; h++ {
		for q := h * group; q < (h+1)*group; q++ {
			next := q + 1
			if next == end*group {
				next = min((i+len(f.desks))*f.heads*group, s.Batch*s.Heads-1)
			}
			for n := range s.blocks() {
				d.next = blockOf(s, next, n)
				f.block(d, blockOf(s, q, n), q > h*group || n > 0)
			}
		}
	}
}

// block computes what one block of queries contributes, and adds it if there are contributions to its keys already.
// A query's rowsum(do·o) is the sum over keys of p·(do·vᵀ), which is at hand: the attention itself is not read.
func (f *shortBackward) block(d *desk, b block, add bool) {
	l := d.lanes()
	p, ds := d.p[:b.keys*l], d.ds[:b.keys*l]
	d.scores(b, p, 0, f.Q, f.K)
	d.askQueries(f.Q)
	clear(d.sums[copy(d.sums, f.Mass[(b.batch*f.Heads+b.head)*f.Queries+b.q0:][:b.rows()]):])
	d.each(b, strips.shift)
	d.askKeys(f.K)
	vec.Exp(p, p)
	d.scores(b, ds, 1, f.d.Out, f.V)
	d.askQueries(f.d.Out)
	d.each(b, strips.slope)
	d.askKeys(f.V)
	if !add {
		f.clearFrom(b)
	}
	spread, dOut, q := size{b.keys, b.rows(), f.Width}, f.d.Out.rows(b.batch, b.head, b.q0), f.Q.rows(b.batch, b.head, b.q0)
	d.product(spread, f.d.V.rows(b.batch, b.kv, 0), matrix{p, l, 1}, dOut, add)
	d.askKeys(f.d.V)
	d.product(spread, f.d.K.rows(b.batch, b.kv, 0), matrix{ds, l, 1}, q, add)
	d.askKeys(f.d.K)
	d.product(size{b.rows(), b.keys, f.Width}, f.d.Q.rows(b.batch, b.head, b.q0), matrix{ds, 1, l}, f.K.rows(b.batch, b.kv, 0), false)
	d.askQueries(f.d.Q)
}

// clearFrom clears the gradients of the keys that a block does not see.
func (f *shortBackward) clearFrom(b block) {
	for _, t := range []Tensor{f.d.K, f.d.V} {
		for r := b.keys; r < f.Keys; r++ {
			clear(t.at(b.batch, b.kv, r)[:f.Width])
		}
	}
}
