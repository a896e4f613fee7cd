package recurrent

import "foresee/backend/cpu/internal/gemm8"

// Bytes is the product of a state in bytes with its weights, each gate's (Σ_k Q·W)·Rows·Columns.
type Bytes struct {
	Q       []int8    // [Rows, Width]
	Rows    []float32 // [Rows]
	W       []byte    // of PackBytes
	Columns []float32 // [Gates*Width]
}

// PackedBytes returns the size of Bytes.W.
func (c *Cell) PackedBytes(e *gemm8.Engine) (size int) {
	for piece := range c.pieces() {
		size += Gates * e.PackedSize(c.Width, c.pieceColumns(piece))
	}
	return size
}

// PackBytes lays the weights w [Width, Gates*Width] out for Step, the gates of each piece of columns side by side, on the
// threads of e.
func (c *Cell) PackBytes(e *gemm8.Engine, dst []byte, w []int8) {
	for piece := range c.pieces() {
		n := c.pieceColumns(piece)
		size := e.PackedSize(c.Width, n)
		for g := range Gates {
			e.Pack(dst[:size], gemm8.Matrix{K: c.Width, N: n, Data: w[g*c.Width+piece*c.columns:], LD: Gates * c.Width})
			dst = dst[size:]
		}
	}
}

func (c *Cell) pieceColumns(piece int) int { return min(c.columns, c.Width-piece*c.columns) }

// byteProducts sets p, in scratch behind 2·Gates·columns of it, to the columns of each gate of the scaled sums, row by row:
// all gates at once if they are whole panels.
func (t *tile) byteProducts(scratch []float32, piece int) {
	c, e, b, n := t.s.c, t.s.e.Bytes, &t.s.a.Bytes, t.columns()
	full, size := e.PackedSize(c.Width, c.columns), e.PackedSize(c.Width, n)
	packed := b.W[Gates*piece*full:][:Gates*size]
	scales, biases, out := scratch[:Gates*n], scratch[Gates*n:2*Gates*n], scratch[2*Gates*n:][:Gates*n*t.rows]
	t.stride = Gates * n
	for g := range Gates {
		copy(scales[g*n:][:n], b.Columns[g*c.Width+t.n0:])
		copy(biases[g*n:][:n], t.s.a.U.Bias[g*c.Width+t.n0:])
		t.p[g] = out[g*n:]
	}
	a := gemm8.Args{M: t.rows, N: Gates * n, K: c.Width, A: b.Q[t.lo*c.Width:], Floats: out, Rows: b.Rows[t.lo:], Columns: scales, Bias: biases}
	if n%e.PanelWidth() == 0 {
		e.Product(&a, packed)
		return
	}
	a.N, a.LDC = n, Gates*n
	for g := range Gates {
		a.Floats, a.Columns, a.Bias = out[g*n:], scales[g*n:][:n], biases[g*n:][:n]
		e.Product(&a, packed[g*size:])
	}
}
