package attention

import "foresee/backend/cpu/internal/vec"

type shortForward struct {
	*forward
	desks  []desk
	blocks int // of a part
}

func forwardShort(f *forward) {
	s := &f.Shape
	blocks := perPart(s.block() * s.Keys * s.Width)
	f.e.Pool.Do((s.Batch*s.Heads*s.blocks()+blocks-1)/blocks, &shortForward{f, make([]desk, f.e.Pool.Threads()), blocks})
}

// Part implements pool.Job: some blocks of queries, of one head after the other.
func (f *shortForward) Part(worker, i int) {
	s, d := &f.Shape, &f.desks[worker]
	d.open(s, f.e.Scratch(worker))
	n, end := s.blocks(), min((i+1)*f.blocks, s.Batch*s.Heads*s.blocks())
	for b := i * f.blocks; b < end; b++ {
		next := b + n
		if next >= end {
			next += (len(f.desks) - 1) * f.blocks
		}
		next = min(next, s.Batch*s.Heads*n-1)
		d.next = blockOf(s, next/n, next%n)
		f.block(d, blockOf(s, b/n, b%n))
	}
}

func (f *shortForward) block(d *desk, b block) {
	l := d.lanes()
	p := d.p[:b.keys*l]
	d.scores(b, p, 0, f.Q, f.K)
	d.askQueries(f.Q)
	d.each(b, strips.soften)
	d.askKeys(f.K)
	mass := f.Mass[(b.batch*f.Heads+b.head)*f.Queries+b.q0:][:b.rows()]
	copy(mass, d.sums)
	vec.Exp(p, p)
	d.each(b, strips.share)
	d.askKeys(f.V)
	vec.Log(d.sums, d.sums)
	vec.Add(mass, mass, d.sums)
	d.product(size{b.rows(), b.keys, f.Width}, f.Out.rows(b.batch, b.head, b.q0), matrix{p, 1, l}, f.V.rows(b.batch, b.kv, 0), false)
	d.askQueries(f.Out)
}
