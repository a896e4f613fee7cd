package attention

import "foresee/backend/cpu/internal/isa"

// stripWidth is the number of queries side by side that the kernels on strips take.
const stripWidth = 16

// tile is what a kernel of products is told. The generator knows its layout: 8 bytes a field.
//
//	C[rows, columns] = or += Σ over k of A[row, k] · B[k, column]
type tile struct {
	a, b, c *float32
	k       int // above 0
	ar, ak  int // bytes from one row of A, or k, to the next
	bs, cs  int // bytes from one row of B or C to the next
	tiles   int // tiles down the rows, above 0; 0 afterwards
	mask    uint64
	add     int // 0: C is set
}

// strip is what the kernels between the products are told; the generator knows its layout too.
type strip struct {
	s, d  *float32 // [keys, 16]
	lanes *float32 // [16]
	keys  int      // above 0
	// stride is the bytes from one key to the next in s and d.
	stride int
	before int32 // the keys that the first query sees but for one; each of the others sees one more
	_      int32
	scale  float32
}

// fetch is rows of floats that are wanted soon; the generator knows its layout.
type fetch struct {
	p             *float32
	rows          int // above 0
	stride, bytes int // from one row to the next, and of each
}

// kernels are one instruction set's.
type kernels struct {
	keys       int // up to so many attention counts as short: with more, packing pays
	lanes      int // most queries of a block, 16 or 32
	rows, cols int // the largest tile
	narrow     int // the most rows of a tile of 16 columns
	run        func(t *tile, rows, cols int)
	fetch      func(*byte) // takes a fetch
	// The rest take a strip.
	soften func(*byte) // lanes = max of scale·s, s = scale·s - lanes, or -Inf where not seen
	shift  func(*byte) // s = scale·s - lanes, or -Inf where not seen
	share  func(*byte) // lanes = Σ s, s /= lanes
	slope  func(*byte) // d = scale·s·(d - Σ s·d)
}

// strips are the kernels of this machine, or nil; only tests change them.
var strips = archKernels(isa.Best())
