package attention

import (
	"unsafe"

	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/vec"
)

// Short attention holds the scores of a block with queries side by side and keys below each other: sums
// and maxima over keys then need no horizontal step, and both the scores and their transpose are operands
// of products as they lie. Only queries are transposed, and nothing is packed.

// mostKeys is the number of keys up to which attention counts as short.
const mostKeys = 256

// shortWork is the least work of a part, in multiply-adds of a product.
const shortWork = 128 << 10

// short says whether there are kernels for the shape.
func (s *Shape) short() bool {
	return strips != nil && s.Keys <= mostKeys && min(s.Queries, s.Keys, s.Width) > 0
}

// lanes is the number of floats for each key in the scores of a block.
func (s *Shape) lanes() int {
	if s.Queries <= stripWidth {
		return stripWidth
	}
	return strips.lanes
}

// shortScratch returns the floats that short attention needs for each worker.
func (s *Shape) shortScratch() int { return s.lanes() * (2*s.Width + 2*s.Keys + 1) }

// heads returns the number of heads in a part, if each has so many queries.
func (s *Shape) heads(queries int) int {
	return max(1, shortWork/max(1, queries*s.Keys*s.Width))
}

// desk is what one worker works with on short attention.
type desk struct {
	*Shape
	tile  tile
	strip strip
	sides [2][]float32 // transposed queries, and their gradients
	p, ds []float32    // [keys, lanes] shares and the gradients of scores
	sums  []float32    // a number of each query
	_     [64]byte
}

// open lays a desk out in scratch.
func (d *desk) open(s *Shape, scratch []float32) {
	w, n := s.lanes()*s.Width, s.lanes()*s.Keys
	d.Shape, d.sides = s, [2][]float32{scratch[:w], scratch[w : 2*w]}
	scratch = scratch[2*w:]
	d.p, d.ds, d.sums = scratch[:n], scratch[n:2*n], scratch[2*n:2*n+s.lanes()]
}

// product sets c to a·b, or adds that.
func (d *desk) product(z size, c, a, b matrix, add bool) {
	d.tile.set(z, c, a, b, add)
	strips.product(&d.tile, z)
}

// scores sets out [keys, lanes] to k·xᵀ, x of queries, by way of x transposed.
func (d *desk) scores(b block, out []float32, side int, x, k Tensor) {
	l, turned := d.lanes(), d.sides[side]
	if b.rows() < l {
		clear(turned)
	}
	gemm.Transpose(turned, x.at(b.batch, b.head, b.q0), b.rows(), d.Width, l, x.Token)
	d.product(size{b.keys, d.Width, l}, matrix{out, l, 1}, k.rows(b.batch, b.kv, 0), matrix{turned, l, 1}, false)
}

// each runs a kernel on every strip of the scores of a block.
func (d *desk) each(b block, kernel func(*byte)) {
	l := d.lanes()
	for i := 0; i < l; i += stripWidth {
		before := int32(1 << 30)
		if d.Causal {
			before = int32(b.q0 + i)
		}
		d.strip = strip{s: &d.p[i], d: &d.ds[i], lanes: &d.sums[i], keys: b.keys, stride: 4 * l, before: before, scale: d.Scale}
		kernel((*byte)(unsafe.Pointer(&d.strip)))
	}
}

type shortForward struct {
	*forward
	desks []desk
	heads int // of a part
}

func forwardShort(f *forward) {
	s := &f.Shape
	heads := s.heads(s.Queries)
	f.e.Pool.Do((s.Batch*s.Heads+heads-1)/heads, &shortForward{f, make([]desk, f.e.Pool.Threads()), heads})
}

// Part implements pool.Job: all queries of some heads.
func (f *shortForward) Part(worker, i int) {
	s, d := &f.Shape, &f.desks[worker]
	d.open(s, f.e.Scratch(worker))
	for h := i * f.heads; h < min((i+1)*f.heads, s.Batch*s.Heads); h++ {
		for n := range s.blocks() {
			f.block(d, blockOf(s, h, n))
		}
	}
}

func (f *shortForward) block(d *desk, b block) {
	l := d.lanes()
	p := d.p[:b.keys*l]
	d.scores(b, p, 0, f.Q, f.K)
	d.each(b, strips.soften)
	mass := f.Mass[(b.batch*f.Heads+b.head)*f.Queries+b.q0:][:b.rows()]
	copy(mass, d.sums)
	vec.Exp(p, p)
	d.each(b, strips.share)
	vec.Log(d.sums, d.sums)
	vec.Add(mass, mass, d.sums)
	d.product(size{b.rows(), b.keys, f.Width}, f.Out.rows(b.batch, b.head, b.q0), matrix{p, 1, l}, f.V.rows(b.batch, b.kv, 0), false)
}

type shortBackward struct {
	*backward
	desks []desk
	heads int // of keys in a part
}

func backwardShort(f *backward) {
	s := &f.Shape
	heads := s.heads(s.Queries * s.Heads / s.KVHeads)
	f.e.Pool.Do((s.Batch*s.KVHeads+heads-1)/heads, &shortBackward{f, make([]desk, f.e.Pool.Threads()), heads})
}

// Part implements pool.Job: some heads of keys and values, with the heads of queries that share them.
func (f *shortBackward) Part(worker, i int) {
	s, d := &f.Shape, &f.desks[worker]
	d.open(s, f.e.Scratch(worker))
	group := s.Heads / s.KVHeads
	for h := i * f.heads; h < min((i+1)*f.heads, s.Batch*s.KVHeads); h++ {
		for q := h * group; q < (h+1)*group; q++ {
			for n := range s.blocks() {
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
	clear(d.sums[copy(d.sums, f.Mass[(b.batch*f.Heads+b.head)*f.Queries+b.q0:][:b.rows()]):])
	d.each(b, strips.shift)
	vec.Exp(p, p)
	d.scores(b, ds, 1, f.d.Out, f.V)
	d.each(b, strips.slope)
	if !add {
		f.clearFrom(b)
	}
	spread, dOut, q := size{b.keys, b.rows(), f.Width}, f.d.Out.rows(b.batch, b.head, b.q0), f.Q.rows(b.batch, b.head, b.q0)
	d.product(spread, f.d.V.rows(b.batch, b.kv, 0), matrix{p, l, 1}, dOut, add)
	d.product(spread, f.d.K.rows(b.batch, b.kv, 0), matrix{ds, l, 1}, q, add)
	d.product(size{b.rows(), b.keys, f.Width}, f.d.Q.rows(b.batch, b.head, b.q0), matrix{ds, 1, l}, f.K.rows(b.batch, b.kv, 0), false)
}

// clearFrom clears the gradients of the keys that a block does not see.
func (f *shortBackward) clearFrom(b block) {
	for _, t := range []Tensor{f.d.K, f.d.V} {
		for r := b.keys; r < f.Keys; r++ {
			clear(t.at(b.batch, b.kv, r)[:f.Width])
		}
	}
}
