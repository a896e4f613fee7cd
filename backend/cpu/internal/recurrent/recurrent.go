// Package recurrent computes a step of a gated recurrent unit with its products: each part takes some rows and,
// of all three gates, some columns, and turns the products into the next state while they are in its cache.
//
//	p = h·U + c,   g = x·W + b, or g given
//	r = σ(g_r + p_r),   u = σ(g_u + p_u),   n = tanh(g_n + r·p_n),   h' = n + u·(h - n)
//
// A cell of bytes takes h·U as scaled sums of bytes, (Σ q·w)·rows·columns, see package gemm8.
//
// Operations and their order are those of the separate kernels, so an element has the bits that the products of
// package gemm and the loops of package vec would give it, whatever the parts and the number of threads.
package recurrent

import (
	"fmt"

	"foresee/backend/cpu/internal/gemm"
	"foresee/backend/cpu/internal/gemm8"
	"foresee/backend/cpu/internal/pool"
	"foresee/backend/cpu/internal/vec"
)

// Gates is the number of gates: reset, update, next, in this order along the last axis of weights.
const Gates = 3

// Engine is what a step runs on. Products and Bytes must be engines of one thread; Bytes is for cells of bytes alone.
type Engine struct {
	Pool     *pool.Pool
	Products *gemm.Engine
	Bytes    *gemm8.Engine
	Scratch  func(worker int) []float32 // ScratchFloats of the cell, for each worker
}

// Cell is the sizes of a step and its division into parts. NewCell makes it.
type Cell struct {
	Rows, Width int  // of the state
	Input       int  // columns of x, or 0 where g is given
	Bytes       bool // the product of the state is one of bytes
	Packed      bool // float32 weights are

	block   int // rows of a part, whole tiles but for the last
	columns int // of a part, whole panels but for the last
}

const (
	// blockRows bounds the rows of a part: its share of the state, packed, and of the products stay in a
	// second-level cache, and what the weights cost to read is spread over enough rows.
	blockRows = 112
	// mostColumns and leastColumns bound the columns of a gate that a part takes: reading the rows anew
	// for each piece must cost little.
	mostColumns, leastColumns = 128, 32
	// leastTiles is the row tiles of a part that narrower columns come before.
	leastTiles = 2
	// inPlaceTiles is the number of row tiles up to which packing the weights does not pay.
	inPlaceTiles = 3
	// partsPerThread is how many parts each thread should find, to even out what delays one.
	partsPerThread = 4
)

// NewCell returns the cell of these sizes for products of e on so many threads.
func NewCell(e *Engine, threads int, sizes Cell) Cell {
	mr, nr := e.Products.RowTile(), e.Products.PanelWidth()
	if sizes.Bytes {
		nr = max(nr, e.Bytes.PanelWidth()) // one is a multiple of the other
	}
	c, rows := sizes, sizes.Rows
	tiles := (rows + mr - 1) / mr
	blocks := max(1, (tiles*mr+blockRows-1)/blockRows)
	c.Packed = tiles > inPlaceTiles
	c.block = max(1, (tiles+blocks-1)/blocks) * mr
	c.columns = max(mostColumns/nr*nr, nr)
	for c.blocks()*c.pieces() < partsPerThread*threads { // long rows first: the gates go through them one by one
		switch {
		case c.block >= 2*leastTiles*mr:
			c.block = (c.block/mr + 1) / 2 * mr
		case c.columns >= 2*max(leastColumns, nr):
			c.columns = c.columns / 2 / nr * nr
		default:
			return c
		}
	}
	return c
}

func (c *Cell) blocks() int { return (c.Rows + c.block - 1) / c.block }

func (c *Cell) pieces() int { return (c.Width + c.columns - 1) / c.columns }

// rows returns the rows of a block.
func (c *Cell) rows(i int) (lo, hi int) { return i * c.block, min(c.Rows, (i+1)*c.block) }

// ScratchFloats returns what Step needs for each worker: the products of a part.
func (c *Cell) ScratchFloats() int {
	rows, columns := min(c.block, c.Rows), min(c.columns, c.Width)
	products := rows
	if c.Input > 0 {
		products += rows
	}
	if c.Bytes {
		products += 2 // scales and biases
	}
	return products * Gates * columns
}

// leftSizes returns the floats of one packed block of the state, none if it is bytes, and of x.
func (c *Cell) leftSizes(e *gemm.Engine) (h, x int) {
	if !c.Bytes {
		h = e.LeftSize(c.block, c.Width)
	}
	return h, e.LeftSize(c.block, c.Input)
}

// LeftFloats returns the size of Args.Left: the packed rows of the state and of x. A single row is not packed.
func (c *Cell) LeftFloats(e *gemm.Engine) int {
	if c.Rows <= 1 {
		return 0
	}
	h, x := c.leftSizes(e)
	return c.blocks() * (h + x)
}

// PackedFloats returns the size of the packed weights [k, Gates*Width].
func (c *Cell) PackedFloats(e *gemm.Engine, k int) int { return Gates * e.PackedSize(k, c.Width) }

// Pack lays the weights w [k, Gates*Width] out for Step, gate by gate, on the threads of e.
func (c *Cell) Pack(e *gemm.Engine, dst, w []float32, k int) {
	size := e.PackedSize(k, c.Width)
	for g := range Gates {
		e.Pack(dst[g*size:], k, c.Width, w[g*c.Width:], Gates*c.Width, false)
	}
}

