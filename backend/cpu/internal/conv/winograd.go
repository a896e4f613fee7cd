package conv

import (
	"math"
	"unsafe"

	"foresee/backend/cpu/internal/vec"
)

// Winograd's F(2x2, 3x3): a tile of 2x2 outputs of a 3x3 stride-1 convolution is
//
//	y = At·[(G·g·Gt) ⊙ (Bt·d·B)]·A,  d the 4x4 inputs under the tile, g the kernel
//
// summed over input channels inside of the brackets: 16 products a channel instead of 36. Its
// transpose gives the weight gradient, dg = Gt·[(A·dy·At) ⊙ (Bt·d·B)]·G summed over tiles. The
// 16 planes of the brackets are matrix products, which the kernels of the direct passes do.
//
// Source: Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks", section 4.1.

// winogradPlanes are the elements of a transformed 4x4 tile.
const winogradPlanes = 16

// winogradBlock is about how many floats one plane of a block of tiles has: the planes of both
// operands then stay in the second-level cache.
const winogradBlock = 2048

// winogradCall asks for tiles of one row of tiles. Steps are in bytes.
type winogradCall struct {
	src, dst unsafe.Pointer
	row      int // of the image, which is src, or dst of the output transform
	pix      int // from pixel to pixel and from tile to tile of a plane
	tiles    int // at least 1
	vecs     int // vectors of channels, at least 1
	plane    int // from plane to plane
	bias     unsafe.Pointer
	floor    float32
	rows     int // 1 or 2: output rows and columns of the tiles that exist
	cols     int
	left     int // scratch of the assembly
}

// winograd is one pass of F(2x2, 3x3) over images [h, w, cin] to [outH, outW, cout].
type winograd struct {
	k                  *kernels
	n, h, w, cin, cout int
	padTop, padLeft    int
	outH, outW         int
	tileRows, tileCols int
	block              int // tile rows of a block
}

// useWinograd reports whether a pass takes the fast way.
func (k *kernels) useWinograd(s Shape) bool {
	return s.Fast && k.winogradInput != nil && s.KH == 3 && s.KW == 3 && s.StrideH == 1 && s.StrideW == 1 &&
		s.Cin > 0 && s.Cout >= max(1, k.winogradFloats) && s.Cin%k.lanes == 0 && s.Cout%k.lanes == 0 &&
		s.N*ceilDiv(s.OutH, 2)*ceilDiv(s.OutW, 2) >= max(1, k.winogradTiles)
}

// sumWinograd is useWinograd for a weight gradient, which transforms two images, each for the other's channels.
func (k *kernels) sumWinograd(s Shape) bool { return k.useWinograd(s) && s.Cin >= k.winogradFloats }

func (k *kernels) newWinograd(s Shape) *winograd {
	w := &winograd{
		k: k, n: s.N, h: s.H, w: s.W, cin: s.Cin, cout: s.Cout, padTop: s.PadTop, padLeft: s.PadLeft,
		outH: s.OutH, outW: s.OutW, tileRows: ceilDiv(s.OutH, 2), tileCols: ceilDiv(s.OutW, 2),
	}
	w.block = max(1, min(w.tileRows, winogradBlock/max(w.cin, w.cout)/w.tileCols))
	return w
}

// transposed returns the convolution that is the data gradient of a stride-1 convolution.
func (s Shape) transposed() Shape {
	t := s
	t.H, t.W, t.Cin, t.OutH, t.OutW, t.Cout = s.OutH, s.OutW, s.Cout, s.H, s.W, s.Cin
	t.PadTop, t.PadLeft = s.KH-1-s.PadTop, s.KW-1-s.PadLeft
	t.PadBottom, t.PadRight = t.OutH-1+t.KH-t.H-t.PadTop, t.OutW-1+t.KW-t.W-t.PadLeft
	return t
}

// imageFloats is the size of the padded image under some rows of tiles.
func (w *winograd) imageFloats(rows int) int { return (2*rows + 2) * (2*w.tileCols + 2) * w.cin }

// forwardPlan: weights, then the bias, then the workers' memory.
func (w *winograd) forwardPlan(flop float64, c Crew) forwardPlan {
	p := forwardPlan{split: c.split(w.n, w.tileRows, flop), wLd: w.cout}
	p.bias = winogradPlanes * w.cin * w.cout
	p.images = p.bias + w.cout
	p.image = w.imageFloats(p.rows) + winogradPlanes*w.block*w.tileCols*(w.cin+w.cout)
	p.total = p.images + c.Threads*p.image
	return p
}

