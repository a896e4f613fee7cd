package attention

import (
	"unsafe"

	"foresee/backend/cpu/internal/gemm"
)

// Short attention holds the scores of a block with queries side by side and keys below each other: sums
// and maxima over keys then need no horizontal step, and both the scores and their transpose are operands
// of products as they lie. Only queries are transposed, and nothing is packed.

// shortWork is the least work of a part, in multiply-adds of a product.
const shortWork = 256 << 10

// short says whether there are kernels for the shape.
func (s *Shape) short() bool {
	return strips != nil && s.Keys <= strips.keys && min(s.Queries, s.Keys, s.Width) > 0
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

// perPart returns the number of things in a part, if each has so many multiply-adds in a product.
func perPart(work int) int { return max(1, shortWork/max(1, work)) }

// desk is what one worker works with on short attention.
type desk struct {
	*Shape
	tile  tile
	strip strip
	fetch fetch
	next  block        // what the worker will most likely do then
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

// ask asks for rows of the next block's head, so that they come while this one is computed.
func (d *desk) ask(x Tensor, head, from, to int) {
	if to > from {
		d.fetch = fetch{&x.at(d.next.batch, head, from)[0], to - from, 4 * x.Token, 4 * d.Width}
		strips.fetch((*byte)(unsafe.Pointer(&d.fetch)))
	}
}

// askQueries and askKeys ask for the share of them that goes with a block.
func (d *desk) askQueries(x Tensor) { d.ask(x, d.next.head, d.next.q0, d.next.q1) }

func (d *desk) askKeys(x Tensor) {
	to := min(d.next.q1, d.Keys)
	if d.next.q1 == d.Queries {
		to = d.Keys
	}
	d.ask(x, d.next.kv, d.next.q0, to)
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