// Weights is what multiplies a state or an input, [k, Gates*Width], as it is or, if Cell.Packed, as Pack laid
// it out, with a bias [Gates*Width].
type Weights struct{ W, Bias []float32 }

// Args are the tensors of a step, dense; Out must not overlap the others.
type Args struct {
	H, Out []float32 // [Rows, Width]
	U      Weights   // of the state; of a cell of bytes the bias alone
	Bytes  Bytes     // of a cell of bytes
	X      []float32 // [Rows, Input], or nil
	W      Weights   // of x
	G      []float32 // [Rows, Gates*Width] if X is nil
	Left   []float32 // LeftFloats, to work in
}

// Step sets a.Out to the next state.
func Step(e *Engine, c *Cell, a *Args) {
	if len(a.H) < c.Rows*c.Width || len(a.Out) < c.Rows*c.Width {
		panic(fmt.Sprintf("recurrent: states of %d and %d floats, want [%d, %d]", len(a.H), len(a.Out), c.Rows, c.Width))
	}
	if c.Rows == 0 || c.Width == 0 {
		return
	}
	s := step{e: e, c: c, a: a}
	if c.Rows > 1 && (c.Input > 0 || !c.Bytes) {
		e.Pool.Do(c.blocks(), (*packing)(&s))
	}
	e.Pool.Do(c.blocks()*c.pieces(), &s)
}

type step struct {
	e *Engine
	c *Cell
	a *Args
}

type packing step

// Part implements pool.Job: packs one block of rows of the state and of x.
func (p *packing) Part(_, i int) {
	lo, hi := p.c.rows(i)
	s := (*step)(p)
	h, x := s.left(i)
	if !p.c.Bytes {
		p.e.Products.PackLeft(h, &gemm.Args{M: hi - lo, K: p.c.Width, A: p.a.H[lo*p.c.Width:]})
	}
	if p.c.Input > 0 {
		p.e.Products.PackLeft(x, &gemm.Args{M: hi - lo, K: p.c.Input, A: p.a.X[lo*p.c.Input:]})
	}
}

// left returns where block i of the state and of x lie packed, nil for a single row.
func (s *step) left(i int) (h, x []float32) {
	if s.c.Rows <= 1 {
		return nil, nil
	}
	n, m := s.c.leftSizes(s.e.Products)
	at := s.a.Left[i*(n+m):]
	return at[:n:n], at[n : n+m : n+m]
}

// Part implements pool.Job: some columns of one block of rows.
func (s *step) Part(worker, i int) {
	c, block := s.c, i/s.c.pieces()
	piece := i % c.pieces()
	lo, hi := c.rows(block)
	t := tile{s: s, lo: lo, rows: hi - lo, n0: piece * c.columns, n1: min(c.Width, (piece+1)*c.columns)}
	t.stride = t.columns()
	h, x := s.left(block)
	scratch := s.e.Scratch(worker)
	if c.Bytes {
		t.byteProducts(scratch, piece)
		scratch = scratch[2*Gates*t.columns():]
	} else {
		t.products(&t.p, scratch, gemm.Args{K: c.Width, A: s.a.H[lo*c.Width:]}, h, &s.a.U)
	}
	if c.Input > 0 {
		t.products(&t.g, scratch[Gates*t.rows*t.columns():], gemm.Args{K: c.Input, A: s.a.X[lo*c.Input:]}, x, &s.a.W)
	}
	t.next()
}

// tile is rows [lo, lo+rows) and columns [n0, n1) of the state, and the products [rows, n1-n0] of each gate, rows of p
// stride apart.
type tile struct {
	s            *step
	lo, rows     int
	n0, n1       int
	p, g         [Gates][]float32
	stride       int
	productPiece gemm.Part
}

func (t *tile) columns() int { return t.n1 - t.n0 }

// products sets out, in scratch, to the columns of each gate of a·w + bias.
func (t *tile) products(out *[Gates][]float32, scratch []float32, a gemm.Args, left []float32, w *Weights) {
	c, e := t.s.c, t.s.e.Products
	size, n := e.PackedSize(a.K, c.Width), t.rows*t.columns()
	a.M, a.N = t.rows, c.Width
	for g := range Gates {
		out[g] = scratch[g*n : (g+1)*n]
		p := &t.productPiece
		*p = gemm.Part{Args: a, Left: left, N0: t.n0, N1: t.n1}
		p.C, p.Bias = out[g], w.Bias[g*c.Width:][:c.Width]
		if c.Packed {
			p.Right = w.W[g*size:][:size]
		} else {
			p.B, p.LDB = w.W[g*c.Width:], Gates*c.Width
		}
		e.Part(p)
	}
}

// next turns the products into the next state, row by row.
func (t *tile) next() {
	n, width := t.columns(), t.s.c.Width
	for r := range t.rows {
		var g, p [Gates][]float32
		for k := range p {
			p[k] = t.p[k][r*t.stride:][:n]
			if t.g[k] != nil {
				g[k] = t.g[k][r*n:][:n]
			} else {
				g[k] = t.s.a.G[((t.lo+r)*Gates+k)*width+t.n0:][:n]
			}
		}
		at := (t.lo+r)*width + t.n0
		vec.Gates(t.s.a.Out[at:at+n], t.s.a.H[at:], &g, &p)
	}
}