type winogradJob struct {
	*winograd
	plan     forwardPlan
	x, y, ws []float32
	res      []float32 // added to y before the floor; nil for none
	relu     bool
	bias     []float32
	floor    float32
	states[winogradCalls]
}

// forward returns the job that computes y; weights fills in the transformed weights [16, cin, cout].
func (w *winograd) forward(c Crew, flop float64, a ForwardArgs, weights func(u []float32)) imageJob {
	plan := w.forwardPlan(flop, c)
	ws := workspace("Forward", a.Workspace, plan.total)
	j := &winogradJob{winograd: w, states: newStates[winogradCalls](c.Threads), plan: plan, x: a.X, y: a.Y, res: a.Residual, relu: a.ReLU, ws: ws, bias: ws[plan.bias:plan.images], floor: float32(math.Inf(-1))}
	weights(ws[:plan.bias])
	clear(j.bias[copy(j.bias, a.Bias):])
	if a.ReLU && a.Residual == nil {
		j.floor = 0
	}
	return j
}

// winogradCalls is a worker's state of a pass: what the kernels are told. They are called through pointers, so
// the compiler puts every call's arguments on the heap: one such struct a worker, not one of each kind a block.
type winogradCalls struct {
	image, dy packer
	next      ahead
	transform winogradCall
	tile      tileCall
	outer     outerCall
	product   weightsJob // gradient's, for its shape and plan
}

// Part computes one part's images or rows of tiles.
func (j *winogradJob) Part(worker, part int) { j.images(worker, j.plan.part(part)) }

func (j *winogradJob) parts() int { return j.plan.parts() }

// Images implements ImageJob.
func (j *winogradJob) Images(t Turn) { j.images(t.Worker, j.plan.whole(t)) }

func (j *winogradJob) images(worker int, b band) {
	scratch := j.ws[j.plan.images+worker*j.plan.image:][:j.plan.image]
	image := scratch[:j.imageFloats(j.plan.rows)]
	planes := scratch[len(image):]
	calls := j.of(worker, func(calls *winogradCalls) {
		calls.image, calls.next = packer{k: j.k, h: j.h, w: j.w, c: j.cin}, ahead{k: j.k}
	})
	size := j.h * j.w * j.cin
	r0, r1 := b.r0, b.r1
	for n := b.n0; n < b.n1; n++ {
		calls.image.pack(image, j.x[n*size:][:size], window{
			row: 2*r0 - j.padTop, col: -j.padLeft, rows: 2*(r1-r0) + 2, cols: 2*j.tileCols + 2,
		})
		calls.next.aim(b.after(n, size, j.x), 4*ceilDiv(r1-r0, j.block))
		for t := r0; t < r1; t += j.block {
			rows := min(j.block, r1-t)
			v := planes[:winogradPlanes*rows*j.tileCols*j.cin]
			m := planes[len(v):][:winogradPlanes*rows*j.tileCols*j.cout]
			j.input(&calls.transform, v, image[2*(t-r0)*(2*j.tileCols+2)*j.cin:], rows)
			j.multiply(calls, m, v, rows*j.tileCols)
			j.output(&calls.transform, m, n, t, rows)
		}
	}
}

// input transforms some rows of tiles of a padded image to planes v [16, tiles, cin].
func (w *winograd) input(c *winogradCall, v, image []float32, rows int) {
	line := (2*w.tileCols + 2) * w.cin
	plane := len(v) / winogradPlanes
	_ = image[(2*rows+2)*line-1]
	*c = winogradCall{row: 4 * line, pix: 4 * w.cin, tiles: w.tileCols, vecs: w.cin / w.k.lanes, plane: 4 * plane}
	for r := range rows {
		c.src, c.dst = unsafe.Pointer(&image[2*r*line]), unsafe.Pointer(&v[r*w.tileCols*w.cin])
		w.k.winogradInput((*byte)(unsafe.Pointer(c)))
	}
}

