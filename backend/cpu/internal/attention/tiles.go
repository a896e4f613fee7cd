package attention

import "unsafe"

// matrix is floats of which element (i, j) is data[i*row+j*col]. No kernel packs it.
type matrix struct {
	data     []float32
	row, col int
}

// rows is the matrix of the tokens of one head, from one on.
func (x Tensor) rows(batch, head, token int) matrix {
	return matrix{x.at(batch, head, token), x.Token, 1}
}

// last returns the place of the last element of a matrix of that size.
func (m matrix) last(rows, cols int) int { return (rows-1)*m.row + (cols-1)*m.col }

// size is that of a product [rows, k]·[k, cols].
type size struct{ rows, k, cols int }

// set makes t that of c = a·b, or adds that to c; adjoining floats of b and c are a row's.
func (t *tile) set(z size, c, a, b matrix, add bool) {
	_, _, _ = a.data[a.last(z.rows, z.k)], b.data[b.last(z.k, z.cols)], c.data[c.last(z.rows, z.cols)]
	*t = tile{a: &a.data[0], b: &b.data[0], c: &c.data[0], k: z.k, ar: 4 * a.row, ak: 4 * a.col, bs: 4 * b.row, cs: 4 * c.row}
	if add {
		t.add = 1
	}
}

// product computes all of what t says, whose size is z. Each element is the sum over k in rising order.
func (k *kernels) product(t *tile, z size) {
	high := k.rows
	if z.cols <= stripWidth {
		high = k.narrow
	}
	parts := (z.rows + high - 1) / high
	high = (z.rows + parts - 1) / parts // as equal as they get
	full := z.rows / high
	all := *t
	for j := 0; j < z.cols; j += k.cols {
		cols := min(k.cols, z.cols-j)
		t.a, t.b, t.c, t.tiles = all.a, ahead(all.b, 4*j), ahead(all.c, 4*j), full
		k.run(t, high, cols)
		if rest := z.rows - full*high; rest > 0 {
			t.a, t.c, t.tiles = ahead(all.a, full*high*t.ar), ahead(t.c, full*high*t.cs), 1
			k.run(t, rest, cols)
		}
	}
}

// ahead is so many bytes further on.
func ahead(p *float32, bytes int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), bytes)) }