// multiply computes the 16 products m [16, tiles, cout] of v and the weights: a kernel call
// makes the same tile in all planes.
func (j *winogradJob) multiply(calls *winogradCalls, m, v []float32, tiles int) {
	k := j.k
	call := &calls.tile
	*call = tileCall{taps: 1, depth: j.cin, tail: int32(k.lanes),
		xPix: 4 * j.cin, wStep: 4 * j.cout, yPix: 4 * j.cout,
		xTile: 4 * tiles * j.cin, yTile: 4 * tiles * j.cout, wTile: 4 * j.cin * j.cout}
	_, _ = v[winogradPlanes*tiles*j.cin-1], m[winogradPlanes*tiles*j.cout-1]
	vectors := j.cout / k.lanes
	for c := 0; c < vectors; c += call.vecs {
		call.vecs = k.block(vectors - c)
		parts := ceilDiv(tiles, k.pixels[call.vecs])
		for i, t := 0, 0; i < parts; i, t = i+1, t+call.pixels {
			calls.next.step()
			call.pixels, call.tiles = (tiles-t)/(parts-i), winogradPlanes
			call.x = unsafe.Pointer(&v[t*j.cin])
			call.w = unsafe.Pointer(&j.ws[c*k.lanes])
			call.y = unsafe.Pointer(&m[t*j.cout+c*k.lanes])
			k.forward[call.vecs][call.pixels]((*byte)(unsafe.Pointer(call)))
		}
	}
}

// output transforms products to rows of tiles, from row t on, of image n of y.
func (j *winogradJob) output(c *winogradCall, m []float32, n, t, rows int) {
	line := j.outW * j.cout
	*c = winogradCall{row: 4 * line, pix: 4 * j.cout, vecs: j.cout / j.k.lanes, plane: 4 * len(m) / winogradPlanes,
		bias: unsafe.Pointer(&j.bias[0]), floor: j.floor}
	for r := range rows {
		y := j.y[(n*j.outH+2*(t+r))*line:]
		c.rows = min(2, j.outH-2*(t+r))
		_ = y[c.rows*line-1]
		at := r * j.tileCols * j.cout
		if whole := j.outW / 2; whole > 0 {
			c.src, c.dst, c.tiles, c.cols = unsafe.Pointer(&m[at]), unsafe.Pointer(&y[0]), whole, 2
			j.k.winogradOutput((*byte)(unsafe.Pointer(c)))
			at += whole * j.cout
		}
		if j.outW%2 == 1 {
			c.src, c.dst, c.tiles, c.cols = unsafe.Pointer(&m[at]), unsafe.Pointer(&y[(j.outW-1)*j.cout]), 1, 1
			j.k.winogradOutput((*byte)(unsafe.Pointer(c)))
		}
		j.finish(y[:c.rows*line], (n*j.outH+2*(t+r))*line)
	}
}

// finish adds the residual to floats of y, from at on, while they are in the cache.
func (j *winogradJob) finish(y []float32, at int) {
	if j.res == nil {
		return
	}
	vec.Add(y, y, j.res[at:])
	if j.relu {
		vec.ReLU(y, y)
	}
}

// winogradWeights writes G·g·Gt of w [3, 3, rows, cols] to u [16, rows, cols], or with flip, for
// a data gradient, of the kernel turned by 180 degrees to u [16, cols, rows].
func winogradWeights(u, w []float32, rows, cols int, flip bool) {
	size := rows * cols
	for i := range size {
		var g [9]float32
		at := i
		for t := range g {
			g[t] = w[t*size+i]
		}
		if flip {
			at = i%cols*rows + i/cols
			for t := range 4 {
				g[t], g[8-t] = g[8-t], g[t]
			}
		}
		var h [12]float32 // G·g
		for c := range 3 {
			a, b, d := g[c], g[3+c], g[6+c]
			h[c], h[3+c], h[6+c], h[9+c] = a, (a+b+d)/2, (a-b+d)/2, d
		}
		for r := range 4 {
			a, b, d := h[3*r], h[3*r+1], h[3*r+2]
			o := 4*r*size + at
			u[o], u[o+size], u[o+2*size], u[o+3*size] = a, (a+b+d)/2, (a-b+d)/2, d
		}
	}
}

// winogradGradient writes Gt·u·G of u [16, size] to dw [3, 3, size].
func winogradGradient(dw, u []float32, size int) {
	for i := range size {
		var h [12]float32 // Gt·u, 3x4
		for c := range 4 {
			a, b, d, e := u[c*size+i], u[(4+c)*size+i], u[(8+c)*size+i], u[(12+c)*size+i]
			h[c], h[4+c], h[8+c] = a+(b+d)/2, (b-d)/2, (b+d)/2+e
		}
		for r := range 3 {
			a, b, d, e := h[4*r], h[4*r+1], h[4*r+2], h[4*r+3]
			o := 3*r*size + i
			dw[o], dw[o+size], dw[o+2*size] = a+(b+d)/2, (b-d)/2, (b+d)/2+e
		}
	}
}
